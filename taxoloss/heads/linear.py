"""Heads that are linear maps to leaf logits: one score a class, or a sum of the scores of nodes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from taxoloss.heads.head import Head
from taxoloss.heads.path_sums import Depths, paths_by_id
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Flat", "PathSum"]


class Flat(Head):
    """One score for each class: an nn.Linear that begins at zero, and knows which class is which output.

    Args:
        in_features: the width of the features.
        taxonomy: bound to the dataset's classes (`Taxonomy.bind`).
        bias: whether each score has a constant of its own.

    Shape:
        - input: features (..., in_features)
        - output: leaf logits (..., C)
        - weight: (C, in_features), rows in the order of the classes; bias: (C,)

    Raises:
        TypeError: the taxonomy is no Taxonomy, in_features no integer, features no floating-point tensor.
        ValueError: the taxonomy is not bound, in_features below 1, features of another width.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> head = Flat(512, taxoloss.load("pets").bind())
    >>> head(torch.randn(8, 512)).shape
    torch.Size([8, 37])
    """

    def __init__(self, in_features: int, taxonomy: Taxonomy, bias: bool = True) -> None:
        super().__init__(in_features, taxonomy, loss_plan_of(taxonomy).num_classes, bias)

    @staticmethod
    def row_nodes(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
        """The classes, in their order."""
        return [(0, path) for path in taxonomy.paths()]

    def forward(self, features: Tensor) -> Tensor:
        """Leaf logits (..., C)."""
        self.check(features)
        return F.linear(features, self.weight, self.bias)


class PathSum(Head):
    """A score for each node but the root; the logit of a class is the sum of those on its path.

    A class shares what is learnt of its genus with the genus's other classes:

        logit(c) = sum over n of w_n . x + b_n = (sum of w_n) . x + (sum of b_n),  n = c and the nodes above

    Where nodes have several parents each node above counts once, however many ways lead there. The sums of
    the weights are made once a call, whatever the number of samples, and are then an ordinary linear layer
    of C outputs.

    Args:
        in_features: the width of the features.
        taxonomy: bound to the dataset's classes (`Taxonomy.bind`).
        bias: whether each node's score has a constant of its own.

    Shape:
        - input: features (..., in_features)
        - output: leaf logits (..., C)
        - weight: (V - 1, in_features), the row of a node at its target id; bias: (V - 1,)

    Raises:
        TypeError: the taxonomy is no Taxonomy, in_features no integer, features no floating-point tensor.
        ValueError: the taxonomy is not bound, in_features below 1, features of another width.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> head = PathSum(512, taxoloss.load("pets").bind())
    >>> head(torch.randn(8, 512)).shape, head.weight.shape
    (torch.Size([8, 37]), torch.Size([39, 512]))

    Source: J. Valmadre, "Hierarchical classification at multiple operating points", NeurIPS 2022,
    section 4 (parameter sharing).
    """

    def __init__(self, in_features: int, taxonomy: Taxonomy, bias: bool = True) -> None:
        super().__init__(in_features, taxonomy, loss_plan_of(taxonomy).num_nodes - 1, bias)
        self.depths = apart(Depths, taxonomy)

    @staticmethod
    def row_nodes(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
        """All nodes but the root, by their target ids."""
        return paths_by_id(taxonomy)

    def forward(self, features: Tensor) -> Tensor:
        """Leaf logits (..., C)."""
        self.check(features)
        bias = None if self.bias is None else self.depths.path_sums(self.bias, 0)
        return F.linear(features, self.depths.path_sums(self.weight, 0), bias)
