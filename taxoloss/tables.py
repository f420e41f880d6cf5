"""A plan and a table of weights as tensors that move with the module that holds them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from taxoloss.chunk_tables import ChunkTables
from taxoloss.log_probs import LevelLogProbs
from taxoloss.plan import Plan
from taxoloss.rings import chunks_of, used_levels
from taxoloss.tree import IntArray
from taxoloss.weighting import Table

__all__ = ["LossTables"]


class LossTables(nn.Module):
    """What a loss looks up; T target ids, K levels that some target weighs, C classes.

    All integers are buffers that no state_dict holds. Tables by target have T rows, so that a look-up
    by a number that is no target is out of range.
    """

    start: Tensor  # (T, K): the ancestors' ranges, as depth-first positions
    stop: Tensor
    position: Tensor  # (C,): class -> depth-first position
    order: Tensor | None  # (C,): position -> class; None: the same
    ancestors: Tensor  # (T, K): index among the level's nodes
    class_to_node: Tensor  # (K, C)
    class_to_id: Tensor  # (L, C): node id on every level

    def __init__(self, plan: Plan, table: Table) -> None:
        super().__init__()
        self.plan = plan
        self.used = used_levels(table)
        levels = list(self.used)
        self.chunks = ChunkTables.of(chunks_of(plan, self.used), plan.depth_first)
        self.log_probs = LevelLogProbs(plan, self.used)
        edges = self.chunks.edges
        self._keep("start", edges[:, : len(levels)])
        self._keep("stop", edges[:, len(levels) :].flip(1))
        order = self.chunks.order
        self.register_buffer("order", None if order is None else order.clone(), persistent=False)
        self._keep("position", np.argsort(plan.depth_first))
        self._keep("ancestors", plan.ancestors[: plan.num_targets, levels])
        self._keep("class_to_node", plan.class_to_node[levels])
        every = range(len(plan.levels))
        self._keep("class_to_id", np.stack([plan.nodes[at][plan.class_to_node[at]] for at in every]))
        for level in levels:
            self._keep(f"nodes_{level}", plan.nodes[level])
        self.weights = torch.empty(0)
        self.fill(table)

    def _keep(self, name: str, values: IntArray | Tensor) -> None:
        self.register_buffer(name, torch.as_tensor(values).clone(), persistent=False)

    def fill(self, table: Table) -> None:
        """Puts other weights on the same levels, in place: nothing that was compiled is lost."""
        rows = table[: self.plan.num_targets, list(self.used)]
        new = torch.from_numpy(np.ascontiguousarray(rows))
        if self.weights.shape == new.shape:
            self.weights.copy_(new)
        else:
            self.weights = new.to(self.start.device, _table_dtype(self.start.device))
        classes = rows[: self.plan.num_classes]
        #: For each used level whether all classes share one weight.
        self.shared = tuple(bool(same) for same in (classes == classes[:1]).all(0))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LossTables:
        # The weights follow the device but never the dtype: .half() must not round .3 to .30005.
        # So they are no buffer, and stay in float64 where the device has it.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = self.start.device
        self.weights = self.weights.to(device, _table_dtype(device))
        return self

    @staticmethod
    def look_up(table: Tensor, ids: Tensor) -> Tensor:
        """Rows (N, d1..dk, columns) of a table (T, columns). A number that is no row raises."""
        if ids.is_cpu and not torch.compiler.is_compiling():
            if ids.dim() == 1:
                return table.index_select(0, ids)
            return table.index_select(0, ids.reshape(-1)).view(*ids.shape, table.shape[1])
        # gather, since a compiled index_select takes -1 as the last row in silence, and on a GPU no error
        # is certain.
        index = ids.reshape(-1, 1).expand(-1, table.shape[1])
        return table.gather(0, index).view(*ids.shape, table.shape[1])

    def nodes(self, level: int) -> Tensor:
        """Node ids of a level, in index order."""
        nodes: Tensor = getattr(self, f"nodes_{level}")
        return nodes

    def node_weights(self, weight: Tensor) -> Tensor:
        """Class weights (C,) as weights of all nodes (V,), in the dtype of the level weights.

        A node weighs the mean of its classes.
        """
        wide = weight.to(_table_dtype(weight.device))
        # A node on two levels is counted twice, and so are its classes.
        nodes = self.class_to_id.reshape(-1)
        weights = wide.repeat(len(self.class_to_id))
        none = wide.new_zeros(self.plan.num_nodes)
        total, count = (none.index_add(0, nodes, of) for of in (weights, torch.ones_like(weights)))
        inner = (total / count)[self.plan.num_classes : -1]
        return torch.cat([wide, inner, wide.mean(0, keepdim=True)])


def _table_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64
