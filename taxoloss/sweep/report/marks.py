"""Colours and marks that all pictures share; told apart by colour-blind eyes too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from statistics import median
from typing import TYPE_CHECKING

from taxoloss.sweep.columns import is_accuracy
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.intervals import Interval
from taxoloss.sweep.report.variants import short, told_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BASE", "COLOURS", "band", "colours", "error", "scale_of", "typical", "varying", "weighted"]

BASE = "#555555"
#: M. Okabe, K. Ito, "Color Universal Design", 2008.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name."""
    return dict(zip(dict.fromkeys(names), cycle(COLOURS), strict=False))


def scale_of(score: str) -> int:
    """Accuracies are shown in per cent."""
    return 100 if is_accuracy(score) else 1


def error(interval: Interval, scale: float = 1) -> float:
    """Half of an interval to draw; 0 where one seed gives none."""
    return scale * (interval.half or 0.0)


def typical(values: Sequence[float]) -> tuple[float, float]:
    """The range that is drawn: without what lies far outside the others.

    A weight of 0 on the deepest level would otherwise flatten whatever else there is to see.

    >>> typical([68, 69, 70, 71, 18])
    (68, 71)

    Source: C. Leys et al., "Detecting outliers: do not use standard deviation around the mean, use absolute
    deviation around the median", J. Exp. Soc. Psychol. 49 (2013); 8 absolute deviations, 5.4 of a normal.
    """
    middle = median(values)
    reach = 8 * median(abs(value - middle) for value in values)
    inside = [value for value in values if abs(value - middle) <= reach] if reach else values
    return min(inside), max(inside)


def band(axes: Axes, base: Comparison, score: str, colour: str = BASE) -> None:
    """A baseline: a line at its mean, and its interval."""
    mean, scale = base.means[score], scale_of(score)
    axes.axhline(scale * mean.mean, color=colour, linewidth=1, linestyle="--", label=base.label)
    if mean.half is not None:
        axes.axhspan(scale * mean.low, scale * mean.high, color=colour, alpha=0.12, linewidth=0)


def weighted(compared: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons whose weights are numbers by level, read in one way: that of the first."""
    found = [one for one in compared if one.variant.shares is not None]
    return [one for one in found if one.variant.reading == found[0].variant.reading]


def varying(compared: Sequence[Comparison]) -> Iterator[tuple[str, list[Comparison]]]:
    """The comparisons that differ in their weights only, with what they have in common in words."""
    names = sorted({name for one in compared for name in one.variant.settings})
    names = [name for name in names if len({one.variant.settings.get(name, "") for one in compared}) > 1]
    groups: dict[tuple[str, ...], list[Comparison]] = {}
    for one in compared:
        values = (one.variant.settings.get(name, "") for name in names)
        groups.setdefault((one.variant.arm, *values), []).append(one)
    words = []
    for arm, *given in groups:
        parts = [f"{short(n)}={short(v)}" for n, v in zip(names, given, strict=True)]
        words.append(" ".join([short(arm) or "weights", *parts]))
    yield from zip(told_apart(words), groups.values(), strict=True)
