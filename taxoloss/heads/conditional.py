"""A softmax among the children of every inner node; leaf log-probabilities are sums along the paths."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.group_sums import group_sums
from taxoloss.heads.head import Head, tree_plan
from taxoloss.heads.path_sums import Depths, paths_by_id
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["ConditionalSoftmax"]


class ConditionalSoftmax(Head):
    """Log P(class) as the sum of log P(node | parent) on its path, each by a softmax among siblings.

        log P(n | parent) = s_n - log sum over siblings m of exp(s_m),   s_n = w_n . x + b_n + log |n|

    |n| is the number of classes below n, a constant: with parameters of zero P(n | parent) is the share
    of the parent's classes that are below n, and all classes are equally probable. The output is a
    log-probability, which is a logit too: any loss and any decision takes it.

    Args:
        in_features: the width of the features.
        taxonomy: bound to the dataset's classes (`Taxonomy.bind`).
        bias: whether each node's score has a constant of its own.

    Shape:
        - input: features (..., in_features)
        - output: log-probabilities (..., C) in float32 or float64
        - weight: (V - 1, in_features), the row of a node at its target id; bias: (V - 1,)

    Raises:
        TypeError: the taxonomy is no Taxonomy, in_features no integer, features no floating-point tensor.
        ValueError: the taxonomy is not bound, or has nodes with several parents; in_features below 1,
            features of another width.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> head = ConditionalSoftmax(512, taxoloss.load("pets").bind())
    >>> head(torch.randn(8, 512)).exp()[0, 0]  # 1 / 37
    tensor(0.0270, grad_fn=...)

    Source: J. Redmon and A. Farhadi, "YOLO9000", CVPR 2017, section 4 (WordTree).
    """

    def __init__(self, in_features: int, taxonomy: Taxonomy, bias: bool = True) -> None:
        plan = tree_plan(taxonomy, "ConditionalSoftmax")
        super().__init__(in_features, taxonomy, plan.num_nodes - 1, bias)
        self.siblings = apart(_Siblings, taxonomy)

    @staticmethod
    def row_nodes(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
        """All nodes but the root, by their target ids."""
        return paths_by_id(taxonomy)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities (..., C)."""
        scores = self.scores(features)
        siblings = self.siblings.on(scores.device)
        rows = scores.reshape(-1, scores.shape[-1]) + siblings.offset.to(scores.dtype)
        logs = siblings.depths.path_sums(siblings.log_softmax(rows), 1)
        return logs.reshape(*features.shape[:-1], self.num_classes)


class _Siblings(DeviceTensors):
    """Which nodes are children of one node."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = plan_of(taxonomy)
        self.depths = Depths(taxonomy)
        self.inner = plan.num_nodes - plan.num_classes
        #: (V - 1,): the parent's number among the inner nodes, which come after the classes.
        self.group = torch.tensor(plan.parent[:-1] - plan.num_classes)
        #: (V - 1,): log of the number of classes below.
        self.offset = torch.tensor(np.log((plan.stop - plan.start)[:-1]))

    def log_softmax(self, scores: Tensor) -> Tensor:
        """Log-probabilities (N, V - 1) among siblings."""
        shape = (scores.shape[0], self.inner)
        index = self.group.expand_as(scores)
        # A constant for each parent: it cancels, and keeps exp in range.
        peak = scores.new_full(shape, -torch.inf).scatter_reduce(1, index, scores.detach(), "amax")
        scores = scores - peak.index_select(1, self.group)
        total = group_sums(scores.exp(), self.group, self.inner)
        return scores - total.log().index_select(1, self.group)
