"""Texts of pairs, of lists below headings, of groups with their members: read, or shown both ways."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from readings import paths_of, reader, refusal_of

read = reader("a.txt")
PETS = "animal/cat animal/dog plant/oak"


def offered(folder: Path, text: str) -> dict[str, str]:
    """The first two words of each reading that is offered, and its option."""
    (fault,) = refusal_of(folder, text, "a.txt").faults
    assert fault.code == "T122", fault
    lines = [line.rpartition(" (") for line in (fault.help or "").splitlines()[1:]]
    return {option.removesuffix(")"): how for how, _, option in lines}


# -- pairs -----------------------------------------------------------------------------------------

UP = [
    ("cat -> animal\ndog -> animal\noak -> plant\n", "->"),
    ("cat => animal\ndog => animal\noak => plant\n", "=>"),
    ("cat > animal\ndog > animal\noak > plant\n", ">"),
    ("cat <- animal\ndog <- animal\noak <- plant\n", "<-"),
    ("cat: animal\ndog: animal\noak: plant\n", ": "),
    ("cat = animal\ndog = animal\noak = plant\n", "="),
    ("cat (animal)\ndog (animal)\noak (plant)\n", "("),
    ("cat [animal]\ndog [animal]\noak [plant]\n", "["),
    ("cat - animal\ndog - animal\noak - plant\n", " - "),
    ("cat/animal\ndog/animal\noak/plant\n", "/"),
]


@pytest.mark.parametrize(("text", "mark"), UP)
def test_last_names_that_repeat_may_be_parents(text: str, mark: str, tmp_path: Path) -> None:
    """They are offered as such, beside the lines as they are, or as paths; the option reads them so."""
    ways = offered(tmp_path, text)
    option = f"--kind edges --columns column_1,column_2 --separator {shlex.quote(mark)}"
    assert option in ways
    assert len(ways) > 1
    columns, separator = ["column_1", "column_2"], mark
    found = read(tmp_path, text, kind="edges", columns=columns, separator=separator)
    assert paths_of(found) == PETS


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("n01 n02\nn01 n03\nn02 n04\nn02 n05\nn09 n08\n", "n01/n02/n04 n01/n02/n05 n01/n03 n09/n08"),
        ("n02 n01\nn03 n01\nn04 n02\nn05 n02\nn08 n09\n", "n01/n02/n04 n01/n02/n05 n01/n03 n09/n08"),
        ("Q1 Q2\nQ1 Q3\nQ7 Q4\n", "Q1/Q2 Q1/Q3 Q7/Q4"),
    ],
)
def test_ids_side_by_side_are_edges(text: str, paths: str, tmp_path: Path) -> None:
    """An id that stands on one side of several lines has several children: none has two parents."""
    assert paths_of(read(tmp_path, text)) == paths
    assert paths_of(read(tmp_path, text, kind="edges")) == paths


@pytest.mark.parametrize(
    "text", ["cat animal\ndog animal\nanimal thing\n", "a b\nb c\nd e\n", "b1 a\nb2 a\na x\n"]
)
def test_names_side_by_side_that_chain_are_shown_both_ways(text: str, tmp_path: Path) -> None:
    ways = offered(tmp_path, text)
    assert {option.split()[1] for option in ways} == {"edges", "names"}


@pytest.mark.parametrize(
    "text",
    [
        "polar bear\nbrown bear\nblack bear\n",
        "cat (Felis catus)\ndog (Canis lupus)\noak (Quercus)\n",
        "Pica pica\nCorvus corax\nBison bison\n",
        "R&D: new\nHR: old\nIT: both\n",
    ],
)
def test_names_of_two_words_stay_names(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).taxonomy.classes == tuple(text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "animal: cat\nanimal: dog\nplant: oak\n",
        "- animal: cat\n- animal: dog\n- plant: oak\n",
        "animal -> cat\nanimal -> dog\nplant -> oak\n",
    ],
)
def test_first_names_that_repeat_are_groups(text: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, text)) == PETS


# -- columns that stand apart ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "superclass   class\nanimal       cat\nanimal       dog\nplant        oak\n",
        "class  superclass  n\ncat    animal      12\ndog    animal      3\noak    plant       7\n",
        "| superclass | class |\n|:----|---:|\n| animal | cat |\n| animal | dog |\n| plant | oak |\n",
        "superclass | class\n--- | ---\nanimal | cat\nanimal | dog\nplant | oak\n",
    ],
)  # fmt: skip
def test_columns_that_stand_apart_are_a_table(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert paths_of(found) == PETS
    if "|" not in text:
        assert any(note.startswith("columns that stand apart by spaces") for note in found.notes)


def test_text_beside_a_table_in_markdown_is_refused(tmp_path: Path) -> None:
    text = "Our classes\n\n| a | b |\n|---|---|\n| animal | cat |\n| plant | oak |\n"
    (fault,) = refusal_of(tmp_path, text, "a.md").faults
    assert (fault.code, fault.line) == ("T121", 1)


# -- headings --------------------------------------------------------------------------------------

PLAIN = [
    "Animals:\ncat\ndog\n\nPlants:\noak\n",
    "[Animals]\ncat\ndog\n[Plants]\noak\n",
    "Animals\n• cat\n• dog\nPlants\n• oak\n",
    "Animals\n1. cat\n2. dog\nPlants\n1. oak\n",
    "Animals\n1) cat\n2) dog\nPlants\n3) oak\n",
    "**Animals**\ncat\ndog\n**Plants**\noak\n",
    "Animals\n-------\ncat\ndog\n\nPlants\n------\noak\n",
    "# Animals\n- cat\n- dog\n# Plants\n- oak\n",
    "Animals:\n• cat\n• dog\nPlants:\n• oak\n",
    "Animals = [cat, dog]\nPlants = [oak]\n",
    "Animals { cat dog }\nPlants { oak }\n",
    "- Animals: cat, dog\n- Plants: oak\n",
]


@pytest.mark.parametrize("kind", [None, "asked"])
@pytest.mark.parametrize("text", PLAIN)
def test_headings_and_groups_that_are_plain(text: str, kind: str | None, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert paths_of(found) == "Animals/cat Animals/dog Plants/oak"
    if kind is not None:
        asked = read(tmp_path, text, kind=found.kind)
        assert asked.taxonomy.digest == found.taxonomy.digest


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ANIMALS\ncat\ndog\nPLANTS\noak\n", "indented"),
        ("%Animals\ncat\ndog\n%Plants\noak\n", "indented"),
        ("> Animals\ncat\ndog\n> Plants\noak\n", "indented"),
        ("I. Animals\na) cat\nb) dog\nII. Plants\na) oak\n", "indented"),
        ("Animals\ncat\ndog\n\nPlants\noak\n", "indented"),
        ("Animals\n\ncat\ndog\n\nPlants\n\noak\n", "indented"),
        ("Animals: cat dog\nPlants: oak fir\n", "edges"),
        ("Animals(cat, dog)\nPlants(oak, fir)\n", "edges"),
        ("Animals - cat, dog\nPlants - oak, fir\n", "edges"),
    ],
)
def test_headings_and_groups_that_may_be_names(text: str, kind: str, tmp_path: Path) -> None:
    assert {f"--kind {kind}", "--kind names"} <= offered(tmp_path, text).keys()
    found = read(tmp_path, text, kind=kind)
    tops = {path[0].casefold() for path in found.taxonomy.paths()}
    assert (tops, len({len(path) for path in found.taxonomy.paths()})) == ({"animals", "plants"}, 1)


@pytest.mark.parametrize(
    "text",
    [
        "My taxonomy, version 2\n======\n\nanimal\n  cat\n  dog\nplant\n  oak\n",
        "=====\nMy taxonomy\n=====\nanimal\n\tcat\n\tdog\nplant\n\toak\n",
        "Classes\n-------\nanimal/cat\nanimal/dog\nplant/oak\n",
    ],
)
def test_a_title_with_a_rule_is_left_out(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert paths_of(found) == PETS
    assert any(note.startswith("the title above the lines is left out: `") for note in found.notes)


def test_a_rule_between_names_is_refused(tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, "cat\ndog\n-----\noak\nfir\n", "a.txt").faults
    assert (fault.code, fault.line) == ("T121", 3)


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("101 sea cat\n205 dog\n999 oak\n", ("column_2", " ")),
        ("n01: sea cat\nn07: dog\nn03: oak\n", ("column_2", ": ")),
        ("sea_cat 10\ndog 20\noak 30\n", ("column_1", " ")),
        ("11 - sea cat\n12 - dog\n41 - oak\n", ("column_2", " - ")),
    ],
)
def test_ids_that_are_no_count_are_kept_or_cut_off(
    text: str, option: tuple[str, str], tmp_path: Path
) -> None:
    column, separator = option
    assert f"--kind names --columns {column} --separator '{separator}'" in offered(tmp_path, text)
    found = read(tmp_path, text, kind="names", columns=[column], separator=separator)
    assert sorted(paths_of(found).replace("sea_", "").split()) == ["cat", "dog", "oak"]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/a/airfield 2\n/a/bar 1\n/b/beach 2\n", "a/airfield a/bar b/beach"),
        ("a/x 10\na/y 30\nb/z 10\n", "a/x a/y b/z"),
        ("/a/b/c  1\n/a/b/d  2\n/o/e/f  2\n", "a/b/c a/b/d o/e/f"),
    ],
)
def test_numbers_behind_paths_are_no_part_of_them(text: str, paths: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert paths_of(found) == paths
    assert any("numbers behind 3 paths are left out" in note for note in found.notes)


GIDS = ("gid://x/T/ap{} : ", "gid://x/T/ap-{}: ", "{} - ", "{}\t", "{}; ", "x{} | ", "{} = ", "{}. ")


@pytest.mark.parametrize("before", GIDS)
def test_ids_before_paths_are_cut_at_any_mark(before: str, tmp_path: Path) -> None:
    lines = [
        "Pets",
        "Pets > Live Animals",
        "Pets > Supplies",
        "Pets > Supplies > Beds",
        "Food > Tea, black",
    ]
    text = "".join(before.format(number * 7) + line + "\n" for number, line in enumerate(lines, 1))
    assert paths_of(read(tmp_path, text)) == "Food/Tea,_black Pets/Live_Animals Pets/Supplies/Beds"


# -- outlines and comments -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("1.Animals\n1.1.Cat\n1.2.Dog\n2.Plants\n2.1.Oak\n", "1/1.1 1/1.2 2/2.1"),
        ("1)Animals\n1.1)Cat\n1.2)Dog\n2)Plants\n2.1)Oak\n", "1/1.1 1/1.2 2/2.1"),
        ("A. animal\n   1. cat\n   2. dog\nB. plant\n   1. oak\n", PETS),
        ("I. animal\n  - cat\n  - dog\nII. plant\n  - oak\n", PETS),
        ("[0] cat\n[1] dog\n[2] oak\n", "cat dog oak"),
    ],
)
def test_the_numbers_of_outlines_are_no_part_of_names(text: str, paths: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, text)) == paths


@pytest.mark.parametrize(
    "text", ["animal/cat\nanimal/dog  # the dogs\nplant/oak\n", "cat\ndog # x\noak\n", "a:\n  b\n  c # d\n"]
)
def test_comments_behind_names_are_refused(text: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text, "a.txt").faults
    assert (fault.code, "is a comment behind a name, or a part of it" in fault.message) == ("T121", True)
    assert len(read(tmp_path, text, kind="names").taxonomy.classes) == 3
