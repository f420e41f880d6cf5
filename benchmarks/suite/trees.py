"""Names of the classes of trees of any size: one row a class, from the top to the class."""

from __future__ import annotations

from typing import Any

import numpy as np

SEED = 0


def widths(classes: int, levels: int) -> list[int]:
    """Nodes of each level, top to bottom: a geometric row, with at least one more on each level."""
    found = [max(2, round(classes ** (1 / levels)))]
    for level in range(2, levels):
        found.append(max(round(classes ** (level / levels)), found[-1] + 1))
    return [*found[: levels - 1], classes]


def irregular_rows(classes: int, levels: int, seed: int = SEED) -> list[tuple[str, ...]]:
    """Names from the top to the class, one row a class: each level cuts the one above at random places."""
    cuts = np.random.default_rng(seed).permutation(classes - 1) + 1
    return _rows([np.isin(np.arange(classes), cuts[: width - 1]) for width in widths(classes, levels)])


def regular_rows(classes: int, levels: int) -> list[tuple[str, ...]]:
    """As `irregular_rows`, with groups of a level of about equal size."""
    rows = []
    for width in widths(classes, levels):
        group = np.arange(classes) * width // classes
        rows.append(np.diff(group, prepend=0) > 0)
    return _rows(rows)


def _rows(first: list[np.ndarray[Any, Any]]) -> list[tuple[str, ...]]:
    """Of whether each class begins another group, level by level."""
    columns = []
    for level, begins in enumerate(first):
        group = np.cumsum(begins).tolist()
        names = [f"{level}_{number}" for number in range(group[-1] + 1)]
        columns.append([names[number] for number in group])
    return list(zip(*columns, strict=True))
