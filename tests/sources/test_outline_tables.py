"""Tables whose rows are an outline: by a rank in each row, by the column of the cell, by spaces."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from readings import asked, leaf_paths, paths_of, reader, refusal_of
from workbooks import Cell, write_workbook

from taxoloss import sources

read = reader("a.csv")

_Rows = Sequence[tuple[int, str]]
#: The depth and the name of each row; what is deepest is a class.
_ROWS = ((0, "Animals"), (1, "Cats"), (2, "Bengal"), (2, "Siamese"), (1, "Dogs"), (2, "pug"),
                (0, "Plants"), (1, "Trees"), (2, "oak"))  # fmt: skip


def classes(rows: _Rows) -> list[str]:
    """The paths of the rows below which none stands."""
    above: list[str] = []
    paths = []
    for (depth, name), (below, _) in zip(rows, [*rows[1:], (0, "")], strict=True):
        above[depth:] = [name]
        paths += ["/".join(above)] if below <= depth else []
    return paths


def stairs(rows: _Rows, width: int = 3) -> list[list[str]]:
    return [[name if i == depth else "" for i in range(width)] for depth, name in rows]


def text(header: Sequence[str], rows: Sequence[Sequence[str]], mark: str = ",") -> str:
    return "\n".join([mark.join(header), *map(mark.join, rows), ""])


# -- a rank in each row ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "ranks"),
    [
        (("Rank", "Name"), ("Order", "Family", "Species")),
        (("Level", "Name"), ("Domain", "Group", "Class")),
        (("type", "name"), ("category", "subcategory", "item")),
        (("rank", "label"), ("Level 1", "Level 2", "Level 3")),
        (("taxon rank", "taxon"), ("PHYLUM", "CLASS", "GENUS")),
    ],
)
def test_ranks_that_follow_each_other(
    header: tuple[str, str], ranks: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [[ranks[depth], name] for depth, name in _ROWS]
    found = read(tmp_path, text(header, rows))
    assert (found.kind, leaf_paths(found)) == ("indented", classes(_ROWS))
    swapped = read(tmp_path, text(header[::-1], [row[::-1] for row in rows], "\t"), "a.tsv")
    assert leaf_paths(swapped) == classes(_ROWS)
    more = [[str(i), *row, "1.5"] for i, row in enumerate(rows)]
    assert leaf_paths(read(tmp_path, text(("id", *header, "weight"), more))) == classes(_ROWS)


@pytest.mark.parametrize(
    "rows",
    [
        ("Order,Carnivora", "Order,Rodentia", "Family,Felidae", "Family,Muridae", "Species,Felis catus"),
        ("Order,Carnivora", "Family,Felidae", "Species,Felis catus", "Family,Canidae"),
    ],
)
def test_ranks_in_an_order_that_tells_little_are_asked_about(rows: tuple[str, ...], tmp_path: Path) -> None:
    """Sorted by rank, or with a family below which nothing stands: an outline, or a flat list."""
    for header in ("Rank,Name", "type,name"):
        trees = asked(tmp_path, "\n".join([header, *rows, ""]))
        assert any("/" not in tree for tree in trees)
        assert any("/" in tree for tree in trees)


def test_ranks_in_no_order_make_no_tree(tmp_path: Path) -> None:
    """What is above a row is not said, and a genus is no class beside its family: asked for, a list."""
    for rows in (
        "Genus,Felis\nFamily,Canidae\nSpecies,Mus musculus\nGenus,Canis",
        "Species,Felis catus\nOrder,Rodentia\nSpecies,Mus musculus",
        "Order,Carnivora\nSpecies,Felis catus\nGenus,Canis\nSpecies,Mus musculus",
    ):
        table = f"Rank,Name\n{rows}\n"
        assert [fault.code for fault in refusal_of(tmp_path, table, "a.csv").faults] == ["T121"]
        names = [line.partition(",")[2] for line in rows.splitlines()]
        assert leaf_paths(read(tmp_path, table, columns=["Name"], kind="names")) == names


def test_parents_say_more_than_ranks(tmp_path: Path) -> None:
    table = "taxon,rank,parent\nA,order,\nB,family,A\nC,species,B\nD,species,B\nE,family,A\nF,species,E\n"
    assert paths_of(read(tmp_path, table)) == "A/B/C A/B/D A/E/F"


# -- a cell a row ----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [("Order", "Family", "Species"), ("L1", "L2", "L3"), ("a", "b", "c")])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_each_row_a_step_to_the_right(header: tuple[str, ...], mark: str, tmp_path: Path) -> None:
    """In a table, a workbook, beside a column of counts."""
    found = read(tmp_path, text(header, stairs(_ROWS), mark), "a.tsv" if mark == "\t" else "a.csv")
    assert (found.kind, leaf_paths(found)) == ("indented", classes(_ROWS))
    counted = [[*row, str(30 + i)] for i, row in enumerate(stairs(_ROWS))]
    assert leaf_paths(read(tmp_path, text((*header, "n"), counted, mark), "a.txt")) == classes(_ROWS)
    sheet: list[list[Cell]] = [[*header]]
    sheet += [[cell or None for cell in row] for row in stairs(_ROWS)]
    book = write_workbook(tmp_path / "book.xlsx", {"Sheet1": sheet})
    assert [list(path) for path in sources.read(book).taxonomy.paths()] == [
        path.split("/") for path in classes(_ROWS)
    ]


def test_steps_without_names_of_columns(tmp_path: Path) -> None:
    """The first row is a node as all others."""
    for rows in (
        _ROWS,
        _ROWS[6:] + _ROWS[:6],
        [(0, "animal"), (1, "cat"), (1, "dog"), (0, "plant"), (1, "oak")],
    ):
        width = max(depth for depth, _ in rows) + 1
        first, *others = stairs(rows, width)
        assert leaf_paths(read(tmp_path, text(first, others))) == classes(rows)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12))
@SETTINGS
def test_steps_are_an_outline_or_refused(steps: list[int]) -> None:
    """Whatever their order: no tree but that of the outline."""
    rows = [(0, "n0")]
    for i, step in enumerate(steps, 1):
        rows.append((min(step, rows[-1][0] + 1), f"n{i}"))
    rows += [(0, "last"), (1, "below")]
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), text(("Level 1", "Level 2", "Level 3", "Level 4"), stairs(rows, 4)))
    assert leaf_paths(found) == classes(rows)


def test_ranks_of_which_each_row_has_several_are_no_steps(tmp_path: Path) -> None:
    found = read(tmp_path, "order,family,species\nA,,\nB,G,\nB,G,x\nC,,z\n", kind="ranks")
    assert paths_of(found) == "A B/G/x C/z"


# -- spaces before the cells -----------------------------------------------------------------------


@pytest.mark.parametrize("unit", [2, 4])
@pytest.mark.parametrize("header", ["Category,n", "Name,images", "what,n"])
def test_spaces_before_the_cells_are_an_outline(header: str, unit: int, tmp_path: Path) -> None:
    rows = [[" " * unit * depth + name, str(100 - i)] for i, (depth, name) in enumerate(_ROWS)]
    assert leaf_paths(read(tmp_path, text(header.split(","), rows))) == classes(_ROWS)
    last = [row[::-1] for row in rows]
    assert leaf_paths(read(tmp_path, text(header.split(",")[::-1], last))) == classes(_ROWS)
    asked_for = read(
        tmp_path, text(header.split(","), rows), kind="indented", columns=[header.split(",")[0]]
    )
    assert leaf_paths(asked_for) == classes(_ROWS)


def test_the_names_of_columns_are_no_class(tmp_path: Path) -> None:
    for header in ("Code,Description", "no,title", "key,label"):
        found = read(tmp_path, f"{header}\nA,Animals\nA1,  Cats\nA2,  Dogs\nP,Plants\nP1,  Oak\n")
        assert paths_of(found) == "Animals/Cats Animals/Dogs Plants/Oak"


def test_spaces_that_fit_no_outline_are_refused(tmp_path: Path) -> None:
    for cells in ("a,1\n   b,2\n  c,3\n", "a,1\n  b,2\n      c,3\nd,4\n"):
        error = refusal_of(tmp_path, f"Category,n\n{cells}", "a.csv")
        assert "level" in str(error)


def test_spaces_beside_ranks_are_asked_about(tmp_path: Path) -> None:
    trees = asked(tmp_path, "order,family,species\nA,F,x\nA,F,  y\nB,G,z\n")
    assert "A/F/x A/F/y B/G/z" in trees
