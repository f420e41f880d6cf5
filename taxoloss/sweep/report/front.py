"""Accuracy against severity: which variants are on the front."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from taxoloss.sweep.columns import is_accuracy
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.marks import BASE, colours, error, typical
from taxoloss.sweep.report.terminal import title
from taxoloss.sweep.report.variants import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["front", "on_front"]


def front(compared: Sequence[Comparison], scores: Sequence[str]) -> Figure | str:
    """The accuracy of the deepest level over the severity of mistakes, and over the mean distance.

    A variant is on the front where no other is better in one and at least as good in the other: of the
    means; crosses show their intervals.
    """
    accuracy = [score for score in scores if is_accuracy(score)][-1]
    compared = [one for one in compared if accuracy in one.means]
    costs = [score for score in scores if not is_accuracy(score)]
    costs = [cost for cost in costs if sum(cost in one.means for one in compared) > 1]
    if not costs:
        return "the table has no column severity or distance, or one variant only"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(costs) + 0.6, 4.6), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False, sharey=True)[0]
    for axes, cost in zip(panels, costs, strict=True):
        _panel(axes, [one for one in compared if cost in one.means], accuracy, cost)
    panels[0].set_ylabel(title(accuracy))
    handles, names = panels[0].get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _panel(axes: Axes, compared: Sequence[Comparison], accuracy: str, cost: str) -> None:
    colour = colours(one.variant.arm for one in compared)
    points = [(one.means[cost].mean, one.means[accuracy].mean) for one in compared]
    best = on_front(points)
    inside = _typical(points)
    shown = [x for x, kept in zip(zip(compared, points, best, strict=True), inside, strict=True) if kept]
    for one, point, kept in shown:
        tint = colour[one.variant.arm]
        axes.errorbar(
            point[0],
            100 * point[1],
            xerr=error(one.means[cost]),
            yerr=error(one.means[accuracy], 100),
            color=tint,
            marker="o",
            markersize=6 if kept else 4,
            markerfacecolor=tint if kept else "white",
            linewidth=0.6,
            alpha=1.0 if kept else 0.55,
            label=short(one.variant.arm) or "weights",
        )
        if kept:
            where = (point[0], 100 * point[1])
            axes.annotate(_short(one), where, (4, 4), textcoords="offset points", fontsize=7)
    line = sorted(point for _, point, kept in shown if kept)
    axes.plot([x for x, _ in line], [100 * y for _, y in line], color=BASE, linewidth=0.8, zorder=0)
    axes.set_xlabel(f"{title(cost)} (lower is better)")
    out = [x for x, kept in zip(zip(compared, best, strict=True), inside, strict=True) if not kept]
    names = [one.label + (" (on it)" if kept else "") for one, kept in out]
    words = f"; not shown: {', '.join(names)}" if names else ""
    axes.set_title("\n".join(wrap(f"filled: on the front{words}", 60)), fontsize=8)


def _short(one: Comparison) -> str:
    """The label without the arm, which the colour says."""
    return one.label.removeprefix(short(one.variant.arm)).strip() or one.label


def _typical(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether a point lies in the typical range of both scores."""
    ranges = [typical(values) for values in zip(*points, strict=True)]
    return [
        all(low <= value <= high for value, (low, high) in zip(point, ranges, strict=True))
        for point in points
    ]


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Of (cost, gain) points, which no other beats in one while being at least as good in the other.

    >>> on_front([(1.0, 0.5), (2.0, 0.6), (2.0, 0.5), (1.0, 0.5)])
    [True, True, False, True]
    """
    return [
        not any(x <= cost and y >= gain and (x, y) != (cost, gain) for x, y in points)
        for cost, gain in points
    ]
