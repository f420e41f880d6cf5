"""What stands around the names in all cells of a column, and is no part of them: bullets, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from taxoloss.errors.characters import quoted
from taxoloss.sources.counts_behind import without_counts
from taxoloss.sources.lines import BULLET
from taxoloss.sources.tables.table import Table

__all__ = ["without_cell_marks"]


def without_cell_marks(table: Table) -> Table:
    """The table without bullets before all names of a column and counts behind them; a note tells."""
    columns, notes = [], []
    for number, cells in enumerate(zip(*table.rows, strict=True)):
        short, what = _shortened(cells)
        if what and len(set(map(str.strip, short))) == len({cell.strip() for cell in cells}):
            shown = quoted(table.header[number] or f"column {number + 1}")
            notes.append(f"{what} the names in {shown} are left out")
            columns.append(short)
        else:
            columns.append(list(cells))
    if not notes:
        return table
    rows = list(zip(*columns, strict=True))
    return replace(table, rows=rows, notes=(*table.notes, *notes))


def _shortened(cells: Sequence[str]) -> tuple[list[str], str]:
    """The cells without what stands around all that are filled, and that in words; "" of others."""
    first = next((cell for cell in cells if cell.strip()), "")
    if not BULLET.match(first) and not first.rstrip().endswith(")"):
        return [], ""
    filled = list(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))
    if len(filled) < 2:
        return [], ""
    marked = all(map(BULLET.match, filled))
    names = [BULLET.sub("", cell, count=1) if marked else cell for cell in filled]
    names, told = without_counts(names, [0] * len(names))
    whats = [*(["the bullets before"] if marked else []), *(["the counts behind"] if told else [])]
    what = " and ".join(whats)
    shorter = {"": "", **dict(zip(filled, names, strict=True))}
    # Spaces before a name may say how deep it stands.
    return [cell[: len(cell) - len(cell.lstrip())] + shorter[cell.strip()] for cell in cells], what
