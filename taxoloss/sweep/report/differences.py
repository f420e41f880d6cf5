"""Paired differences to the baseline, a row for each variant and a column for each score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.marks import BASE, COLOURS, error, scale_of
from taxoloss.sweep.report.terminal import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["differences"]


def differences(compared: Sequence[Comparison], scores: Sequence[str]) -> Figure | str:
    """Means and 95 % intervals over seeds; hollow where the interval holds 0 or there is none."""
    rows = [one for one in compared if one.gains]
    if not rows:
        return "nothing has a baseline with the same settings and seeds (--baseline names its arm)"
    from matplotlib.figure import Figure

    longest = max(len(one.label) for one in rows)
    size = (0.075 * longest + 2.1 * len(scores), 0.22 * len(rows) + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(scores), squeeze=False, sharey=True)[0]
    for axes, score in zip(panels, scores, strict=True):
        _panel(axes, rows, score)
    panels[0].set_yticks(range(len(rows)), [one.label for one in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure


def _panel(axes: Axes, rows: Sequence[Comparison], score: str) -> None:
    axes.axvline(0, color=BASE, linewidth=0.8)
    seeds = [(scale_of(score) * x, place) for place, one in enumerate(rows) for x in _pairs(one, score)]
    axes.plot([x for x, _ in seeds], [y for _, y in seeds], "|", color=BASE, alpha=0.35, markersize=5)
    for shown, colour, face in ((True, COLOURS[0], COLOURS[0]), (False, BASE, "white")):
        _bars(axes, rows, score, shown, {"color": colour, "markerfacecolor": face})
    axes.set_title(title(score).replace("%", "points"), fontsize=9)
    axes.tick_params("y", length=0)
    axes.grid(axis="x", alpha=0.25)


def _bars(axes: Axes, rows: Sequence[Comparison], score: str, shown: bool, style: dict[str, Any]) -> None:
    """The intervals that exclude 0, or those that do not."""
    gains = [(place, one.gains[score]) for place, one in enumerate(rows) if score in one.gains]
    kept = [(place, gain) for place, gain in gains if gain.excludes_zero == shown]
    if kept:
        scale = scale_of(score)
        means, halves = [scale * gain.mean for _, gain in kept], [error(gain, scale) for _, gain in kept]
        places = [place for place, _ in kept]
        axes.errorbar(means, places, xerr=halves, fmt="o", markersize=4, capsize=2, linewidth=1.2, **style)


def _pairs(one: Comparison, score: str) -> list[float]:
    """The difference of each seed."""
    if one.baseline is None or score not in one.gains:
        return []
    ours, theirs = one.variant.last(score), one.baseline.last(score)
    return [value - theirs[seed] for seed, value in ours.items() if seed in theirs]
