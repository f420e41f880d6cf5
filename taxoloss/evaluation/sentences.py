"""What a comparison of two models says, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.evaluation.comparison import Comparison, Difference

__all__ = ["FEW_GROUPS", "Amount", "changes_in_words", "of_few_groups", "points", "sentences"]

#: With fewer, intervals are too narrow: groups, and samples that only one model answers right.
FEW_GROUPS, FEW_CHANGES = 20, 10

_LEVEL = "accuracy/"
_MOST_DIGITS = 6
#: Scores in edges of the tree: what they are of, and what the better model's are.
_EDGES = {"severity": "mistakes", "distance": "answers"}


@dataclass(frozen=True)
class Amount:
    """A difference and its interval, as they are written.

    Args:
        value, low, high: in a unit.
        unit: in words.
        digits: after the point, at least.
    """

    value: float
    low: float
    high: float
    unit: str
    digits: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def symmetric(self) -> bool:
        """The value stands in the middle of its interval, within an eighth of half its width."""
        return abs(self.value - (self.low + self.high) / 2) <= self.half / 8

    def __str__(self) -> str:
        if self.symmetric:
            return f"{self._shown(self.value)} ± {self._shown(self.half)} {self.unit}"
        return (
            f"{self._shown(self.value)} {self.unit} ({self._shown(self.low)} to {self._shown(self.high)})"
        )

    def signed(self) -> str:
        """The value with its sign, and the ends."""
        low, high = self._shown(self.low), self._shown(self.high)
        return f"{self._shown(self.value, '+')} {self.unit}, {low} to {high}"

    @property
    def _places(self) -> int:
        """Digits after the point: with one of the width, and as many as show that 0 is outside."""
        finer = 0 if self.half == 0 else -math.floor(math.log10(self.half))
        places = min(_MOST_DIGITS, max(self.digits, finer))
        while places < _MOST_DIGITS and self._hides(places):
            places += 1
        return places

    def _hides(self, places: int) -> bool:
        """The interval excludes 0, and would not seem to."""
        near = max(self.low, -self.high)
        seen = min(round(near, places), round(abs(self.value), places) - round(self.half, places))
        return near > 0 and seen <= 0

    def _shown(self, value: float, sign: str = "") -> str:
        return f"{value:{sign}.{self._places}f}"

    def __neg__(self) -> Amount:
        return Amount(-self.value, -self.high, -self.low, self.unit, self.digits)


def points(difference: Difference) -> Amount:
    """The difference of two shares, in percentage points."""
    value, low, high = (100 * end for end in difference.interval)
    return Amount(value, low, high, "points", 1)


def sentences(found: Comparison, a: str, b: str) -> list[str]:
    """What the levels, the mistakes and the number of rows say of two models.

    Args:
        found: of models a and b.
        a, b: their names.
    """
    a, b = escape_invisible(a), escape_invisible(b)
    said = [*_alike(found), *_scores(found, a, b), *_cautions(found)]
    intervals = [d for d in found.scores.values() if not math.isnan(d.interval.low)]
    if any(d.interval.low < d.interval.high for d in intervals):
        said.append(
            f"Of {counted(len(intervals), 'interval')}, about {len(intervals) / 20:.2g} would exclude 0 by "
            "chance alone."
        )
    return said


def _alike(found: Comparison) -> Iterator[str]:
    if found.changes.alike == found.rows:
        yield f"The two answer alike in all {counted(found.rows, 'row')}."


def _scores(found: Comparison, a: str, b: str) -> Iterator[str]:
    """A sentence a level, and two on the edges between answers and truths."""
    alike = found.changes.alike == found.rows
    for name, difference in found.scores.items():
        if alike and _equal(difference):
            continue
        if name.startswith(_LEVEL):
            yield _level(difference, name.removeprefix(_LEVEL), b)
        elif name in _EDGES:
            yield _edges(difference, _EDGES[name], a, b)


def _level(difference: Difference, level: str, b: str) -> str:
    level, amount = escape_invisible(level), points(difference)
    if math.isnan(amount.value):
        return f"At {level} nothing is counted."
    if _equal(difference):
        return f"At {level} the two are equal."
    if _may_be_chance(difference):
        return f"At {level} the difference may be chance ({amount.signed()})."
    word = "better" if amount.value > 0 else "worse"
    return f"{b} is {word} at {level} by {amount if amount.value > 0 else -amount}."


def _edges(difference: Difference, what: str, a: str, b: str) -> str:
    amount = Amount(*difference.interval, "edges", 2)
    if math.isnan(amount.value):
        none = [name for name, score in ((a, difference.a), (b, difference.b)) if math.isnan(score)]
        return f"{' and '.join(none)} made no mistake: there is no distance of mistakes to compare."
    if _equal(difference):
        return f"In the distance of {what} the two are equal."
    if _may_be_chance(difference):
        return f"In the distance of {what} the difference may be chance ({amount.signed()})."
    word = "nearer" if amount.value < 0 else "farther"
    return f"{b}'s {what} are {word} by {amount if amount.value > 0 else -amount}."


def _equal(difference: Difference) -> bool:
    """No draw saw a difference; or there is none to see."""
    value, low, high = difference.interval
    return value == low == high == 0 or (math.isnan(difference.a) and math.isnan(difference.b))


def _may_be_chance(difference: Difference) -> bool:
    """The interval contains 0; where no draw has a score there is none, and nothing is sure."""
    return not (difference.interval.low > 0 or difference.interval.high < 0)


def _cautions(found: Comparison) -> Iterator[str]:
    one_right = found.changes.gained + found.changes.lost
    if 0 < one_right < FEW_CHANGES:
        yield (
            f"Only {counted(one_right, 'row')} {'is' if one_right == 1 else 'are'} answered right by one "
            f"model alone: with fewer than {FEW_CHANGES} the intervals are too narrow."
        )
    if found.groups is not None and found.groups < FEW_GROUPS:
        yield of_few_groups(found.groups)


def of_few_groups(groups: int) -> str:
    """What fewer groups than `FEW_GROUPS` do to intervals that draw groups.

    >>> of_few_groups(18)
    'With only 18 groups the intervals are too narrow: 20 groups or more are needed.'
    """
    return (
        f"With only {counted(groups, 'group')} the intervals are too narrow: {FEW_GROUPS} groups or more "
        "are needed."
    )


def changes_in_words(found: Comparison, a: str, b: str) -> str:
    """How many rows were answered how."""
    a, b = escape_invisible(a), escape_invisible(b)
    c = found.changes
    return (
        f"Of {counted(found.rows, 'row')} both are right in {c.both:,}, {a} alone in {c.lost:,}, {b} alone "
        f"in {c.gained:,}, neither in {c.other + c.same:,}, which they answer differently in {c.other:,}."
    )
