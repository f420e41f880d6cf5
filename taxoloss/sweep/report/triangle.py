"""For three levels: every weighting as a point of a triangle, coloured by what it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taxoloss.sweep.columns import is_accuracy
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.marks import BASE, typical, varying, weighted
from taxoloss.sweep.report.terminal import mean_text, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["triangle"]

_FEWEST = 6  # points, of which some are off every edge
_HEIGHT = math.sqrt(3) / 2
#: The corners of the top, middle and deepest level.
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.5, _HEIGHT))


def triangle(compared: Sequence[Comparison], scores: Sequence[str]) -> Figure | str:
    """A triangle for each level, of the first arm that has enough weights.

    Each number is the mean of the last epoch; a ring says that the 95 % interval of its paired difference
    to the baseline excludes 0.
    """
    levels = [score for score in scores if is_accuracy(score)]
    if len(levels) != 3:
        return f"the taxonomy has {len(levels)} levels, not three"
    compared = [one for one in compared if one.means.keys() >= set(levels)]
    groups = [group for _, group in varying(weighted(compared)) if _spreads(group)]
    if not groups:
        return f"no arm has {_FEWEST} weights that span the triangle"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.1 * len(levels), 4.3), layout="constrained")
    for axes, score in zip(figure.subplots(1, 3), levels, strict=True):
        _panel(axes, groups[0], score, levels)
    return figure


def _spreads(group: Sequence[Comparison]) -> bool:
    """Whether the weights of the upper two levels vary independently."""
    points = {_place(one) for one in group}
    (x0, y0), *others = sorted(points)
    turns = {
        round((x - x0) * (others[0][1] - y0) - (y - y0) * (others[0][0] - x0), 9) for x, y in others[1:]
    }
    return len(points) >= _FEWEST and len(turns - {0.0}) > 0


def _place(one: Comparison) -> tuple[float, float]:
    """Barycentric coordinates as a point of the plane."""
    shares = one.variant.shares or (1.0, 0.0, 0.0)
    whole = sum(shares)
    x, y = (
        sum(s / whole * corner[axis] for s, corner in zip(shares, _CORNERS, strict=True)) for axis in (0, 1)
    )
    return round(x, 12), round(y, 12)


def _panel(axes: Axes, group: Sequence[Comparison], score: str, levels: Sequence[str]) -> None:
    points = [_place(one) for one in group]
    xs, ys = zip(*points, strict=True)
    values = [100 * one.means[score].mean for one in group]
    rings = [BASE if score in one.gains and one.gains[score].excludes_zero else "none" for one in group]
    low, high = typical(values)  # of the colours; the numbers are all there
    style: dict[str, Any] = {"cmap": "viridis", "vmin": low, "vmax": high, "linewidths": 1.6}
    axes.scatter(xs, ys, c=values, s=620, edgecolors=rings, **style)
    middle = (low + high) / 2
    for (x, y), one, value in zip(points, group, values, strict=True):
        ink = "black" if value > middle else "white"
        axes.text(x, y, mean_text(one.means[score], score), ha="center", va="center", color=ink, fontsize=7)
    for (x, y), level, across in zip(_CORNERS, levels, (-0.1, -0.1, 0.1), strict=True):
        name = f"all weight on\n{title(level).split(',')[0]}"
        axes.text(x, y + across * 1.6, name, ha="center", va="center", fontsize=7)
    axes.set_xlim(-0.2, 1.2)
    axes.set_ylim(-0.3, _HEIGHT + 0.3)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(f"{title(score)}; ringed: differs from the baseline", fontsize=9)
