"""The last row of a table of counts, where it sums up the others and is no class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from taxoloss.errors.characters import quoted
from taxoloss.sources.tables import words
from taxoloss.sources.tables.table import Table

__all__ = ["without_summary"]

_WORDS = frozenset((
    "all", "ensemble", "gesamt", "gesamtsumme", "grand total", "grand sum", "grand totals", "insgesamt",
    "overall", "somme", "soma", "sum", "suma", "summa", "summe", "total", "total general", "total général",
    "totaal", "totale", "totals", "σ", "∑", "合計", "合计", "总计", "総計",
))  # fmt: skip
_NUMBER = re.compile(r"[-+]?(\d{1,3}([, ]\d{3})+|\d+)(\.\d+)?")


def without_summary(table: Table) -> Table:
    """The table without a last row that sums up the others; a note says so, or why it is read as a class.

    It is called so, and holds the sum of a column of counts, or nothing beside one.
    """
    if len(table.rows) < 2:
        return table
    *rows, last = table.rows
    numbers = [at for at in range(len(last)) if _are_numbers([row[at] for row in table.rows])]
    counts = [at for at in numbers if _are_counts(table, at)]
    alone = [at for at in range(len(last)) if _is_number_below_names([row[at] for row in table.rows])]
    others = [cell for at, cell in enumerate(last) if cell.strip() and at not in (*numbers, *alone)]
    if not (counts or alone) or not others or not all(map(_is_summary, others)):
        return table
    filled = [at for at in counts if last[at].strip()]
    said = f"the last row, {quoted(others[0].strip())}, "
    if alone:
        note = f"{said}holds a number below names: 1 row left out"
        return replace(table, rows=rows, lines=table.lines[:-1], notes=(*table.notes, note))
    if not filled or any(_adds_up([row[at] for row in rows], last[at]) for at in filled):
        what = f"holds the sum of the {len(rows):,} above it" if filled else "holds no count"
        note = f"{said}{what}: 1 row left out; a class of that name has to stand above another row"
        return replace(table, rows=rows, lines=table.lines[:-1], notes=(*table.notes, note))
    note = f"{said}does not hold the sum of those above it: it is read as a class"
    return replace(table, notes=(*table.notes, note))


def _is_summary(name: str) -> bool:
    return " ".join(name.strip().rstrip(":").casefold().split()) in _WORDS


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether all rows but the last, which may be empty, hold numbers."""
    *above, last = (cell.strip() for cell in cells)
    return all(map(_NUMBER.fullmatch, above)) and (not last or _NUMBER.fullmatch(last) is not None)


def _is_number_below_names(cells: Sequence[str]) -> bool:
    """Whether the last row alone holds a number, where others hold texts."""
    *above, last = (cell.strip() for cell in cells)
    return _NUMBER.fullmatch(last) is not None and not any(map(_NUMBER.fullmatch, above)) and any(above)


def _are_counts(table: Table, column: int) -> bool:
    """Whether numbers are no ids, and number no rows: 1 + 2 = 3 is no sum in 1, 2, 3."""
    word = words.folded(table.header[column])
    found = [_number(row[column]) for row in table.rows if row[column].strip()]
    rows = found[0] in (0, 1) and all(number == found[0] + i for i, number in enumerate(found))
    return not words.is_id(word) and (words.is_beside(word) or not rows)


def _adds_up(above: Sequence[str], last: str) -> bool:
    return sum(map(_number, above)) == _number(last)


def _number(cell: str) -> Decimal:
    return Decimal(re.sub(r"[, ]", "", cell.strip()))
