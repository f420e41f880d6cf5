"""Spread targets in torch: masses of units up the tree, what they are told down; see native/spread_call.h.

Columns of (.., n) are rows of the batch, so that a sum over children adds whole rows of
memory. One operation for each layer of units; no autograd.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.inputs import target_ids
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.unit_tables import UnitTables, unit_tables

if TYPE_CHECKING:
    from taxoloss.functional.kernels.spread import SpreadTarget

__all__ = ["Costs", "not_counted", "pure_costs", "spread_of_rows"]

#: Logits of a block of rows.
_BLOCK = 1 << 18
#: Odds up to which masses keep their digits.
_MOST_ODDS = {torch.float32: 1e25, torch.float64: 1e200}
#: Odds from which they may be put together with what they are differences of.
_SURE = 1e-6
#: What is left of a target below this much of it is its rounding.
_ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-14}


class Costs(NamedTuple):
    """Of the rows of a batch, without those that are lost: their costs are not in it."""

    #: (rows,), or their sum or mean, in the dtype of the logits; and the sum in float64.
    result: Tensor
    sum: float
    #: What a mean divides by.
    divisor: float
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
    """The mean of what weighs nothing: all rows are left to the definition, which divides by it."""
    return Costs(logits.new_tensor(torch.nan), 0.0, count, torch.arange(rows, device="cpu"))


def pure_costs(
    tensors: LossTensors, logits: Tensor, spread: SpreadTarget, gradient: Tensor | None
) -> Costs:
    """The losses of the rows, their sum or their mean; writes the gradient.

    Of logits (N, C) or (N, C, D) in float32 or float64.
    """
    tables, dense = unit_tables(tensors), logits.dim() == 3
    z = logits.transpose(0, 1).flatten(1) if dense else logits.T
    target, valid, count = _targets(tensors, spread)
    if spread.reduction == "mean" and not 0 < abs(count) < math.inf:
        return not_counted(logits, count, z.shape[1])
    rows, share = z.shape[1], 1 / count if spread.reduction == "mean" else 1.0
    slopes = None
    if gradient is not None:
        slopes = gradient.new_empty(z.shape) if dense else gradient.T
    costs = []
    for block in row_blocks(rows, len(z), _BLOCK):
        part = _Block(tables, z[:, block], spread)
        counted = None if valid is None else valid[block]
        if spread.soft:
            part.bring(target[:, block], share, tensors)
        else:
            part.point(target[block], counted, share, tensors)
        found = part.costs()
        costs.append(found if counted is None else found.masked_fill_(~counted, 0.0))
        if slopes is not None:
            slope = part.slopes()
            slopes[:, block] = slope if counted is None else slope.masked_fill_(~counted, 0.0)
    if gradient is not None and slopes is not None and dense:
        gradient.copy_(slopes.view(len(z), *logits.shape[::2]).transpose(0, 1))
    return _costs(torch.cat(costs) if len(costs) > 1 else costs[0], logits, spread.reduction, count)


def _costs(costs: Tensor, logits: Tensor, reduction: str, count: float) -> Costs:
    """Of the costs (rows,) in float64; those that are no number are to be done again."""
    total, lost = costs.sum().item(), None
    if not math.isfinite(total):
        lost = (~torch.isfinite(costs)).nonzero().squeeze(1)
        costs[lost] = 0.0
        total = costs.sum().item()
    result = costs.to(logits.dtype) if reduction == "none" else logits.new_tensor(total)
    return Costs(result, total, count, lost)


def _targets(tensors: LossTensors, spread: SpreadTarget) -> tuple[Tensor, Tensor | None, float]:
    """Ids (rows,) in range or probabilities (S, rows), which rows count, and what a mean divides by."""
    if spread.soft:
        q = spread.target.transpose(0, 1).flatten(1)
        return q, None, q.shape[1]
    ids, valid = target_ids(spread.target.reshape(-1), spread.ignore_index, tensors.plan)
    if spread.own_weight is None:
        return ids, valid, len(ids) if valid is None else int(valid.sum())
    own = spread.own_weight[ids]
    return ids, valid, float((own if valid is None else own[valid]).sum())


class _Block:
    """Some rows (.., n): masses, and what the targets say.

    In the dtype of the logits where nodes are many, else in float64, as in soft_targets.py.
    """

    #: A of the units, and of the root, where nothing is read, (U + 1, n); of the classes (C, n).
    of_unit: Tensor
    of_class: Tensor

    def __init__(self, tables: UnitTables, z: Tensor, spread: SpreadTarget) -> None:
        units = tables.units.units
        self.tables, self.spread = tables, spread
        self.kind = z.dtype if tables.many else torch.float64
        # In place from here: memory that is new costs as much as the work on it.
        self.x = torch.empty(z.shape, dtype=self.kind, device="cpu").copy_(z)
        self.x.sub_(self.x.amax(0))
        self.e = self.x.exp()
        mass = _summed(tables, self.e)
        self.whole, mass = mass[units], mass[:units]
        self.odds = torch.sub(self.whole, mass).div_(mass)

    def bring(self, q: Tensor, share: float, tensors: LossTensors) -> None:
        """A of probabilities (S, n)."""
        spread, own = self.spread, (1 - self.spread.smoothing) * share
        if spread.smoothing > 0:
            self._uniform(spread_of_rows(tensors, spread._replace(target=q.T)), share)
        if own == 0:
            return
        q = q.to(self.kind)
        if spread.own_weight is not None:
            q = q * (spread.own_weight.unsqueeze(1) * own).to(self.kind)
        elif own != 1:
            q = q * own
        inner, classes = self._pushed(q, tensors)
        smooth = spread.smoothing > 0
        self.of_unit = self.of_unit.add_(inner) if smooth else inner
        self.of_class = self.of_class.add_(classes) if smooth else classes

    def point(self, ids: Tensor, valid: Tensor | None, share: float, tensors: LossTensors) -> None:
        """A of targets (n,), with smoothing."""
        tables, spread, own = self.tables, self.spread, (1 - self.spread.smoothing) * share
        weights = tensors.weights.index_select(0, ids)  # (n, K)
        if valid is not None:
            weights = torch.where(valid.unsqueeze(1), weights, 0.0)
        self._uniform(weights, share)
        if own == 0:
            return
        alone = tables.weight_of_class.index_select(0, ids).mul_(own)
        weights = weights * own
        if spread.own_weight is not None:
            weight = spread.own_weight.index_select(0, ids)
            weights, alone = weights.mul_(weight.unsqueeze(1)), alone.mul_(weight)
        if valid is not None:
            alone = torch.where(valid, alone, 0.0)
        inner = tables.inner_of_target.index_select(0, ids)
        self.of_unit.scatter_add_(0, inner.T, weights.T.to(self.kind))
        label = tables.class_of_target.index_select(0, ids)
        self.of_class.scatter_add_(0, label.unsqueeze(0), alone.to(self.kind).unsqueeze(0))

    def _uniform(self, weights: Tensor, share: float) -> None:
        """What is spread over the nodes of the levels, of their weights (n, K)."""
        tables, spread = self.tables, self.spread
        runs = (tables.of_run * (tables.per_node * (spread.smoothing * share))) @ weights.T  # (G, n)
        runs = runs.to(self.kind)
        self.of_unit = runs.index_select(0, tables.group)
        self.of_class = runs.index_select(0, tables.group_of_class)
        if spread.node_weight is not None:
            weight, units = spread.node_weight[tables.nodes].to(self.kind).unsqueeze(1), tables.units.units
            self.of_unit[:units].mul_(weight[:units])
            self.of_class.mul_(weight[units:])

    def _pushed(self, q: Tensor, tensors: LossTensors) -> tuple[Tensor, Tensor]:
        """Probabilities (S, n) up the tree: what they bring to units and to classes."""
        tables, units = self.tables, self.tables.units.units
        if tables.run is not None and len(q) == len(self.x):
            run = tables.run.to(self.kind).unsqueeze(1)
            return _summed(tables, q).mul_(run[tables.group]), q * run[tables.group_of_class]
        said = q.new_zeros(units + len(self.x) + 1, q.shape[1])
        some = (q != 0).any(1).nonzero().squeeze(1)  # of all nodes, few are in a batch
        weights, units_of = tensors.weights[some].to(self.kind), tables.of_target[some]
        q = q[some]
        for level in range(tables.units.levels):
            said.index_add_(0, units_of[:, level], q * weights[:, level, None])
        return said[: units + 1].clone(), said[units:-1]

    def costs(self) -> Tensor:
        """(n,)."""
        of_unit, of_class = self.of_unit[:-1], self.of_class
        total = of_class.sum(0)
        on_units = self.odds.log1p().mul_(of_unit)
        # What has no weight costs nothing, even where it is impossible; the caller does the others again.
        self.sure = False
        if self.odds.numel():
            least, most = (end.item() for end in torch.aminmax(self.odds))
            self.sure = not least > _SURE
            if not most <= _MOST_ODDS[self.kind]:
                wrong = ~(self.odds <= _MOST_ODDS[self.kind])
                on_units.masked_fill_(wrong, torch.nan).masked_fill_(of_unit == 0, 0.0)
                self.odds.masked_fill_(of_unit == 0, 0.0)
        self.total = total + of_unit.sum(0)
        on_classes = self.x.mul_(of_class).sum(0)
        return torch.addcmul(on_units.sum(0), total, self.whole.log()).sub_(on_classes).double()

    def slopes(self) -> Tensor:
        """(C, n): the gradient."""
        tables, of_unit = self.tables, self.of_unit[:-1]
        if self.sure:  # S - D and H apart
            left = self.total - _told(tables, of_unit)
            left.masked_fill_(left.abs() <= _ROUNDING[self.kind] * self.total.abs(), 0.0)
            factor = left - _told(tables, of_unit * self.odds)
        else:
            factor = _told(tables, self.odds.add_(1).mul_(of_unit)).sub_(self.total).neg_()
        factor = factor.div_(self.whole)
        told = torch.index_select(factor, 0, tables.parent_of_class, out=self.x)
        return told.mul_(self.e).sub_(self.of_class)


def _told(tables: UnitTables, values: Tensor) -> Tensor:
    """The sums (U + 1, n) of values of units (U, n) above each unit, its own among them; of the root: 0."""
    found = torch.cat([values, values.new_zeros(1, values.shape[1])])
    for layer in reversed(tables.layers):
        found[layer] += found.index_select(0, tables.parent[layer])
    return found


def _summed(tables: UnitTables, values: Tensor) -> Tensor:
    """The sums (U + 1, n) of values of classes (C, n), up the tree."""
    found = values.new_zeros(tables.units.units + 1, values.shape[1])
    found.index_add_(0, tables.parent_of_class, values)
    for layer in tables.layers:
        found.index_add_(0, tables.parent[layer], found[layer].clone())
    return found
