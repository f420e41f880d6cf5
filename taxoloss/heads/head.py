"""What all heads share: a linear map from features to scores of nodes, and which tree it was made for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.distributed_tensors import refuse_distributed
from taxoloss.functional.inputs import help_for_tracer, refuse_script
from taxoloss.heads.bound import Bound
from taxoloss.taxonomy.plan import Plan, loss_plan_of, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Head", "tree_plan"]


class Head(Bound):
    """Features (..., in_features) -> leaf logits (..., C), by way of one score for each of some nodes.

    All parameters begin at zero, and every head then says that all classes are equally probable: heads
    that are compared begin alike. The digest of the taxonomy and of its class order is a buffer, so that
    a state_dict of another tree or order is refused and not loaded column by column.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, in_features: int, taxonomy: Taxonomy, scores: int, bias: bool) -> None:
        plan = loss_plan_of(taxonomy)
        if isinstance(in_features, bool) or not isinstance(in_features, int):
            raise TypeError(f"expected in_features as an integer, got {type(in_features).__name__}")
        if in_features < 1:
            raise ValueError(f"expected in_features of 1 or more, got {in_features}")
        super().__init__(taxonomy)
        self.in_features, self.num_classes = in_features, plan.num_classes
        self.weight = nn.Parameter(torch.zeros(scores, in_features))
        self.bias = nn.Parameter(torch.zeros(scores)) if bias else None

    def reset_parameters(self) -> None:
        """All scores to zero, the uniform distribution: also of a module that was made on meta."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
        super().reset_parameters()

    @staticmethod
    def row_nodes(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
        """What the rows of weight and bias are, in a head for this taxonomy: a number, and a node's path.

        A node has a row more than once only under different numbers (those of levels, where each level has
        rows of its own). So rows of one key mean the same, in whatever order the classes are.
        """
        raise NotImplementedError("this head does not say which rows are which nodes")

    def scores(self, features: Tensor) -> Tensor:
        """Scores (..., nodes) of features (..., in_features), in float32 or float64."""
        self.check(features)
        scores = F.linear(features, self.weight, self.bias)
        return at_least_float32(scores)

    def check(self, features: Tensor) -> None:
        """Refuses features of another width or without fractions."""
        if not isinstance(features, Tensor) or not features.is_floating_point():
            kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
            raise TypeError(
                f"expected features as a tensor of floating-point numbers, got {kind}"
                f"{help_for_tracer(features)}"
            )
        refuse_distributed(features, "features")
        if features.dim() == 0 or features.shape[-1] != self.in_features:
            raise ValueError(
                f"expected features (..., {self.in_features}), the last dimension being in_features; "
                f"got {tuple(features.shape)}"
            )
        self.compare_binding()

    __prepare_scriptable__ = refuse_script

    def extra_repr(self) -> str:
        """What the head was made of."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.taxonomy!r}{bias}"


def tree_plan(taxonomy: Taxonomy, head: str) -> Plan:
    """The plan of a tree, for a head that takes no other.

    Raises:
        TypeError: not a Taxonomy.
        ValueError: it is not bound, or nodes have several parents.
    """
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    taxonomy.require_tree(head, instead="heads.PathSum and heads.Flat take it as it is")
    return plan_of(taxonomy)
