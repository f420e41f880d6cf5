"""The class whose expected cost is least (conditional risk minimisation).

With the height of the lowest common ancestor (LCA) as the cost, answering class i costs on average

    E(i) = sum over classes j of p_j height(LCA(i, j))

Let n_0 (the root), n_1, .., n_K = i be i's path. The classes whose LCA with i is n_k are those below n_k
and not below n_(k+1), whose mass is P(n_k) - P(n_(k+1)); for i itself the height is 0. So the sum
telescopes:

    E(i) = height(root) - G(i),   G(i) = sum over k = 1 .. K of P(n_k) (height(n_(k-1)) - height(n_k))

with P(root) = 1. G is added up from the top level down: one addition a node, and no C x C matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.decisions.inputs import Allowed, Answer, Scores, decide
from taxoloss.decisions.ties import rounding
from taxoloss.functional.arrays import tensor_of
from taxoloss.functional.masses import argmax, level_masses
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["expected_heights", "minimum_cost"]


def minimum_cost(
    logits: Scores,
    taxonomy: Taxonomy,
    cost: Any = "lca_height",
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """The class with the least expected cost; of equals the one with the larger logit, then the first.

    Costs are equal where they differ by at most 32 roundings of the largest cost (float64: 7e-15 of it,
    float32: 4e-6): sums of the same numbers in another order do.

    No retraining: any model's mistakes become milder, at hardly any loss of accuracy.

    Args:
        logits, taxonomy, allowed, return_probability, probabilities: as in `leaf`.
        cost: "lca_height" (edges from the answer up to what it shares with the truth; takes memory of
            the tree's size), or a matrix (C, C) of cost[answer, truth], a tensor or an
            array.

    Raises:
        ValueError, TypeError: another cost, or one that is not finite; and as `leaf`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> logits = torch.tensor([[2.0, 1.9, 2.1]])
    >>> minimum_cost(logits, t)  # beagle is the best class, but a cat is nearly always near
    tensor([0])
    >>> minimum_cost(logits, t, 1 - torch.eye(3))
    tensor([2])

    Source: Karthik et al., ICLR 2021 (CRM), eq. 2.
    """

    if hasattr(type(cost), "__array__") and not isinstance(cost, Tensor):
        cost = tensor_of(cost, "cost")

    def rule(z: Tensor, tensors: NodeTensors) -> tuple[Tensor, Tensor]:
        p = torch.softmax(z, 1)
        if isinstance(cost, Tensor):
            expected = torch.movedim(torch.movedim(p, 1, -1) @ matrix.to(p).T, -1, 1)
            largest = matrix.abs().amax()
        else:
            expected = expected_heights(z, tensors)
            largest = tensors.height[tensors.root]
        # Only what is possible can be answered.
        expected = expected.masked_fill(z == -torch.inf, torch.inf)
        least = expected.amin(1, keepdim=True)
        best = argmax(torch.where(expected < least + rounding(least, largest), z, -torch.inf))
        return best, p.gather(1, best.unsqueeze(1)).squeeze(1)

    matrix = _checked(cost, len(taxonomy)) if isinstance(cost, Tensor) else _known(cost)
    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def expected_heights(logits: Tensor, tensors: NodeTensors) -> Tensor:
    """E(i) of each class, (N, C, d1..dk), of logits of that shape."""
    gain: Tensor | None = None
    for level, mass in enumerate(level_masses(logits, tensors)):
        nodes = tensors.nodes[level]
        above = tensors.lines[
            nodes, level
        ]  # the node before on the path; the same where it stands for ranks
        step = (tensors.height[above] - tensors.height[nodes]).to(mass.dtype)
        here = mass * step.view(1, -1, *[1] * (mass.dim() - 2))
        if gain is not None:
            group = tensors.groups[level - 1]
            assert group is not None  # only that of the deepest level is
            here = here + gain.index_select(1, group)
        gain = here
    assert gain is not None  # a tree has a level
    return tensors.height[tensors.root].to(gain.dtype) - gain


def _known(cost: Any) -> Tensor:
    if cost != "lca_height":
        raise ValueError(f"expected cost as 'lca_height' or a Tensor (classes, classes), got {cost!r}")
    return torch.empty(0, device="cpu")


def _checked(cost: Tensor, classes: int) -> Tensor:
    if cost.shape != (classes, classes):
        raise ValueError(
            f"expected cost of shape ({classes}, {classes}), cost[answer, truth], got {tuple(cost.shape)}"
        )
    if not bool(torch.isfinite(cost).all()):
        raise ValueError("expected finite costs, got inf or NaN")
    return cost
