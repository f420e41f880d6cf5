"""Lines of two names: a child and its parent, in one order or the other."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.formats.text_lists import path_reading
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.lines import Lines, cells_at
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.separators import Cut
from taxoloss.sources.tables.table import Table
from taxoloss.sources.tables.words import folded, is_known

__all__ = ["asked_pairs", "readings_of_pairs", "table_at"]

#: Marks that point from one name to the other: either may be the parent.
_ARROWS = ("->", "=>", "→", ">", "<-", "←")
_MARKS = (*_ARROWS, "=", ": ", " - ", " – ", " — ", "/", "(", "[", " ")
_ID = re.compile(r"[A-Za-z_:]*\d[\w:.\-]*")


def table_at(lines: Lines, mark: str, options: Options) -> Table:
    """The table of lines cut at a mark; FormError where it does not cut them into as many cells."""
    rows = cells_at(lines.texts, mark)
    if rows is None:
        message = f"`{mark}` does not cut the lines into as many cells each"
        raise refuse(lines.file, message, expected="two cells or more, in each line as many")
    named = all(is_known(folded(cell)) for cell in rows[0])
    headed = options.header if options.header is not None else named and len(rows) > 1
    header = rows[0] if headed else [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
    kept = list(map(tuple, rows[headed:]))
    return Table(
        lines.file, tuple(header), kept, list(lines.numbers[headed:]), lines.numbers[0], lines.notes
    )


@dataclass(frozen=True)
class _Pairs:
    """Two names of each line, the mark between them, and what their repeats say."""

    lines: Lines
    mark: str
    rows: tuple[tuple[str, str], ...]

    @property
    def chained(self) -> bool:
        """Whether some name stands first in one line and last in another."""
        pairs = [(first, last) for first, last in self.rows if first != last]
        return bool({first for first, _ in pairs} & {last for _, last in pairs})

    def repeats(self, side: int) -> bool:
        """Whether a name stands on that side of several lines."""
        return len({row[side] for row in self.rows}) < len(set(self.rows))

    def reading(self, child: int, grade: Grade, options: Options) -> Reading:
        """The reading with the child on that side."""
        shown = self.mark.strip() or "a space"
        how = f"child {shown} parent" if child == 0 else f"parent {shown} child"
        whole = f"{how}, {counted(len(self.rows), 'line')}"
        option = f"--kind edges --columns column_{child + 1},column_{2 - child}"
        option += f" --separator {shlex.quote(self.mark)}"
        return Reading("edges", whole, grade, partial(_tree, self, child, whole, options), option)


def readings_of_pairs(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines of two names as edges; none where one order, as paths have it, is plain."""
    marks = _MARKS if options.separator is None else (options.separator,)
    for mark in marks:
        if mark == " " and any("\t" in text for text in lines.texts):
            continue
        rows = cells_at(lines.texts, mark)
        if rows is None or len(rows) < 2 or len(rows[0]) != 2 or not _are_names(rows, mark):
            continue
        if all(is_known(folded(cell)) for cell in rows[0]):
            return []  # the header of a table
        found = _ways(_Pairs(lines, mark, tuple((row[0], row[1]) for row in rows)), options)
        if found or options.kind != "edges":
            return found
    return []


def _are_names(rows: Sequence[Sequence[str]], mark: str) -> bool:
    """Whether both sides hold names: numbers alone are ids beside arrows, or in a list of ids."""
    numbered = all(row[0].isdecimal() for row in rows) and len({row[0] for row in rows}) == len(rows)
    if mark in _ARROWS or all(_ID.fullmatch(cell) for row in rows for cell in row):
        return mark in _ARROWS or not numbered
    worded = [[bool(re.search(r"[^\W\d]", cell)) for cell in row] for row in rows]
    return all(map(any, zip(*worded, strict=True)))


def _ways(pairs: _Pairs, options: Options) -> list[Reading]:
    """The orders that repeats leave open; both of arrows whose ends are starts too."""
    first, last = pairs.repeats(0), pairs.repeats(1)
    down, up = (pairs.reading(child, Grade.CELLS, options) for child in (1, 0))
    ids = pairs.mark == " " and all(_ID.fullmatch(name) for row in pairs.rows for name in row)
    if ids and first != last:
        # A name that stands several times has several children: no node has several parents.
        return [replace(down if first else up, grade=Grade.PLAIN)]
    if pairs.mark == " " and not ids:
        return [down, up] if pairs.chained and not (first and last) else []
    if pairs.chained or ids or pairs.mark in ("<-", "←"):
        return [down, up]
    if options.kind == "edges" and options.separator is not None and first == last:
        return [down, up]
    if first:
        return _grouped(pairs, last, down, options)
    return [up] if last or pairs.mark in ("->", "=>", "→") else []


def _grouped(pairs: _Pairs, last: bool, down: Reading, options: Options) -> list[Reading]:
    """Lines whose first names repeat: groups, which marks that cut paths show by themselves."""
    if options.kind == "edges":
        return [down]
    if pairs.mark not in (": ", "=", " - ", " – ", " — "):
        return []
    counts = Counter(first for first, _ in pairs.rows)
    many = sum(count for count in counts.values() if count > 1) >= 0.5 * len(pairs.rows)
    plain = pairs.mark == ": " and many and not last and len(counts) > 1
    cut = Cut(pairs.mark, pairs.mark.strip(), pairs.rows)
    return [path_reading(pairs.lines, cut, Grade.PLAIN if plain else Grade.CELLS, options)]


def asked_pairs(lines: Lines, options: Options) -> list[Reading]:
    """The reading of lines cut at the separator that was asked for, column_1 and column_2 as edges."""
    rows = cells_at(lines.texts, options.separator or "")
    columns = ("column_1", "column_2")
    if options.kind != "edges" or rows is None or options.columns not in (columns, columns[::-1]):
        return []
    pairs = _Pairs(lines, options.separator or "", tuple((row[0], row[1]) for row in rows))
    return [pairs.reading(columns.index(options.columns[0]), Grade.PLAIN, options)]


def _tree(pairs: _Pairs, child: int, how: str, options: Options) -> Found:
    nodes = SourceGraph(pairs.lines.file, options)
    nodes.notes += pairs.lines.notes
    for row, line in zip(pairs.rows, pairs.lines.numbers, strict=True):
        nodes.add(row[1 - child], line=line)
        nodes.link(row[child], row[1 - child], line)
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))
