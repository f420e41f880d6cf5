"""What spread targets say of the units and the classes of a loss, in torch: A of native/spread_call.h.

Columns of (.., n) are rows of the batch. What is spread over the nodes of levels is the same for all rows
where all targets are classes and all classes share the weight of each level: then it is one column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.inputs import target_ids
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.unit_tables import unit_tables

if TYPE_CHECKING:
    from taxoloss.functional.kernels.spread import SpreadTarget

__all__ = ["Said", "Targets", "spread_of_rows"]


class Said(NamedTuple):
    """Of some rows."""

    #: (U, n)
    of_units: Tensor
    #: (C, n) or (C, 1); of one class of each row (1, n) that much more (1, n), or None.
    of_classes: Tensor
    label: Tensor | None
    more: Tensor | None
    #: (n,): the sum of what is said of classes.
    in_classes: Tensor


def spread_of_rows(tensors: LossTensors, spread: SpreadTarget) -> Tensor:
    """(rows, K): with probabilities as targets, how much each level weighs in what is spread.

    A weight that all classes share does not depend on the probabilities, as in torch; else it is the mean
    of the weights by them.
    """
    q = spread.target
    rows = q.movedim(1, -1).reshape(-1, q.shape[1])
    of_classes = q.shape[1] == tensors.plan.num_classes
    if of_classes and all(tensors.shared):
        return tensors.weights[:1].expand(len(rows), -1)
    found = rows.double() @ tensors.weights[: q.shape[1]]
    if of_classes:
        for level, shared in enumerate(tensors.shared):
            if shared:
                found[:, level] = tensors.weights[0, level]
    return found


class Targets:
    """Those of a batch."""

    #: (rows,), which rows count; None: all. And what a mean divides by.
    valid: Tensor | None = None
    count: float

    def __init__(self, tensors: LossTensors, spread: SpreadTarget, dtype: torch.dtype) -> None:
        self.tensors, self.spread, self.dtype = tensors, spread, dtype
        self.tables = unit_tables(tensors)
        self.classes = tensors.plan.num_classes
        if spread.soft:
            self.q = spread.target.transpose(0, 1).flatten(1)  # (S, rows)
            self.count = self.q.shape[1]
        else:
            ids = spread.target.reshape(-1)
            self.ids, self.valid = target_ids(ids, spread.ignore_index, tensors.plan)
            self.count = self._weight_of_ids()
        share = 1 / self.count if spread.reduction == "mean" and self.count else 1.0
        self.own, self.spread_part = (1 - spread.smoothing) * share, spread.smoothing * share
        self.uniform = self._uniform(tensors.weights[:1]) if self._is_uniform() else None

    def _weight_of_ids(self) -> float:
        """Of those that count."""
        ids = self.ids if self.valid is None else self.ids[self.valid]
        own = self.spread.own_weight
        return len(ids) if own is None else float(own.index_select(0, ids).sum())

    def _is_uniform(self) -> bool:
        """Whether what is spread over nodes is the same for all rows."""
        if not all(self.tensors.shared):
            return False
        if self.spread.soft:
            return len(self.q) == self.classes
        several = self.tensors.plan.num_targets > self.classes and self.ids.numel() > 0
        return not several or self.ids.amax().item() < self.classes

    def _uniform(self, weights: Tensor) -> Tensor:
        """(U + C, m): what is spread over the nodes of levels, of their weights (m, K)."""
        tables, node_weight = self.tables, self.spread.node_weight
        by_run = (tables.spread_over @ weights.T).mul_(self.spread_part).to(self.dtype)  # (G, m)
        found = by_run.index_select(0, tables.group_of_each)
        if node_weight is not None:
            found.mul_(node_weight[tables.nodes].to(self.dtype).unsqueeze(1))
        return found

    def said(self, block: slice) -> Said:
        """Of some rows."""
        return self._said_by_shares(block) if self.spread.soft else self._said_by_ids(block)

    def _said_by_shares(self, block: slice) -> Said:
        q, units = self.q[:, block], self.tables.units.units
        of_units, of_classes = self._pushed(q)
        if self.spread.smoothing > 0:
            uniform = self.uniform
            if uniform is None:
                uniform = self._uniform(spread_of_rows(self.tensors, self.spread._replace(target=q.T)))
            of_units, of_classes = of_units.add_(uniform[:units]), of_classes.add_(uniform[units:])
        return Said(of_units, of_classes, None, None, of_classes.sum(0))

    def _pushed(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """What probabilities (S, n) bring to units (U, n) and to classes (C, n)."""
        tables, own = self.tables, self.spread.own_weight
        factor = tables.weights.new_full((1,), self.own) if own is None else own * self.own
        if self.own == 0:
            q = torch.zeros_like(q)
        q = tables.masses.scaled(q.to(self.dtype), factor.to(self.dtype).unsqueeze(1))
        of_units = tables.brings(len(q)) @ q
        weight, alike = tables.weight_of_class.to(self.dtype).unsqueeze(1), tables.alike
        of_classes = q[: self.classes].mul_(weight[: self.classes])
        if len(q) > self.classes and len(alike):
            of_classes.index_add_(0, tables.class_of_target[alike], q[alike].mul_(weight[alike]))
        return of_units, of_classes

    def _said_by_ids(self, block: slice) -> Said:
        tables, ids, own_weight = self.tables, self.ids[block], self.spread.own_weight
        shared, units = self.uniform is not None, tables.units.units
        weights = self.tensors.weights[:1] if shared else self.tensors.weights.index_select(0, ids)
        uniform = self.uniform if self.uniform is not None else self._uniform(weights)
        of_units, in_classes = uniform.new_empty(units + 1, len(ids)), uniform[units:].sum(0)
        of_units[:units] = uniform[:units]
        if self.own == 0:
            return Said(of_units[:units], uniform[units:], None, None, in_classes)
        own = weights.new_full((1,), self.own)
        own = own if own_weight is None else own_weight.index_select(0, ids).mul_(own)
        inner = tables.inner_of_target.index_select(0, ids).T  # (K, n), U where it is no unit
        of_units.scatter_add_(0, inner, (weights.T * own).to(self.dtype).expand_as(inner))
        label = tables.class_of_target.index_select(0, ids)
        more = tables.weight_of_class.index_select(0, ids).mul_(own).to(self.dtype)
        return Said(
            of_units[:units], uniform[units:], label.unsqueeze(0), more.unsqueeze(0), in_classes + more
        )
