"""Which branches of a tree gained and lost most between two models.

A unit u is a sample, or a group of them. Of the n_u samples of a unit that belong to a branch the second
model is right on D_u more than the first; the difference of the branch is sum D_u / n with n = sum n_u.
Were the models alike, each unit could as well have had them swapped: D_u would be -D_u as often, and
sum D_u would have the variance sum D_u^2 (of samples: McNemar's test). Few units tell little of a variance
and may all agree by luck. So two imaginary units of the mean size m = n / units are added, one that gained
all its samples and one that lost all (of samples: Bonett and Price 2012):

    centre = sum D_u / (n + 2 m)
    variance = max(sum D_u^2 + 2 m^2, sum (D_u - centre n_u)^2 + 2 m^2 (1 + centre^2)) / (n + 2 m)^2

The second sum is the variance of a ratio of sums around its own value, which may be larger where groups
differ in size. The interval is centre +- z sqrt(variance).

Those that are shown are chosen for their differences after all K were looked at: of intervals that hold in
95 % of cases each, the chosen ones hold more rarely. So each is made to hold in 1 - 0.05 / K of cases: then
all K hold at once in 95 % (Bonferroni), whichever are chosen. The order is by the end of the interval that
is nearer to 0, what a branch has gained at least; where intervals contain 0, by centre / sqrt(variance).

A node whose samples all stand below one of its children is left out: it says what the child says. Where
nodes have several parents, a sample belongs to every node above its truth, whichever way leads there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from taxoloss.metrics.bootstrap import Interval
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LEAST", "MOST", "Branch", "Branches", "compare_branches"]

#: A branch has as many samples, and as many branches are shown.
LEAST, MOST = 10, 5

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Branch:
    """A node, and the samples whose truth is the node or below it.

    Args:
        path: of the node.
        rows: how many samples.
        a, b: the shares of right answers.
        difference: b - a, with the interval that holds for all branches at once.
        node: its number in `Taxonomy.tree`.
    """

    path: tuple[str, ...]
    rows: int
    a: float
    b: float
    difference: Interval
    node: int

    @property
    def may_be_chance(self) -> bool:
        """The interval contains 0."""
        return self.difference.low <= 0 <= self.difference.high


@dataclass(frozen=True)
class Branches:
    """Those that were looked at, and of them those that gained and lost most."""

    each: tuple[Branch, ...]
    gained: tuple[Branch, ...]
    lost: tuple[Branch, ...]

    @property
    def looked_at(self) -> int:
        """How many."""
        return len(self.each)


@dataclass(frozen=True)
class _Sums:
    """Of each node, in the numbers of the tree: sums over its units."""

    rows: IntArray
    right_a: IntArray
    right_b: IntArray
    units: IntArray
    #: Of n_u^2, D_u n_u and D_u^2.
    sizes: IntArray
    products: IntArray
    squares: IntArray


def compare_branches(
    taxonomy: Taxonomy,
    target: IntArray,
    right_a: npt.NDArray[np.bool_],
    right_b: npt.NDArray[np.bool_],
    groups: IntArray | None = None,
    confidence: float = 0.95,
) -> Branches:
    """The branches that gained and lost most from a to b.

    Args:
        taxonomy: bound.
        target: (n,) node ids.
        right_a, right_b: (n,) whether the answers are the truth or below it.
        groups: (n,) the number of each sample's group; None: each is one.
        confidence: that all intervals hold.
    """
    units = np.arange(len(target)) if groups is None else groups
    sums = _sums(taxonomy, taxonomy.nodes_by_id[target], right_a, right_b, units)
    nodes = _looked_at(taxonomy, sums)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / (2 * max(1, len(nodes))))
    found = [(_branch(taxonomy, sums, node, z), _sureness(sums, node)) for node in nodes]
    return Branches(tuple(branch for branch, _ in found), _most(found, 1), _most(found, -1))


# -- sums over units -------------------------------------------------------------------------------


def _sums(
    taxonomy: Taxonomy,
    node: IntArray,
    right_a: npt.NDArray[np.bool_],
    right_b: npt.NDArray[np.bool_],
    units: IntArray,
) -> _Sums:
    """A sample belongs to its truth and to all nodes above."""
    size = len(taxonomy.tree.parent)
    parts = np.zeros((7, size), np.int64)
    # How deep a truth stands differs; a node may take the samples of one unit in several steps.
    pairs: list[tuple[IntArray, ...]] = []
    gains = right_a.astype(np.int64), right_b.astype(np.int64)
    for above, rows in _upwards(taxonomy, node):
        a, b = (gain[rows] for gain in gains)
        for at, values in enumerate((np.ones_like(a), a, b)):
            np.add.at(parts[at], above, values)
        pairs.append(_by_unit(above, units[rows], b - a, np.ones_like(a)))
    nodes, _, gain, count = _by_unit(*map(np.concatenate, zip(*pairs, strict=True)))
    for at, values in enumerate((np.ones_like(gain), count * count, gain * count, gain * gain), 3):
        np.add.at(parts[at], nodes, values)
    return _Sums(*parts)


def _upwards(taxonomy: Taxonomy, node: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Nodes (n,) and all above them, some at once: (m,) nodes, (m,) the places of whose they are.

    Of a tree one step up at a time; a node of a graph may be reached in several ways, and comes once.
    """
    tree, rows = taxonomy.tree, np.arange(len(node))
    if not tree.is_tree:
        above = tree.reach.above
        yield np.concatenate([above[one] for one in node.tolist()]), np.repeat(rows, above.sizes[node])
        return
    while len(node):
        yield node, rows
        below = node > 0
        node, rows = tree.parent[node[below]], rows[below]


def _by_unit(node: IntArray, unit: IntArray, gain: IntArray, count: IntArray) -> tuple[IntArray, ...]:
    """The different pairs of node and unit, with the sums of what they gained and of their samples."""
    width = int(unit.max(initial=0)) + 1
    keys, at = np.unique(node * width + unit, return_inverse=True)
    sums = np.zeros((2, len(keys)), np.int64)
    for total, values in zip(sums, (gain, count), strict=True):
        np.add.at(total, at, values)
    return keys // width, keys % width, *sums


def _looked_at(taxonomy: Taxonomy, sums: _Sums) -> list[int]:
    """Nodes with enough samples, but the root, and those whose samples all stand below one child."""
    tree, inner = taxonomy.tree, np.zeros(len(sums.rows), bool)
    parent, child = tree.parent[1:], np.arange(1, len(inner))
    if tree.also_under is not None:
        parent, child = np.append(parent, tree.also_under[:, 1]), np.append(child, tree.also_under[:, 0])
    inner[parent[sums.rows[child] == sums.rows[parent]]] = True
    return [node for node in range(1, len(inner)) if sums.rows[node] >= LEAST and not inner[node]]


# -- intervals -------------------------------------------------------------------------------------


def _centre_and_error(sums: _Sums, node: int) -> tuple[float, float]:
    """The centre of a node's interval, and the square root of the variance: see the head of this file."""
    n, gain = int(sums.rows[node]), int(sums.right_b[node] - sums.right_a[node])
    m = n / int(sums.units[node])
    centre = gain / (n + 2 * m)
    squares, products, sizes = (int(s[node]) for s in (sums.squares, sums.products, sums.sizes))
    around_0 = squares + 2 * m**2
    around_centre = squares - 2 * centre * products + centre**2 * sizes + 2 * m**2 * (1 + centre**2)
    return centre, math.sqrt(max(around_0, around_centre)) / (n + 2 * m)


def _branch(taxonomy: Taxonomy, sums: _Sums, node: int, z: float) -> Branch:
    n = int(sums.rows[node])
    a, b = int(sums.right_a[node]) / n, int(sums.right_b[node]) / n
    centre, error = _centre_and_error(sums, node)
    ends = max(-1.0, centre - z * error), min(1.0, centre + z * error)
    return Branch(taxonomy.path(int(taxonomy.ids_of_nodes[node])), n, a, b, Interval(b - a, *ends), node)


def _sureness(sums: _Sums, node: int) -> float:
    centre, error = _centre_and_error(sums, node)
    return centre / error


def _most(found: list[tuple[Branch, float]], sign: int) -> tuple[Branch, ...]:
    """Those that gained (sign 1) or lost (-1) most."""

    def order() -> Iterator[tuple[float, float, Branch]]:
        for branch, sureness in found:
            if sign * branch.difference.value > 0:
                near = branch.difference.low if sign > 0 else -branch.difference.high
                yield -max(0.0, near), -sign * sureness, branch

    return tuple(branch for *_, branch in sorted(order(), key=lambda entry: entry[:2])[:MOST])
