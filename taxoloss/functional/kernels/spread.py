"""The loss of targets that are spread over nodes, eager on a CPU: the gradient is ready in forward.

The closed form is in native/spread_call.h, for the compiled kernel, and in unit_sums.py for torch. Rows
whose masses underflow, or whose costs are no number, are done again level by level, in float64 and log
space, by soft_targets.py; so is a gradient that is to be differentiated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.closed_form import times
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native.library import Kernel
from taxoloss.functional.kernels.native.losses import serves
from taxoloss.functional.kernels.native.spread import native_costs
from taxoloss.functional.kernels.unit_sums import pure_costs
from taxoloss.functional.soft_targets import FEW_NODES, index_loss, probability_loss

__all__ = ["SpreadTarget", "in_closed_form", "spread_losses", "spread_of_plain"]

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


class SpreadTarget(NamedTuple):
    """What the rows of logits (N, C) or (N, C, D) should be."""

    #: Node ids (N,) or (N, D), long; or probabilities (N, S) or (N, S, D) of the classes or of all targets.
    target: Tensor
    #: (S,) or (T,) float64: the weights of what `target` names, or None.
    own_weight: Tensor | None
    #: (V,) float64: the weights of nodes in what is spread, or None.
    node_weight: Tensor | None
    smoothing: float
    ignore_index: int
    reduction: str
    #: Whether logits are still to be looked at for probabilities; (N, C), with the compiled kernel.
    look: bool = False

    @property
    def soft(self) -> bool:
        """Whether the target is probabilities."""
        return self.target.is_floating_point()

    def losses(self, tensors: LossTensors, logits: Tensor) -> Tensor:
        """The loss (N,) or (N, D) of each row, level by level, for autograd."""
        if self.soft:
            return probability_loss(
                tensors, logits, self.target, self.own_weight, self.node_weight, self.smoothing
            )
        valid = self.target != self.ignore_index
        ids = torch.where(valid, self.target, 0)
        return index_loss(tensors, logits, ids, valid, self.node_weight, self.smoothing)

    def of_rows(self, rows: Tensor) -> SpreadTarget:
        """Of some of the N or N * D rows: the targets of logits (n, C)."""
        if not self.soft:
            return self._replace(target=self.target.reshape(-1)[rows])
        return self._replace(target=rows_of(self.target, rows))


def rows_of(tensor: Tensor, rows: Tensor) -> Tensor:
    """(n, C): some of the N or N * D rows of (N, C) or (N, C, D)."""
    if tensor.dim() == 2:
        return tensor[rows]
    places = tensor.shape[2]
    return tensor[rows // places, :, rows % places]


def in_closed_form(logits: Tensor, *constants: Tensor | None) -> bool:
    """Whether this is an eager call on a CPU in which only the logits may ask for a gradient."""
    for tensor in constants:
        if tensor is not None and (tensor.requires_grad or tensor.layout != torch.strided):
            return False
        if tensor is not None and not host_may_read(tensor):
            return False
    return logits.dtype in _DTYPES and logits.layout == torch.strided and host_may_read(logits)


class _Spread(Function):
    """Row losses, their sum or their mean."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        own_weight: Tensor | None,
        node_weight: Tensor | None,
        tensors: LossTensors,
        library: Kernel | None,
        options: tuple[float, int, str, bool],
        recorded: bool,
    ) -> Tensor:
        spread = SpreadTarget(target, own_weight, node_weight, *options)
        wide = _wide(tensors, logits, target)
        gradient = torch.empty_like(wide) if recorded and ctx.needs_input_grad[0] else None
        result, ctx.count = _costs(tensors, library, wide, spread, gradient)
        if gradient is not None:
            ctx.save_for_backward(logits, target, own_weight, node_weight, gradient)
            ctx.tensors, ctx.options = tensors, options
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, own_weight, node_weight, gradient = ctx.saved_tensors
        spread = SpreadTarget(target, own_weight, node_weight, *ctx.options)
        reduced = spread.reduction != "none"
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            losses = spread.losses(ctx.tensors, logits.double())
            out = losses.sum() if reduced else losses.reshape(-1)
            out = out / ctx.count if spread.reduction == "mean" else out
            (gradient,) = torch.autograd.grad(out, logits, upstream.to(out.dtype), create_graph=True)
        else:
            by_row = upstream if reduced else upstream.view(len(logits), 1, *logits.shape[2:])
            gradient = times(gradient, by_row).to(logits.dtype)
        return gradient, *[None] * 7


def _wide(tensors: LossTensors, logits: Tensor, target: Tensor) -> Tensor:
    """In float32; in float64 where either is, and where nodes are few, so that all of a row may cancel."""
    if tensors.most_nodes < FEW_NODES or torch.float64 in (logits.dtype, target.dtype):
        return logits.double()
    return logits.float()


def _costs(
    tensors: LossTensors,
    library: Kernel | None,
    logits: Tensor,
    spread: SpreadTarget,
    gradient: Tensor | None,
) -> tuple[Tensor, float]:
    """The losses (rows,) or their sum or mean, and what a mean divides by; writes the gradient."""
    if library is None:
        found = pure_costs(tensors, logits, spread, gradient)
    else:
        found = native_costs(tensors, library, logits, spread, gradient)
    if found.lost is None or len(found.lost) == 0:
        return found.result, found.divisor
    rows, none = found.lost, spread.reduction == "none"
    with torch.enable_grad():
        z = rows_of(logits, rows).double().requires_grad_()
        losses = spread.of_rows(rows).losses(tensors, z)
        losses = losses / found.divisor if spread.reduction == "mean" else losses
        if gradient is not None:
            (slope,) = torch.autograd.grad(losses.sum(), z)
    if gradient is not None:
        slope = slope.to(gradient.dtype)
        if gradient.dim() == 2:
            gradient[rows] = slope
        else:
            gradient[rows // gradient.shape[2], :, rows % gradient.shape[2]] = slope
    losses = losses.detach()
    if none:
        found.result[rows] = losses.to(found.result.dtype)
    else:
        found.result.fill_(found.sum + float(losses.sum()))
    return found.result, found.divisor


def spread_losses(tensors: LossTensors, logits: Tensor, spread: SpreadTarget) -> Tensor:
    """The loss of each target (N, d1..dk), their sum or their mean; float32, or float64.

    Args:
        tensors: of the taxonomy and the level weights, on the CPU.
        logits: (N, C, d1..dk).
        spread: its target (N, d1..dk) or (N, S, d1..dk).
    """
    shape = (logits.shape[0], *logits.shape[2:])
    target = spread.target if spread.soft else spread.target.long()
    if logits.dim() > 2:
        logits, target = logits.flatten(2), target.flatten(2 if spread.soft else 1)
    recorded = torch.is_grad_enabled()  # inside forward it is always off
    result: Tensor = _Spread.apply(
        logits.resolve_neg(),
        target.resolve_neg(),
        spread.own_weight,
        spread.node_weight,
        tensors,
        serves(tensors, logits),
        spread[3:],
        recorded,
    )
    return result.view(shape) if spread.reduction == "none" else result


def spread_of_plain(
    tensors: LossTensors, library: Kernel, logits: Tensor, spread: SpreadTarget, recorded: bool
) -> Tensor:
    """The same of plain float32 logits (N, C) and a target that fits, which the caller has looked at."""
    result: Tensor = _Spread.apply(
        logits, spread.target, None, None, tensors, library, spread[3:], recorded
    )
    return result
