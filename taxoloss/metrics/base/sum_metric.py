"""The metric that all others are: sums over samples, as integers, and a score of the sums.

Every state is one tensor of int64 that is added up over samples, batches and ranks. Counts, depths and
heights are integers; fractions (of [0, 1]) are rounded to multiples of 2^-30 first. So sums are exact,
whatever the order, the sizes of the batches or the number of ranks, and there is no float32 counter that
stands still at 2^24; a mean is off by at most 2^-31 from rounding, and 2^33 samples fit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from taxoloss.functional.arithmetic import wide_on
from taxoloss.functional.inputs import check_ignore_index
from taxoloss.metrics.base.batch import Batch, Scores, batch_of
from taxoloss.plot.figures import axes_of
from taxoloss.plot.scores import bars, in_tree_order, lines
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["UNIT", "Contributions", "LastingMetric", "Result", "SumMetric", "check_top_k", "fixed"]

Result = Tensor | dict[str, Tensor]
#: What 1.0 is as an integer.
UNIT = 1 << 30


def fixed(fraction: Tensor) -> Tensor:
    """Numbers of [-1, 1] as multiples of 1 / UNIT, int64."""
    return (fraction.to(wide_on(fraction.device)) * UNIT).round().long()


def check_top_k(top_k: Any) -> int:
    """ValueError where top_k is no integer of 1 or more."""
    if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
        raise ValueError(f"expected top_k as an integer, 1 or larger, got {top_k!r}")
    return top_k


class Contributions(NamedTuple):
    """What each of R samples adds to the sums: int64."""

    #: (R, S); or (R, E, F) where `cells` is given.
    values: Tensor
    #: (R, E): the cell of each of E entries; the sums are then (cells, F), flattened.
    cells: Tensor | None = None


class LastingMetric(Metric):
    """A metric whose state can be written to in any mode, whatever mode it was made in.

    A tensor made in inference mode cannot be changed in place outside of it: so none becomes a state, and
    a loop that validates (under inference mode), then trains, counts on.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and value.is_inference():
            with torch.inference_mode(False):
                value = value.clone()
        super().__setattr__(name, value)

    def set_dtype(self, dst_type: str | torch.dtype) -> LastingMetric:
        """The metric as it is: sums are integers, whatever dtype is asked for."""
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for name in self._defaults:
            setattr(self, name, getattr(self, name))


class SumMetric(LastingMetric):
    """Sums over samples (`_rows`) and what they say (`_score`); `taxonomy` must be bound."""

    is_differentiable = False
    full_state_update = False
    plot_lower_bound: float | None = 0.0
    #: Which part of a `Tally` its sums are; None: another sum, or one that others do not share.
    part: str | None = None
    #: Whether floating-point predictions are probabilities.
    probabilities = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        *settings: Any,
        size: int,
        ignore_index: int,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        loss_plan_of(taxonomy)
        check_ignore_index(taxonomy, ignore_index)
        self.taxonomy, self.ignore_index = taxonomy, ignore_index
        self.probabilities = bool(probabilities)
        #: Of a dict of scores the one that `compute` gives; None: all.
        self.only: str | None = None
        # torchmetrics' collections merge metrics whose states have one name and one value.
        read_as = ("probabilities",) if probabilities else ()
        parts = (type(self).__name__, *settings, *read_as, ignore_index, taxonomy.identity[:16])
        name = "_".join(str(part) for part in parts)
        self._state = "sums_" + "".join(c if c.isalnum() else "_" for c in name)
        self.add_state(self._state, default=torch.zeros(size, dtype=torch.long), dist_reduce_fx="sum")

    @property
    def tallied(self) -> dict[str, str]:
        """The parts of a `Tally` of logits that its states are, by the names of these."""
        return {} if self.part is None else {self._state: self.part}

    @property
    def sums(self) -> Tensor:
        """(S,) int64: what was added up."""
        state: Tensor = getattr(self, self._state)
        return state

    def update(self, preds: Scores, target: Scores) -> None:
        """Counts a batch."""
        self.count(self.batch(preds, target))

    def count(self, batch: Batch) -> None:
        """Counts a batch that was read as this metric reads it."""
        sums = None if self.part is None else batch.sums_of(self.part)
        if sums is None:
            add(self.sums, self.rows_of(batch))
        else:
            self.sums.add_(sums)

    def compute(self) -> Any:
        """The score of all samples since the last reset."""
        return self.score(self.sums)

    def merge_state(self, incoming_state: Any) -> None:
        """Adds the sums of another metric of the same kind; a score computed before is forgotten."""
        super().merge_state(incoming_state)
        self._computed = None

    def batch(self, preds: Scores, target: Scores, *, shared: bool = False) -> Batch:
        """Predictions and targets, checked; arrays go to the metric's device.

        shared: whether several metrics will look at the batch.
        """
        reading = (self.ignore_index, self.probabilities, self.device)
        return batch_of(self.taxonomy, preds, target, *reading, shared=shared)

    def reads(self, batch: Batch) -> bool:
        """Whether this metric would read a batch as it was read."""
        return batch.read_as == (id(self.taxonomy), self.ignore_index, self.probabilities)

    def rows(self, preds: Scores, target: Scores) -> Contributions:
        """What each sample adds; 0 where it is not counted."""
        return self.rows_of(self.batch(preds, target))

    def rows_of(self, batch: Batch) -> Contributions:
        """What each sample of a batch adds; 0 where it is not counted."""
        values, cells = self._rows(batch)
        if batch.whole:
            return Contributions(values, cells)
        valid = batch.valid.view(-1, *[1] * (values.dim() - 1))
        return Contributions(torch.where(valid, values, 0), cells)

    def score(self, sums: Tensor) -> Result:
        """The score of sums (.., S): float32."""
        found = self._score(sums.cpu().double())
        if isinstance(found, Tensor):
            return found.float().to(sums.device)
        scores = {name: value.float().to(sums.device) for name, value in found.items()}
        return scores if self.only is None else scores[self.only]

    @abstractmethod
    def _rows(self, batch: Batch) -> Contributions:
        """What each sample adds; those that are not counted may add anything."""

    @abstractmethod
    def _score(self, sums: Tensor) -> Result:
        """The score of sums (.., S) in float64; NaN where nothing was counted."""

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A picture of the score, (figure, axes); needs matplotlib.

        Args:
            val: a result of `compute`, or a list of them (a line over steps); None: all that was counted,
                which tells more than a result where the metric is a curve or has counts.
            ax: axes to draw in.

        Raises:
            ImportError: matplotlib is not installed.
        """
        figure, ax = axes_of(ax)
        name = type(self).__name__
        ax.set_title(name if self.only is None else f"{name}, {self.only}", parse_math=False)
        if val is None:
            self._draw_counted(ax, self.compute())
        elif isinstance(val, Sequence):
            lines(ax, val)
        else:
            self._draw(ax, val)
        return figure, ax

    def _draw(self, ax: Any, val: Any) -> None:
        """Draws a result, whatever it is of."""
        values = val if isinstance(val, Mapping) else {self.only or "": val}
        upper = getattr(self, "plot_upper_bound", None)
        bars(ax, in_tree_order(self.taxonomy, values), upper)

    def _draw_counted(self, ax: Any, val: Any) -> None:
        """Draws what was counted, whose result this is."""
        self._draw(ax, val)


def add(sums: Tensor, rows: Contributions) -> None:
    """Adds what the samples add to sums (S,), in place."""
    values, cells = rows
    if cells is None:
        sums.add_(values.sum(0))
        return
    width = values.shape[-1]
    sums.view(-1, width).index_add_(0, cells.reshape(-1), values.reshape(-1, width))
