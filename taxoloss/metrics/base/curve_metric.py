"""Curves over a threshold: what answers are worth, on average, as the threshold falls.

Each sample answers first its surest node, then others as the threshold on log-odds falls below theirs.
A step is (log-odds, change of each field); sorted by log-odds, over all samples, and added up, the steps
are the curve. Exactly, they are kept as a list. As a histogram they are added up in _BINS bins of equal
width in asinh(log-odds), whatever the number of samples: then only the curve's points between bins are
known, and the sums of absolute changes inside a bin say how far the curve may have gone in between.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import wide_on
from taxoloss.metrics.base.batch import Batch, Scores
from taxoloss.metrics.base.sum_metric import UNIT, Contributions, SumMetric, add, fixed
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Curve", "CurveMetric", "Steps", "steps_between", "surer_than_what_says_more"]

_BINS = 4096
#: asinh of the largest log-odds that have a bin of their own, 10^6.
_REACH = 14.5


class Steps(NamedTuple):
    """How the answer of each of R samples changes in at most E steps; F fields."""

    first: Tensor  # (R, F): the fields of the first answer
    log_odds: Tensor  # (R, E)
    change: Tensor  # (R, E, F); 0 where there is no step
    made: Tensor  # (R, E): whether there is a step


def surer_than_what_says_more(odds: Tensor, rounding: float | Tensor = 0.0) -> Tensor:
    """(n, G): of log-odds (n, G), the answer that says least first, which are above all that follow."""
    most = odds.flip(1).cummax(1).values.flip(1)
    most = torch.nn.functional.pad(most[:, 1:], (0, 1), value=-torch.inf)
    return odds > most + rounding


def steps_between(fields: Tensor, odds: Tensor, made: Tensor) -> Steps:
    """From each answer that is made to the next.

    Args:
        fields: (n, G, F) of answers, the surest first.
        odds: (n, G) down to which the one before holds.
        made: (n, G) which answers are made, one or more of each sample.
    """
    # The answer before a step: the last made before it.
    place = torch.arange(made.shape[1], device=made.device)
    last = torch.where(made, place, -1).cummax(1).values
    before = torch.nn.functional.pad(last[:, :-1], (1, 0), value=-1)
    earlier = fields.gather(1, before.clamp(min=0).unsqueeze(2).expand_as(fields))
    start = made.long().argmax(1).view(-1, 1, 1).expand(-1, 1, fields.shape[2])
    step = made & (before >= 0)
    change = torch.where(step.unsqueeze(2), fields - earlier, 0.0)
    return Steps(fields.gather(1, start).squeeze(1), odds, change, step)


class Curve(NamedTuple):
    """The points of a curve in the order of a falling threshold, as means over samples, float64."""

    fields: Tensor  # (points, F)
    log_odds: Tensor  # (points,): down to which each holds; inf for the first
    #: (points, F): the sum of absolute changes since the point before, where steps were put together.
    travel: Tensor


class CurveMetric(SumMetric):
    """Curves over a threshold, exactly or by a histogram of fixed size."""

    higher_is_better: bool | None = None

    def __init__(
        self,
        taxonomy: Taxonomy,
        *settings: Any,
        fields: int,
        exact: bool,
        ignore_index: int,
        **kwargs: Any,
    ) -> None:
        self.exact, self._fields = bool(exact), fields
        # A row of the sums is (change or first fields, absolute changes, samples); row 0 holds the first.
        size = (1 if exact else 1 + _BINS) * (2 * fields + 1)
        super().__init__(taxonomy, *settings, exact, size=size, ignore_index=ignore_index, **kwargs)
        if exact:
            self._steps = self._state.replace("sums_", "steps_", 1)
            self.add_state(self._steps, default=[], dist_reduce_fx="cat")

    def count(self, batch: Batch) -> None:
        """Adds the steps of a batch."""
        if not self.exact:
            super().count(batch)
            return
        steps = self._steps_of(batch)
        add(self.sums, Contributions(torch.where(batch.valid.unsqueeze(1), self._first(steps), 0)))
        made = steps.made & batch.valid.unsqueeze(1)
        listed = torch.cat([steps.log_odds[made].unsqueeze(1), steps.change[made]], 1)
        getattr(self, self._steps).append(listed.to(wide_on(listed.device)))

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the states of all ranks; a rank without a batch brings an empty list of the same form."""
        if self.exact and not getattr(self, self._steps):
            device = self.sums.device
            empty = torch.zeros(0, 1 + self._fields, dtype=wide_on(device), device=device)
            setattr(self, self._steps, [empty])
        super().sync(*args, **kwargs)

    def rows(self, preds: Scores, target: Scores) -> Contributions:
        """What each sample adds to the histogram; ValueError where steps are kept as a list."""
        if self.exact:
            raise ValueError(f"expected {type(self).__name__}(exact=False): a list cannot be reweighted")
        return super().rows(preds, target)

    def curve(self) -> Curve:
        """The curve of all samples since the last reset."""
        return self._listed_curve() if self.exact else self._binned_curve(self.sums.cpu().double())

    @abstractmethod
    def _steps_of(self, batch: Batch) -> Steps:
        """The steps of each sample; those that are not counted may make any."""

    def _first(self, steps: Steps) -> Tensor:
        """(R, 2 F + 1): row 0 of the sums."""
        first = fixed(steps.first)
        return torch.cat([first, torch.zeros_like(first), torch.ones_like(first[:, :1])], 1)

    def _rows(self, batch: Batch) -> Contributions:
        steps = self._steps_of(batch)
        wide = steps.log_odds.to(wide_on(steps.log_odds.device))
        scaled = torch.asinh(wide) * (0.5 / _REACH) + 0.5
        # The surest first; row 0 is not a bin.
        bins = 1 + ((1 - scaled.clamp(0, 1)) * _BINS).long().clamp(max=_BINS - 1)
        change = fixed(steps.change)
        change = torch.where(steps.made.unsqueeze(2), change, 0)
        values = torch.cat([change, change.abs(), torch.zeros_like(change[..., :1])], 2)
        values = torch.cat([self._first(steps).unsqueeze(1), values], 1)
        cells = torch.cat([torch.zeros_like(bins[:, :1]), bins], 1)
        return Contributions(values, cells)

    def _binned_curve(self, sums: Tensor) -> Curve:
        rows = sums.reshape(1 + _BINS, 2 * self._fields + 1)
        count = rows[0, -1] * UNIT
        change, travel = rows[:, : self._fields] / count, rows[:, self._fields : -1] / count
        edges = 1 - torch.arange(_BINS + 1, dtype=torch.float64, device="cpu") / _BINS
        log_odds = torch.sinh((edges - 0.5) * (2 * _REACH))
        log_odds[0] = torch.inf
        return Curve(change.cumsum(0), log_odds, travel)

    def _listed_curve(self) -> Curve:
        first = self.sums.cpu().double()
        count = first[-1]
        listed = getattr(self, self._steps)
        listed = [listed] if isinstance(listed, Tensor) else listed
        steps = torch.cat([first.new_zeros(0, 1 + self._fields), *(s.cpu() for s in listed)])
        steps = steps[steps[:, 0].argsort(descending=True, stable=True)]
        log_odds = steps[:, 0]
        fields = torch.cat([first[: self._fields].unsqueeze(0) / UNIT, steps[:, 1:]]).cumsum(0) / count
        # Steps of equal log-odds are made together.
        last = torch.ones(len(fields), dtype=torch.bool, device="cpu")
        last[1:-1] = log_odds[1:] != log_odds[:-1]
        found = torch.cat([log_odds.new_full((1,), torch.inf), log_odds])[last]
        return Curve(fields[last], found, torch.zeros_like(fields[last]))
