"""What spread targets say of the units and the classes of a loss, in torch: A of native/spread_call.h.

Columns of (.., n) are rows of the batch; U + 1 + C rows are units, the root and the classes.
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
    """Of some rows: all with a minus, so that a product is added to it and nothing subtracted."""

    #: (U + 1, n), of the root: the sum of what is said of classes; and (C, n) or (C, 1).
    of_units: Tensor
    of_classes: Tensor
    #: (1, n) and (1, n): one class of each row, of which that much more is said; or None.
    label: Tensor | None = None
    more: Tensor | None = None


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
        self.classes, self.units = tensors.plan.num_classes, self.tables.units.units
        if spread.soft:
            self.q = spread.target.transpose(0, 1).flatten(1)  # (S, rows)
            self.count = self.q.shape[1]
        else:
            ids = spread.target.reshape(-1)
            self.ids, self.valid = target_ids(ids, spread.ignore_index, tensors.plan)
            self.count = self._weight_of_ids()
        share = 1 / self.count if spread.reduction == "mean" and self.count else 1.0
        self.own, self.rest = (spread.smoothing - 1) * share, -spread.smoothing * share
        self.by_id = None if spread.soft else self._by_id()
        #: (U + 1 + C, 1): what is spread over nodes, where that is the same for all rows.
        self.uniform = self._uniform(tensors.weights[:1]) if self._is_uniform() else None

    def _weight_of_ids(self) -> float:
        """Of those that count."""
        ids = self.ids if self.valid is None else self.ids[self.valid]
        own = self.spread.own_weight
        return len(ids) if own is None else float(own.index_select(0, ids).sum())

    def _by_id(self) -> Tensor | None:
        """(T, U + 1 + C): what each target says, where targets are few."""
        tables, own_weight, node_weight = self.tables, self.spread.own_weight, self.spread.node_weight
        if tables.small is None:
            return None
        brought, spread = tables.small
        own = self.own if own_weight is None else own_weight[: len(brought)].unsqueeze(1) * self.own
        rest = self.rest if node_weight is None else node_weight[tables.node_of_each] * self.rest
        found = brought * own + spread * rest
        torch.sum(found[:, self.units + 1 :], 1, out=found[:, self.units])
        return found

    def _is_uniform(self) -> bool:
        if self.by_id is not None or self.spread.smoothing == 0 or not all(self.tensors.shared):
            return False
        if self.spread.soft:
            return len(self.q) == self.classes
        several = self.tensors.plan.num_targets > self.classes and self.ids.numel() > 0
        return not several or self.ids.amax().item() < self.classes

    def _uniform(self, weights: Tensor) -> Tensor:
        """(U + 1 + C, m): what is spread over the nodes of levels, of their weights (m, K)."""
        tables, node_weight = self.tables, self.spread.node_weight
        by_run = (tables.spread_over @ weights.T).mul_(self.rest).to(self.dtype)  # (G, m)
        found = by_run.index_select(0, tables.group_of_each)
        if node_weight is not None:
            found.mul_(node_weight[tables.node_of_each].to(self.dtype).unsqueeze(1))
        return found

    def said(self, block: slice) -> Said:
        """Of some rows."""
        if self.spread.soft:
            return self._said_by_shares(self.q[:, block])
        ids = self.ids[block]
        if self.by_id is None:
            return self._said_by_ids(ids)
        found = self.by_id.index_select(0, ids).T
        return Said(found[: self.units + 1], found[self.units + 1 :])

    def _said_by_shares(self, q: Tensor) -> Said:
        """Of probabilities (S, n)."""
        of_units, of_classes = self._pushed(q)
        if self.spread.smoothing > 0:
            uniform = self.uniform
            if uniform is None:
                uniform = self._uniform(spread_of_rows(self.tensors, self.spread._replace(target=q.T)))
            of_units.add_(uniform[: self.units + 1])
            of_classes.add_(uniform[self.units + 1 :])
        of_units[-1] = of_classes.sum(0)
        return Said(of_units, of_classes)

    def _pushed(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """What probabilities (S, n) bring to units (U + 1, n) and to classes (C, n)."""
        tables, own_weight = self.tables, self.spread.own_weight
        if self.own == 0:
            q = torch.zeros_like(q)  # what has no weight may be no number
        q = tables.masses.laid(q.to(self.dtype))
        if own_weight is not None:
            q.mul_(own_weight.to(self.dtype).unsqueeze(1))
        to_units, alone, to_classes = tables.brought(len(q), self.dtype)
        of_units = (to_units @ q).mul_(self.own)
        if to_classes is None:
            return of_units, q[: self.classes].mul_(alone * self.own)
        return of_units, (to_classes @ q).mul_(self.own)

    def _said_by_ids(self, ids: Tensor) -> Said:
        """Of targets (n,)."""
        tables, own_weight, uniform = self.tables, self.spread.own_weight, self.uniform
        shared = uniform is not None
        weights = self.tensors.weights[:1] if shared else self.tensors.weights.index_select(0, ids)
        uniform = self._uniform(weights) if uniform is None else uniform
        of_units, of_classes = uniform[: self.units + 1], uniform[self.units + 1 :]
        of_units = of_units.repeat(1, len(ids)) if shared else of_units
        in_classes = of_classes.sum(0)
        if self.own == 0:
            of_units[-1] = in_classes
            return Said(of_units, of_classes)
        own = self.own if own_weight is None else own_weight.index_select(0, ids).mul_(self.own)
        inner = tables.inner_of_target.index_select(0, ids).T  # (K, n); the root where it is no unit
        of_units.scatter_add_(0, inner, (weights.T * own).to(self.dtype).expand_as(inner))
        more = tables.weight_of_class.index_select(0, ids).mul_(own).to(self.dtype)
        of_units[-1] = in_classes + more
        label = tables.class_of_target.index_select(0, ids)
        return Said(of_units, of_classes, label.unsqueeze(0), more.unsqueeze(0))
