"""The definition of the loss, in log space: what every faster form must equal.

For a target whose ancestors' classes are the ranges R_1 .. R_K (positions in depth-first order):

    loss = sum over l of w_l * -log P(R_l),   P(R) = sum of softmax(z) over R

With a = log of the sum of exp(z) inside R and b the same outside, P = e^a / (e^a + e^b), so -log P(R) is
log(1 + e^(b - a)) = softplus(b - a). This is the oracle of the tests, the way of rows whose sums of
probabilities underflow, and what is differentiated where a gradient is itself differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from taxoloss.functional.arithmetic import finite, flat_rows, wide_dtype, wide_on

__all__ = ["log_sum", "losses", "row_losses"]


def row_losses(z: Tensor, start: Tensor, stop: Tensor, weights: Tensor, order: Tensor | None) -> Tensor:
    """Losses (N,) of logits (N, C); start, stop, weights (N, K); order (C,): position -> class, or None."""
    # What has no weight is left out, not multiplied by 0: the logits of an ignored row may be anything.
    counted = (weights != 0).any(1, keepdim=True)
    z = torch.where(counted, z, 0.0)
    z = z if order is None else z.index_select(1, order)
    position = torch.arange(z.shape[1], device=z.device)
    loss = z.new_zeros(z.shape[0])
    for level in range(start.shape[1]):
        inside = (position >= start[:, level, None]) & (position < stop[:, level, None])
        peak_in, rest_in = log_sum(z, inside)
        peak_out, rest_out = log_sum(z, ~inside)
        # A class alone is its own logit: also where that is -inf its gradient is 1, as in torch.
        own = z.gather(1, start[:, level, None].clamp(max=z.shape[1] - 1)).squeeze(1) - peak_in
        rest_in = torch.where(stop[:, level] - start[:, level] == 1, own, rest_in)
        # Peaks from peaks, rests from rests: at logits of +-1e4 one sum of both would lose digits.
        log_odds = (peak_out - peak_in) + (rest_out - rest_in)
        weight = weights[:, level].to(z.dtype)
        # Nor does a level that has none, even where the range is impossible (all its logits -inf).
        cost = F.softplus(log_odds.masked_fill((weight == 0) & (log_odds == torch.inf), 0.0), threshold=50)
        loss = loss + weight * cost
    return loss


def losses(z: Tensor, start: Tensor, stop: Tensor, weights: Tensor, order: Tensor | None) -> Tensor:
    """The same (N, d1..dk) of logits (N, C, d1..dk) of any dtype; start, stop, weights (N, d1..dk, K).

    Computed in float64 where the device has it: in float32 log-odds of 60 are off by 2e-6, and so is what
    is made of them. The losses are float32, or float64 for logits in float64.
    """
    wide = z.to(wide_on(z.device))
    rows = flat_rows(wide)
    start, stop, weights = (table.flatten(0, -2) for table in (start, stop, weights))
    result = row_losses(rows, start, stop, weights, order).view(z.shape[:1] + z.shape[2:])
    return result.to(wide_dtype(z))


def log_sum(z: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """log of the sum of exp(z) over a mask as (largest, log of the sum of exp(z - largest))."""
    peak = z.detach().masked_fill(~mask, -torch.inf).amax(1)
    shift = finite(peak)
    # exp of what is masked must not be inf: its gradient would be 0 * inf.
    total = torch.exp((z - shift.unsqueeze(1)).masked_fill(~mask, -torch.inf)).sum(1)
    empty = total == 0
    return shift, torch.log(total.masked_fill(empty, 1.0)).masked_fill(empty, -torch.inf)
