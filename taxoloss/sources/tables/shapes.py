"""Tables whose tree does not stand in their cells alone: merged cells, nested sets, several relations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import listed, refuse
from taxoloss.sources.lines import all_match
from taxoloss.sources.reading import Grade
from taxoloss.sources.separators import upward_mark
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column, nests
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.stairs import stairs_of
from taxoloss.sources.tables.table import Table

__all__ = ["refused_shape", "upward_refusal"]

_DITTO = frozenset(
    ('"', "''", "〃", "″", "”", "“", "´´", ",,", ",", '-"-', "-''-", "- -", "idem", "ditto", "〟")
)
_MARKS = frozenset(("1", "1.0", "x", "✓", "✔", "✗", "true", "yes", "y", "t", "ja", "oui", "+", "•"))
_NO_MARKS = frozenset(("0", "0.0", "", "false", "no", "n", "f", "nein", "non", "-"))
_RELATIONS = ("relation", "relationship", "relation_type", "predicate", "rel", "edge_type", "edge_label")
_NUMBER_BEFORE = re.compile(r"(?P<code>\d+(\.\d+)*)\.?\s+[^\W\d].*")
_NESTED_SETS = (("lft", "rgt"), ("left", "right"), ("lft", "rght"), ("tree_left", "tree_right"))


def refused_shape(table: Table) -> FormError | None:
    """The error of a table that would be read as another tree than it holds; None of others."""
    columns = judged(table).columns
    looks = (_ditto, _merged, _nested_set, _relations, _several_parents, _one_hot, _upward, _numbered)
    return next((error for look in looks if (error := look(table, columns)) is not None), None)


def _upward(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Paths that go up: T-shirt < Tops < Clothing."""
    shown = next((text for c in columns if (text := upward_mark(list(c.counts))) is not None), None)
    return None if shown is None else upward_refusal(table.file, shown)


def upward_refusal(file: str, shown: str) -> FormError:
    """The error of paths that go up, of which one is shown."""
    help = "write them from the top: Clothing > Tops > T-shirt; --kind names reads each as a name"
    return refuse(file, f"{quoted(shown)} is a path from the leaf up", expected="paths down", help=help)


def _numbered(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Names behind the numbers of an outline: 1 Animals, 1.1 Cat, 1.2 Dog."""
    for column in (c for c in columns if c.names_nodes and c.filled == len(c.cells) > 2):
        matches = all_match(_NUMBER_BEFORE, column.cells) or []
        codes = {match["code"] for match in matches}
        below = {code for code in codes if "." in code}
        if below and len(codes) == len(matches) and all(c.rpartition(".")[0] in codes for c in below):
            shown = next(cell for cell in column.cells if "." in cell.split()[0].rstrip("."))
            message = f"{quoted(shown)} in {quoted(column.name)} starts with the number of an outline"
            help = "write the numbers into a column of their own; --kind names reads a flat list"
            return refuse(table.file, message, expected="a column of codes and one of titles", help=help)
    return None


def _ditto(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Marks that mean what stands above them: no names."""
    for column in (c for c in columns if c.names_nodes and not words.is_beside(c.word)):
        row = next((i for i, cell in enumerate(column.cells) if i and cell.casefold() in _DITTO), None)
        if row is not None and column.cells[0] and len(columns) > 1:
            mark = column.cells[row]
            message = f"{quoted(mark)} in {quoted(column.name)} means what stands above it"
            help = "write the name in each row: fill the cells down in the spreadsheet"
            return refuse(
                table.file, message, line=table.lines[row], expected="a name in each row", help=help
            )
    return None


def _one_hot(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Groups that stand in a column each, with a mark in one of them in each row."""
    marked = [c for c in columns if _are_marks(c) and not words.is_beside(c.word)]
    rows = zip(*(column.cells for column in marked), strict=True)
    if len(marked) < 2 or any(sum(cell.casefold() in _MARKS for cell in row) != 1 for row in rows):
        return None
    if judged(table).edges or any(chain.grade is Grade.PLAIN for chain in judged(table).chains):
        return None
    message = f"each row has a mark in one of the columns {listed([column.name for column in marked])}"
    help = "write these names as groups into one column; --kind names --columns NAME reads a flat list"
    return refuse(table.file, message, expected="a column of groups", help=help)


def _are_marks(column: Column) -> bool:
    """Whether some cells of a column are a mark, and all others none."""
    cells = {cell.casefold() for cell in column.cells}
    return cells <= _MARKS | _NO_MARKS and not cells.isdisjoint(_MARKS) and not cells.isdisjoint(_NO_MARKS)


def _merged(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Cells that were merged in a spreadsheet: a group stands once, above rows that belong to it."""
    top = next((column for column in columns if column.filled and words.is_level(column.word)), None)
    if stairs_of(columns):
        return None
    if top is None or not top.cells or not top.cells[0]:
        return None
    later = columns[top.number + 1 :]
    below = [row for row, cell in enumerate(top.cells) if not cell and any(c.cells[row] for c in later)]
    if top.filled < 2 or len(top.counts) < top.filled or 2 * len(below) < top.filled:
        return None
    message = f"{quoted(top.name)} stands once above rows without it, as merged cells of a spreadsheet do"
    help = (
        "fill the cells down, in the spreadsheet or with df.ffill(); where they are missing ranks, "
        "--columns says which columns are the ranks"
    )
    return refuse(table.file, message, line=table.lines[below[0]], expected="a name in each row", help=help)


def _nested_set(table: Table, columns: Sequence[Column]) -> FormError | None:
    by_word = {column.word: column for column in columns if column.is_number}
    pair = next((pair for pair in _NESTED_SETS if set(pair) <= by_word.keys()), None)
    if pair is None or not all(by_word[word].is_unique for word in pair):
        return None
    message = f"the tree stands in a nested set, {listed([by_word[word].name for word in pair])}"
    return refuse(table.file, message, expected="a column with the parent of each node")


def _relations(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Edges of several kinds, of which only some say what a node is."""
    kind = next((c for c in columns if c.word in _RELATIONS and len(c.counts) > 1), None)
    if kind is None or not judged(table).edges:
        return None
    message = f"{quoted(kind.name)} says that the edges are of several kinds: {listed(list(kind.counts))}"
    return refuse(table.file, message, expected="edges of one kind", help="keep the rows of one kind, is_a")


def _several_parents(table: Table, columns: Sequence[Column]) -> FormError | None:
    """Parents in numbered columns, parent_1 and parent_2, that are no levels: each class has several."""
    found = [c for c in columns if words.is_sure_parent(c.word) and words.number_of(c.word) and c.filled]
    if all(nests(low, high) for high, low in pairwise(found)):
        return None
    message = f"each row names several parents, {listed([column.name for column in found])}"
    help = f"--kind bins --columns CLASS,{found[0].name} takes those of one column"
    return refuse(table.file, message, expected="one column of parents", help=help)
