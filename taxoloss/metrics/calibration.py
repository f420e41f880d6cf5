"""Whether probabilities on each level mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.tallies import BINS
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import UNIT, Contributions, Result, SumMetric, fixed
from taxoloss.plot import curves
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LevelCalibrationError"]


class LevelCalibrationError(SumMetric):
    """Expected calibration error of each level's most probable node: a dict level -> error (micro average).

    It answers how far a stated probability is from the share of right answers, on average over the answers.
    In [0, 1], smaller is better; not for choosing a model: one that always says the base rate is perfectly
    calibrated. The answers of a level are put into bins of equal width by their probability, and

        error = sum over bins of (answers in the bin / all answers) |share right - mean probability|

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        n_bins: number of bins of [0, 1].
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; node ids raise ValueError, as does n_bins below 1.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> error = LevelCalibrationError(t)
    >>> error.update(torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]).log(), torch.tensor([0, 2]))
    >>> error.compute()  # P(cat) = .75 and half are cats; P(Bengal) = .5 and half are Bengals
    {'depth_1': tensor(0.2500), 'depth_2': tensor(0.)}

    Source: Guo et al., ICML 2017, eq. 5.
    """

    higher_is_better = False
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        n_bins: int = BINS,
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(n_bins, bool) or not isinstance(n_bins, int) or n_bins < 1:
            raise ValueError(f"expected n_bins as an integer, 1 or larger, got {n_bins!r}")
        self.n_bins = n_bins
        size = 3 * n_bins * len(getattr(taxonomy, "levels", ()))
        super().__init__(
            taxonomy, n_bins, size=size, ignore_index=ignore_index, probabilities=probabilities, **kwargs
        )
        if n_bins == BINS:
            self.part = "calibration"

    def _rows(self, batch: Batch) -> Contributions:
        batch.need_logits("calibration", "; collection(t, calibration=False) scores these")
        stated = batch.level_probabilities
        levels = torch.arange(stated.shape[1], device=stated.device)
        bins = (stated * self.n_bins).long().clamp(0, self.n_bins - 1) + levels * self.n_bins
        right, counted = batch.level_facts[:, :-2].long().chunk(2, 1)
        return Contributions(torch.stack([counted, right, fixed(stated) * counted], 2), bins)

    def _score(self, sums: Tensor) -> Result:
        levels = len(self.taxonomy.levels)
        count, right, stated = sums.reshape(*sums.shape[:-1], levels, self.n_bins, 3).unbind(-1)
        error = (right - stated / UNIT).abs().sum(-1) / count.sum(-1)
        return dict(zip(self.taxonomy.levels, error.unbind(-1), strict=True))

    def _draw_counted(self, ax: Any, val: Any) -> None:
        errors = val if isinstance(val, Mapping) else {str(self.only): val}
        lines = {level: one[1:] for level, one in self.reliability().items() if level in errors}
        curves.reliability(ax, lines, errors)

    def reliability(self) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
        """level -> (n_bins,) answers, mean probability, share right of each bin; NaN where empty."""
        levels = len(self.taxonomy.levels)
        table = self.sums.cpu().double().view(levels, self.n_bins, 3)
        count, right, stated = table.unbind(-1)
        parts = zip(self.taxonomy.levels, count, stated / UNIT / count, right / count, strict=True)
        return {level: (n, mean.float(), share.float()) for level, n, mean, share in parts}
