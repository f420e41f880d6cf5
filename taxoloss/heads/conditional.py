"""A softmax among the children of every inner node; leaf log-probabilities are sums along the paths."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from taxoloss.heads._depths import Depths
from taxoloss.heads._head import Head
from taxoloss.plan import plan_of
from taxoloss.taxonomy import Taxonomy

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
        ValueError: the taxonomy is not bound, in_features below 1, features of another width.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> head = ConditionalSoftmax(512, taxoloss.load("pets").bind())
    >>> head(torch.randn(8, 512)).exp()[0, 0]  # 1 / 37
    tensor(0.0270, grad_fn=...)

    Source: J. Redmon and A. Farhadi, "YOLO9000", CVPR 2017, section 4 (WordTree).
    """

    offset: Tensor
    group: Tensor

    def __init__(self, in_features: int, taxonomy: Taxonomy, bias: bool = True) -> None:
        plan = plan_of(taxonomy)
        super().__init__(in_features, taxonomy, plan.num_nodes - 1, bias)
        self.depths = Depths(taxonomy)
        self.inner = plan.num_nodes - plan.num_classes
        parent = taxonomy.ids_of_nodes[taxonomy.tree.parent[taxonomy.nodes_by_id[:-1]]]
        below = (plan.stop - plan.start)[:-1]
        group = torch.from_numpy(parent - plan.num_classes)  # inner nodes come after the classes
        self.register_buffer("group", group, persistent=False)
        self.register_buffer("offset", torch.from_numpy(np.log(below)).float(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities (..., C)."""
        scores = self.scores(features)
        rows = scores.reshape(-1, scores.shape[-1]) + self.offset.to(scores.dtype)
        logs = self.depths.path_sums(self._conditional(rows), 1)
        return logs.reshape(*features.shape[:-1], self.num_classes)

    def _conditional(self, scores: Tensor) -> Tensor:
        """Log-probabilities (N, V - 1) among siblings."""
        shape = (scores.shape[0], self.inner)
        index = self.group.expand_as(scores)
        # A constant for each parent: it cancels, and keeps exp in range.
        peak = scores.new_full(shape, -torch.inf).scatter_reduce(1, index, scores.detach(), "amax")
        scores = scores - peak.index_select(1, self.group)
        total = scores.new_zeros(shape).index_add(1, self.group, scores.exp())
        return scores - total.log().index_select(1, self.group)
