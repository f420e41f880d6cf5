"""Accuracy at every level of the tree, and of whole paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows
from taxoloss.functional.log_probs import cached_log_probs
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import Contributions, Result, SumMetric, check_top_k
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FullPathAccuracy", "LevelAccuracy"]

_DECISIONS = ("marginal", "leaf")


class LevelAccuracy(SumMetric):
    """The share of samples that are right on each level: a dict level -> accuracy (micro average).

    It answers how often the species, the genus, ... is right. In [0, 1], larger is better; not for a
    model that may answer "some kind of cat": there an answer above a level is wrong on it, and
    `OperatingCurve` or `HierarchicalFScore` tell more. On a level the answer is the node with the largest
    probability there (the sum over its classes), or the ancestor of the best class. A target above a level
    is not counted there; a level where nothing was counted is NaN. Where nodes have several parents, a
    target may have several nodes on a level: each of them is right; of nodes that hold the same classes
    the first is the better one.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        top_k: right if the target's node is among the k best; at most the level's nodes count.
        decision: "marginal" (each level by its own probabilities) or "leaf" (the best class's ancestors).
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, such as those of `predict_proba`:
            rows of [0, 1] that sum to 1. A class of probability 0 adds nothing.
        kwargs: those of `torchmetrics.Metric`.

    Shape:
        - preds: logits or log-probabilities (C,), (N, C) or (N, C, d1..dk); or node ids, integers of the
          target's shape. Tensors, or arrays and tables of numpy, pandas or polars, whose columns are put
          into the order of the classes where they have names
        - target: node ids (), (N,) or (N, d1..dk)

    Raises:
        ValueError: probabilities without probabilities=True, rows that are none with it, NaN, another
            class count, a shape that does not fit, an unknown decision, top_k below 1 or with node ids, an
            ignore_index that is an inner node, columns that are not the classes.
        TypeError: names as targets, which `Taxonomy.node_ids` makes ids of.
        IndexError: a target or an answer that is no node.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> accuracy = LevelAccuracy(t)
    >>> accuracy.update(torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]), torch.tensor([0, 1]))
    >>> accuracy.compute()
    {'depth_1': tensor(1.), 'depth_2': tensor(0.5000)}
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        top_k: int = 1,
        decision: str = "marginal",
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        if decision not in _DECISIONS:
            raise ValueError(f"expected decision as one of {_DECISIONS}, got {decision!r}")
        self.top_k, self.decision = check_top_k(top_k), decision
        size = 2 * len(getattr(taxonomy, "levels", ()))
        super().__init__(
            taxonomy,
            decision,
            top_k,
            size=size,
            ignore_index=ignore_index,
            probabilities=probabilities,
            **kwargs,
        )
        if self.top_k == 1 and decision == "marginal":
            self.part = "levels"

    def _rows(self, batch: Batch) -> Contributions:
        if self._is_shared(batch):
            return Contributions(batch.level_facts[:, :-2].long())
        counted = batch.counted
        return Contributions(torch.cat([self._right(batch) & counted, counted], 1).long())

    def _is_shared(self, batch: Batch) -> bool:
        return self.top_k == 1 and (self.decision == "marginal" or batch.logits is None)

    def _score(self, sums: Tensor) -> Result:
        right, counted = sums.chunk(2, -1)
        return dict(zip(self.taxonomy.levels, (right / counted).unbind(-1), strict=True))

    def _right(self, batch: Batch) -> Tensor:
        """(R, L): whether the wanted node is among the answers of a level."""
        if self.top_k > 1:
            return self._among_the_best(batch)
        return batch.meets(batch.best_class.unsqueeze(1))

    def _among_the_best(self, batch: Batch) -> Tensor:
        if self.decision == "leaf":
            return batch.meets(flat_rows(batch.best_classes(self.top_k)))
        # In log space: where probabilities are 0 in float32 there are still k best.
        logits = batch.need_logits(f"top_k={self.top_k}")
        log_probs = cached_log_probs(self.taxonomy, logits.device)(logits)
        return batch.is_true([self._best(log_probs[level].all()) for level in sorted(log_probs)])

    def _best(self, scores: Tensor) -> Tensor:
        """(R, k): the k best nodes; of nodes of a graph that are equal the first, for every k."""
        k = min(self.top_k, scores.shape[1])
        if self.taxonomy.is_tree:
            return flat_rows(scores.topk(k, dim=1).indices)
        # Nodes with the same classes are equal in every row, and topk takes any of equals: a node might
        # be the best one and not be among the two best.
        return flat_rows(scores.sort(dim=1, descending=True, stable=True).indices[:, :k])


class FullPathAccuracy(SumMetric):
    """The share of samples whose whole path is right: every level above or at the target (micro average).

    It answers how often nothing at all is wrong. In [0, 1], larger is better; not for comparing decoders
    that differ: each level is answered by its own largest probability, so a path may break; the best
    class's own path is right as often as the class is. An answer given as node ids is right if it is the
    target or below it.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> accuracy = FullPathAccuracy(t)
    >>> accuracy.update(torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]), torch.tensor([0, 1]))
    >>> accuracy.compute()
    tensor(0.5000)

    Source: Park et al., ICLR 2025 (H-CAST), full path accuracy.
    """

    higher_is_better = True
    plot_upper_bound = 1.0
    part = "paths"

    def __init__(
        self, taxonomy: Taxonomy, ignore_index: int = -100, *, probabilities: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(taxonomy, size=2, ignore_index=ignore_index, probabilities=probabilities, **kwargs)

    def _rows(self, batch: Batch) -> Contributions:
        return Contributions(batch.level_facts[:, -2:].long())

    def _score(self, sums: Tensor) -> Result:
        return sums[..., 0] / sums[..., 1]
