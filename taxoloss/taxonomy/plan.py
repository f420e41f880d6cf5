"""A bound taxonomy as the integers that a loss, a metric or a decision computes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray
from taxoloss.taxonomy.tree.reach import Rows

__all__ = [
    "GraphPlan",
    "LossPlan",
    "Plan",
    "classes_below",
    "graph_plan_of",
    "loss_plan_of",
    "plan_of",
]


@dataclass(frozen=True, eq=False)
class Plan:
    """Integers of a bound taxonomy; C classes, V nodes with the root, L levels.

    Nodes are target ids: classes 0..C-1, inner nodes from C on, the root V-1.
    """

    levels: tuple[str, ...]
    #: For each level (L,) the number of its nodes.
    widths: tuple[int, ...]
    #: For each level (L,) the node ids of its nodes, in index order.
    nodes: tuple[IntArray, ...]
    #: (L, C): class -> index of its node on each level.
    class_to_node: IntArray
    #: (V, L): node -> index of its ancestor-or-self on each level; 0 where `counted` is False.
    ancestors: IntArray
    #: (V, L): whether a target counts on a level: its node there is the target or above it.
    counted: npt.NDArray[np.bool_]
    #: (V,): node -> its parent; the root, which has none, -> itself.
    parent: IntArray
    #: (C,): depth-first position -> class.
    depth_first: IntArray
    #: (V,): the classes below a node are depth_first[start:stop].
    start: IntArray
    stop: IntArray
    #: Target ids run from 0 to this, exclusive: C, or V where inner nodes may be targets.
    num_targets: int
    #: C and V: integers of their own, since a compiler guards the arrays that it sees looked at.
    num_classes: int
    num_nodes: int

    def steps(self, levels: Sequence[int]) -> list[tuple[int, IntArray | None]]:
        """The way up the tree, from the classes through some levels (0 .. L-1), deepest first.

        Each step is (level, node of the step before -> node of this level); None where they are the
        same nodes in the same order.
        """
        steps: list[tuple[int, IntArray | None]] = []
        before = len(self.levels) - 1  # the deepest level: its nodes are the classes
        for level in sorted(levels, reverse=True):
            same = np.array_equal(self.class_to_node[before], self.class_to_node[level])
            steps.append((level, None if same else self.up(before, level)))
            before = level
        return steps

    def up(self, deeper: int, level: int) -> IntArray:
        """For each node of a level (0 .. L-1) the index of its node on a level above."""
        nodes = np.empty(self.widths[deeper], np.int64)
        nodes[self.class_to_node[deeper]] = self.class_to_node[level]  # all classes below a node agree
        return nodes


#: By `identity`: equal bindings share a plan while one of them that asked for it lives.
_SHARED: WeakValueDictionary[str, Plan] = WeakValueDictionary()


def plan_of(taxonomy: Taxonomy) -> Plan:
    """The plan of a bound taxonomy, made once for each binding, also while a compiler traces.

    Raises:
        TypeError: not a Taxonomy.
        ValueError: the taxonomy is not bound, or a node of it has several parents.
    """
    return cached(taxonomy, _plan)


def _plan(taxonomy: Taxonomy) -> Plan:
    taxonomy.require_tree("a metric, a decision or a head")
    plan = _SHARED.get(taxonomy.identity)
    if plan is None:
        plan = _SHARED[taxonomy.identity] = _compile(taxonomy)
    return plan


def _compile(taxonomy: Taxonomy) -> Plan:
    tree = taxonomy.tree
    depth = len(tree.levels)
    on_level = [taxonomy.level_nodes(level + 1) for level in range(depth)]
    class_to_node = np.stack([taxonomy.class_to_node(level + 1) for level in range(depth)])
    depth_first = np.argsort(taxonomy.class_order, kind="stable")
    by_id = taxonomy.nodes_by_id
    start, stop = tree.start[by_id], tree.stop[by_id]
    # Down to its own level a node's ancestors are those of any class below it.
    ancestors = class_to_node[:, depth_first[start]].T
    own_level = np.where(tree.is_leaf[by_id], depth, tree.level[by_id])
    counted = np.arange(1, depth + 1)[None, :] <= own_level[:, None]
    return Plan(
        levels=tree.levels,
        nodes=tuple(taxonomy.ids_of_nodes[nodes] for nodes in on_level),
        widths=tuple(len(nodes) for nodes in on_level),
        class_to_node=class_to_node,
        ancestors=np.where(counted, ancestors, 0),
        counted=counted,
        parent=taxonomy.ids_of_nodes[tree.parent[by_id]],
        depth_first=depth_first,
        start=start,
        stop=stop,
        num_targets=len(by_id) if taxonomy.node_targets else len(taxonomy),
        num_classes=len(taxonomy),
        num_nodes=len(by_id),
    )


# -- several parents -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class GraphPlan:
    """Integers of a bound taxonomy whose nodes may have several parents; of a tree they say the same."""

    levels: tuple[str, ...]
    #: For each level (L,) the node ids of its nodes, in index order.
    nodes: tuple[IntArray, ...]
    #: (V,): the level of each node, 1..L; of the root 0.
    level: IntArray
    #: V rows: the classes that each node reaches, itself where it is one.
    classes: Rows
    #: V rows: each node and its ancestors by id, the root left out.
    ancestors: Rows
    #: V rows: the parents of each node by id.
    parents: Rows
    num_targets: int
    num_classes: int
    num_nodes: int


def graph_plan_of(taxonomy: Taxonomy) -> GraphPlan:
    """What `plan_of` is for trees, along all edges; made once for each taxonomy.

    Raises:
        TypeError: not a Taxonomy.
        ValueError: the taxonomy is not bound.

    >>> import taxoloss
    >>> liger = {"name": "liger", "also_under": ["tiger"]}
    >>> t = taxoloss.load({"tree": [{"name": "lion", "children": [liger]}, "tiger", "cat"]}).bind()
    >>> plan = graph_plan_of(t)
    >>> plan.ancestors[0], plan.classes[t.node_id("tiger")]
    (array([0, 2, 3]), array([0]))
    """
    return cached(taxonomy, _graph_plan)


def _graph_plan(taxonomy: Taxonomy) -> GraphPlan:
    tree, ids, count = taxonomy.tree, taxonomy.ids_of_nodes, taxonomy.num_nodes
    reach, levels = tree.reach, range(1, len(tree.levels) + 1)
    of, above = reach.above.numbers, reach.above.items
    edges = np.array(list(tree.all_edges()))
    below = reach.leaves
    return GraphPlan(
        levels=tree.levels,
        nodes=tuple(ids[taxonomy.level_nodes(level)] for level in levels),
        level=tree.level[taxonomy.nodes_by_id],
        classes=Rows.of_pairs(ids[below.numbers], taxonomy.class_of_leaf[below.items], count),
        ancestors=Rows.of_pairs(ids[of[above > 0]], ids[above[above > 0]], count),
        parents=Rows.of_pairs(ids[edges[:, 1]], ids[edges[:, 0]], count),
        num_targets=count if taxonomy.node_targets else len(taxonomy),
        num_classes=len(taxonomy),
        num_nodes=count,
    )


LossPlan: TypeAlias = Plan | GraphPlan


def loss_plan_of(taxonomy: Taxonomy) -> LossPlan:
    """The `plan_of` a tree, the `graph_plan_of` what has nodes with several parents.

    Raises:
        TypeError: not a Taxonomy.
        ValueError: the taxonomy is not bound.
    """
    return cached(taxonomy, _loss_plan)


def classes_below(taxonomy: Taxonomy, node: int) -> IntArray:
    """The classes that a node of a bound taxonomy reaches, by id; of a class itself.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> classes_below(t, t.node_id("cat"))
    array([0, 1])
    """
    plan = loss_plan_of(taxonomy)
    if isinstance(plan, GraphPlan):
        return plan.classes[node]
    return plan.depth_first[plan.start[node] : plan.stop[node]]


def _loss_plan(taxonomy: Taxonomy) -> LossPlan:
    return plan_of(taxonomy) if taxonomy.is_tree else graph_plan_of(taxonomy)
