"""Columns of which each row fills one: the names of a tree, each a step to the right of its parent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from taxoloss.sources.tables.columns import Column

__all__ = ["are_stairs", "stairs_of"]


def stairs_of(columns: Sequence[Column]) -> list[Column]:
    """The columns that are such steps; none where rows are no outline."""
    steps = [c for c in columns if 0 < c.filled < len(c.cells) and c.names_nodes and not c.is_number]
    rows = list(zip(*(column.cells for column in steps), strict=True))
    return steps if are_stairs(rows) else []


def are_stairs(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row has one cell: the first at the left, none two steps right of the one above."""
    if len(rows) < 3 or len(rows[0]) < 2 or any(sum(map(bool, row)) != 1 for row in rows):
        return False
    steps = [next(i for i, cell in enumerate(row) if cell) for row in rows]
    down = all(low - high <= 1 for high, low in pairwise(steps))
    return down and steps[0] == 0 and max(steps) > 0 and steps != sorted(steps, reverse=True)
