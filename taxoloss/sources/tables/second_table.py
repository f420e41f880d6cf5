"""What stands below a blank line of a table in a text or a sheet: more rows, another table, or notes."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import quoted
from taxoloss.sources.base import refuse
from taxoloss.sources.tables import words
from taxoloss.sources.tables.remarks import without_remarks
from taxoloss.sources.tables.summary_row import without_summary
from taxoloss.sources.tables.table import Table

__all__ = ["check_blank_lines"]


def check_blank_lines(table: Table) -> None:
    """FormError where rows below a blank line start with another header, or hold one text each."""
    table = without_summary(without_remarks(table))
    for at in (at for at in range(1, len(table.rows)) if _is_apart(table, at)):
        above, below = table.rows[:at], table.rows[at:]
        if _is_other_header(above, below) or _are_notes(above, below):
            shown = ", ".join(filter(None, below[0]))
            message = f"below a blank line {quoted(shown)} starts something else"
            help = "keep one table in the file, or leave the blank line out"
            raise refuse(table.file, message, line=table.lines[at], expected="one table", help=help)


def _is_apart(table: Table, at: int) -> bool:
    """Whether a blank line stands above a row."""
    high = sum(len(cell.splitlines()) - 1 for cell in table.rows[at - 1] if cell)
    return table.lines[at] - table.lines[at - 1] > high + 1


def _is_other_header(above: Sequence[tuple[str, ...]], below: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first row names columns: by known words, or above numbers where there were none."""
    head = [cell.strip() for cell in below[0]]
    filled = [words.folded(cell) for cell in head if cell]
    if len(below) < 2 or len(filled) < 2 or any(cell.replace(".", "", 1).isdecimal() for cell in head):
        return False
    if all(map(words.is_known, filled)):
        return True
    new = [_numbers(rows) for rows in (above, below[1:])]
    return any(now and not before for before, now in zip(*new, strict=True))


def _numbers(rows: Sequence[tuple[str, ...]]) -> list[bool]:
    """For each column whether all its cells are numbers."""
    cells = zip(*rows, strict=True)
    return [all(cell.strip().replace(".", "", 1).isdecimal() for cell in column) for column in cells]


def _are_notes(above: Sequence[tuple[str, ...]], below: Sequence[tuple[str, ...]]) -> bool:
    """Whether rows hold one text each, in the first column, below rows that are full."""
    alone = all(row[0].strip() and not any(map(str.strip, row[1:])) for row in below)
    known = {cell.strip() for row in above for cell in row}
    new = known.isdisjoint(row[0].strip() for row in below)  # parents that come last stand above too
    return alone and new and len(above[0]) > 1 and all(all(map(str.strip, row)) for row in above)
