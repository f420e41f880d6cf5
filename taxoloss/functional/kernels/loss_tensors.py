"""A plan and a table of weights as the tensors that a loss looks up."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import wide_on
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.kernels.chunks import ChunkTensors, chunks_of
from taxoloss.functional.log_probs import LevelLogProbs
from taxoloss.taxonomy.plan import Plan
from taxoloss.weighting.checks import WeightTable
from taxoloss.weighting.table import used_levels

__all__ = ["LossTensors", "count_of", "nan_of_none"]


class LossTensors(DeviceTensors):
    """What a loss looks up; T target ids, K levels that some target weighs, C classes.

    Tables by target have T rows, so that a look-up by a number that is no target is out of range.
    """

    #: How often other weights were put in place: what is made of them is made again then.
    revision = 0

    def __init__(self, plan: Plan, table: WeightTable) -> None:
        self.plan = plan
        self.used = used_levels(table)
        levels = list(self.used)
        #: On the widest of the used levels.
        self.most_nodes = max((plan.widths[level] for level in levels), default=0)
        self.chunks = ChunkTensors.of(chunks_of(plan, self.used), plan.depth_first)
        self.log_probs = LevelLogProbs(plan, self.used)
        edges = self.chunks.edges
        #: (T, K): the ancestors' ranges, as depth-first positions.
        self.start = edges[:, : len(levels)].clone()
        self.stop = edges[:, len(levels) :].flip(1)
        #: (C,): position -> class; None: the same. And class -> position.
        self.order = self.chunks.order
        self.position = torch.tensor(np.argsort(plan.depth_first))
        #: (T, K): index among the level's nodes.
        self.ancestors = torch.tensor(plan.ancestors[: plan.num_targets, levels])
        #: (K, C): index among the level's nodes.
        self.class_to_node = torch.tensor(plan.class_to_node[levels])
        #: (L, C): node id, on every level.
        every = range(len(plan.levels))
        self.class_to_id = torch.tensor(np.stack([plan.nodes[at][plan.class_to_node[at]] for at in every]))
        self._nodes = tuple(torch.tensor(plan.nodes[level]) for level in levels)
        self._weigh(self._rows(table))

    def _rows(self, table: WeightTable) -> WeightTable:
        return np.ascontiguousarray(table[: self.plan.num_targets, list(self.used)])

    def _weigh(self, rows: WeightTable) -> None:
        #: (T, K), in float64 where the device has it.
        self.weights = torch.tensor(rows)
        classes = rows[: self.plan.num_classes]
        #: For each used level whether all classes share one weight.
        self.shared = tuple(bool(same) for same in (classes == classes[:1]).all(0))

    def reweighted(self, table: WeightTable) -> LossTensors:
        """The tables for another table that weighs the same levels; they share all integers."""
        other = copy.copy(self)
        other._weigh(self._rows(table))
        return other

    def fits(self, table: WeightTable) -> bool:
        """Whether another table weighs the same levels."""
        return used_levels(table) == self.used

    def fill(self, table: WeightTable) -> None:
        """Puts other weights on the same levels, in place: nothing that was compiled is lost."""
        new = self.reweighted(table)
        for tensors in self.everywhere():
            tensors.weights.copy_(new.weights)
            tensors.shared = new.shared
            tensors.revision += 1

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

    def row_weights(
        self, ids: Tensor, valid: Tensor | None, node_weight: Tensor | None, count: Tensor | float | None
    ) -> Tensor:
        """(N, d1..dk, K): what each level of each row costs, by class weight and count; 0 where ignored."""
        weights = self.look_up(self.weights, ids)
        if node_weight is not None:
            own = self.look_up(node_weight.unsqueeze(1), ids)
            own = own if count is None else own / count
            weights = torch.where(weights == 0, 0.0, weights * own)
        elif count is not None:
            weights = weights / count
        return weights if valid is None else torch.where(valid.unsqueeze(-1), weights, 0.0)

    def nodes(self, level: int) -> Tensor:
        """Node ids of a level, in index order."""
        return self._nodes[self.used.index(level)]

    def node_weights(self, weight: Tensor) -> Tensor:
        """Class weights (C,) as weights of all nodes (V,), in the dtype of the level weights.

        A node weighs the mean of its classes.
        """
        wide = weight.to(wide_on(weight.device))
        # A node on two levels is counted twice, and so are its classes.
        nodes = self.class_to_id.reshape(-1)
        weights = wide.repeat(len(self.class_to_id))
        none = wide.new_zeros(self.plan.num_nodes)
        total, count = (none.index_add(0, nodes, of) for of in (weights, torch.ones_like(weights)))
        inner = (total / count)[self.plan.num_classes : -1]
        return torch.cat([wide, inner, wide.mean(0, keepdim=True)])


def count_of(ids: Tensor, valid: Tensor | None, node_weight: Tensor | None) -> Tensor | int:
    """By what a mean divides: the weight of the rows that are not ignored."""
    if node_weight is None:
        return ids.numel() if valid is None else valid.sum()
    counted = node_weight.index_select(0, ids.reshape(-1)).reshape(ids.shape)
    return (counted if valid is None else torch.where(valid, counted, 0.0)).sum()


def nan_of_none(loss: Tensor, count: Tensor | int | None) -> Tensor:
    """A mean that divided by this count: NaN where nothing was counted, as torch's."""
    if isinstance(count, Tensor):  # but no row's gradient is
        return torch.where(count == 0, torch.nan, loss)
    return loss / 0 if count == 0 else loss
