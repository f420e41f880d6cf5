"""Whether the first line of a table names its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from taxoloss.errors.characters import quoted
from taxoloss.sources.base import Options
from taxoloss.sources.tables import words
from taxoloss.sources.tables.stairs import are_stairs
from taxoloss.sources.tables.table import Table

__all__ = ["settle_header"]


def settle_header(table: Table, options: Options) -> Table:
    """The table with its first line as a row where that is none of names; a note where it is not plain."""
    if options.header is True:
        return table
    if options.header is False:
        return _as_row(table, options)
    asked = options.columns is not None and set(options.columns) <= set(table.header)
    stairs = are_stairs([table.header, *([cell.strip() for cell in row] for row in table.rows)])
    if stairs:
        return table if asked else _as_row(table, options)
    known = [words.is_known(words.folded(name)) for name in table.header]
    again = _stands_again(table, known)
    if again and len(known) == 2 and not asked:
        return _as_row(table, options)
    if any(known):
        return table
    if _is_title(table) and not asked:
        note = f"the first line, {quoted(table.header[0])}, is the title of the table: it is left out"
        header = tuple(cell.strip() for cell in table.rows[0])
        rows, lines = table.rows[1:], table.lines[1:]
        kept = Table(table.file, header, rows, lines, table.lines[0], (*table.notes, note))
        return settle_header(kept, options)
    if not asked and (again or any(name.replace(".", "", 1).isdecimal() for name in table.header)):
        return _as_row(table, options)
    shown = ", ".join(map(quoted, table.header))
    note = f"the first line is taken as names of columns: {shown}; --no-header says that it is data"
    return replace(table, notes=(*table.notes, note))


def _stands_again(table: Table, known: Sequence[bool]) -> bool:
    """Whether a cell of the first line that is no known name of a column stands in its column again."""
    others = [(i, name) for i, name in enumerate(table.header) if name and not known[i]]
    return any(name == row[i] for i, name in others for row in table.rows)


def _is_title(table: Table) -> bool:
    """Whether the first line is one text above a line that names the columns."""
    alone = table.header[0] and not any(table.header[1:]) and len(table.header) > 1
    names = [words.folded(cell) for cell in table.rows[0]] if table.rows else []
    return bool(alone) and all(names) and len(table.rows) > 2 and any(map(words.is_known, names))


def _as_row(table: Table, options: Options) -> Table:
    """The first line is data: columns without names, or column_1, column_2, .. where some are asked for."""
    count = len(table.header)
    names = tuple(f"column_{i + 1}" for i in range(count)) if options.columns or count != 2 else ("", "")
    return replace(table, header=names, rows=[table.header, *table.rows], lines=[table.first, *table.lines])
