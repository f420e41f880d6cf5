"""Figures and axes to draw in, and names as a picture shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from taxoloss.errors.packages import package

__all__ = ["COLOUR", "OTHER", "axes_of", "legend", "panels", "pyplot", "width_of"]

#: Of what was measured; of what it is compared with.
COLOUR, OTHER = "#4c72b0", "0.75"
#: Inches: no figure is wider or higher.
_LARGEST = 15.0


def pyplot() -> Any:
    """matplotlib.pyplot.

    Raises:
        ImportError: matplotlib is not installed.
    """
    return package("matplotlib.pyplot", "plot", "plot")


def axes_of(ax: Any = None, size: tuple[float, float] | None = None) -> tuple[Any, Any]:
    """(figure, axes): those given, or new ones of a size in inches."""
    if ax is None:
        figure, ax = pyplot().subplots(layout="constrained", figsize=size)
        return figure, ax
    if not callable(getattr(ax, "get_figure", None)) or not hasattr(ax, "set_xlim"):
        raise TypeError(f"expected ax as matplotlib axes, got {type(ax).__name__} {ax!r:.60}")
    return ax.get_figure(), ax


def panels(sides: Sequence[float]) -> tuple[Any, list[tuple[Any, float]]]:
    """A figure with square panels of some sides (inches), row by row in a grid about as wide as high.

    Returns:
        the figure; each panel's axes, and the side that they have with all that belongs to them.
    """
    columns = math.ceil(math.sqrt(len(sides)))
    rows = math.ceil(len(sides) / columns)
    widths = [max(sides[column::columns]) for column in range(columns)]
    heights = [max(sides[columns * row : columns * (row + 1)]) for row in range(rows)]
    scale = min(1.0, _LARGEST / sum(widths), _LARGEST / sum(heights))
    figure, grid = pyplot().subplots(
        rows,
        columns,
        squeeze=False,
        layout="constrained",
        figsize=(scale * sum(widths), scale * sum(heights)),
        width_ratios=widths,
        height_ratios=heights,
    )
    sizes = [scale * min(width, height) for height in heights for width in widths]
    made = list(zip(grid.flat, sizes, strict=True))
    for unused, _ in made[len(sides) :]:
        unused.remove()
    return figure, made[: len(sides)]


def width_of(ax: Any) -> float:
    """The smaller side of axes, in inches."""
    box = ax.get_window_extent()
    return float(min(box.width, box.height) / ax.get_figure().get_dpi())


def legend(ax: Any, **options: Any) -> None:
    """The legend of axes; names are text, whatever signs of mathematics they hold."""
    handles, labels = ax.get_legend_handles_labels()
    shown = ax.legend(handles, labels, **options)
    for text in shown.get_texts():
        text.set_parse_math(False)
