"""The tables (V, L) that the schedules of `taxoloss.weighting` give: each function here is one of them.

They work on whole columns, one level at a time: a tree of a million classes takes about a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import Plan, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable, checked_counts, checked_weights

__all__ = ["balanced", "by_level", "deepest", "geometric", "hxe", "label_balanced", "uniform"]


def by_level(taxonomy: Taxonomy, weights: Mapping[str, float]) -> WeightTable:
    """A row by level."""
    row = checked_weights(weights, taxonomy.levels)
    return np.where(plan_of(taxonomy).counted, row[None, :], 0.0)


def uniform(taxonomy: Taxonomy) -> WeightTable:
    """1 / L."""
    counted = plan_of(taxonomy).counted
    return np.where(counted, 1.0 / counted.shape[1], 0.0)


def label_balanced(taxonomy: Taxonomy, counts: Any) -> WeightTable:
    """N / (L N_l) where a label reaches level l, else 0."""
    plan = plan_of(taxonomy)
    samples = checked_counts(counts, taxonomy, plan)
    reached = samples @ plan.counted
    used = reached > 0
    if not used.any():
        raise ValueError(f"expected a count above 0 below the root, got counts that sum to {samples.sum()}")
    row = np.zeros(len(reached))
    row[used] = samples.sum() / (used.sum() * reached[used])
    return np.where(plan.counted, row[None, :], 0.0)


def deepest(taxonomy: Taxonomy) -> WeightTable:
    """1 on the deepest level that counts."""
    counted = plan_of(taxonomy).counted
    below = np.pad(counted[:, 1:], ((0, 0), (0, 1)))
    return (counted & ~below).astype(np.float64)


def geometric(taxonomy: Taxonomy, d: float) -> WeightTable:
    """d (1 - d)^j on the node that has j nodes of the path below it."""
    path = _path(plan_of(taxonomy))
    rank = path.cumsum(axis=1)
    below = rank[:, -1:] - rank  # nodes of the path below this one
    return np.where(path, d * (1.0 - d) ** below, 0.0)


def hxe(taxonomy: Taxonomy, alpha: float) -> WeightTable:
    """lambda_k - lambda_(k+1) on the k-th node of the path, lambda_m on its last."""
    path = _path(plan_of(taxonomy))
    rank = path.cumsum(axis=1)
    share = np.where(rank == rank[:, -1:], 1.0, -math.expm1(-alpha))  # of lambda_k
    return np.where(path, math.exp(-alpha) ** np.maximum(rank - 1, 0) * share, 0.0)


def balanced(taxonomy: Taxonomy) -> WeightTable:
    """What remains on the path / (height + 1), from the top down."""
    plan = plan_of(taxonomy)
    height = _of_ancestors(plan, taxonomy.tree.height[taxonomy.nodes_by_id])
    share = _path(plan) / (height + 1.0)
    remains = np.cumprod(1.0 - share, axis=1)  # below each level
    share[:, 1:] *= remains[:, :-1]
    return share


def _of_ancestors(plan: Plan, of_node: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(V, L): a number of each target's ancestor on each level; it means nothing where none is counted."""
    columns = zip(plan.nodes, plan.ancestors.T, strict=True)
    return np.stack([of_node[nodes][index] for nodes, index in columns], axis=1)


def _path(plan: Plan) -> npt.NDArray[np.bool_]:
    """(V, L): whether a level is where the target's node there is weighed: the deepest it stands on."""
    own_level = plan.counted.sum(axis=1)
    levels = np.arange(1, len(plan.levels) + 1)
    deepest_there: npt.NDArray[np.bool_] = _of_ancestors(plan, own_level) == levels
    return plan.counted & deepest_there
