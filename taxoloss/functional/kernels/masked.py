"""The loss and its gradient in log space, by masks: for compilers, and for accelerators without a kernel.

The rings of a target are those of chunks.py. The sum of exp(z) over ring k is kept as a pair
(m_k, s_k), the largest logit and the sum of exp(z - m_k); pairs are added at the larger of their peaks.
With the pairs (a_l, A_l) of P_l, the rings from l on, and (b_l, B_l) of Q_l, the rings before l,

    t_l = log(Q_l / P_l) = (b_l - a_l) + (log B_l - log A_l)
    loss = sum over l of w_l softplus(t_l)

and for a column j in ring k, with sigmoid(t_l) = Q_l / (P_l + Q_l),

    dz_j = exp(z_j - m_k) * c_k,   c_k = sum over l > k of w_l sigmoid(t_l) exp(m_k - b_l) / B_l
                                       - sum over l <= k of w_l sigmoid(t_l) exp(m_k - a_l) / A_l

What has no weight is left out, not multiplied by 0: a level's w_l, and so all c_k of a row without weight,
are 0 whatever the logits are. No exponent is above 0 and none is the difference of unlike numbers: no
regime loses digits, nothing
depends on the data, and there is no synchronisation. Forward reads the logits twice and keeps 2 (K + 1)
numbers a row; backward reads them once more and writes the gradient. A compiler fuses each into a loop;
run eagerly, every mask is a buffer of the logits' size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.arithmetic import finite, wide_dtype, wide_on
from taxoloss.functional.kernels import definition

__all__ = ["losses_and_slopes", "masked_row_losses"]

_Pair = tuple[Tensor, Tensor]


def _add(one: _Pair, other: _Pair) -> _Pair:
    """The sum of two sums of exponentials; an empty one has peak -inf and sum 0."""
    peak = torch.maximum(one[0], other[0])
    base = finite(peak)
    return peak, one[1] * torch.exp(one[0] - base) + other[1] * torch.exp(other[0] - base)


class _Rings:
    """Which ring each column of (N, C, d1..dk) is in."""

    def __init__(self, logits: Tensor, start: Tensor, stop: Tensor, position: Tensor) -> None:
        # start, stop: (N, d1..dk, K) -> K tensors (N, 1, d1..dk)
        column = position.view(-1, *[1] * (logits.dim() - 2))  # (C, 1..1)
        ends = zip(start.unsqueeze(1).unbind(-1), stop.unsqueeze(1).unbind(-1), strict=True)
        #: For each range, widest first, whether a column is inside.
        self.inside = [(column >= first) & (column < last) for first, last in ends]

    def select(self, values: list[Tensor]) -> Tensor:
        """Of a value for each ring (N, d1..dk) the one of each column's ring, (N, C, d1..dk)."""
        chosen = values[0].unsqueeze(1)
        for inside, value in zip(self.inside, values[1:], strict=True):
            chosen = torch.where(inside, value.unsqueeze(1), chosen)
        return chosen

    def only(self, ring: int, of: Tensor, other: float) -> Tensor:
        """`of` (N, C, d1..dk) in a ring, another number elsewhere."""
        if ring == 0:
            return torch.where(self.inside[0], other, of)
        mask = self.inside[ring - 1]
        if ring < len(self.inside):
            mask = mask & ~self.inside[ring]
        return torch.where(mask, of, other)


def _ring_pairs(logits: Tensor, rings: _Rings) -> list[_Pair]:
    """For each of the K + 1 rings (m, s), each (N, d1..dk)."""
    numbers = range(len(rings.inside) + 1)
    peaks = [rings.only(ring, logits, -torch.inf).amax(1) for ring in numbers]
    terms = torch.exp(logits - rings.select([finite(peak) for peak in peaks]))
    return [(peaks[ring], rings.only(ring, terms, 0.0).sum(1)) for ring in numbers]


def _inside_and_outside(pairs: list[_Pair]) -> tuple[list[_Pair], list[_Pair]]:
    """P_1 .. P_K and Q_1 .. Q_K, pairs of (N, d1..dk)."""
    inside, outside = [pairs[-1]], [pairs[0]]
    for pair in pairs[-2:0:-1]:
        inside.insert(0, _add(inside[0], pair))
    for pair in pairs[1:-1]:
        outside.append(_add(outside[-1], pair))
    return inside, outside


def _times(weight: Tensor, value: Tensor) -> Tensor:
    """weight * value, 0 where there is no weight."""
    return torch.where(weight == 0, 0.0, weight * value)


def _share(weight: Tensor, of: _Pair, peak: Tensor) -> Tensor:
    """weight * exp(peak - of), 0 where there is nothing to share."""
    value = _times(weight, torch.exp(finite(peak) - finite(of[0])) / of[1])
    return torch.where((of[1] == 0) | (peak == -torch.inf), 0.0, value)


def _row_values(
    logits: Tensor, start: Tensor, stop: Tensor, weights: Tensor, position: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (N, d1..dk), and for each ring its peak and its factor c (N, d1..dk, K + 1)."""
    pairs = _ring_pairs(logits, _Rings(logits, start, stop, position))
    # The numbers of a row are few: in float64 (where the device has it) the difference of two peaks keeps
    # all digits; in float32 that of 60 is off by 2e-6, and so is its exponential.
    few = wide_on(logits.device)
    weights = weights.to(few)
    pairs = [(peak.to(few), total.to(few)) for peak, total in pairs]
    inside, outside = _inside_and_outside(pairs)
    levels = len(inside)
    losses = torch.zeros_like(pairs[0][1])
    pulls = []
    for level in range(levels):
        (a, sum_a), (b, sum_b) = inside[level], outside[level]
        odds = (finite(b) - finite(a)) + (torch.log(sum_b) - torch.log(sum_a))  # t_l, (N, d1..dk)
        weight = weights[..., level]
        losses = losses + _times(weight, torch.relu(odds) + torch.log1p(torch.exp(-odds.abs())))
        pulls.append(_times(weight, torch.sigmoid(odds)))
    factors = []
    for ring in range(levels + 1):
        peak = pairs[ring][0]
        factor = torch.zeros_like(losses)
        for level in range(levels):
            if level >= ring:
                factor = factor + _share(pulls[level], outside[level], peak)
            else:
                factor = factor - _share(pulls[level], inside[level], peak)
        factors.append(factor)
    shifts = [finite(peak) for peak, _ in pairs]
    return losses, torch.stack(shifts, -1), torch.stack(factors, -1)


class _Masked(Function):
    """Row losses; backward reads the logits again and writes the gradient in one pass."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        start: Tensor,
        stop: Tensor,
        weights: Tensor,
        position: Tensor,
        order: Tensor | None,
    ) -> Tensor:
        wide = wide_dtype(logits)
        losses, shifts, factors = _row_values(logits.to(wide), start, stop, weights, position)
        losses, shifts, factors = losses.to(wide), shifts.to(wide), factors.to(wide)
        ctx.save_for_backward(logits, start, stop, weights, position, shifts, factors)
        ctx.order = order
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, start, stop, weights, position, shifts, factors = ctx.saved_tensors
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # create_graph
            losses = definition.losses(logits, start, stop, weights, ctx.order)
            (gradient,) = torch.autograd.grad(losses, logits, upstream, create_graph=True)
            return gradient, None, None, None, None, None
        wide = logits.to(shifts.dtype)
        rings = _Rings(logits, start, stop, position)
        slopes = _slopes(wide, rings, shifts, factors, _alone(start, stop, weights))
        return _times(slopes, upstream.unsqueeze(1)).to(logits.dtype), None, None, None, None, None


def _alone(start: Tensor, stop: Tensor, weights: Tensor) -> Tensor:
    """(N, d1..dk): the weight of the levels on which the target is a class, 0 where it is none."""
    single = stop - start == 1
    return torch.where(single & single[..., -1:], weights, 0.0).sum(-1)


def _slopes(logits: Tensor, rings: _Rings, shifts: Tensor, factors: Tensor, alone: Tensor) -> Tensor:
    """exp(z_j - m_k) c_k, (N, C, d1..dk); shifts and factors (N, d1..dk, K + 1), alone (N, d1..dk)."""
    factor = rings.select(list(factors.unbind(-1)))
    terms = torch.exp(logits - rings.select(list(shifts.unbind(-1))))
    # A class that is masked by -inf and is the target: its own logit is pulled by the weights of the
    # levels where it stands alone, as in torch.
    alone = alone.to(logits.dtype).unsqueeze(1)
    own = rings.inside[-1] & (alone != 0) & (logits == -torch.inf)
    return torch.where(own, -alone, _times(factor, terms))


def losses_and_slopes(
    logits: Tensor, start: Tensor, stop: Tensor, weights: Tensor, position: Tensor, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Losses (N, d1..dk) of logits in float64 and, where it is asked for, the gradient of their sum.

    Without autograd; the arguments are those of `masked_row_losses`.
    """
    losses, shifts, factors = _row_values(logits, start, stop, weights, position)
    if not gradient:
        return losses, None
    rings = _Rings(logits, start, stop, position)
    return losses, _slopes(logits, rings, shifts, factors, _alone(start, stop, weights))


def masked_row_losses(
    logits: Tensor,
    start: Tensor,
    stop: Tensor,
    weights: Tensor,
    position: Tensor,
    order: Tensor | None = None,
) -> Tensor:
    """Losses (N, d1..dk) of logits (N, C, d1..dk), float32 or float64.

    Args:
        logits: any floating dtype, device and strides.
        start, stop: (N, d1..dk, K) the ranges of each target's ancestors, top to bottom.
        weights: (N, d1..dk, K).
        position: (C,): class -> depth-first position.
        order: (C,): position -> class; None: the same. A gradient of a gradient needs it.
    """
    result: Tensor = _Masked.apply(logits, start, stop, weights, position, order)
    return result
