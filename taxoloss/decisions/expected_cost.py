"""The class whose expected cost is least (conditional risk minimisation).

On a tree let n_0 (the root), n_1, .., n_K = i be the path of class i, and v a number of each node. The
classes whose lowest common ancestor (LCA) with i is n_k are those below n_k and not below n_(k+1), whose
mass is P(n_k) - P(n_(k+1)). So with P(root) = 1 the mean of v over LCAs telescopes:

    sum over classes j of p_j v(LCA(i, j)) = v(root) + G(i)
    G(i) = sum over k = 1 .. K of P(n_k) (v(n_k) - v(n_(k-1)))

G is added up from the top level down: one addition a node, and no C x C matrix. The two costs are

    "lca_height"   height(LCA(i, j)), with v = -height: for i itself it is 0
    "edges"        depth(i) + depth(j) - 2 depth(LCA(i, j)), with v = depth: the edges between the two

Where nodes have several parents nothing telescopes, and the costs of all pairs are written down
(class_costs.py): p times a matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.decisions.inputs import Allowed, Answer, Nodes, Scores, decide
from taxoloss.decisions.ties import rounding
from taxoloss.functional.arithmetic import product, row_blocks, wide_dtype
from taxoloss.functional.arrays import tensor_of
from taxoloss.functional.graphs.class_costs import COSTS, class_costs
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.masses import argmax, level_masses
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["expected_costs", "minimum_cost"]

#: Costs of a block of answers, which become floating-point numbers.
_BLOCK = 1 << 22


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
        cost: "lca_height" (edges from the answer up to what it shares with the truth), "edges" (from the
            answer up to what it shares and down to the truth: the hops, or tree-induced error, that
            FathomNet 2025 and cell type annotation are scored by), or a matrix (C, C) of
            cost[answer, truth], a tensor or an array. The two with names take memory of the tree's size;
            where nodes have several parents, two bytes for each pair of classes: heights are then those of
            the most informative common ancestor, and edges those of the shortest way.

    Raises:
        ValueError, TypeError: another cost, or one that is not finite; nodes with several parents, a cost
            with a name and more than 16,384 classes; and as `leaf`.

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

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        p = torch.softmax(z, 1)
        if isinstance(cost, Tensor):
            expected = torch.movedim(product(torch.movedim(p, 1, -1), matrix.to(p).T), -1, 1)
            largest: Tensor | int = matrix.abs().amax()
        else:
            expected, largest = expected_costs(z, taxonomy, tensors, cost)
        # Only what is possible can be answered.
        expected = expected.masked_fill(z == -torch.inf, torch.inf)
        least = expected.amin(1, keepdim=True)
        best = argmax(torch.where(expected < least + rounding(least, largest), z, -torch.inf))
        return best, p.gather(1, best.unsqueeze(1)).squeeze(1)

    matrix = _checked(cost, len(taxonomy)) if isinstance(cost, Tensor) else _known(cost)
    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def expected_costs(
    logits: Tensor, taxonomy: Taxonomy, tensors: Nodes, cost: str
) -> tuple[Tensor, Tensor | int]:
    """What each class costs on average, (N, C, d1..dk), by a name in COSTS; and the largest cost.

    Of logits of that shape.
    """
    if isinstance(tensors, GraphNodes):
        costs = class_costs(taxonomy, cost, logits.device)
        return _by_matrix(torch.softmax(logits, 1), costs.matrix), costs.largest
    if cost == "lca_height":
        largest = tensors.height[tensors.root]
        return largest.to(wide_dtype(logits)) - _gain(logits, tensors, -tensors.height), largest
    p, depth = torch.softmax(logits, 1), tensors.depth[: tensors.num_classes]
    own = depth.view(1, -1, *[1] * (p.dim() - 2)).to(p.dtype)
    expected = own + (p * own).sum(1, keepdim=True) - 2 * _gain(logits, tensors, tensors.depth)
    return expected, 2 * depth.amax()


def _by_matrix(p: Tensor, matrix: Tensor) -> Tensor:
    """(N, C, d1..dk) of probabilities of that shape and a matrix (C, C) of narrow integers."""
    blocks = row_blocks(len(matrix), len(matrix), _BLOCK)
    last = p.movedim(1, -1)
    costs = [product(last, matrix[block].to(p.dtype).T) for block in blocks]
    return torch.cat(costs, -1).movedim(-1, 1)


def _gain(logits: Tensor, tensors: NodeTensors, value: Tensor) -> Tensor:
    """G(i) of each class, (N, C, d1..dk), of logits of that shape and a value (V,) of each node."""
    gain: Tensor | None = None
    for level, mass in enumerate(level_masses(logits, tensors)):
        nodes = tensors.nodes[level]
        # The node before on the path; the same where it stands for ranks.
        above = tensors.lines[nodes, level]
        step = (value[nodes] - value[above]).to(mass.dtype)
        here = mass * step.view(1, -1, *[1] * (mass.dim() - 2))
        if gain is not None:
            group = tensors.groups[level - 1]
            assert group is not None  # only that of the deepest level is
            here = here + gain.index_select(1, group)
        gain = here
    assert gain is not None  # a tree has a level
    return gain


def _known(cost: Any) -> Tensor:
    if not isinstance(cost, str) or cost not in COSTS:
        names = " or ".join(map(repr, COSTS))
        raise ValueError(f"expected cost as {names} or a Tensor (classes, classes), got {cost!r}")
    return torch.empty(0, device="cpu")


def _checked(cost: Tensor, classes: int) -> Tensor:
    if cost.shape != (classes, classes):
        raise ValueError(
            f"expected cost of shape ({classes}, {classes}), cost[answer, truth], got {tuple(cost.shape)}"
        )
    if not bool(torch.isfinite(cost).all()):
        raise ValueError("expected finite costs, got inf or NaN")
    return cost
