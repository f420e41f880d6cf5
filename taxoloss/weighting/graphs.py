"""Weights where nodes have several parents: of each level, or of each pair of a target and an ancestor.

The pairs (P,) of a target are the node itself and all that is above it, the root left out: the rows of
`GraphPlan.ancestors`, one after the other. A table by level (V, L) is spread over them: on each level a
target has the ancestors that stand there; where it has none, its nearest ones below that level, and a class
that ends early stands for itself, as in trees. They share the weight of the level equally.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import GraphPlan
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = [
    "PairWeights",
    "counted_levels",
    "level_totals",
    "own_pairs",
    "shared_by_level",
    "shortest_distances",
]

#: (P,): a weight for each pair of a target and an ancestor-or-self.
PairWeights: TypeAlias = npt.NDArray[np.float64]


def counted_levels(plan: GraphPlan) -> npt.NDArray[np.bool_]:
    """(V, L): whether a target counts on a level: it stands there or below, or it is a class."""
    levels = np.arange(1, len(plan.levels) + 1)
    counted: npt.NDArray[np.bool_] = plan.level[:, None] >= levels
    counted[: plan.num_classes] = True
    return counted


def own_pairs(plan: GraphPlan) -> npt.NDArray[np.bool_]:
    """(P,): whether a pair is a target and itself."""
    own: npt.NDArray[np.bool_] = plan.ancestors.numbers == plan.ancestors.items
    return own


def shared_by_level(plan: GraphPlan, table: npt.NDArray[np.float64]) -> PairWeights:
    """The weights (V, L) of levels, each shared equally by a target's ancestors on that level."""
    target = plan.ancestors.numbers
    weights = np.zeros(len(target))
    for level, here in enumerate(_on_levels(plan)):
        count = np.bincount(target[here], minlength=plan.num_nodes)
        weights[here] += table[target[here], level] / count[target[here]]
    return weights


def _on_levels(plan: GraphPlan) -> Iterator[npt.NDArray[np.bool_]]:
    """For each level (P,): whether an ancestor of a target stands there for it."""
    target, node = plan.ancestors.numbers, plan.ancestors.items
    highest = _deepest_parent(plan)[node]
    for level, counted in enumerate(counted_levels(plan).T, 1):
        on_it = plan.level[node] == level
        none_there = counted & (np.bincount(target[on_it], minlength=plan.num_nodes) == 0)
        nearest = (highest < level) & ((plan.level[node] > level) | (node < plan.num_classes))
        yield on_it | (nearest & none_there[target])


def _deepest_parent(plan: GraphPlan) -> IntArray:
    """(V,): the level of the deepest parent of each node; of the root 0."""
    deepest = np.zeros(plan.num_nodes, np.int64)
    np.maximum.at(deepest, plan.parents.numbers, plan.level[plan.parents.items])
    return deepest


def level_totals(plan: GraphPlan, weights: PairWeights) -> npt.NDArray[np.float64]:
    """(V, L): what a target's pairs weigh on each level; a class is on the deepest."""
    deepest = len(plan.levels)
    level = np.where(plan.ancestors.items < plan.num_classes, deepest, plan.level[plan.ancestors.items])
    place = plan.ancestors.numbers * deepest + level - 1
    totals = np.bincount(place, weights, minlength=plan.num_nodes * deepest)
    return totals.astype(np.float64).reshape(plan.num_nodes, deepest)


def shortest_distances(plan: GraphPlan) -> IntArray:
    """(P,): the edges of the shortest way from each target up to each of its ancestors."""
    found: list[dict[int, int]] = [{} for _ in range(plan.num_nodes)]
    # Parents stand on levels above: theirs are known first.
    for node in np.argsort(plan.level, kind="stable").tolist():
        ways = found[node]
        ways[node] = 0
        for parent in plan.parents[node].tolist():
            for ancestor, edges in found[parent].items():
                ways[ancestor] = min(edges + 1, ways.get(ancestor, edges + 1))
    pairs = zip(plan.ancestors.numbers.tolist(), plan.ancestors.items.tolist(), strict=True)
    return np.array([found[target][ancestor] for target, ancestor in pairs])
