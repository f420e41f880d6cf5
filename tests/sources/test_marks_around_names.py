"""What stands around names and is none: counts, first letters above, folders of dates or of programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import asked, paths_of, reader, refusal_of

from taxoloss import sources

read = reader("a.txt")
PETS = "Animals/Cat Animals/Dog Plants/Oak"
COUNTS = (3, 1, 2, 4, 4)


@pytest.mark.parametrize("form", ["{} ({})", "{}  ({})", "{}: {}", "{} {}"])
@pytest.mark.parametrize("indent", ["  ", "\t", "    "])
def test_counts_behind_all_names_of_an_outline_are_left_out(form: str, indent: str, tmp_path: Path) -> None:
    rows = ("Animals", f"{indent}Cat", f"{indent}Dog", "Plants", f"{indent}Oak")
    text = "\n".join(form.format(row, count) for row, count in zip(rows, COUNTS, strict=True))
    found = read(tmp_path, text)
    assert paths_of(found) == PETS
    assert any("the counts behind 5 names are left out" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "Part 1\n  Unit 1\n  Unit 2\nPart 2\n  Unit 3\n",
        "Ford (1999)\n  Ka (2001)\n  Focus (2004)\n",
        "A (1)\n  b\n  c (2)\n",
    ],
)
def test_numbers_that_are_no_counts_stay(text: str, tmp_path: Path) -> None:
    assert [
        node
        for path in read(tmp_path, text).taxonomy.paths()
        for node in path
        if node.strip("(1)")[-1:].isdigit() or "(" in node
    ]


def test_counts_in_brackets_behind_a_list_are_left_out(tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, "Jeans  (405)\nShirts  (200)\nSofa  (3)\n")) == "Jeans Shirts Sofa"
    assert paths_of(read(tmp_path, "iron (2)\niron (3)\ntin (4)\n")) == "iron_(2) iron_(3) tin_(4)"


@pytest.mark.parametrize("form", ["/{} {}", "{}", "{}\t{}"])
def test_first_letters_above_names_are_no_groups(form: str, tmp_path: Path) -> None:
    names = ("a/airfield", "a/alcove", "b/bakery/shop", "b/balcony/exterior", "b/bar")
    text = "\n".join(form.format(name, i) for i, name in enumerate(names))
    assert paths_of(read(tmp_path, text)) == "airfield alcove bakery/shop balcony/exterior bar"
    kept = read(tmp_path, "\n".join(names), kind="paths")
    assert paths_of(kept) == " ".join(names)


def folder(root: Path, *names: str) -> Path:
    """A folder with an image in each folder that is named."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.jpg").write_bytes(b"")
    return root


@pytest.mark.parametrize(
    "below",
    [
        ("2020-01-11", "2021-02-03"),
        ("seq_001", "seq_002"),
        ("original", "augmented"),
        ("20200111", "20210203"),
    ],
)
@pytest.mark.parametrize("top", [False, True])
def test_folders_of_dates_and_sequences_are_no_classes(
    below: tuple[str, ...], top: bool, tmp_path: Path
) -> None:
    pairs = [(name, part) for name in ("cat", "dog") for part in below]
    found = sources.read(folder(tmp_path, *(f"{b}/{a}" if top else f"{a}/{b}" for a, b in pairs)))
    assert paths_of(found) == "cat dog"
    assert any("no level of classes" in note for note in found.notes)


@pytest.mark.parametrize("name", ["__pycache__", "@eaDir", "thumbs"])
@pytest.mark.parametrize("above", ["", "cat/", "dog/pug/"])
def test_folders_of_programs_are_left_out(name: str, above: str, tmp_path: Path) -> None:
    found = sources.read(folder(tmp_path, "cat", "dog/pug", "dog/beagle", above + name))
    assert paths_of(found) == "cat dog/beagle dog/pug"
    assert any(f"`{above}{name}`" in note for note in found.notes)


def test_folders_by_their_first_letters(tmp_path: Path) -> None:
    root = folder(tmp_path, "a/alcove", "b/bar", "b/bakery/shop")
    assert paths_of(sources.read(root)) == "alcove bakery/shop bar"
    assert paths_of(sources.read(root, kind="image-folder")) == "a/alcove b/bakery/shop b/bar"


@pytest.mark.parametrize(
    "text",
    [
        "group;class\nAnimals;- Cat\nAnimals;- Dog\nPlants;- Oak\n",
        "group,class\nAnimals,Cat (7)\nAnimals,Dog (1)\nPlants,Oak (2)\n",
        "group,class,n\n* Animals,Cat (7),1\n* Animals,Dog (1),2\n* Plants,Oak (2),4\n",
        "group,class\nAnimals (8),• Cat\nAnimals (8),• Dog\nPlants (2),• Oak\n",
    ],
)
def test_bullets_and_counts_in_all_cells_of_a_column_are_left_out(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text, "a.csv")
    assert paths_of(found) == PETS
    assert any("the names in `class` are left out" in note for note in found.notes)


@pytest.mark.parametrize(
    "text", ["class,n\niron (2),1\niron (3),2\n", "class,n\nFord (1999),1\nKa (2004),2\n"]
)
def test_numbers_in_cells_that_are_no_counts_stay(text: str, tmp_path: Path) -> None:
    assert all("(" in path[-1] for path in read(tmp_path, text, "a.csv").taxonomy.paths())


@pytest.mark.parametrize("mark", ["", "."])
@pytest.mark.parametrize("head", ["class,n", "name,count", "title,images"])
def test_numbers_of_an_outline_before_names_are_refused(mark: str, head: str, tmp_path: Path) -> None:
    rows = ("1{} Animals,7", "1.1{} Cat,3", "1.2{} Dog,4", "2{} Plants,9", "2.1{} Oak,9")
    text = "\n".join([head, *(row.format(mark) for row in rows)])
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T121"
    assert "the number of an outline" in fault.message
    column = head.partition(",")[0]
    assert len(list(read(tmp_path, text, "a.csv", kind="names", columns=[column]).taxonomy.paths())) == 5


def test_bullets_further_right_are_an_outline(tmp_path: Path) -> None:
    rows = ("- Animals (3),7", "  - Cat (1),3", "  - Dog (2),4", "- Plants (9),9", "  - Oak (9),9")
    plain = [row.replace("- ", "") for row in rows]
    for body in (rows, plain):
        assert paths_of(read(tmp_path, "\n".join(["name,count", *body]), "a.csv")) == PETS


def test_counts_of_a_drawing_are_left_out(tmp_path: Path) -> None:
    drawn = ".\n├── Animals (3)\n│   ├── Cat (1)\n│   └── Dog (2)\n└── Plants (1)\n    └── Oak (1)\n"
    marked = "* Animals: 3\n** Cat: 1\n** Dog: 2\n* Plants: 1\n** Oak: 1\n"
    paths = "Animals/Cat (3)\nAnimals/Dog (2)\nPlants/Oak (1)\n"
    assert [paths_of(read(tmp_path, text)) for text in (drawn, marked, paths)] == [PETS] * 3


@pytest.mark.parametrize("mark", [": ", " ", " : "])
@pytest.mark.parametrize("numbers", [(14, 6, 3), (7, 900, 12)])
def test_numbers_behind_a_list_are_counts_or_parts_of_names(
    mark: str, numbers: tuple[int, ...], tmp_path: Path
) -> None:
    names = ("Jeans", "Shirts", "Sofa")
    text = "\n".join(f"{name}{mark}{number}" for name, number in zip(names, numbers, strict=True))
    assert " ".join(names) in asked(tmp_path, text, "a.txt")
