"""Sums up the tree of homes, where each node stands once, below the parent that it is written under.

Nodes are tree numbers (depth-first, the root 0): those at or below node v are the range v to v + size(v),
and a sum over them is a difference of two running sums.
"""

from __future__ import annotations

import numpy as np

from taxoloss.report.numbers.gathered import FloatArray, IntArray
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["common_home", "counts_of", "sums_below"]


def counts_of(tree: Tree, nodes: IntArray) -> IntArray:
    """(V,): how often each node stands among nodes (n,).

    >>> import taxoloss
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).tree
    >>> counts_of(tree, np.array([2, 3, 2])).tolist()
    [0, 0, 2, 1, 0, 0]
    """
    return np.bincount(nodes, minlength=len(tree))


def sums_below(tree: Tree, values: IntArray | FloatArray) -> FloatArray:
    """(V,): the sum of values (V,) over each node and all that have their homes below it.

    Of integers below 2^53 it is exact.

    >>> import taxoloss
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).tree
    >>> sums_below(tree, np.array([0, 0, 2, 1, 0, 5])).tolist()
    [8.0, 3.0, 2.0, 1.0, 5.0, 5.0]
    """
    running = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    own = np.arange(len(tree))
    found: FloatArray = running[own + tree.size] - running[own]
    return found


def common_home(tree: Tree, one: IntArray, other: IntArray) -> IntArray:
    """(n,): the lowest common ancestors of nodes (n,) and (n,) along the homes.

    A node has a larger number than all above it. So of two different nodes the one with the larger number
    is not above the other, and their common ancestors are those of its parent and the other.

    >>> import taxoloss
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).tree
    >>> common_home(tree, np.array([2, 2, 2]), np.array([3, 5, 1])).tolist()
    [1, 0, 1]
    """
    one, other = one.copy(), other.copy()
    while (apart := np.flatnonzero(one != other)).size:
        a, b = one[apart], other[apart]
        one[apart], other[apart] = np.where(a > b, tree.parent[a], a), np.where(b > a, tree.parent[b], b)
    return one
