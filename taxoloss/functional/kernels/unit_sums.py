"""Spread targets in torch: masses of all units up the tree, what they are told down; see native/spread_call.h.

All in float64, columns of (.., n) being rows of the batch, so that a sum over children adds whole rows of
memory. One operation for each layer of units; no autograd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.inputs import check_range
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.unit_tables import UnitTables, unit_tables

if TYPE_CHECKING:
    from taxoloss.functional.kernels.spread import SpreadTarget

__all__ = ["Costs", "not_counted", "pure_costs", "spread_of_rows"]

#: Logits of a block of rows.
_BLOCK = 1 << 20
#: Odds up to which masses of float64 keep their digits; in the place of a logit of -inf.
_MOST_ODDS, _LOWEST = 1e200, -1e30
#: What is left of a target below this much of it is its rounding.
_ROUNDING = 1e-14


class Costs(NamedTuple):
    """Of the rows of a batch, without those that are lost: their costs are not in it."""

    #: (rows,), or their sum or mean, in the dtype of the logits; and the sum in float64.
    result: Tensor
    sum: float
    #: What a mean divides by.
    count: float
    #: (n,): the rows that are to be done again, or None.
    lost: Tensor | None


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


def not_counted(logits: Tensor, count: float, rows: int) -> Costs:
    """The mean of what weighs nothing: every row is left to the definition, which says what it divides by."""
    return Costs(logits.new_tensor(torch.nan), 0.0, count, torch.arange(rows, device="cpu"))


def pure_costs(
    tensors: LossTensors, _: Any, logits: Tensor, spread: SpreadTarget, gradient: Tensor | None
) -> Costs:
    """The losses of the rows, their sum or their mean; writes the gradient.

    Of logits (N, C) or (N, C, D) in float32 or float64.
    """
    tables, dense = unit_tables(tensors), logits.dim() == 3
    z = logits.transpose(0, 1).flatten(1) if dense else logits.T
    target, valid, count = _targets(tensors, spread)
    if spread.reduction == "mean" and not 0 < abs(count) < torch.inf:
        return not_counted(logits, count, z.shape[1])
    share = 1 / count if spread.reduction == "mean" else 1.0
    uniform = None
    if spread.smoothing > 0:
        weights = spread_of_rows(tensors, spread) if spread.soft else tensors.weights[target]
        uniform = weights.T * (tables.per_node * (spread.smoothing * share)).unsqueeze(1)
        uniform = uniform if valid is None else torch.where(valid, uniform, 0.0)
    rows = z.shape[1]
    slopes = None if gradient is None else torch.empty(z.shape, dtype=gradient.dtype) if dense else gradient.T
    costs = torch.empty(rows, dtype=torch.float64, device="cpu")
    for block in row_blocks(rows, len(z), _BLOCK):
        part = _Block(tables, z[:, block], None if uniform is None else uniform[:, block], spread)
        part.bring(target[..., block], None if valid is None else valid[block], share, tensors)
        costs[block] = part.costs()
        if slopes is not None:
            slopes[:, block] = part.slopes()
    if gradient is not None and slopes is not None and dense:
        gradient.copy_(slopes.view(len(z), len(logits), -1).transpose(0, 1))
    if valid is not None:
        costs.masked_fill_(~valid, 0.0)
        if slopes is not None:
            gradient.masked_fill_(~valid.view(len(logits), 1, *logits.shape[2:]), 0.0)
    lost = (~(costs.abs() < -_LOWEST * 1e-6)).nonzero().squeeze(1)
    if len(lost):
        costs[lost] = 0.0
    total = float(costs.sum())
    result = costs.to(logits.dtype) if spread.reduction == "none" else logits.new_tensor(total)
    return Costs(result, total, count, lost if len(lost) else None)


def _targets(tensors: LossTensors, spread: SpreadTarget) -> tuple[Tensor, Tensor | None, float]:
    """Ids (rows,) in range or probabilities (S, rows), which rows count, and what a mean divides by."""
    if spread.soft:
        q = spread.target.transpose(0, 1).flatten(1)
        return q, None, q.shape[1]
    ids = spread.target.reshape(-1)
    valid: Tensor | None = ids != spread.ignore_index
    if valid is not None and bool(valid.all()):
        valid = None
    if ids.numel():
        check_range(ids if valid is None else ids[valid], tensors.plan)
    ids = ids if valid is None else torch.where(valid, ids, 0)
    if spread.own_weight is None:
        return ids, valid, len(ids) if valid is None else int(valid.sum())
    own = spread.own_weight[ids]
    return ids, valid, float((own if valid is None else own[valid]).sum())


class _Block:
    """Some rows (.., n): masses, and what the targets say."""

    def __init__(self, tables: UnitTables, z: Tensor, uniform: Tensor | None, spread: SpreadTarget) -> None:
        units, z = tables.units.units, z.double()
        self.tables, self.spread, self.uniform = tables, spread, uniform
        self.x = z - z.amax(0)
        self.e = self.x.exp()
        mass = self.e.new_zeros(units + 1, z.shape[1]).index_add_(0, tables.parent_of_class, self.e)
        for layer in tables.layers:
            mass.index_add_(0, tables.parent[layer], mass[layer].clone())
        self.whole, mass = mass[units], mass[:units]
        self.odds = (self.whole - mass) / mass

    def bring(self, target: Tensor, valid: Tensor | None, share: float, tensors: LossTensors) -> None:
        """A of the units and of the classes, of targets (n,) or (S, n)."""
        tables, spread, own = self.tables, self.spread, 1 - self.spread.smoothing
        units, columns = tables.units.units, self.x.shape[1]
        said = None
        if own > 0:
            said = self.e.new_zeros(units + len(self.x) + 1, columns)
            if not spread.soft:
                brings = tensors.weights[target]
                brings = brings if spread.own_weight is None else brings * spread.own_weight[target, None]
                brings = brings if valid is None else torch.where(valid.unsqueeze(1), brings, 0.0)
                said.scatter_add_(0, tables.of_target[target].T, brings.T * (own * share))
            else:
                q = target.double() * (own * share)
                q = q if spread.own_weight is None else q * spread.own_weight.unsqueeze(1)
                self._push(said, q, tensors)
        by_unit = by_class = None
        if self.uniform is not None:
            runs = tables.of_run @ self.uniform  # (G, n)
            by_unit = runs.index_select(0, tables.group[:units])
            by_class = runs.index_select(0, tables.leaf_group).index_select(0, tables.parent_of_class)
            if spread.node_weight is not None:
                weight = spread.node_weight[tables.nodes].unsqueeze(1)
                by_unit, by_class = by_unit * weight[:units], by_class * weight[units:]
        if said is not None:
            inner, leaves = said[:units], said[units:-1]
            by_unit = inner if by_unit is None else by_unit + inner
            by_class = leaves if by_class is None else by_class.add_(leaves)
        assert by_unit is not None and by_class is not None  # smoothing is above 0 or below 1
        self.of_unit, self.of_class = by_unit, by_class

    def _push(self, said: Tensor, q: Tensor, tensors: LossTensors) -> None:
        """Probabilities (S, n) up the tree."""
        tables, units = self.tables, self.tables.units.units
        if tables.run is None or len(q) != len(self.x):
            for level in range(tables.units.levels):
                said.index_add_(0, tables.of_target[: len(q), level], q * tensors.weights[: len(q), level, None])
            return
        up = q.new_zeros(units + 1, q.shape[1]).index_add_(0, tables.parent_of_class, q)
        for layer in tables.layers:
            up.index_add_(0, tables.parent[layer], up[layer].clone())
        torch.mul(up[:units], tables.run[tables.group[:units]].unsqueeze(1), out=said[:units])
        below = tables.run[tables.leaf_group][tables.parent_of_class]
        torch.mul(q, below.unsqueeze(1), out=said[units:-1])

    def costs(self) -> Tensor:
        """(n,)."""
        total = self.of_class.sum(0)
        on_units = self.of_unit * torch.log1p(self.odds)
        if not bool((self.odds.amax(0) <= _MOST_ODDS).all() if len(self.odds) else True):
            on_units = torch.where((self.of_unit == 0), 0.0, on_units)
            wrong = (self.of_unit != 0) & ~(self.odds <= _MOST_ODDS)
            on_units = on_units.masked_fill(wrong, torch.nan)
        on_classes = (self.of_class * self.x.clamp(min=_LOWEST)).sum(0)
        self.total = total + self.of_unit.sum(0)
        return on_units.sum(0) + (total * self.whole.log() - on_classes)

    def slopes(self) -> Tensor:
        """(C, n): the gradient."""
        tables, units = self.tables, self.tables.units.units
        down = self.e.new_zeros(2, units + 1, self.x.shape[1])
        down[0, :units] = self.of_unit
        torch.mul(self.of_unit, self.odds, out=down[1, :units])
        if not bool(torch.isfinite(self.odds.sum(0)).all()):
            down[1, :units].masked_fill_(self.of_unit == 0, 0.0)
        for layer in reversed(tables.layers):
            down[:, layer] += down.index_select(1, tables.parent[layer])
        left = self.total - down[0]
        left.masked_fill_(left.abs() <= _ROUNDING * down[0].abs(), 0.0)
        factor = (left - down[1]) / self.whole
        return self.e.mul_(factor.index_select(0, tables.parent_of_class)).sub_(self.of_class)
