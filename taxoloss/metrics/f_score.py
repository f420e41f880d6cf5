"""Hierarchical precision, recall and F1: answers and targets as sets of ancestors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import UNIT, Contributions, Result, SumMetric, fixed
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["HierarchicalFScore"]

_AVERAGES = ("micro", "samples")
_NAMES = ("precision", "recall", "f1")


class HierarchicalFScore(SumMetric):
    """Precision, recall and F1 of the ancestors of answers and targets: a dict of the three.

    It answers which share of what was said is true (precision), and which share of what is true was said
    (recall). In [0, 1], larger is better; not for leaves alone on a deep tree, where the shared top levels
    make every model look good. With a and b the sets of ancestors-or-self of answer and target (nodes, not
    names; the root left out; an answer below its target cut back to it), whose sizes are depths,

        precision = sum |a and b| / sum |a|        recall = sum |a and b| / sum |b|
        f1 = 2 sum |a and b| / sum (|a| + |b|)

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        average: "micro" (sums over samples, as above) or "samples" (the mean of each sample's three
            ratios). 0 / 0 is 1: an answer that is the root says nothing false.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; an unknown average raises ValueError.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> score = HierarchicalFScore(t)
    >>> score.update(torch.tensor([1, 3]), torch.tensor([0, 0]))  # the other cat; "cat"
    >>> score.compute()
    {'precision': tensor(0.6667), 'recall': tensor(0.5000), 'f1': tensor(0.5714)}

    Source: Kiritchenko et al. 2006; Miranda et al. 2023 (HiClass), equations 1 to 3.
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        average: str = "micro",
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        if average not in _AVERAGES:
            raise ValueError(f"expected average as one of {_AVERAGES}, got {average!r}")
        self.average = average
        super().__init__(
            taxonomy, average, size=4, ignore_index=ignore_index, probabilities=probabilities, **kwargs
        )
        if average == "micro":
            self.part = "shared"

    def _rows(self, batch: Batch) -> Contributions:
        facts = batch.facts[:, 6:10]
        if self.average == "micro":
            return Contributions(facts)
        both, answer, target, one = facts.unbind(1)
        ratios = [_ratio(both, answer), both / target, 2 * both / (answer + target)]
        return Contributions(torch.stack([*map(fixed, ratios), one], 1))

    def _score(self, sums: Tensor) -> Result:
        one, two, three, count = sums.unbind(-1)
        if self.average == "samples":
            scores = [value / (UNIT * count) for value in (one, two, three)]
        else:
            scores = [_ratio(one, two), one / three, 2 * one / (two + three)]
        nothing = count == 0
        return {n: s.masked_fill(nothing, torch.nan) for n, s in zip(_NAMES, scores, strict=True)}


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 1.0, part / whole)
