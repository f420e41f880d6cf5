"""The loss on graphs in log space: what the closed form must equal, and its way where masses underflow.

Of a row and the node a, with the pairs (i, I) of what a reaches and (o, O) of what it does not, each the
largest logit and the sum of exp(z - largest), log-odds are

    t_a = log(T_a / S_a) = (o - i) + (log O - log I),    loss = sum over a of w_a softplus(t_a)

and as sigmoid(t_a) = T_a / (S_a + T_a) is what P(a) lacks, for class j

    dz_j = sum over a of w_a sigmoid(t_a) * (- exp(z_j - i) / I  where a reaches j,  else  exp(z_j - o) / O)

No exponent is above 0 and no two of unlike size are subtracted. The nodes of a row are looked at one after
the other, each by a mask (R, C): nothing depends on the numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from taxoloss.functional.arithmetic import finite, wide_dtype, wide_on
from taxoloss.functional.graphs.reach import ReachTensors
from taxoloss.functional.kernels.definition import log_sum

__all__ = ["losses_and_slopes", "masked_losses", "row_losses"]


def row_losses(z: Tensor, nodes: Tensor, weights: Tensor, reach: ReachTensors) -> Tensor:
    """Losses (R,) of logits (R, C), nodes and weights (R, K), for autograd and its transforms."""
    # What has no weight is left out, not multiplied by 0: the logits of an ignored row may be anything.
    z = torch.where((weights != 0).any(1, keepdim=True), z, 0.0)
    loss = z.new_zeros(z.shape[0])
    for node, weight in zip(nodes.unbind(1), weights.unbind(1), strict=True):
        inside = reach.inside(node)
        peak_in, rest_in = log_sum(z, inside)
        peak_out, rest_out = log_sum(z, ~inside)
        # A class alone is its own logit: also where that is -inf its gradient is 1, as in torch.
        own = z.gather(1, _first(node, reach).unsqueeze(1)).squeeze(1) - peak_in
        rest_in = torch.where(reach.sizes[node] == 1, own, rest_in)
        odds = (peak_out - peak_in) + (rest_out - rest_in)
        weight = weight.to(z.dtype)
        cost = F.softplus(odds.masked_fill((weight == 0) & (odds == torch.inf), 0.0), threshold=50)
        loss = loss + weight * cost
    return loss


def _first(node: Tensor, reach: ReachTensors) -> Tensor:
    """The first class that nodes reach."""
    return reach.items[reach.starts[node]].long()


# -- the gradient as a formula ---------------------------------------------------------------------


def _peak_and_sum(z: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    peak = finite(z.masked_fill(~mask, -torch.inf).amax(1))
    return peak, torch.exp((z - peak.unsqueeze(1)).masked_fill(~mask, -torch.inf)).sum(1)


def _share(pull: Tensor, total: Tensor) -> Tensor:
    """pull / total, 0 where there is nothing to share."""
    return torch.where((pull == 0) | (total == 0), 0.0, pull / total)


def _row_values(z: Tensor, nodes: Tensor, weights: Tensor, reach: ReachTensors) -> tuple[Tensor, Tensor]:
    """Losses (R,), and of each node (R, K, 4) the two peaks and what is pulled by each exp(z - peak)."""
    losses, kept = z.new_zeros(z.shape[0]), []
    for node, weight in zip(nodes.unbind(1), weights.unbind(1), strict=True):
        inside = reach.inside(node)
        (i, total_in), (o, total_out) = _peak_and_sum(z, inside), _peak_and_sum(z, ~inside)
        odds = (o - i) + (torch.log(total_out) - torch.log(total_in))
        cost = torch.relu(odds) + torch.log1p(torch.exp(-odds.abs()))
        losses = losses + torch.where(weight == 0, 0.0, weight * cost)
        pull = torch.where(weight == 0, 0.0, weight * torch.sigmoid(odds))
        kept.append(torch.stack([i, o, _share(pull, total_in), _share(pull, total_out)], 1))
    return losses, torch.stack(kept, 1)


def _slopes(z: Tensor, nodes: Tensor, weights: Tensor, kept: Tensor, reach: ReachTensors) -> Tensor:
    """dz (R, C)."""
    slopes, alone = torch.zeros_like(z), z.new_zeros(z.shape[0])
    for at, (node, weight) in enumerate(zip(nodes.unbind(1), weights.unbind(1), strict=True)):
        i, o, pull_in, pull_out = (value.unsqueeze(1) for value in kept[:, at].unbind(1))
        inside = reach.inside(node)
        terms = torch.exp(z - torch.where(inside, i, o))
        factors = torch.where(inside, -pull_in, pull_out)
        slopes = slopes + torch.where(factors == 0, 0.0, factors * terms)
        masked = z.gather(1, _first(node, reach).unsqueeze(1)).squeeze(1) == -torch.inf
        alone = alone + torch.where(masked & (reach.sizes[node] == 1), weight, 0.0)
    # A class that is masked by -inf and is the target: its own logit is pulled by the weights of the nodes
    # that reach it alone, as in torch. These nodes are all above the same class: the first of it.
    single = (reach.sizes[nodes] == 1) & (weights != 0)
    own = _first(nodes, reach).masked_fill(~single, -1).amax(1)
    here = own.unsqueeze(1) == torch.arange(z.shape[1], device=z.device)
    return torch.where(here & (alone != 0).unsqueeze(1), -alone.unsqueeze(1), slopes)


def losses_and_slopes(
    z: Tensor, nodes: Tensor, weights: Tensor, reach: ReachTensors, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Losses (R,) of logits (R, C) in float64 and, where it is asked for, the gradient of their sum.

    Without autograd; the arguments are those of `row_losses`.
    """
    losses, kept = _row_values(z, nodes, weights, reach)
    return losses, _slopes(z, nodes, weights, kept, reach) if gradient else None


class _Masked(Function):
    """Row losses (R,); backward reads the logits again."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, nodes: Tensor, weights: Tensor, reach: ReachTensors) -> Tensor:
        losses, kept = _row_values(logits.to(wide_on(logits.device)), nodes, weights, reach)
        ctx.save_for_backward(logits, nodes, weights, kept)
        ctx.reach = reach
        return losses.to(wide_dtype(logits))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, nodes, weights, kept = ctx.saved_tensors
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # create_graph
            losses = row_losses(logits.to(kept.dtype), nodes, weights, ctx.reach)
            (gradient,) = torch.autograd.grad(losses, logits, upstream.to(kept.dtype), create_graph=True)
            return gradient, None, None, None
        slopes = _slopes(logits.to(kept.dtype), nodes, weights, kept, ctx.reach)
        by_row = upstream.to(kept.dtype).unsqueeze(1)
        return torch.where(slopes == 0, 0.0, slopes * by_row).to(logits.dtype), None, None, None


def masked_losses(logits: Tensor, nodes: Tensor, weights: Tensor, reach: ReachTensors) -> Tensor:
    """Losses (R,) of logits (R, C), float32 or float64, of any device; nothing is waited for."""
    result: Tensor = _Masked.apply(logits, nodes, weights, reach)
    return result
