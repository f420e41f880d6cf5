"""The loss on graphs and its gradient on a CPU, both in forward, from the masses of ancestors.

With p = exp(z) / S, S_a the mass of what node a reaches, T_a that of the rest, w_a the weight of the
target's ancestor a and o_a = T_a / S_a its odds:

    loss = sum over a of w_a log1p(o_a)                                                                  (1)

As d log P(a) / dz_j = p_j o_a where a reaches j, and -p_j where it does not,

    dz_j = p_j b_j,   b_j = sum of w_a over a that do not reach j  -  sum of w_a o_a over those that do  (2)

With c_a = w_a (1 + o_a), u_j = the sum of c_a over the a that reach j, and W = the sum of all w_a,

    b_j = W - u_j                                                                                        (3)

which is one sum over lists. Where all a reach j the first sum of (2) is empty, W - u_j would cancel, and
b_j = - sum of w_a o_a =: -E, the same for all such j. They are among the classes of the node that reaches
the fewest, and are told by u_j itself: there it is W + E, and elsewhere it lacks at least the smallest c_a.
Where that is lost in the rounding of W + E, so is the difference between the two b_j.

All is in float64. Rows with odds beyond 1e200 are done again in log space (definition.py). Rows without
weight cost nothing, whatever their logits are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.arithmetic import wide_dtype
from taxoloss.functional.graphs.definition import losses_and_slopes, row_losses
from taxoloss.functional.graphs.masses import SMALL, Pairs, complements, entries_of
from taxoloss.functional.graphs.tables import GraphLossTensors
from taxoloss.functional.kernels.closed_form import blocks_of, times

__all__ = ["closed_form_losses", "losses_and_gradient"]

#: Logits of a block of rows: 1 MB in float64, and as much again for each array that is made of them.
_BLOCK = 5 << 15
_MOST_ODDS = 1e200


def losses_and_gradient(
    logits: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, gradient: Tensor | None
) -> Tensor:
    """The loss of each row, (rows,) in float64; writes the gradient of the sum of all.

    The arguments are those of `closed_form_losses`; gradient: like the logits, in `wide_dtype`, or None.
    """
    if logits.dim() == 2:
        logits, gradient = logits.unsqueeze(2), None if gradient is None else gradient.unsqueeze(2)
    size, losses = max(1, _BLOCK // logits.shape[1]), [factor.new_zeros(0)]
    for block in blocks_of(logits.shape[0], logits.shape[2], size) if len(target) else ():
        z = block.of(logits)
        found, slope = _of_block(
            z.flatten(0, 1), target[block.rows], factor[block.rows], tensors, gradient is not None
        )
        losses.append(found)
        if gradient is not None and slope is not None:
            block.of(gradient).copy_(slope.view(z.shape))
    return torch.cat(losses)


def _of_block(
    z: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, needed: bool
) -> tuple[Tensor, Tensor | None]:
    """Losses (n,) and slopes (n, C) of a block of rows, those that weigh nothing left out."""
    counts = tensors.starts.index_select(0, target + 1) - tensors.starts.index_select(0, target)
    counted = (factor != 0) & (counts > 0)
    if bool(counted.all()):
        return _of_rows(z, target, factor, tensors, needed)
    rows = counted.nonzero().squeeze(1)
    losses = factor.new_zeros(len(target))
    slopes = factor.new_zeros(z.shape) if needed else None
    losses[rows], found = _of_rows(z[rows], target[rows], factor[rows], tensors, needed)
    if slopes is not None and found is not None:
        slopes[rows] = found
    return losses, slopes


def _of_rows(
    z: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, needed: bool
) -> tuple[Tensor, Tensor | None]:
    number, place = entries_of(tensors.starts, target)
    row = number.long()
    weight = tensors.weights.index_select(0, place) * factor.index_select(0, row)
    pairs = Pairs(tensors.reach, len(z), row, tensors.nodes.index_select(0, place), weight)
    p = torch.softmax(z, 1, dtype=torch.float64)
    sums = pairs.sums(p)
    odds = complements(p, pairs, sums, SMALL[wide_dtype(z)]) / sums
    losses = pairs.by_row(pairs.weight * torch.log1p(odds))
    slopes = p.mul_(_factors(pairs, odds, tensors.fewest[target])) if needed else None
    lost = ~(odds <= _MOST_ODDS)  # NaN too
    if bool(lost.any()):
        rows = torch.unique(pairs.row[lost])
        losses[rows], again = _in_log_space(z[rows].double(), target[rows], factor[rows], tensors, needed)
        if slopes is not None and again is not None:
            slopes[rows] = again
    return losses, slopes


def _factors(pairs: Pairs, odds: Tensor, fewest: Tensor) -> Tensor:
    """b (n, C), equations (2) and (3); fewest (n,): the node of each row that reaches the fewest."""
    shares = pairs.weight * odds
    pulls = pairs.weight + shares
    least = pulls.new_full((pairs.rows,), torch.inf).scatter_reduce_(0, pairs.row, pulls, "amin")
    weight, every = pairs.by_row(pairs.weight), pairs.by_row(shares)
    reached = pairs.spread(pulls)
    row, place = entries_of(pairs.reach.starts, fewest)
    cell = pairs.reach.items.index_select(0, place).long() + row * pairs.reach.num_classes
    by_all = reached.view(-1)[cell] > (weight + every - least / 2)[row]
    factors = torch.sub(weight.unsqueeze(1), reached, out=reached)
    factors.view(-1)[cell[by_all]] = -every[row[by_all]]
    return factors


def _in_log_space(
    z: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, needed: bool
) -> tuple[Tensor, Tensor | None]:
    nodes, weights = padded(tensors, target, factor)
    return losses_and_slopes(z, nodes, weights, tensors.reach, needed)


def padded(tensors: GraphLossTensors, target: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
    """The nodes and weights (R, K) of targets (R,), by the factors of the rows."""
    weights = tensors.padded_weights.index_select(0, target) * factor.unsqueeze(1)
    return tensors.padded_nodes.index_select(0, target), weights


class _ClosedForm(Function):
    """Row losses, or their sum; the gradient is ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        factor: Tensor,
        tensors: GraphLossTensors,
        reduce: bool,
        recorded: bool,
    ) -> Tensor:
        needed = recorded and ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits, dtype=wide_dtype(logits)) if needed else None
        losses = losses_and_gradient(logits, target, factor, tensors, gradient)
        if gradient is not None:
            ctx.save_for_backward(logits, target, factor, gradient)
            ctx.tensors, ctx.reduce = tensors, reduce
        return (losses.sum() if reduce else losses).to(wide_dtype(logits))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, factor, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            flat = logits.double().movedim(1, -1).reshape(-1, logits.shape[1])
            nodes, weights = padded(ctx.tensors, target, factor)
            losses = row_losses(flat, nodes, weights, ctx.tensors.reach)
            out = losses.sum() if ctx.reduce else losses
            (gradient,) = torch.autograd.grad(out, logits, upstream.double(), create_graph=True)
        else:
            by_row = upstream if ctx.reduce else upstream.view(len(logits), 1, *logits.shape[2:])
            gradient = times(gradient, by_row).to(logits.dtype)
        return gradient, None, None, None, None, None


def closed_form_losses(
    logits: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, *, reduce: bool
) -> Tensor:
    """The loss of each row, (rows,), or their sum; float32, or float64 for logits in float64.

    Args:
        logits: (N, C) or (N, C, D) on the CPU, any floating dtype and strides.
        target: (rows,) long in 0..T-1; rows are N, or N * D.
        factor: (rows,) float64: what the weights of each row are multiplied by, 0 where it is ignored.
        tensors: of the taxonomy and the weights.
        reduce: whether to add the rows up.
    """
    recorded = torch.is_grad_enabled()  # inside forward it is always off
    result: Tensor = _ClosedForm.apply(logits, target, factor, tensors, reduce, recorded)
    return result
