"""Every variant against the baseline with its settings, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taxoloss.sweep.columns import ANSWERS, TEST, accuracy_column
from taxoloss.sweep.errors import TableError
from taxoloss.sweep.report.intervals import Interval, mean_interval, paired_difference
from taxoloss.sweep.report.table import ResultsTable
from taxoloss.sweep.report.variants import Variant, labels

__all__ = ["Comparison", "compare", "scores_of"]


@dataclass(frozen=True)
class Comparison:
    """A variant, its scores, and how they differ from those of its baseline."""

    variant: Variant
    label: str
    #: None: this is a baseline, or there is none with these settings.
    baseline: Variant | None
    #: Score -> its mean over seeds; a score that no run has is not here.
    means: Mapping[str, Interval]
    #: Score -> the paired difference to the baseline.
    gains: Mapping[str, Interval]


def scores_of(sweep: ResultsTable, test: bool = False) -> list[str]:
    """The scores that are compared: an accuracy a level, top to bottom, severity and distance if there.

    Raises:
        TableError: scores of a test were asked for, and there are none.
    """
    names = [*map(accuracy_column, sweep.levels), *ANSWERS]
    names = [name for name in (f"{TEST}{name}" if test else name for name in names) if name in sweep.scores]
    if not names:
        raise TableError("the table has no scores of a test: expected columns test_accuracy_<level>")
    return names


def compare(found: Sequence[Variant], scores: Sequence[str], baseline: str = "flat") -> list[Comparison]:
    """A comparison for each variant; those that are compared to one baseline stand together.

    The baseline of a variant is the variant of that arm, read as "marginal" if it is read so, whose
    settings are the same; settings that no run of the baseline has do not count. Where no run has that arm,
    it is the variant of the same arm with all weight on the deepest level: that is cross-entropy too.

    Args:
        found: variants.
        scores: columns of the table.
        baseline: the name of an arm.

    Raises:
        TableError: two variants could be the baseline of one.
    """
    bases = [one for one in found if one.arm == baseline] or [one for one in found if _is_flat(one)]
    readings = {one.reading for one in bases}
    bases = [one for one in bases if one.reading == "marginal" or "marginal" not in readings]
    names = {name for one in bases for name, value in one.settings.items() if value}
    by_arm = all(one.arm == baseline for one in bases)
    found = _together(found, sorted(names))
    return [
        _compared(one, text, _base(one, bases, names, by_arm), scores)
        for one, text in zip(found, labels(found), strict=True)
    ]


def _together(found: Sequence[Variant], names: Sequence[str]) -> list[Variant]:
    """Variants that have a baseline in common side by side, in the order of the table besides."""
    groups: dict[tuple[str, ...], list[Variant]] = {}
    for one in found:
        groups.setdefault(tuple(one.settings.get(name, "") for name in names), []).append(one)
    return [one for group in groups.values() for one in group]


def _is_flat(one: Variant) -> bool:
    return one.shares is not None and one.shares[-1] == sum(one.shares)


def _base(one: Variant, bases: Sequence[Variant], names: set[str], by_arm: bool) -> Variant | None:
    fit = [
        base
        for base in bases
        if all(base.settings.get(name) == one.settings.get(name) for name in names)
        and (by_arm or base.arm == one.arm)
    ]
    if len(fit) > 1:
        raise TableError(
            f"two variants could be the baseline: {' and '.join(labels(fit)[:2])}; name another arm, or "
            "tune what they differ in (--over)"
        )
    return fit[0] if fit and fit[0] is not one else None


def _compared(one: Variant, text: str, base: Variant | None, scores: Sequence[str]) -> Comparison:
    means = {name: mean_interval([*values.values()]) for name in scores if (values := one.last(name))}
    gains = {}
    for name in scores if base is not None else ():
        ours, theirs = one.last(name), base.last(name) if base is not None else {}
        if ours.keys() & theirs.keys():
            gains[name] = paired_difference(ours, theirs)
    return Comparison(one, text, base, means, gains)
