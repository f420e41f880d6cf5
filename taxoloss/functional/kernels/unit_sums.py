"""Spread targets in torch: masses of units up the tree, what they are told down; see native/spread_call.h.

Columns of (.., n) are rows of the batch; how they lie in memory is for unit_masses.py to say. No autograd.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.unit_masses import Masses
from taxoloss.functional.kernels.unit_targets import Said, Targets

if TYPE_CHECKING:
    from taxoloss.functional.kernels.spread import SpreadTarget

__all__ = ["Costs", "not_counted", "pure_costs"]

#: Logits of a block of rows.
_BLOCK = 1 << 20
#: Odds up to which masses keep their digits.
_MOST_ODDS = {torch.float32: 1e25, torch.float64: 1e200}


class Costs(NamedTuple):
    """Of the rows of a batch, without those that are lost: their costs are not in it."""

    #: (rows,), or their sum or mean, in the dtype of the logits; and the sum in float64.
    result: Tensor
    sum: float
    #: What a mean divides by.
    divisor: float
    #: (n,): the rows that are to be done again, or None.
    lost: Tensor | None


def not_counted(logits: Tensor, count: float, rows: int) -> Costs:
    """The mean of what weighs nothing: all rows are left to the definition, which divides by it."""
    return Costs(logits.new_tensor(torch.nan), 0.0, count, torch.arange(rows, device="cpu"))


def pure_costs(
    tensors: LossTensors, logits: Tensor, spread: SpreadTarget, gradient: Tensor | None
) -> Costs:
    """The losses of the rows, their sum or their mean; writes the gradient.

    Of logits (N, C) or (N, C, D) in float32 or float64.
    """
    dense = logits.dim() == 3
    z = logits.transpose(0, 1).flatten(1) if dense else logits.T
    targets = Targets(tensors, spread, z.dtype)
    valid, count = targets.valid, targets.count
    if spread.reduction == "mean" and not 0 < abs(count) < math.inf:
        return not_counted(logits, count, z.shape[1])
    slopes = None
    if gradient is not None:
        slopes = gradient.new_empty(z.shape) if dense else gradient.T
    costs = []
    for rows in row_blocks(z.shape[1], len(z), _BLOCK):
        block = _Block(targets.tables.masses, z[:, rows], targets.said(rows))
        found = block.costs()
        costs.append(found if valid is None else found.masked_fill_(~valid[rows], 0.0))
        if slopes is not None:
            slope = block.slopes() if valid is None else block.slopes().masked_fill_(~valid[rows], 0.0)
            slopes.T[rows].copy_(slope.T)  # whose memory is in order: three times as fast
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


class _Block:
    """Some rows: their masses, and what their targets say."""

    def __init__(self, masses: Masses, z: Tensor, said: Said) -> None:
        self.masses, self.said = masses, said
        x = masses.shifted(z)
        self.on_classes = (x * said.of_classes).sum(0)
        if said.label is not None and said.more is not None:
            self.on_classes += x.gather(0, said.label).mul_(said.more).squeeze(0)
        self.e = x.exp_()
        self.ratios, self.whole = masses.ratios(self.e)
        units = self.ratios[:-1]
        ends = torch.aminmax(units) if units.numel() else (self.whole.new_ones(()),) * 2
        self.least, self.most = (end.item() for end in ends)

    def costs(self) -> Tensor:
        """(n,)."""
        of_units, most = self.said.of_units, _MOST_ODDS[self.e.dtype]
        on_units = self.masses.surprise(self.ratios).mul_(of_units)
        # What has no weight costs nothing, even where it is impossible; the caller does the others again.
        if not self.most <= most:
            on_units.masked_fill_(~(self.ratios <= most), torch.nan).masked_fill_(of_units == 0, 0.0)
            self.ratios.masked_fill_(of_units == 0, 1.0)
        costs = self.on_classes.sub_(on_units.sum(0))
        return costs.addcmul_(of_units[-1], self.whole.log(), value=-1).double()

    def slopes(self) -> Tensor:
        """(C, n): the gradient."""
        of_units, of_classes, label, more = self.said
        told = self.masses.told(of_units.div_(self.whole), self.ratios, self.least)
        slopes = torch.addcmul(of_classes, told, self.e, out=told)
        return slopes if label is None or more is None else slopes.scatter_add_(0, label, more)
