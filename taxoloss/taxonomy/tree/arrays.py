"""A tree of classes as arrays, and what its levels mean.

Nodes are numbered in depth-first order, parents before children, the root first. So the leaves below
any node are a contiguous range of the depth-first leaves, which is all that the loss will need.

A node stands on one level, 1 (top) to L; the root stands on 0. Ranks may be missing: a node that stands
on level l, below a parent on level k < l, stands for its leaves on each of the levels k+1 .. l, and a
leaf also on every level below its own. So each level partitions the leaves.

A class above other classes (`Taxonomy.bind(names, inner_classes=True)`) is a leaf of its own, the first
below its node and with the node's name: so all classes are leaves. `own` tells these leaves from others.

Where nodes have several parents, the tree is that of their homes: of the parents below which they are
written. `also_under` holds the other edges. Ranges of leaves are then those of the homes alone; what a node
reaches along all edges, and its levels, are in `reach`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.tree.reach import IntArray, Reach, compiled, frozen

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["IntArray", "Tree", "arrange", "frozen"]


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """Names, parents and levels of the nodes, in depth-first order, the root (named "") first.

    >>> import taxoloss
    >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).tree
    >>> list(enumerate(tree.names))
    [(0, ''), (1, 'cat'), (2, 'Bengal'), (3, 'Sphynx'), (4, 'dog'), (5, 'pug')]
    """

    names: tuple[str, ...]
    parent: IntArray
    level: IntArray
    levels: tuple[str, ...]
    #: The leaves that stand for their parents, in order; None where there is none.
    own: IntArray | None = None
    #: (E, 2): a node and a parent of it beside `parent`, in increasing order; None where there is none.
    also_under: IntArray | None = None

    def __post_init__(self) -> None:
        for array in (self.parent, self.level, self.own, self.also_under):
            if array is not None:
                frozen(array)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: self.__dict__[f.name] for f in dataclasses.fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # an array that was pickled can be written to again

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_tree(self) -> bool:
        """Whether no node has several parents."""
        return self.also_under is None

    def edges(self) -> Iterator[tuple[int, int]]:
        """(parent, node) for every node but the root, in depth-first order; of several parents the home.

        >>> import taxoloss
        >>> list(taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).tree.edges())
        [(0, 1), (1, 2), (1, 3), (0, 4), (4, 5)]
        """
        return zip(self.parent[1:].tolist(), range(1, len(self)), strict=True)

    def all_edges(self) -> Iterator[tuple[int, int]]:
        """(parent, node) for every edge: `edges`, then those to further parents.

        >>> import taxoloss
        >>> both = {"name": "liger", "also_under": ["tiger"]}
        >>> tree = taxoloss.load({"tree": [{"name": "lion", "children": [both]}, "tiger", "cat"]}).tree
        >>> list(tree.all_edges())
        [(0, 1), (1, 2), (0, 3), (0, 4), (3, 2)]
        """
        more = () if self.also_under is None else self.also_under.tolist()
        return chain(self.edges(), ((parent, node) for node, parent in more))

    def children(self) -> list[tuple[int, ...]]:
        """For each node its children (those that have their home there), in depth-first order.

        >>> import taxoloss
        >>> taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).tree.children()
        [(1, 4), (2, 3), (), (), (5,), ()]
        """
        first, nodes = self._by_parent
        below: list[tuple[int, ...]] = [()] * len(self)
        inner, children = np.flatnonzero(self.num_at_home), nodes.tolist()
        for node, *ends in np.stack([inner, first[inner], first[inner + 1]], 1).tolist():
            below[node] = tuple(children[slice(*ends)])
        return below

    def children_of(self, node: int) -> IntArray:
        """The children of one node, in depth-first order.

        >>> import taxoloss
        >>> taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).tree.children_of(1)
        array([2, 3])
        """
        first, nodes = self._by_parent
        return nodes[first[node] : first[node + 1]]

    @cached_property
    def num_children(self) -> IntArray:
        """How many children each node has, along all edges."""
        homes = np.bincount(self.parent[1:], minlength=len(self))
        if self.also_under is not None:
            homes = homes + np.bincount(self.also_under[:, 1], minlength=len(self))
        return frozen(homes)

    @cached_property
    def num_at_home(self) -> IntArray:
        """How many children have their home below each node."""
        return frozen(np.bincount(self.parent[1:], minlength=len(self)))

    @cached_property
    def _by_parent(self) -> tuple[IntArray, IntArray]:
        """(V + 1,) and (V - 1,): the children of node n are nodes[first[n] : first[n + 1]]."""
        first = np.concatenate([[0], np.cumsum(self.num_at_home)])
        return frozen(first), frozen(np.argsort(self.parent[1:], kind="stable") + 1)

    @cached_property
    def depth(self) -> IntArray:
        """Edges from the root."""
        depth = np.zeros(len(self), np.int64)
        for parents, nodes in _generations(self.parent):
            depth[nodes] = depth[parents] + 1
        return frozen(depth)

    @cached_property
    def height(self) -> IntArray:
        """Edges to the deepest leaf below."""
        height = np.zeros(len(self), np.int64)
        for parents, nodes in reversed(list(_generations(self.parent))):
            np.maximum.at(height, parents, height[nodes] + 1)
        return frozen(height)

    @cached_property
    def is_leaf(self) -> npt.NDArray[np.bool_]:
        """Whether a node is a leaf (a class)."""
        leaf = np.ones(len(self), np.bool_)
        leaf[self.parent[1:]] = False
        if self.also_under is not None:
            leaf[self.also_under[:, 1]] = False
        leaf.flags.writeable = False
        return leaf

    @cached_property
    def size(self) -> IntArray:
        """How many nodes are at or below each node."""
        return frozen(_sizes(self.parent, list(_generations(self.parent))))

    @cached_property
    def leaves(self) -> IntArray:
        """The leaves, in depth-first order."""
        return frozen(np.flatnonzero(self.is_leaf))

    @cached_property
    def start(self) -> IntArray:
        """The first depth-first leaf below each node: the range is start to stop."""
        return frozen(np.cumsum(self.is_leaf) - self.is_leaf)

    @cached_property
    def stop(self) -> IntArray:
        """One past the last depth-first leaf below each node."""
        last = np.arange(len(self)) + self.size - 1  # its subtree ends with this node
        # Which is a leaf in every tree; a node all of whose children have other homes is none.
        return frozen(self.start[last] + self.is_leaf[last])

    @cached_property
    def inner(self) -> IntArray:
        """The inner nodes, in depth-first post-order: children before parents, the root last."""
        inner = np.flatnonzero(~self.is_leaf)
        # Before v in post-order: all that comes before v in pre-order but for v's ancestors, and all
        # below v.
        postorder = inner - self.depth[inner] + self.size[inner] - 1
        return frozen(inner[np.argsort(postorder)])

    def at_level(self, level: int) -> IntArray:
        """The nodes that stand for the leaves on a level (1 .. L), in tree order."""
        above = self.level_above < level
        stands = above & ((self.level >= level) | self.is_leaf)
        if self.also_under is not None:  # a class may be below a node of the level by another way
            reach, on_it = self.reach, self.level == level
            without = ~np.logical_or.reduceat(on_it[reach.above.items], reach.above.starts[:-1])
            stands &= on_it | (self._sums(without[self.leaves].astype(np.int64)) > 0)
        stands[0] = False  # the root stands on no level
        return frozen(np.flatnonzero(stands))

    @cached_property
    def level_above(self) -> IntArray:
        """The level of each node's parent; of several the deepest one."""
        level = self.level[self.parent]
        if self.also_under is not None:
            np.maximum.at(level, self.also_under[:, 0], self.level[self.also_under[:, 1]])
        return frozen(level)

    # -- several parents ---------------------------------------------------------------------------

    @cached_property
    def reach(self) -> Reach:
        """What is above each node and which leaves it reaches, along all edges."""
        return compiled(self.all_edges(), self.is_leaf)

    def leaves_below(self, node: int) -> IntArray:
        """The depth-first numbers of the leaves that a node reaches."""
        if self.also_under is None:
            return np.arange(self.start[node], self.stop[node])
        return self.reach.leaves[node]

    @cached_property
    def num_leaves(self) -> IntArray:
        """How many leaves each node reaches."""
        if self.also_under is None:
            return frozen(self.stop - self.start)
        return frozen(self.reach.leaves.sizes)

    def parents_of(self, node: int) -> list[int]:
        """The parents of a node, its home first; of the root none."""
        if node == 0:
            return []
        more = () if self.also_under is None else self.also_under[self.also_under[:, 0] == node, 1].tolist()
        return [int(self.parent[node]), *more]

    @cached_property
    def several_parents(self) -> IntArray:
        """The nodes that have several parents."""
        if self.also_under is None:
            return frozen(np.empty(0, np.int64))
        return frozen(np.unique(self.also_under[:, 0]))

    def leaf_to_node(self, level: int) -> IntArray:
        """For each depth-first leaf: which of `at_level(level)` it is below."""
        nodes = self.at_level(level)
        return np.repeat(np.arange(len(nodes)), self.stop[nodes] - self.start[nodes])

    def path(self, node: int) -> tuple[str, ...]:
        """The names from below the root down to the node."""
        names: list[str] = []
        while node > 0:
            names.append(self.names[node])
            node = int(self.parent[node])
        return tuple(reversed(names))

    def paths(self, nodes: IntArray) -> tuple[tuple[str, ...], ...]:
        """The paths of many nodes, the root not among them."""
        parents = self.parent[nodes].tolist()
        above = {parent: self.path(parent) for parent in set(parents)}
        pairs = zip(parents, nodes.tolist(), strict=True)
        return tuple((*above[parent], self.names[node]) for parent, node in pairs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the tree and its levels: names, parents, levels, in order."""
        state = hashlib.sha256(b"taxoloss tree 1\n")
        for names in (self.levels, self.names):
            state.update(f"{len(names)}\n".encode())
            lengths = np.fromiter((len(name) for name in names), np.int64, len(names))
            state.update(lengths.astype("<i8").tobytes())
            state.update("".join(names).encode("utf-8", "surrogatepass"))
        state.update(self.parent.astype("<i8").tobytes() + self.level.astype("<i8").tobytes())
        if self.own is not None:
            state.update(b"own leaves" + self.own.astype("<i8").tobytes())
        if self.also_under is not None:
            state.update(b"also under" + self.also_under.astype("<i8").tobytes())
        return state.hexdigest()

    @cached_property
    def own_leaf(self) -> dict[int, int]:
        """Of each node that is a class itself the leaf that stands for it."""
        return (
            {}
            if self.own is None
            else dict(zip(self.parent[self.own].tolist(), self.own.tolist(), strict=True))
        )

    def with_own_leaves(self, inner: IntArray) -> tuple[Tree, IntArray]:
        """The tree in which inner nodes (in order) have leaves of their own, and its number of each node.

        >>> import taxoloss
        >>> tree = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).tree
        >>> more, number = tree.with_own_leaves(np.array([1]))
        >>> more.names, number
        (('', 'cat', 'cat', 'Bengal', 'Sphynx', 'dog', 'pug'), array([0, 1, 3, 4, 5, 6]))
        """
        number = np.arange(len(self)) + np.searchsorted(inner, np.arange(len(self)))
        own = number[inner] + 1
        names = np.insert(np.array(self.names, object), inner + 1, [self.names[node] for node in inner])
        parent = np.insert(number[self.parent], inner + 1, number[inner])
        level = np.insert(self.level, inner + 1, self.level[inner] + 1)
        if self.own is not None:
            own = np.sort(np.concatenate([own, number[self.own]]))
        also = None if self.also_under is None else number[self.also_under]
        return Tree(tuple(names), parent, level, self.levels, own, also), number

    def without_own_leaves(self) -> tuple[Tree, IntArray]:
        """The tree in which nodes have no leaves of their own, and which nodes of this one it has."""
        nodes = np.arange(len(self))
        return self._of_nodes(nodes if self.own is None else np.delete(nodes, self.own))

    def pruned(self, keep: IntArray) -> tuple[Tree, IntArray]:
        """The tree of some of the leaves (depth-first numbers), and which nodes of this one it has.

        A node below which only its own leaf is left is that leaf.
        """
        kept_leaf = np.zeros(len(self.leaves), np.int64)
        kept_leaf[keep] = 1
        count = self._sums(kept_leaf)
        kept = count > 0
        if self.own is not None:
            kept[self.own] &= count[self.parent[self.own]] > 1
        return self._of_nodes(np.flatnonzero(kept))

    def _sums(self, values: IntArray) -> IntArray:
        """The sum over the leaves that each node reaches."""
        if self.also_under is None:
            up_to: IntArray = np.concatenate([[0], np.cumsum(values)])
            return up_to[self.stop] - up_to[self.start]
        rows = self.reach.leaves
        return np.bincount(rows.numbers, values[rows.items], len(self)).astype(np.int64)

    def _of_nodes(self, nodes: IntArray) -> tuple[Tree, IntArray]:
        """The tree of some of the nodes, in order, the parents of all among them; and these nodes."""
        number = np.full(len(self), -1)
        number[nodes] = np.arange(len(nodes))
        names = tuple(self.names[node] for node in nodes.tolist())
        own = None if self.own is None else number[self.own]
        if own is not None:
            own = own[own >= 0] if (own >= 0).any() else None
        also = None if self.also_under is None else number[self.also_under]
        if also is not None:
            also = also[also.min(1) >= 0] if (also.min(1) >= 0).any() else None
        return Tree(names, number[self.parent[nodes]], self.level[nodes], self.levels, own, also), nodes

    def to_networkx(self, ids: Iterable[int]) -> nx.DiGraph[int]:
        """Parent -> child, each node under its number in `ids`, with its name and level's name."""
        import networkx as nx  # here: a view, made when it is asked for

        number = list(ids)
        graph: nx.DiGraph[int] = nx.DiGraph()
        level_names = (None, *self.levels)
        for node, name, level in zip(number, self.names, self.level.tolist(), strict=True):
            graph.add_node(node, name=name, level=level_names[level])
        graph.add_edges_from((number[parent], number[node]) for parent, node in self.all_edges())
        return graph


def arrange(parent: IntArray) -> IntArray:
    """The depth-first order of a table of nodes in which parents stand before their children.

    `parent[i] < i` is the row of i's parent, row 0 the root. Siblings keep their order. The result
    holds the rows in depth-first order.
    """
    count = len(parent)
    generations = list(_generations(parent))
    size = _sizes(parent, generations)
    position = np.zeros(count, np.int64)
    for parents, nodes in generations:
        # A child stands behind its parent and behind all that is below its earlier siblings.
        by_parent = np.argsort(parents, kind="stable")
        parents, nodes = parents[by_parent], nodes[by_parent]
        earlier = np.cumsum(size[nodes]) - size[nodes]
        first = np.searchsorted(parents, parents)
        position[nodes] = position[parents] + 1 + earlier - earlier[first]
    order = np.empty(count, np.int64)
    order[position] = np.arange(count)
    return order


def _sizes(parent: IntArray, generations: list[tuple[IntArray, IntArray]]) -> IntArray:
    """How many nodes are at or below each node."""
    size = np.ones(len(parent), np.int64)
    for parents, nodes in reversed(generations):
        np.add.at(size, parents, size[nodes])
    return size


def _generations(parent: IntArray) -> Iterable[tuple[IntArray, IntArray]]:
    """(parents, nodes) for each depth 1, 2, ... of a table in which parents come first."""
    pending = np.arange(1, len(parent))
    reached = np.zeros(len(parent), np.bool_)
    reached[0] = True
    while len(pending):
        ready = reached[parent[pending]]
        nodes = pending[ready]
        yield parent[nodes], nodes
        reached[nodes] = True
        pending = pending[~ready]
