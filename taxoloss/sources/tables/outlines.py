"""Tables whose rows are an outline: each row stands below the last one above it that is less deep.

How deep a row stands says a number, the rank that it names, the column that it stands in, or spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise

from taxoloss.sources.lines import all_match
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.stairs import stairs_of
from taxoloss.sources.tables.table import Table

__all__ = ["Outline", "indented_cells", "outline_of", "rank_column"]

#: From this share of indented cells on spaces before them are no slips.
_INDENTED = 0.2
#: From so many words on that step as an outline does they are groups.
_MOST_LEVELS = 8
_LEVELS = ("rank", "level", "level_name", "rang", "niveau", "ebene", "stufe", "nivel", "livello", "tier")
_DASHES = re.compile(r"(?P<run>-*) ?(?P<name>[^\s-].*)")


@dataclass(frozen=True)
class Outline:
    """The name and the depth of each row, in words, and the columns that say them.

    Args:
        sure: whether rows that are no outline would not stand so.
        option: that chooses it, where `--kind indented` does not.
        guessed: whether the rows step as an outline does, and groups in that order would too.
        drawn: whether spaces or marks before the names say the depth.
    """

    names: tuple[str, ...]
    depths: tuple[int, ...]
    how: str
    sure: bool
    columns: tuple[Column, ...]
    option: str = ""
    guessed: bool = False
    drawn: bool = False


def outline_of(table: Table) -> Outline | None:
    """The outline that the rows of a table are; None of others."""
    if "outline" not in table.found:
        columns, edges = judged(table).columns, judged(table).edges
        found = _of_stairs(columns) or _of_numbers(columns)
        if not edges:
            found = found or _of_ranks(columns) or _of_spaces(table, columns) or _of_dashes(columns)
            found = found or _of_words(columns)
        table.found["outline"] = found
    outline: Outline | None = table.found["outline"]
    return outline


def _of_stairs(columns: Sequence[Column]) -> Outline | None:
    stairs = stairs_of(columns)
    if not stairs:
        return None
    rows = list(zip(*(column.cells for column in stairs), strict=True))
    depths = tuple(next(i for i, cell in enumerate(row) if cell) for row in rows)
    names = tuple(row[depth] for row, depth in zip(rows, depths, strict=True))
    called = " > ".join(column.name or f"column {column.number + 1}" for column in stairs)
    return Outline(names, depths, f"{called}, one of them in each row", True, tuple(stairs))


def _of_numbers(columns: Sequence[Column]) -> Outline | None:
    """A column of numbers that says how deep each row stands: from 0 or 1 on, never two deeper at once."""
    depth = next((c for c in columns if words.is_depth(c.word) and c.is_number), None)
    named = sorted((c for c in columns if words.is_name(c.word)), key=lambda c: words.is_name(c.word))
    if depth is None or not named or depth.is_constant or depth.filled < len(depth.cells):
        return None
    if any(words.is_parent(c.word) for c in columns):
        return None
    numbers = tuple(int(float(cell)) for cell in depth.cells)
    if not _in_steps(numbers) or min(numbers) not in (0, 1):
        return None
    how = f"{named[0].name}, as deep as {depth.name} says"
    # Rows sorted by their depth may list a level after the other: then their order tells nothing.
    sure = not _is_sorted(numbers)
    return Outline(tuple(named[0].cells), numbers, how, sure, (depth, named[0]))


def _of_ranks(columns: Sequence[Column]) -> Outline | None:
    """A column that names the rank of each row: Order, Family, Species, Species, Family, Species."""
    rank = rank_column(columns)
    named = _named(rank, columns) if rank is not None else None
    if rank is None or named is None or named.filled < len(named.cells):
        return None
    if any(words.is_level(c.word) for c in columns if c is not rank and c is not named):
        return None
    order = sorted({words.folded(cell) for cell in rank.counts}, key=cmp_to_key(_above))
    if not all(words.stands_above(high, low) for high, low in pairwise(order)):
        return None
    depths = tuple(order.index(words.folded(cell)) for cell in rank.cells)
    if not _in_steps(depths):
        return None
    how = f"{named.name or 'names'}, as deep as {rank.name or 'the rank'} says"
    ends = (here for here, below in zip(depths, [*depths[1:], 0], strict=True) if below <= here)
    sure = not _is_sorted(depths) and set(ends) == {len(order) - 1}
    return Outline(tuple(named.cells), depths, how, sure, (rank, named))


def rank_column(columns: Sequence[Column]) -> Column | None:
    """The column whose cells are words for ranks: what it says of a row is no group of it."""
    return next((column for column in columns if column.names_ranks), None)


def _named(rank: Column, columns: Sequence[Column]) -> Column | None:
    """The column of names beside one of ranks: that which is called so, or the only one that may be."""
    others = [c for c in columns if c is not rank and c.names_nodes and not c.is_number]
    called = sorted((c for c in others if words.is_name(c.word)), key=lambda c: words.is_name(c.word))
    others = [c for c in others if not words.is_beside(c.word)]
    return called[0] if called else (others[0] if len(others) == 1 else None)


def _above(one: str, other: str) -> int:
    above = words.stands_above(one, other)
    return 0 if above is None else (-1 if above else 1)


def _of_spaces(table: Table, columns: Sequence[Column]) -> Outline | None:
    """The one column whose cells have spaces before them, as many as they are deep."""
    found = [column for column in columns if _is_indented(table, column)]
    return indented_cells(table, found[0]) if len(found) == 1 else None


def indented_cells(table: Table, column: Column) -> Outline:
    """The outline of a column by the spaces before its cells."""
    used = (column,)
    how = f"{column.name or f'column {column.number + 1}'}, indented by spaces"
    return Outline(tuple(column.cells), _widths(table, column), how, True, used, column.name, drawn=True)


def _of_dashes(columns: Sequence[Column]) -> Outline | None:
    """The one column with dashes before some of its names, more before those that are deeper."""
    found = [(c, marks) for c in columns if c.names_nodes and (marks := all_match(_DASHES, c.cells))]
    found = [(column, marks) for column, marks in found if any(match["run"] for match in marks)]
    if len(found) != 1:
        return None
    column, matches = found[0]
    depths = tuple(len(match["run"]) for match in matches)
    if depths[0] or sum(map(bool, depths)) < _INDENTED * len(depths) or not _in_steps(depths):
        return None
    how = f"{column.name or f'column {column.number + 1}'}, `-` before the names"
    names = tuple(match["name"] for match in matches)
    return Outline(names, depths, how, True, (column,), drawn=True)


def _of_words(columns: Sequence[Column]) -> Outline | None:
    """Two columns of which the first steps as an outline does, in words or under a name not known."""
    if len(columns) != 2:
        return None
    level, named = columns
    words_of_level, order = list(level.cells), list(level.counts)
    depths = tuple(map(order.index, words_of_level)) if all(words_of_level) else ()
    if (
        level.names_ranks
        or named.filled < len(named.cells)
        or named.is_number
        or not 1 < len(order) <= _MOST_LEVELS
    ):
        return None
    called = words.is_depth(level.word) or level.word in _LEVELS
    numbers = level.is_number and not words.is_known(level.word) and sorted(order, key=int) == order
    unknown = len(order) > 2 and not words.is_known(level.word)
    if not (called or numbers or unknown) or not depths or not _in_steps(depths):
        return None
    if list(depths) == sorted(depths) or len(named.counts) < len(named.cells):
        return None
    how = f"{named.name or 'names'}, as deep as {level.name or 'column 1'} says"
    return Outline(tuple(named.cells), depths, how, False, (level, named), guessed=True)


def _is_indented(table: Table, column: Column) -> bool:
    """Whether cells have more than a slip before them, and the first has nothing."""
    if not column.names_nodes or column.is_number or not column.cells or column.filled < len(column.cells):
        return False
    widths = _widths(table, column)
    deeper = sum(width > 0 for width in widths)
    tabbed = any(row[column.number].startswith("\t") for row in table.rows)
    return widths[0] == 0 and (max(widths) > 1 or tabbed) and deeper >= _INDENTED * len(widths)


def _widths(table: Table, column: Column) -> tuple[int, ...]:
    cells = [row[column.number] for row in table.rows]
    return tuple(len(cell) - len(cell.lstrip()) for cell in cells)


def _in_steps(depths: Sequence[int]) -> bool:
    """Whether the first row is at the top, and none more than one below the row above it."""
    return depths[0] == min(depths) and all(low - high <= 1 for high, low in pairwise(depths))


def _is_sorted(depths: Sequence[int]) -> bool:
    """Whether rows stand in the order of their depths, below several of which more could stand."""
    above = [depth for depth in depths if depth < max(depths)]
    return list(depths) == sorted(depths) and len(set(above)) < len(above)
