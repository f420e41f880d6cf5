"""What metrics and decisions look up about nodes that may have several parents.

What `NodeTensors` is for trees, and on a tree the same numbers. The *line* of a node is here the set of its
ancestors-or-self, the root among them: K at most, written as a row (V, K) with the most informative first.
Two nodes may share several nodes none of which is below another, so that there is no one lowest common
ancestor. Its place is taken by the most informative common ancestor, the first of the shared ones in an
order that is the same for all lines:

    fewest classes below; of equals the deepest level; of equals the smallest id

On a tree the common ancestors are a chain along which classes only become fewer and levels deeper: there it
is the lowest. A pair costs K^2 comparisons.

    depth(n) = the number of its ancestors-or-self, the root left out
    height(n) = the edges of the longest way down to a class
    edges(a, b) = the least, over the common ancestors c, of (shortest way a to c) + (shortest way b to c)

A class above other classes, a leaf of its own, is seen as its node, as in trees.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows, row_blocks, with_places
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.reach import reach_tensors
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.node_tensors import NodeTensors, node_tensors
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import GraphPlan, graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.reach import IntArray
from taxoloss.weighting.graphs import shortest_distances

__all__ = ["GraphNodes", "graph_nodes", "most_informative", "nodes_of", "pair_facts"]

#: Comparisons of a block of pairs.
_BLOCK = 1 << 22
#: Up to how many pairs of nodes their facts are kept.
_FEW_PAIRS = 1 << 16


class GraphNodes(DeviceTensors):
    """V nodes with the root, C classes, L levels of W_l nodes, K ancestors-or-self of a node at most."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = graph_plan_of(taxonomy)
        self.reach = reach_tensors(taxonomy)
        self.levels, self.num_classes, self.root = plan.levels, plan.num_classes, plan.num_nodes - 1
        #: For each level (W_l,): node ids in index order.
        self.nodes = tuple(torch.tensor(nodes) for nodes in plan.nodes)
        own = _seen_as(taxonomy)
        own_leaf = np.zeros(plan.num_nodes, np.bool_) if own is None else own != np.arange(len(own))
        #: (V,): node -> itself, a class above other classes -> its node; None where there is no such class.
        self.seen_as = None if own is None else torch.tensor(own)
        #: (V,): node -> itself, a node that is a class -> that class; None where there is no such class.
        self.as_class = None if own is None else torch.tensor(_turned(own))
        self._measure(plan, own)
        self._line_up(plan, own_leaf)
        #: (V, L): whether a node stands on a level, and whether a target has such a node.
        self.on_level = torch.zeros(plan.num_nodes, len(plan.levels), dtype=torch.bool, device="cpu")
        for level, nodes in enumerate(self.nodes):
            self.on_level[nodes, level] = True
        self.counted = torch.stack([self._met(on_it) for on_it in self.on_level.unbind(1)], 1)
        self._index()

    def _measure(self, plan: GraphPlan, own: IntArray | None) -> None:
        depth, below = plan.ancestors.sizes, plan.classes.sizes
        information = 1 - np.log(below) / np.log(plan.num_classes)
        #: (V,) int64, int64, int64 and float64; see above.
        self.depth = torch.tensor(depth if own is None else depth[own])
        self.height, self.classes_below = torch.tensor(_heights(plan)), torch.tensor(below)
        self.information = torch.tensor(information if own is None else information[own])

    def _line_up(self, plan: GraphPlan, own_leaf: npt.NDArray[np.bool_]) -> None:
        """The lines, and what stands beside their nodes."""
        root = np.arange(plan.num_nodes)
        of = np.concatenate([plan.ancestors.numbers, root])
        node = np.concatenate([plan.ancestors.items, np.full(plan.num_nodes, self.root)])
        near = shortest_distances(plan)
        ways = np.concatenate([near, _to_root(plan, near)])
        ways -= own_leaf[of] & (of != node)  # the edge from a leaf of its own to its node is none
        rank = np.empty(plan.num_nodes, np.int64)
        rank[most_informative(plan)] = root
        order = np.lexsort((rank[node], of))
        of, node, ways = of[order], node[order], ways[order]
        first = np.searchsorted(of, root)
        place = of, np.arange(len(of)) - first[of]
        shape = plan.num_nodes, int(place[1].max()) + 1
        lines, edges = np.full(shape, -1), np.zeros(shape, np.int64)
        lines[place], edges[place] = node, ways
        #: (V, K): the line of a node, filled up with -1; edges of the shortest way up to each.
        self.lines, self.ways = torch.tensor(lines), torch.tensor(edges)
        #: (V,): whether a node counts in a depth: neither the root nor the leaf of a class above others.
        self.counts = torch.tensor(~own_leaf)
        self.counts[self.root] = False

    def _index(self) -> None:
        """Which nodes of the levels stand in each line, where it is one a level at most."""
        single, ancestors = [], []
        for nodes in self.nodes:
            place = torch.full((self.root + 2,), -1, device="cpu")  # the last is that of no node, -1
            place[nodes] = torch.arange(len(nodes), device="cpu")
            found = place[self.lines]
            single.append(bool(((found >= 0).sum(1) <= 1).all()))
            ancestors.append(found.amax(1).clamp(min=0))
        #: For each level whether all nodes have one node there at most.
        self.single = tuple(single)
        #: (V, L): index of that node among the level's; of several the last, and 0 where there is none.
        self.ancestors = torch.stack(ancestors, 1)

    def _met(self, chosen: Tensor) -> Tensor:
        """(V,): whether one of the chosen nodes (V,) is in the line of each."""
        return (chosen[self.lines] & (self.lines >= 0)).any(1)

    def _common(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Of nodes (R,) and (R,): which of one's line (R, K) are shared, and the edges from the other."""
        lines, others = self.lines[one], self.lines[other]
        same = (lines.unsqueeze(2) == others.unsqueeze(1)) & (lines >= 0).unsqueeze(2)  # (R, K, K)
        ways = torch.where(same, self.ways[other].unsqueeze(1), 0).sum(2)
        return same.any(2), ways

    def lca(self, one: Tensor, other: Tensor) -> Tensor:
        """The most informative common ancestors of node ids of any shapes that broadcast."""
        shape = (one == other).shape
        one, other = one.expand(shape), other.expand(shape)
        flat, blocks = (one.reshape(-1), other.reshape(-1)), self._blocks(one.numel())
        found = [self._first_common(flat[0][rows], flat[1][rows]) for rows in blocks]
        return torch.cat(found).view(shape)

    def _first_common(self, one: Tensor, other: Tensor) -> Tensor:
        first = self._common(one, other)[0].long().argmax(1, keepdim=True)
        return self.lines[one].gather(1, first).squeeze(1)

    def facts(self, answer: Tensor, target: Tensor) -> Tensor:
        """What pairs of an answer and a target (R,) tell, (R, len(FACTS)), in the order of FACTS."""
        blocks = self._blocks(len(answer))
        return torch.cat([self._facts(answer[rows], target[rows]) for rows in blocks])

    def _facts(self, answer: Tensor, target: Tensor) -> Tensor:
        shared, ways = self._common(answer, target)
        line, depth = self.lines[answer], self.depth[target]
        below = (shared & (line == target.unsqueeze(1))).any(1)  # cut back to the target, the two are equal
        nearest = line.gather(1, shared.long().argmax(1, keepdim=True)).squeeze(1)
        far = torch.iinfo(ways.dtype).max
        edges = torch.where(shared, self.ways[answer] + ways, far).amin(1)
        both = (shared & self.counts[line]).sum(1)
        distance = torch.where(below, 0, self.height[nearest])
        one, said = torch.ones_like(depth), torch.where(below, depth, self.depth[answer])
        edges, both = torch.where(below, 0, edges), torch.where(below, depth, both)
        return torch.stack(
            [distance, (~below).long(), distance, one, edges, one, both, said, depth, one], -1
        )

    def edges_up(self, answer: Tensor, target: Tensor) -> Tensor:
        """(R,): the edges of the shortest way from answers (R,) up to what they share with targets (R,)."""
        far, found = torch.iinfo(torch.long).max, []
        for rows in self._blocks(len(answer)):
            shared = self._common(answer[rows], target[rows])[0]
            found.append(torch.where(shared, self.ways[answer[rows]], far).amin(1))
        return torch.cat(found)

    def level_masses(self, probabilities: Tensor) -> list[Tensor]:
        """For each level the sums (N, W_l, d1..dk) over what its nodes reach, of (N, C, d1..dk).

        The nodes of a level may share classes: their masses may come to more than 1.
        """
        masses = self.masses(flat_rows(probabilities))
        places = probabilities.shape[:1] + probabilities.shape[2:]
        found = [with_places(masses.index_select(1, nodes), places) for nodes in self.nodes[:-1]]
        return [*found, probabilities]

    def masses(self, probabilities: Tensor) -> Tensor:
        """(R, V): the sums over what all nodes reach, by id, of (R, C)."""
        return torch.cat([probabilities, self.inner_masses(probabilities)], 1)

    def inner_masses(self, rows: Tensor) -> Tensor:
        """(R, V - C): of probabilities (R, C) the sums over what inner nodes reach."""
        if host_may_read(rows):
            return (self.reach.inner @ rows.double().T).T.to(rows.dtype)
        node, classes = self.reach.inner_entries
        none = rows.new_zeros(rows.shape[0], self.root + 1 - self.num_classes)
        return none.index_add(1, node, rows.index_select(1, classes))

    def _blocks(self, rows: int) -> list[slice]:
        return list(row_blocks(rows, self.lines.shape[1] ** 2, _BLOCK))

    def node(self, ids: Tensor) -> Tensor:
        """The nodes as which ids are seen: of a class above other classes its node."""
        return ids if self.seen_as is None else self.seen_as[ids]

    def at_or_above(self, answer: Tensor, target: Tensor) -> Tensor:
        """Whether answers are the targets or nodes above them: what they say is true.

        Of node ids of any shapes that broadcast.
        """
        return (self.lines[target] == self.node(answer).unsqueeze(-1)).any(-1)

    def is_true(self, level: int, index: Tensor, target: Tensor) -> Tensor:
        """(R,): whether one of a level's nodes with indices (R, k) is the target (R,) or above it."""
        nodes = self.nodes[level][index]
        return (self.lines[target].unsqueeze(2) == nodes.unsqueeze(1)).flatten(1).any(1)

    def share_level(self, answer: Tensor, target: Tensor) -> Tensor:
        """(R, L): whether answers and targets (R,) have a node of a level in common."""
        found = []
        for rows in self._blocks(len(answer)):
            shared = self._common(answer[rows], target[rows])[0]  # what is no node is not shared
            found.append((shared.unsqueeze(2) & self.on_level[self.lines[answer[rows]]]).any(1))
        return torch.cat(found)


def graph_nodes(taxonomy: Taxonomy, device: torch.device | str = "cpu") -> GraphNodes:
    """The tables of a bound taxonomy, tree or graph, made once for each device.

    Raises:
        TypeError, ValueError: not a Taxonomy, or not bound.
    """
    return cached(taxonomy, GraphNodes).on(torch.device(device))


def nodes_of(taxonomy: Taxonomy, device: torch.device | str = "cpu") -> NodeTensors | GraphNodes:
    """The `node_tensors` of a tree, the `graph_nodes` of what has nodes with several parents.

    Raises:
        TypeError, ValueError: not a Taxonomy, or not bound.
    """
    is_graph = isinstance(taxonomy, Taxonomy) and not taxonomy.is_tree
    return graph_nodes(taxonomy, device) if is_graph else node_tensors(taxonomy, device)


def pair_facts(taxonomy: Taxonomy, tensors: NodeTensors | GraphNodes) -> Tensor | None:
    """`facts` of all pairs, (answers V x targets V, F); None: too many, or not on the CPU."""
    if tensors.device.type != "cpu" or len(tensors.depth) ** 2 > _FEW_PAIRS:
        return None
    return cached(taxonomy, _all_facts)


def _all_facts(taxonomy: Taxonomy) -> Tensor:
    tensors = nodes_of(taxonomy)
    own = torch.arange(len(tensors.depth), device="cpu")
    return tensors.facts(own.repeat_interleave(len(own)), own.repeat(len(own)))


def most_informative(plan: GraphPlan) -> IntArray:
    """(V,): the nodes in the order of the most informative first; see above."""
    return np.lexsort((-plan.level, plan.classes.sizes))  # it is stable: of equals the smallest id


def _seen_as(taxonomy: Taxonomy) -> IntArray | None:
    """(V,): a class above other classes -> its node, any other node -> itself; None without any."""
    tree = taxonomy.tree
    if tree.own is None:
        return None
    seen = np.arange(taxonomy.num_nodes)
    seen[taxonomy.ids_of_nodes[tree.own]] = taxonomy.ids_of_nodes[tree.parent[tree.own]]
    return seen


def _turned(seen: IntArray) -> IntArray:
    """(V,): the other way: a node that is a class -> that class."""
    as_class, leaves = np.arange(len(seen)), np.flatnonzero(seen != np.arange(len(seen)))
    as_class[seen[leaves]] = leaves
    return as_class


def _heights(plan: GraphPlan) -> IntArray:
    """(V,): the edges of the longest way down from each node."""
    heights = np.zeros(plan.num_nodes, np.int64)
    # A node has more ancestors than any node above it: children are done first.
    for node in np.argsort(-plan.ancestors.sizes, kind="stable").tolist():
        above = plan.parents[node]
        heights[above] = np.maximum(heights[above], heights[node] + 1)
    return heights


def _to_root(plan: GraphPlan, near: IntArray) -> IntArray:
    """(V,): the edges of the shortest way to the root, of those (P,) to the other ancestors."""
    top = np.zeros(plan.num_nodes, np.bool_)
    top[plan.parents.numbers[plan.parents.items == plan.num_nodes - 1]] = True
    of, node = plan.ancestors.numbers, plan.ancestors.items
    ways = np.full(plan.num_nodes, np.iinfo(np.int64).max)
    np.minimum.at(ways, of[top[node]], near[top[node]] + 1)
    ways[plan.num_nodes - 1] = 0
    return ways
