"""What is below a node and above it where nodes have several parents; networkx finds it, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "REDUNDANT",
    "IntArray",
    "Reach",
    "Rows",
    "compiled",
    "frozen",
    "redundant_edges",
    "topological_order",
]

IntArray: TypeAlias = npt.NDArray[np.int64]
#: How what is said of a redundant edge starts.
REDUNDANT = "an edge that says nothing more: "


def frozen(array: IntArray) -> IntArray:
    """The array, read-only from now on."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of different lengths (CSR): row r is items[starts[r] : starts[r + 1]], in increasing order."""

    #: (R + 1,)
    starts: IntArray
    items: IntArray

    def __post_init__(self) -> None:
        frozen(self.starts)
        frozen(self.items)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> IntArray:
        """The items of a row.

        >>> Rows.of_pairs(np.array([0, 2, 0]), np.array([7, 8, 5]), 3)[0]
        array([5, 7])
        """
        return self.items[self.starts[row] : self.starts[row + 1]]

    @classmethod
    def of_pairs(cls, rows: IntArray, items: IntArray, count: int) -> Rows:
        """The rows of (row, item) pairs in any order, so many of them."""
        order = np.lexsort((items, rows))
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))])
        return cls(starts.astype(np.int64), np.asarray(items, np.int64)[order])

    def listed(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The items of some rows, one row after the other, and for each which of these rows it is of.

        >>> Rows.of_pairs(np.array([0, 2, 0]), np.array([7, 8, 5]), 3).listed(np.array([2, 0]))
        (array([8, 5, 7]), array([0, 1, 1]))
        """
        sizes = self.sizes[rows]
        number = np.repeat(np.arange(len(rows)), sizes)
        # Of each row the place of its first item, less how many are listed before it.
        shift = self.starts[rows] - (np.cumsum(sizes) - sizes)
        return self.items[np.arange(len(number)) + shift[number]], number

    @property
    def sizes(self) -> IntArray:
        """(R,): how many items each row has."""
        return np.diff(self.starts)

    @property
    def numbers(self) -> IntArray:
        """For each item the number of its row."""
        return np.repeat(np.arange(len(self)), self.sizes)


@dataclass(frozen=True, eq=False)
class Reach:
    """The closure of a graph; V nodes by depth-first number, the root 0."""

    #: V rows: the ancestors of each node, and the node itself.
    above: Rows
    #: V rows: the depth-first numbers of the leaves that each node reaches; of a leaf its own.
    leaves: Rows


def compiled(edges: Iterable[tuple[int, int]], is_leaf: npt.NDArray[np.bool_]) -> Reach:
    """The closure of (parent, node) edges, all of whose nodes are below node 0.

    >>> reach = compiled([(0, 1), (0, 2), (1, 3), (2, 3), (2, 4)], np.array([0, 0, 0, 1, 1], bool))
    >>> reach.above[3], reach.leaves[2]
    (array([0, 1, 2, 3]), array([0, 1]))
    """
    import networkx as nx  # here: trees need none of it

    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    count = len(is_leaf)
    above = [[node, *nx.ancestors(graph, node)] for node in range(count)]
    nodes = np.repeat(np.arange(count), [len(row) for row in above])
    ancestors = np.fromiter((number for row in above for number in row), np.int64, len(nodes))
    number, of_leaf = np.cumsum(is_leaf) - 1, is_leaf[nodes]
    below = Rows.of_pairs(ancestors[of_leaf], number[nodes[of_leaf]], count)
    return Reach(Rows.of_pairs(nodes, ancestors, count), below)


def topological_order(edges: Iterable[tuple[int, int]]) -> list[int]:
    """The nodes of (parent, node) edges without a cycle, each behind all of its parents.

    >>> topological_order([(0, 2), (2, 1), (0, 1)])
    [0, 2, 1]
    """
    import networkx as nx

    return list(nx.topological_sort(nx.DiGraph(edges)))


def redundant_edges(parents: Mapping[int, Sequence[int]]) -> list[tuple[int, int, int]]:
    """Edges that a longer way says as well: (node, parent, another parent of it below that one).

    Args:
        parents: of each node, without a cycle.

    >>> redundant_edges({1: [0], 2: [1], 3: [0, 2]})
    [(3, 0, 2)]
    """
    import networkx as nx

    graph = nx.DiGraph((parent, node) for node, above in parents.items() for parent in above)
    several = {node: above for node, above in parents.items() if len(above) > 1}
    above_of = {parent: nx.ancestors(graph, parent) for above in several.values() for parent in above}
    found = []
    for node, above in several.items():
        for parent in above:
            lower = next((other for other in above if parent in above_of[other]), None)
            if lower is not None:
                found.append((node, parent, lower))
    return found
