"""Image files are no classes, and folders of splits no levels: in folders, lists of files, JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import paths_of, reader, refusal_of

from taxoloss import sources
from taxoloss.errors.faults import FormError, TaxonomyError
from taxoloss.sources.class_lists import from_folder

read = reader("a.txt")
PETS = "animal/cat animal/dog plant/oak"

FILES = [
    "images/animal/cat/1.jpg\nimages/animal/dog/2.jpg\nimages/plant/oak/3.jpg\n",
    "./animal/cat/1.png 0\n./animal/cat/2.png 0\n./animal/dog/2.png 1\n./plant/oak/3.png 2\n",
    "train\\animal\\cat\\1.JPG\nval\\animal\\dog\\2.JPG\ntest\\plant\\oak\\3.JPG\n",
    "animal/train/cat/1.wav\nanimal/val/dog/2.wav\nplant/test/oak/a b.wav\n",
]


@pytest.mark.parametrize("text", FILES)
def test_a_list_of_files_is_read_as_their_folders(text: str, tmp_path: Path) -> None:
    """The names of the files, labels behind them and splits are told, and no part of the tree."""
    found = read(tmp_path, text)
    assert paths_of(found) == PETS
    assert any(note.startswith("the names of the files are not used: `") for note in found.notes)
    assert any("labels behind" in note for note in found.notes) == (" 0" in text)
    assert read(tmp_path, text, kind="paths").taxonomy.digest == found.taxonomy.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cat/1.jpg 0\ncat/2.jpg 1\ndog/1.jpg 0\n", "have several labels: `0` and `1`"),
        ("cat/1.jpg\ncat/2.jpg\n", "all files stand in one folder"),
        ("cat/1.jpg\ntest/2.jpg\ndog/3.jpg\n", "`test` and `cat` stand side by side"),
        ("images/train/1.jpg\nimages/val/2.jpg\n", "all files stand in one folder"),
    ],
)
def test_a_list_of_files_that_says_no_classes(text: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, text, "a.txt")
    assert error.faults[0].code == "T121"
    assert words in str(error)


@pytest.mark.parametrize(
    "text",
    [
        '{"animal": ["img1.jpg", "img2.jpg"], "plant": ["img3.jpg"]}',
        '{"animal": {"cat": ["a.jpg"], "dog": ["b.jpg", "c.jpg"]}, "plant": {"oak": ["d.jpg"]}}',
        '[{"name": "cat", "children": [{"name": "1.png"}, {"name": "2.png"}]}, {"name": "dog", '
        '"children": [{"name": "3.png"}]}]',
    ],
)
def test_files_in_groups_are_no_classes(text: str, tmp_path: Path) -> None:
    """Unless somebody says the kind."""
    error = refusal_of(tmp_path, text, "a.json")
    assert (error.faults[0].code, "the classes would be files" in str(error)) == ("T121", True)
    assert len(sources.read(tmp_path / "a.json", kind="nested").taxonomy) >= 2


# -- folders ---------------------------------------------------------------------------------------


def folder(at: Path, *places: str) -> Path:
    """A folder with an image in each of these."""
    for place in places:
        (at / place).mkdir(parents=True, exist_ok=True)
        (at / place / "1.jpg").write_bytes(b"x")
    return at


@pytest.mark.parametrize(
    "places",
    [
        ("animal/train/cat", "animal/val/cat", "animal/train/dog", "plant/train/oak", "plant/val/oak"),
        ("seg_train/seg_train/animal/cat", "seg_train/seg_train/animal/dog", "seg_test/seg_test/plant/oak"),
        ("animal/cat/images", "animal/cat/masks", "animal/dog/images", "plant/oak/images"),
        ("fold1/animal/cat", "fold2/animal/dog", "fold_3/plant/oak"),
        ("train_set/animal/cat", "train_set/animal/dog", "test_set/plant/oak"),
        ("images/train2017/animal/cat", "images/val2017/animal/dog", "labels/train2017/plant/oak"),
    ],
)
def test_folders_of_splits_are_no_level(places: tuple[str, ...], tmp_path: Path) -> None:
    found = sources.read(folder(tmp_path / "a", *places))
    assert paths_of(found) == PETS
    assert any("split" in note and ": the folders in them are the tree" in note for note in found.notes)


@pytest.mark.parametrize(
    "places",
    [
        ("images/train", "images/val", "labels/train"),
        ("cat", "dog", "test"),
        ("animal/cat", "animal/masks", "plant/oak"),
        ("train/cat", "train/dog", "cat", "dog"),
    ],
)
def test_folders_of_splits_beside_classes_are_refused(places: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="error T121"):
        sources.read(folder(tmp_path / "a", *places))


def test_a_train_is_a_vehicle_beside_others(tmp_path: Path) -> None:
    """It is told; freight_train and bullet_train are no splits of one data set."""
    found = sources.read(folder(tmp_path / "a", "car", "bus", "train"))
    assert paths_of(found) == "bus car train"
    assert "`train` stands beside other folders: it is read as a class" in found.notes
    other = sources.read(folder(tmp_path / "b", "freight_train", "bullet_train", "tram"))
    assert paths_of(other) == "bullet_train freight_train tram"
    twins = sources.read(folder(tmp_path / "c", "freight_train", "bullet_train"))
    assert paths_of(twins) == "bullet_train freight_train"


@pytest.mark.parametrize(
    "places", [("train/cat", "val/cat"), ("train", "val", "test"), ("cat/train", "dog/train", "dog/val")]
)
def test_splits_are_no_list_of_classes(places: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(FormError, match="are splits"):
        from_folder(folder(tmp_path / "a", *places))
