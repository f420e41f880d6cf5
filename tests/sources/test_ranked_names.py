"""Names as iNaturalist's data sets call their folders: an id, the ranks, the words of the species."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import leaf_paths, reader, refusal_of

from taxoloss import sources

read = reader("a.txt")

_INAT = (
    "00001_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris",
    "00002_Animalia_Annelida_Polychaeta_Sabellida_Serpulidae_Spirobranchus_cariniferus",
    "00003_Plantae_Tracheophyta_Magnoliopsida_Fagales_Fagaceae_Quercus_robur",
    "00004_Plantae_Tracheophyta_Magnoliopsida_Fagales_Fagaceae_Quercus_novae-angliae",
)
_SHORT = ("7_Aves_Corvidae_Corvus_corax", "12_Aves_Corvidae_Corvus_corone", "3_Aves_Paridae_Parus_major")
_EXPECTED = {
    _INAT: [
        "Animalia/Annelida/Clitellata/Haplotaxida/Lumbricidae/Lumbricus/Lumbricus terrestris",
        "Animalia/Annelida/Polychaeta/Sabellida/Serpulidae/Spirobranchus/Spirobranchus cariniferus",
        "Plantae/Tracheophyta/Magnoliopsida/Fagales/Fagaceae/Quercus/Quercus robur",
        "Plantae/Tracheophyta/Magnoliopsida/Fagales/Fagaceae/Quercus/Quercus novae-angliae",
    ],
    _SHORT: [
        "Aves/Corvidae/Corvus/Corvus corax",
        "Aves/Corvidae/Corvus/Corvus corone",
        "Aves/Paridae/Parus/Parus major",
    ],
}


def folders_of(path: Path, names: tuple[str, ...], split: str = "") -> Path:
    """A folder with a folder for each name, each with an image."""
    for name in names:
        folder = path / split / name
        folder.mkdir(parents=True)
        (folder / "1.jpg").touch()
    return path


@pytest.mark.parametrize("names", [_INAT, _SHORT], ids=["seven ranks", "four ranks"])
def test_lines_and_folders_make_one_tree(names: tuple[str, ...], tmp_path: Path) -> None:
    """The species by its whole name; the whole name of the folder binds; both are told."""
    lines = read(tmp_path, "\n".join(names) + "\n")
    flat = sources.read(folders_of(tmp_path / "flat", names))
    train = sources.read(folders_of(tmp_path / "split", names, "train"))
    for found in (lines, flat, train):
        assert sorted(leaf_paths(found)) == sorted(_EXPECTED[names])
        assert (found.taxonomy.levels[-1] == "species") == (names == _INAT)
        assert any("the words of the species" in note and "--kind" in note for note in found.notes)
        bound = found.taxonomy.bind(list(names))
        assert ["/".join(path) for path in bound.paths()] == _EXPECTED[names]
    assert (lines.kind, flat.kind, train.kind) == ("paths", "image-folder", "image-folder")


def test_what_was_asked_for_is_obeyed(tmp_path: Path) -> None:
    text = "\n".join(_INAT) + "\n"
    assert leaf_paths(read(tmp_path, text, kind="names")) == list(_INAT)
    assert leaf_paths(read(tmp_path, text, kind="paths")) == _EXPECTED[_INAT]
    assert leaf_paths(read(tmp_path, text, separator="_"))[0].endswith("/Lumbricus/terrestris")
    folder = folders_of(tmp_path / "flat", _INAT)
    assert leaf_paths(sources.read(folder, kind="image-folder")) == list(_INAT)
    below = sources.read(folder, under="Plantae")
    assert [path.split("/")[0] for path in leaf_paths(below)] == ["Tracheophyta"] * 2
    assert len(below.taxonomy.bind(sorted(_INAT[2:]))) == 2


@pytest.mark.parametrize(
    "names",
    [
        ("001.Black_footed_Albatross", "002.Laysan_Albatross"),
        ("001_Black_footed_sea_Albatross", "002_Laysan_wide_sea_Albatross"),
        ("1_Aves_Corvidae_Corvus_corax", "2_Aves_Corvidae_Corvus_corax"),
        ("1_Aves_Corvidae_Corvus_corax", "2_Aves_Corvidae_Corvus"),
    ],
)
def test_other_names_of_folders_are_no_ranks(names: tuple[str, ...], tmp_path: Path) -> None:
    """Folders stay what they are called."""
    assert leaf_paths(sources.read(folders_of(tmp_path, names))) == list(names)


def test_ranks_without_an_id_are_shown_both_ways(tmp_path: Path) -> None:
    text = "".join(f"{name.partition('_')[2]}\n" for name in _INAT)
    (fault,) = refusal_of(tmp_path, text, "a.txt").faults
    assert fault.code == "T122"
    assert "--separator '_'" in (fault.help or "")
    assert "--kind names" in (fault.help or "")
