"""Accuracy over the weight of the deepest level: the best of all runs and epochs, and means of the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taxoloss.sweep.columns import TEST, is_accuracy
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.marks import BASE, band, colours, error, typical, varying, weighted
from taxoloss.sweep.report.terminal import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["by_weight"]

_FEWEST = 3  # weights that make a curve


def by_weight(compared: Sequence[Comparison], scores: Sequence[str]) -> Figure | str:
    """A column for each level, the deepest first; above the best, below the means with their band.

    The upper row is there for comparison with others' pictures: a maximum over runs and epochs, chosen on
    the data that it is measured on, is larger than what any one run will give.
    """
    levels = [score for score in scores if is_accuracy(score)][::-1]
    compared = [one for one in compared if one.means.keys() >= set(levels)]
    curves = _curves(compared)
    if not curves:
        return f"no arm has {_FEWEST} weights of the deepest level or more, each once"
    with_best = not levels[0].startswith(TEST)  # a test is looked at once, after the last epoch
    from matplotlib.figure import Figure

    rows = 1 + with_best
    figure = Figure(figsize=(3.6 * len(levels) + 0.4, 2.9 * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, len(levels), squeeze=False, sharex=True)
    for column, score in enumerate(levels):
        if with_best:
            _best(grid[0, column], curves, score)
        _means(grid[-1, column], curves, _bases(curves, compared), score)
        grid[-1, column].set_xlabel("weight of the deepest level")
    handles, names = grid[-1, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _curves(compared: Sequence[Comparison]) -> dict[str, list[tuple[float, Comparison]]]:
    """Name -> its points by weight; only where a weight is there once."""
    found = {}
    for name, group in varying(weighted(compared)):
        points = sorted(((_share(one), one) for one in group), key=lambda point: point[0])
        if len(points) >= _FEWEST and len({share for share, _ in points}) == len(points):
            found[name] = points
    return found


def _share(one: Comparison) -> float:
    """The weight of the deepest level, of a sum of 1."""
    shares = one.variant.shares or (0.0,)
    return shares[-1] / sum(shares)


def _bases(
    curves: dict[str, list[tuple[float, Comparison]]], compared: Sequence[Comparison]
) -> list[Comparison]:
    """The baselines that are no points of the curves themselves."""
    wanted = [one.baseline for points in curves.values() for _, one in points]
    drawn = [one.variant for points in curves.values() for _, one in points]
    return [one for one in compared if one.variant in wanted and one.variant not in drawn]


def _best(axes: Axes, curves: dict[str, list[tuple[float, Comparison]]], score: str) -> None:
    colour = colours(curves)
    drawn: list[tuple[float, float]] = []
    for name, points in curves.items():
        values = [(share, [100 * x for x in one.variant.best(score).values()]) for share, one in points]
        _points(axes, values, colour[name])
        best = [(x, max(ys)) for x, ys in values]
        axes.plot(*zip(*best, strict=True), color=colour[name], linewidth=1.2)
        drawn += best
    _cut(axes, drawn)
    axes.set_title(f"{title(score)}: best of runs and epochs (optimistic)", fontsize=9)


def _means(
    axes: Axes,
    curves: dict[str, list[tuple[float, Comparison]]],
    bases: Sequence[Comparison],
    score: str,
) -> None:
    colour = colours(curves)
    drawn: list[tuple[float, float]] = []
    for name, points in curves.items():
        _points(
            axes,
            [(x, [100 * y for y in one.variant.last(score).values()]) for x, one in points],
            colour[name],
        )
        places, means = [x for x, _ in points], [one.means[score] for _, one in points]
        middle, half = [100 * mean.mean for mean in means], [error(mean, 100) for mean in means]
        axes.fill_between(
            places,
            [y - h for y, h in zip(middle, half, strict=True)],
            [y + h for y, h in zip(middle, half, strict=True)],
            color=colour[name],
            alpha=0.18,
            linewidth=0,
        )
        axes.plot(places, middle, color=colour[name], linewidth=1.4, marker="o", markersize=3, label=name)
        drawn += zip(places, middle, strict=True)
    for base in bases:
        band(axes, base, score, BASE)
    _cut(axes, drawn)
    axes.set_title(f"{title(score)}: mean of the last epoch, 95 % interval", fontsize=9)


def _cut(axes: Axes, curve: Sequence[tuple[float, float]]) -> None:
    """Leaves out what would flatten the rest; an arrow with the number says that it is there."""
    low, high = typical([y for _, y in curve])
    bottom = low - max(0.25 * (high - low), 0.5)
    below = [(x, y) for x, y in curve if y < bottom]
    if not below:
        return
    axes.set_ylim(bottom, axes.dataLim.y1 + 0.05 * (axes.dataLim.y1 - bottom))
    for x, y in below:
        text = axes.annotate(f"{y:.1f}\n↓", (x, bottom), (0, 3), textcoords="offset points")
        text.set(fontsize=7, ha="center")


def _points(axes: Axes, values: Sequence[tuple[float, list[float]]], colour: str) -> None:
    """Every run, faintly."""
    places = [x for x, ys in values for _ in ys]
    axes.plot(places, [y for _, ys in values for y in ys], ".", color=colour, alpha=0.3, markersize=4)
