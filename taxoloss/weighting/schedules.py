"""How much each ancestor of a target counts: schedules that fill the table of weights.

A schedule is called with a bound taxonomy and gives a table (V, L) of numbers: row t is the target node
t, column l the weight of -log P(ancestor of t on level l). A row weighs no level below its own node. A
schedule, a dict of weights by level, or such a table is what `level_weights` takes. Whole columns are
filled, one level at a time: a tree of a million classes takes about a second.

`by_level`, `uniform` and `label_balanced` weigh levels. `deepest`, `geometric`, `hxe` and `balanced`
weigh the nodes on the path from the root to the target, n_1 just below the root to n_m the target. A
node may stand on several levels (where a rank is missing, or a leaf ends early): it is weighed once, on
the deepest of them, and 0 on the others.

Where nodes have several parents the weight of a level is shared equally by the target's ancestors on it,
and what weighs nodes gives a weight for each pair of a target and an ancestor, (P,): see graphs.py. `hxe`
and `balanced` need a tree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import GraphPlan, LossPlan, Plan, loss_plan_of, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import (
    WeightTable,
    checked_counts,
    checked_mapping,
    checked_number,
    checked_weights,
    numbers,
)
from taxoloss.weighting.graphs import counted_levels, own_pairs, shortest_distances
from taxoloss.weighting.register import SCHEDULES, Schedule, Takes, schedule

__all__ = [
    "SCHEDULES",
    "Schedule",
    "balanced",
    "by_level",
    "deepest",
    "geometric",
    "hxe",
    "label_balanced",
    "of_ancestors",
    "on_path",
    "own",
    "uniform",
]


_Number = TypeVar("_Number", np.int64, np.float64)


# -- levels ----------------------------------------------------------------------------------------


@schedule(Takes.weights, weights=checked_mapping)
def by_level(taxonomy: Taxonomy, weights: Mapping[str, float]) -> WeightTable:
    """One weight for each level, by its name; used as given, without normalisation.

    Args:
        weights: a weight, 0 or larger, for every level of the taxonomy; 0 leaves a level out.

    Raises:
        TypeError: not a mapping.

    Raises (when called with a taxonomy):
        ValueError: a level is unknown or missing, a weight is negative or not finite, all are 0.
        TypeError: a weight is no number.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind()
    >>> by_level({"species": 0.3, "breed": 0.7})(t)[0].tolist()
    [0.3, 0.7]

    Source: I. Flath, "Hierarchical Loss Function", 2020 (two levels).
    """
    row = checked_weights(weights, taxonomy.levels)
    return np.where(_counted(loss_plan_of(taxonomy)), row[None, :], 0.0)


def _counted(plan: LossPlan) -> npt.NDArray[np.bool_]:
    return counted_levels(plan) if isinstance(plan, GraphPlan) else plan.counted


@schedule(Takes.nothing)
def uniform(taxonomy: Taxonomy) -> WeightTable:
    """The same weight, 1/L, for each of the L levels.

    The row of a class sums to 1, that of an inner node to the share of the levels down to its own.

    >>> import taxoloss
    >>> uniform()(taxoloss.load("pets").bind())[0].tolist()
    [0.5, 0.5]

    Source: B. R. Muller and W. Smith, "A Hierarchical Loss for Semantic Segmentation", VISAPP 2020
    (all weights 1).
    """
    counted = _counted(loss_plan_of(taxonomy))
    return np.where(counted, 1.0 / counted.shape[1], 0.0)


def _own_counts(counts: Any) -> Any:
    """Counts as a dict or an array of our own."""
    return dict(counts) if isinstance(counts, Mapping) else numbers(counts, "numbers of samples as counts")


@schedule(Takes.counts, counts=_own_counts)
def label_balanced(taxonomy: Taxonomy, counts: Mapping[Any, float] | npt.ArrayLike) -> WeightTable:
    """Equal weights, each times N / (samples whose label reaches the level), for labels of mixed depth.

    Of N samples N_l have a label on level l or below it. The weight N / (L N_l) makes each level weigh
    as much as any other in the sum over the samples, and the mean weight of a sample is

        1/N * sum over l of N_l * N / (L N_l) = 1.

    L counts the levels that some label reaches; the others weigh 0. Where every label is a class it
    is `uniform`.

    Args:
        counts: the number of samples of each label: an array (C,) by class or (V,) by node id, such as
            torch.bincount(target, minlength=taxonomy.num_nodes), or a dict by name or path; a node
            that the dict leaves out has none.

    Raises (when called with a taxonomy):
        ValueError: another shape, a count that is negative or not finite, or no label reaches a level.
        BindingError: a name is no node of the tree, or several.
        TypeError: a count is no number.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind(node_targets=True)
    >>> label_balanced({"cat": 30, "dog": 30, "Bengal": 10, "pug": 10})(t)[0].tolist()
    [0.5, 2.0]

    Source: this project; the inverse of a frequency as a class weight, by level.
    """
    plan = loss_plan_of(taxonomy)
    samples = checked_counts(counts, taxonomy, plan)
    counted = _counted(plan)
    reached = samples @ counted
    used = reached > 0
    if not used.any():
        raise ValueError(f"expected a count above 0 below the root, got counts that sum to {samples.sum()}")
    row = np.zeros(len(reached))
    row[used] = samples.sum() / (used.sum() * reached[used])
    return np.where(counted, row[None, :], 0.0)


# -- the nodes on the path -------------------------------------------------------------------------


@schedule(Takes.nothing)
def deepest(taxonomy: Taxonomy) -> WeightTable:
    """Weight 1 on the target's own node, 0 elsewhere: the likelihood of what the label says.

    On data labelled with classes only it is flat cross-entropy. The root as a target says nothing and
    costs nothing. Where nodes have several parents no level is the deepest, and it is called `own`: with
    `bind(names, inner_classes=True)` it is the published loss of labels of mixed depth on an ontology.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind(node_targets=True)
    >>> deepest()(t)[t.node_ids(["Bengal", "cat"])].tolist()
    [[0.0, 1.0], [1.0, 0.0]]

    Source: on graphs the hierarchical cross-entropy of microsoft/hce-classification, Nature Computational
    Science, 2026 (10.1038/s43588-025-00945-z), in log space.
    """
    plan = loss_plan_of(taxonomy)
    if isinstance(plan, GraphPlan):
        return own_pairs(plan).astype(np.float64)
    counted = plan.counted
    below = np.pad(counted[:, 1:], ((0, 0), (0, 1)))
    return (counted & ~below).astype(np.float64)


#: The name for graphs.
own = deepest


def _dilution(d: Any) -> float:
    number = checked_number(d, "d of geometric(d)")
    if not 0 < number <= 1:
        raise ValueError(f"expected d above 0 and at most 1 in geometric(d), got {number}")
    return number


@schedule(Takes.number, d=_dilution)
def geometric(taxonomy: Taxonomy, d: float) -> WeightTable:
    """Weight d on the target's own node, d (1 - d) on its parent, d (1 - d)^2 above, ...

    The root would take what is left, (1 - d)^m of a target m nodes below it, and costs nothing: the row
    sums to 1 - (1 - d)^m. An inner node as a target is weighed as a class would be. geometric(1) is
    `deepest`, cross-entropy. Where nodes have several parents the power of 1 - d is the number of edges of
    the shortest way up to an ancestor, and a row may sum to more than 1.

    Args:
        d: above 0, at most 1; the paper's dilution parameter.

    Raises:
        ValueError: d is not in (0, 1].
        TypeError: d is no number.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind(node_targets=True)
    >>> geometric(0.75)(t)[t.node_ids(["Bengal", "cat"])].tolist()
    [[0.1875, 0.75], [0.75, 0.0]]

    Source: HACE, arXiv 2605.06274, 2026, eq. 4.
    """
    plan = loss_plan_of(taxonomy)
    if isinstance(plan, GraphPlan):
        return (d * (1.0 - d) ** shortest_distances(plan)).astype(np.float64)
    path = on_path(plan)
    rank = path.cumsum(axis=1)
    below = rank[:, -1:] - rank  # nodes of the path below this one
    return np.where(path, d * (1.0 - d) ** below, 0.0)


def _decay(alpha: Any) -> float:
    number = checked_number(alpha, "alpha of hxe(alpha)")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a finite alpha, 0 or larger, in hxe(alpha), got {number}")
    return number


@schedule(Takes.number, alpha=_decay)
def hxe(taxonomy: Taxonomy, alpha: float) -> WeightTable:
    """Hierarchical cross-entropy: each step down the path, n_(k-1) to n_k, counts exp(-alpha (k - 1)).

    HXE is the sum over k of -lambda_k log P(n_k | n_(k-1)), lambda_k = exp(-alpha (k - 1)), k = 1 just
    below the root. As log P(n_k | n_(k-1)) = log P(n_k) - log P(n_(k-1)), and P(root) = 1, it is the sum
    of -w_k log P(n_k) with

        w_k = lambda_k - lambda_(k+1),   w_m = lambda_m of the target itself.

    A row sums to lambda_1 = 1. hxe(0) is `deepest`, cross-entropy. An inner node as a target is weighed
    as a class would be.

    Args:
        alpha: finite, 0 or larger.

    Raises:
        ValueError: alpha is negative or not finite; when called, nodes have several parents.
        TypeError: alpha is no number.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind(node_targets=True)
    >>> hxe(0.5)(t)[t.node_ids(["Bengal", "cat"])].round(4).tolist()
    [[0.3935, 0.6065], [1.0, 0.0]]

    Source: L. Bertinetto et al., "Making Better Mistakes", CVPR 2020, section 3.1; the distance
    from the root in the place of height, as in published code; no division by the sum over the tree, which
    is the same for all samples.
    """
    taxonomy.require_tree("hxe, whose terms are of a node given its one parent,")
    path = on_path(plan_of(taxonomy))
    rank = path.cumsum(axis=1)
    share = np.where(rank == rank[:, -1:], 1.0, -math.expm1(-alpha))  # of lambda_k
    return np.where(path, math.exp(-alpha) ** np.maximum(rank - 1, 0) * share, 0.0)


@schedule(Takes.nothing)
def balanced(taxonomy: Taxonomy) -> WeightTable:
    """Each node takes (what remains on the path) / (its height + 1): near-equal shares on ragged trees.

    The height of a node is the number of edges to the deepest leaf below it. The row of a class sums to
    1. What a node takes depends on the nodes above it alone, so all classes below it agree, and an inner
    node as a target has their row, cut at itself. Where all classes are equally deep and no rank is
    missing it is `uniform`.

    Raises (when called with a taxonomy):
        ValueError: nodes have several parents.

    >>> import taxoloss
    >>> t = taxoloss.Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("fish",)])
    >>> balanced()(t.bind()).tolist()
    [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.5, 0.0], [0.0, 0.0]]

    Source: Urbani et al., "Harnessing Superclasses for Learning from Hierarchical Databases", 2024
    (arXiv 2411.16438).
    """
    taxonomy.require_tree("balanced, which divides what remains on the one way down,")
    plan = plan_of(taxonomy)
    height = of_ancestors(plan, taxonomy.tree.height[taxonomy.nodes_by_id])
    share = on_path(plan) / (height + 1.0)
    remains = np.cumprod(1.0 - share, axis=1)  # below each level
    share[:, 1:] *= remains[:, :-1]
    return share


def of_ancestors(plan: Plan, of_node: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """(V, L): a number of each target's ancestor on each level; it means nothing where none is counted."""
    columns = zip(plan.nodes, plan.ancestors.T, strict=True)
    return np.stack([of_node[nodes][index] for nodes, index in columns], axis=1)


def on_path(plan: Plan) -> npt.NDArray[np.bool_]:
    """(V, L): whether a level is where the target's node there is weighed: the deepest it stands on."""
    own_level = plan.counted.sum(axis=1)
    levels = np.arange(1, len(plan.levels) + 1)
    deepest_there: npt.NDArray[np.bool_] = of_ancestors(plan, own_level) == levels
    return plan.counted & deepest_there
