"""The loss on graphs where a row weighs many nodes: label smoothing, probabilities of classes or of nodes.

A row weighs node a by v_a, and costs the sum over a of v_a * -log P(a). With the sums of closed_form.py,
but over all nodes, by products with the sparse matrix of what inner nodes reach (a class reaches itself):

    loss = sum over a of v_a log1p(T_a / S_a),   dz_j = p_j (W - u_j),   d loss / d v_a = log1p(T_a / S_a)

where u_j is the sum of v_a (1 + T_a / S_a) over the a that reach j. Entries of the gradient are
differences, as torch's are for such targets. Where masses underflow, a compiler traces, or a gradient is
differentiated, log P comes from the pairs (peak, rest) of log_sums.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.arithmetic import row_blocks, wide_dtype
from taxoloss.functional.graphs.log_probs import node_log_probs
from taxoloss.functional.graphs.reach import ReachTensors
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.closed_form import times
from taxoloss.functional.soft_targets import times as weighed

__all__ = ["spread_losses"]

#: Numbers of a block of rows, of all nodes: half a megabyte in float64, of which a dozen are held.
_BLOCK = 7 << 13
_MOST_ODDS = 1e200


def spread_losses(
    logits: Tensor, weigh: Callable[[slice], Tensor], constant: bool, reach: ReachTensors
) -> Tensor:
    """Losses (R,) of logits (R, C), float32 or float64.

    Args:
        logits: any floating dtype.
        weigh: gives the weights (n, V) of some of the rows, in the widest dtype of the device.
        constant: whether these ask for no gradient.
        reach: of the taxonomy.
    """

    def few(rows: slice) -> Tensor:
        return torch.where(reach.sizes < reach.num_classes, weigh(rows), 0.0)  # P = 1 costs nothing

    recorded = torch.is_grad_enabled()  # inside forward it is always off
    if constant and host_may_read(logits):
        result: Tensor = _Spread.apply(logits, None, few, reach, recorded)
        return result
    weights = few(slice(None))
    if host_may_read(logits) and host_may_read(weights):
        differentiable: Tensor = _Spread.apply(logits, weights, few, reach, recorded)
        return differentiable
    return _by_definition(logits.to(weights.dtype), weights, reach).to(wide_dtype(logits))


def _by_definition(z: Tensor, weights: Tensor, reach: ReachTensors) -> Tensor:
    """Losses (R,) in log space, for autograd."""
    # What has no weight may hold anything.
    gone = (weights == 0).all(1) & ~torch.isfinite(z.detach().amax(1))
    z = torch.where(gone.unsqueeze(1), 0.0, z)
    return weighed(weights, -node_log_probs(z, reach)).sum(1)


class _Spread(Function):
    """Row losses; the gradient of the logits is ready when forward ends, as are the costs of the nodes."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        weights: Tensor | None,
        weigh: Callable[[slice], Tensor],
        reach: ReachTensors,
        recorded: bool,
    ) -> Tensor:
        needed, costs_needed = (recorded and ctx.needs_input_grad[at] for at in (0, 1))
        gradient = torch.empty_like(logits, dtype=wide_dtype(logits)) if needed else None
        losses, costs = [logits.new_zeros(0, dtype=torch.float64)], []
        for rows in row_blocks(len(logits), reach.num_nodes, _BLOCK):
            weighed_by = weigh(rows) if weights is None else weights[rows]
            loss, slope, cost = _of_rows(logits[rows], weighed_by, reach, costs_needed)
            losses.append(loss)
            if gradient is not None:
                gradient[rows] = slope
            if costs_needed:
                costs.append(cost)
        if recorded:
            ctx.save_for_backward(logits, weights, gradient, torch.cat(costs) if costs else None)
            ctx.weigh, ctx.reach = weigh, reach
        return torch.cat(losses).to(wide_dtype(logits))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, weights, gradient, costs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: gradients that can be differentiated again
            wanted = [t for t, need in ((logits, gradient), (weights, costs)) if need is not None]
            given = ctx.weigh(slice(None)) if weights is None else weights
            losses = _by_definition(logits.double(), given, ctx.reach)
            found = iter(torch.autograd.grad(losses, wanted, upstream.double(), create_graph=True))
            return *(None if need is None else next(found) for need in (gradient, costs)), None, None, None
        by_row = upstream.unsqueeze(1)
        slope = None if gradient is None else times(gradient, by_row).to(logits.dtype)
        return slope, None if costs is None else weighed(by_row.double(), costs), None, None, None


def _of_rows(
    z: Tensor, weights: Tensor, reach: ReachTensors, costs_needed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (n,), their gradient (n, C), and what each node costs (n, V)."""
    p = torch.softmax(z, 1, dtype=torch.float64)
    sums = torch.cat([p, (reach.inner @ p.T).T], 1)
    odds = (p.sum(1, keepdim=True) - sums).clamp_(min=0.0) / sums
    costs, none = torch.log1p(odds), weights == 0
    lost = ~(odds <= _MOST_ODDS)  # NaN too
    lost = lost if costs_needed else lost & ~none
    losses = (weights * costs).masked_fill_(none, 0.0).sum(1)
    pulls = (weights + weights * odds).masked_fill_(none, 0.0)
    own, inner = pulls[:, : reach.num_classes], pulls[:, reach.num_classes :]
    slopes = p * (weights.sum(1, keepdim=True) - own - (reach.inner_transposed @ inner.T).T)
    slopes[none.all(1)] = 0.0
    rows = lost.any(1).nonzero().squeeze(1)
    if len(rows):
        losses[rows], slopes[rows], costs[rows] = _in_log_space(z[rows], weights[rows], reach)
    return losses, slopes, costs


@torch.enable_grad()
def _in_log_space(z: Tensor, weights: Tensor, reach: ReachTensors) -> tuple[Tensor, Tensor, Tensor]:
    z, weights = z.detach().double().requires_grad_(), weights.detach().clone().requires_grad_()
    losses = _by_definition(z, weights, reach)
    slopes, costs = torch.autograd.grad(losses.sum(), (z, weights))
    return losses.detach(), slopes, costs
