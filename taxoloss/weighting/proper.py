"""Weights of nodes of which the truth is the minimiser, also where nodes have several parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import GraphPlan, Plan, loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import (
    WeightTable,
    checked_mapping,
    checked_number,
    checked_weights,
    numbers,
)
from taxoloss.weighting.graphs import own_pairs
from taxoloss.weighting.register import Takes, schedule
from taxoloss.weighting.schedules import of_ancestors, on_path

__all__ = ["proper"]


def _own_weights(weights: Any) -> Any:
    """Weights by level or node as a dict, those of all nodes as an array of our own."""
    return (
        checked_mapping(weights) if isinstance(weights, Mapping) else numbers(weights, "weights of nodes")
    )


@schedule(Takes.nodes, weights=_own_weights)
def proper(taxonomy: Taxonomy, weights: Mapping[Any, float] | npt.ArrayLike) -> WeightTable:
    """One weight a node, the same for every target below it; each class pays the same total.

    The weight of -log P(a) for a target y below a is w(a), not shared with other ancestors of y. A class
    takes for itself, beside its own w, the largest sum over a class and its ancestors less its own sum. So
    each class weighs W in all, and then the true probabilities are the minimiser (docs/mathematics.md):
    with weights of levels that are shared they are not, where nodes have several parents. An inner node as
    a target weighs its ancestors and itself.

    Args:
        weights: by level: a dict with a weight for every level, which is that of each node on it (a node
            that stands on several takes them all; on a tree it is then `by_level`); or by node: a dict by
            name or path, where nodes that are left out weigh 0, or an array (V,) by node id.

    Raises (when called with a taxonomy):
        ValueError: a level is missing, a weight is negative or not finite, all are 0, another shape.
        BindingError: a name is no node of the taxonomy, or several.
        TypeError: a weight is no number.

    >>> import taxoloss
    >>> nodes = [{"name": "A", "children": ["x", {"name": "y", "also_under": ["B"]}]},
    ...          {"name": "B", "children": ["z"]}]
    >>> t = taxoloss.load({"tree": nodes}).bind()
    >>> pairs = proper({"depth_1": 0.5, "depth_2": 0.5})(t)
    >>> pairs[:7].tolist()  # x: itself, A; y: itself, A, B; z: itself, B
    [1.0, 0.5, 0.5, 0.5, 0.5, 1.0, 0.5]

    Source: this project.
    """
    plan = loss_plan_of(taxonomy)
    of_node = _weights_of_nodes(weights, taxonomy, plan.num_nodes)
    return _of_pairs(plan, of_node) if isinstance(plan, GraphPlan) else _of_levels(plan, of_node)


def _of_pairs(plan: GraphPlan, of_node: WeightTable) -> WeightTable:
    """(P,)."""
    pairs = of_node[plan.ancestors.items]
    sums = np.bincount(plan.ancestors.numbers, pairs, minlength=plan.num_nodes)[: plan.num_classes]
    own = own_pairs(plan) & (plan.ancestors.items < plan.num_classes)
    pairs[own] += sums.max() - sums
    return pairs


def _of_levels(plan: Plan, of_node: WeightTable) -> WeightTable:
    """(V, L): a node is weighed on the deepest of its levels."""
    table = np.where(on_path(plan), of_ancestors(plan, of_node), 0.0)
    sums = table[: plan.num_classes].sum(axis=1)
    table[: plan.num_classes, -1] += sums.max() - sums
    return table


def _weights_of_nodes(weights: Any, taxonomy: Taxonomy, count: int) -> WeightTable:
    """(V,), that of the root 0, which costs nothing."""
    if isinstance(weights, Mapping) and set(weights) <= set(taxonomy.levels):
        return _by_level(checked_weights(weights, taxonomy.levels), taxonomy, count)
    of_node = np.zeros(count)
    if isinstance(weights, Mapping):
        nodes = taxonomy.ids_of_nodes[taxonomy.index.nodes([*weights])]
        of_node[nodes] = [
            checked_number(value, f"the weight of {name!r}") for name, value in weights.items()
        ]
    elif weights.shape == (count,):
        of_node[:] = weights
    else:
        raise ValueError(f"expected weights of shape ({count},), one a node id, got {weights.shape}")
    wrong = np.flatnonzero(~(np.isfinite(of_node) & (of_node >= 0)))
    if len(wrong):
        raise ValueError(f"expected finite weights, 0 or larger; node {wrong[0]} has {of_node[wrong[0]]}")
    of_node[-1] = 0.0
    if not of_node.any():
        raise ValueError("expected a weight above 0 below the root, got none")
    return of_node


def _by_level(row: WeightTable, taxonomy: Taxonomy, count: int) -> WeightTable:
    """(V,): what the levels weigh on which a node stands."""
    of_node = np.zeros(count)
    for level, weight in enumerate(row.tolist(), 1):
        of_node[taxonomy.ids_of_nodes[taxonomy.level_nodes(level)]] += weight
    return of_node
