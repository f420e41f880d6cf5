"""What metrics and decisions look up about the nodes of a tree, as tensors on a device.

Nodes are target ids: classes 0..C-1, inner nodes from C on, the root last. The *line* of a node is the
root, then its ancestor-or-self on each level; below its own level it is filled up with the node itself.
Two lines agree from the root down to the lowest common ancestor (LCA) and nowhere below it: there the
two nodes' ancestors differ, or one node is the LCA itself and its filling is not below itself. So

    LCA(a, b) = line(a)[k - 1],  k = the number of places where line(a) and line(b) agree

at a cost of L + 1 comparisons a pair, in memory of nodes x (L + 1) numbers.

A class above other classes, a leaf of its own, is seen as its node: it has the node's depth and
information, and its LCA with a class below the node is the node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FACTS", "NodeTensors", "node_tensors"]


#: What `NodeTensors.facts` tells: the height of the LCA, 0 where the answer is the target or below it;
#: whether it is neither; the edges between the two; depths of the LCA, of the answer (cut back to the
#: target) and of the target; and 1, beside each that is averaged.
FACTS = ("distance", "mistake", "distance", "one", "edges", "one", "shared", "said", "true", "one")


@dataclass(frozen=True, eq=False)
class NodeTensors(DeviceTensors):
    """V nodes with the root, C classes, L levels of W_l nodes."""

    levels: tuple[str, ...]
    #: (V, L + 1): the root, then node -> its ancestor-or-self on each level, itself below its own.
    lines: Tensor
    #: (V, L): index of the ancestor among the level's nodes; 0 where `counted` is False.
    ancestors: Tensor
    #: (V, L): whether a target counts on a level.
    counted: Tensor
    #: (V,): edges from the root; edges to the deepest leaf below; the number of classes below.
    depth: Tensor
    height: Tensor
    classes_below: Tensor
    #: (V,) float64 (float32 where there is none): 1 - log(classes below) / log(C), from 0 to 1.
    information: Tensor
    #: For each level (W_l,): node ids in index order.
    nodes: tuple[Tensor, ...]
    #: For each level (W_(l+1),): node of the next deeper level -> its node here; of the deepest: None.
    groups: tuple[Tensor | None, ...]
    #: (C,): depth-first position -> class.
    depth_first: Tensor
    #: (V,): the classes below a node are depth_first[start:stop].
    start: Tensor
    stop: Tensor
    #: (V,): node -> itself, a class above other classes -> its node; None where there is no such class.
    seen_as: Tensor | None = None
    #: (V,): node -> itself, a node that is a class -> that class; None where there is no such class.
    as_class: Tensor | None = None

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.depth_first)

    @property
    def root(self) -> int:
        """The root's id, V - 1."""
        return len(self.depth) - 1

    def lca(self, one: Tensor, other: Tensor) -> Tensor:
        """The lowest common ancestors of node ids of any shapes that broadcast."""
        lines = self.lines[one]
        agree = (lines == self.lines[other]).sum(-1, keepdim=True)
        lines = lines.expand(*agree.shape[:-1], lines.shape[-1])
        return lines.gather(-1, agree - 1).squeeze(-1)

    def facts(self, answer: Tensor, target: Tensor) -> Tensor:
        """What pairs of an answer and a target (R,) tell, (R, len(FACTS)), in the order of FACTS."""
        lca = self.lca(answer, target)
        below = lca == target  # cut back to the target, the two are equal
        one, depth = torch.ones_like(lca), self.depth[target]
        distance = torch.where(below, 0, self.height[lca])
        said = self.depth[answer]
        edges = torch.where(below, 0, said + depth - 2 * self.depth[lca])
        said = torch.where(below, depth, said)
        mistake = (~below).long()
        return torch.stack(
            [distance, mistake, distance, one, edges, one, self.depth[lca], said, depth, one], -1
        )

    def edges_up(self, answer: Tensor, target: Tensor) -> Tensor:
        """(R,): the edges from answers (R,) up to what they share with targets (R,)."""
        return self.depth[answer] - self.depth[self.lca(answer, target)]

    def node(self, ids: Tensor) -> Tensor:
        """The nodes as which ids are seen: of a class above other classes its node."""
        return ids if self.seen_as is None else self.seen_as[ids]

    def at_or_above(self, answer: Tensor, target: Tensor) -> Tensor:
        """Whether answers are the targets or nodes above them: what they say is true."""
        node = self.node(answer)
        return self.lca(node, target) == node


def node_tensors(taxonomy: Taxonomy, device: torch.device | str = "cpu") -> NodeTensors:
    """The tables of a bound taxonomy, made once for each device.

    Raises:
        TypeError, ValueError: not a Taxonomy, or not bound.
    """
    return cached(taxonomy, _make).on(torch.device(device))


def _make(taxonomy: Taxonomy) -> NodeTensors:
    plan, tree, by_id = plan_of(taxonomy), taxonomy.tree, taxonomy.nodes_by_id

    def tensor(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Tensor:
        return torch.from_numpy(np.array(array))  # a copy: plans are read-only

    own = np.arange(plan.num_nodes)
    ids = np.stack([plan.nodes[at][plan.ancestors[:, at]] for at in range(len(plan.levels))], 1)
    lines = np.where(plan.counted, ids, own[:, None])
    root = np.full((plan.num_nodes, 1), plan.num_nodes - 1)
    seen_as = as_class = None
    if tree.own is not None:
        leaves, nodes = taxonomy.ids_of_nodes[tree.own], taxonomy.ids_of_nodes[tree.parent[tree.own]]
        seen_as, as_class = own.copy(), own.copy()
        seen_as[leaves], as_class[nodes] = nodes, leaves
    depth, below = tree.depth[by_id], plan.stop - plan.start
    information = 1 - np.log(below) / np.log(plan.num_classes)
    groups = (tensor(plan.up(level + 1, level)) for level in range(len(plan.levels) - 1))
    return NodeTensors(
        levels=plan.levels,
        lines=tensor(np.concatenate([root, lines], 1)),
        ancestors=tensor(plan.ancestors),
        counted=tensor(plan.counted),
        depth=tensor(depth if seen_as is None else depth[seen_as]),
        height=tensor(tree.height[by_id]),
        classes_below=tensor(below),
        information=tensor(information if seen_as is None else information[seen_as]),
        nodes=tuple(tensor(nodes) for nodes in plan.nodes),
        groups=(*groups, None),
        depth_first=tensor(plan.depth_first),
        start=tensor(plan.start),
        stop=tensor(plan.stop),
        seen_as=None if seen_as is None else tensor(seen_as),
        as_class=None if as_class is None else tensor(as_class),
    )
