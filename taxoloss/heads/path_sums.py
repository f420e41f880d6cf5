"""The nodes of a tree, depth by depth: sums along the paths without a loop over nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Depths", "down", "paths_by_id"]


class Depths(DeviceTensors):
    """Node ids ordered by depth, and where the parent of each stands among those of the depth before."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = plan_of(taxonomy)
        depth = taxonomy.tree.depth[taxonomy.nodes_by_id[:-1]]  # the root, the last id, is left out
        order = np.argsort(depth, kind="stable")
        place = np.empty(len(order) + 1, np.int64)
        self.sizes = np.bincount(depth)[1:].tolist()
        parents, start = [], 0
        for number, size in enumerate(self.sizes):
            nodes = order[start : start + size]
            place[nodes] = np.arange(size)
            parents.append(torch.tensor(place[plan.parent[nodes]]) if number else None)
            start += size
        where = np.empty(len(order), np.int64)
        where[order] = np.arange(len(order))
        self.parents = tuple(parents)
        self.order, self.classes = torch.tensor(order), torch.tensor(where[: plan.num_classes])

    def path_sums(self, values: Tensor, dim: int) -> Tensor:
        """The sums over the path of each class: V - 1 values along `dim`, by node id, to C sums."""
        here = self.on(values.device)
        sums = down(values.index_select(dim, here.order), here.parents, self.sizes, dim)
        return torch.cat(sums, dim).index_select(dim, here.classes)


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
