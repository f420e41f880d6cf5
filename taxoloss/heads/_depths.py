"""The nodes of a tree, depth by depth: sums along the paths without a loop over nodes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from taxoloss.heads._head import down
from taxoloss.plan import plan_of
from taxoloss.taxonomy import Taxonomy

__all__ = ["Depths"]


class Depths(nn.Module):
    """Node ids ordered by depth, and where the parent of each stands among those of the depth before.

    Its buffers move with the head from device to device and are not part of a checkpoint.
    """

    order: Tensor
    classes: Tensor

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__()
        plan, tree, by_id = plan_of(taxonomy), taxonomy.tree, taxonomy.nodes_by_id
        depth, parent = tree.depth[by_id][:-1], taxonomy.ids_of_nodes[tree.parent[by_id[:-1]]]
        order = np.argsort(depth, kind="stable")  # the root, the last id, is left out
        place = np.empty(len(order) + 1, np.int64)
        self.sizes = np.bincount(depth)[1:].tolist()
        start = 0
        for number, size in enumerate(self.sizes):
            nodes = order[start : start + size]
            place[nodes] = np.arange(size)
            above = place[parent[nodes]] if number else np.zeros(size, np.int64)
            self.register_buffer(f"parents_{number}", torch.from_numpy(above), persistent=False)
            start += size
        where = np.empty(len(order), np.int64)
        where[order] = np.arange(len(order))
        self.register_buffer("order", torch.from_numpy(order), persistent=False)
        self.register_buffer(
            "classes", torch.from_numpy(where[: plan.num_classes].copy()), persistent=False
        )

    def path_sums(self, values: Tensor, dim: int) -> Tensor:
        """The sums over the path of each class: V - 1 values along `dim`, by node id, to C sums."""
        parents = [getattr(self, f"parents_{number}") for number in range(len(self.sizes))]
        sums = down(values.index_select(dim, self.order), parents, self.sizes, dim)
        return torch.cat(sums, dim).index_select(dim, self.classes)
