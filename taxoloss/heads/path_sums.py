"""The nodes of a taxonomy, depth by depth: sums over ancestors without a loop over nodes.

With v(n) a number of each node, and S(n) the sum of those of n and of all above it, on a tree

    S(n) = v(n) + S(parent of n)

Where nodes have several parents, each ancestor counts once. Those of n are n itself, those of its home, and
those that only its further parents have, X(n). These three have nothing in common, so that

    S(n) = u(n) + S(home of n),   u(n) = v(n) + sum of v over X(n)

which is the sum on the tree of homes, of other numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.group_sums import group_sums
from taxoloss.taxonomy.plan import GraphPlan, loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Depths", "down", "paths_by_id"]


class Depths(DeviceTensors):
    """Node ids ordered by depth, and where the parent of each stands among those of the depth before."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = loss_plan_of(taxonomy)
        parent = taxonomy.ids_of_nodes[taxonomy.tree.parent[taxonomy.nodes_by_id]]
        depth = taxonomy.tree.depth[taxonomy.nodes_by_id[:-1]]  # the root, the last id, is left out
        order = np.argsort(depth, kind="stable")
        place = np.empty(len(order) + 1, np.int64)
        self.sizes = np.bincount(depth)[1:].tolist()
        parents, start = [], 0
        for number, size in enumerate(self.sizes):
            nodes = order[start : start + size]
            place[nodes] = np.arange(size)
            parents.append(torch.tensor(place[parent[nodes]]) if number else None)
            start += size
        where = np.empty(len(order), np.int64)
        where[order] = np.arange(len(order))
        self.parents = tuple(parents)
        self.order, self.classes = torch.tensor(order), torch.tensor(where[: plan.num_classes])
        #: (E,) and (E,): nodes with several parents, and the ancestors of X(n); None: a tree.
        self.further = None
        if isinstance(plan, GraphPlan):
            self.further = tuple(map(torch.tensor, _further(plan, parent)))

    def path_sums(self, values: Tensor, dim: int) -> Tensor:
        """The sums over each class and its ancestors: V - 1 values along `dim`, by node id, to C sums."""
        here = self.on(values.device)
        if here.further is not None:
            nodes, above = here.further
            values = values + group_sums(values.index_select(dim, above), nodes, values.shape[dim], dim)
        sums = down(values.index_select(dim, here.order), here.parents, self.sizes, dim)
        return torch.cat(sums, dim).index_select(dim, here.classes)


def _further(plan: GraphPlan, home: IntArray) -> tuple[IntArray, IntArray]:
    """(E,) nodes, and (E,) the ancestors X(n) of each."""
    of, above = plan.ancestors.numbers, plan.ancestors.items
    pairs = of * plan.num_nodes + above
    inherited = np.isin(home[of] * plan.num_nodes + above, pairs)
    chosen = ~inherited & (of != above)
    return of[chosen], above[chosen]


def paths_by_id(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
    """The paths of all nodes but the root in the order of their target ids, each with the number 0."""
    return [(0, path) for path in taxonomy.tree.paths(taxonomy.nodes_by_id[:-1])]


def down(values: Tensor, parents: Sequence[Tensor | None], sizes: list[int], dim: int) -> list[Tensor]:
    """For each depth the sums of values from the top to each of its nodes.

    `values` holds along `dim` the nodes of depth 1, then those of depth 2, ..: sizes[d] nodes at a time;
    parents[d] says for each where its parent stands among those of the depth before; parents[0] is None.
    """
    sums: list[Tensor] = []
    for own, parent in zip(torch.split(values, sizes, dim), parents, strict=True):
        sums.append(own if parent is None else own + sums[-1].index_select(dim, parent))
    return sums
