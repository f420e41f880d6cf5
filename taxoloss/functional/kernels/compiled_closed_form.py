"""The closed form as one operation of torch, which a compiler calls and does not look into.

torch.compile fuses masks (masked.py) into loops that compare every column with every level:
the price grows with L. The closed form does not, but looks at its numbers and cannot be traced. So a
compiled graph holds it whole, as `torch.ops.taxoloss.closed_form`: its inputs are the tables of
closed_form.py, its results the losses and their gradient, any batch size serves. Where the native kernel is
there, the operation is a call of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import wide_dtype
from taxoloss.functional.kernels.chunks import ChunkTensors
from taxoloss.functional.kernels.closed_form import losses_and_gradient, times_upstream
from taxoloss.functional.kernels.native.losses import costs_of_rows, reads

__all__ = ["compiled_losses", "fake_results", "keep_gradient", "kept_gradient"]

_SCHEMA = (
    "(Tensor logits, Tensor target, Tensor weights, int classes, int width, int whole, Tensor cut, "
    "Tensor edges, Tensor? rings, Tensor? order, Tensor? inverse, Tensor sums, Tensor factors, "
    "Tensor? few_columns, Tensor? few_inside, Tensor? few_outside, Tensor? few_sums, bool reduce, "
    "bool needed) -> (Tensor, Tensor)"
)


@torch.library.custom_op("taxoloss::closed_form", mutates_args=(), device_types="cpu", schema=_SCHEMA)
def _closed_form(logits: Tensor, target: Tensor, weights: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *tensors, reduce, needed = rest
    chunks = ChunkTensors(*tensors)
    gradient = torch.empty_like(logits, dtype=wide_dtype(logits)) if needed else None
    library = reads(chunks, logits)
    if library is None:
        losses = losses_and_gradient(logits, target, weights, chunks, gradient, reduce)
    else:
        wide = logits.to(wide_dtype(logits))
        losses = costs_of_rows(library, chunks, wide, target, weights, gradient, reduce=reduce)
    return losses, losses.new_empty(0) if gradient is None else gradient


@_closed_form.register_fake
def _(logits: Tensor, target: Tensor, weights: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *_tensors, reduce, needed = rest
    return fake_results(logits, target, reduce, needed)


def fake_results(logits: Tensor, target: Tensor, reduce: bool, needed: bool) -> tuple[Tensor, Tensor]:
    """Losses and gradient without numbers."""
    losses = logits.new_empty(() if reduce else target.shape, dtype=wide_dtype(logits))
    return losses, torch.empty_like(logits, dtype=losses.dtype) if needed else losses.new_empty(0)


def keep_gradient(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """For backward, of an operation that ends with whether to reduce and whether a gradient is needed."""
    ctx.save_for_backward(output[1])
    ctx.dtype, ctx.reduce = inputs[0].dtype, inputs[-2]


def kept_gradient(ctx: Any, upstream: Tensor) -> Tensor:
    """Times what comes from above, in the dtype of the logits."""
    (gradient,) = ctx.saved_tensors  # (N, C) or (N, C, D)
    if not ctx.reduce:
        upstream = upstream.view(gradient.shape[0], 1, *gradient.shape[2:])  # (rows,) -> (N, 1[, D])
    return times_upstream(gradient, upstream).to(ctx.dtype)


def _backward(ctx: Any, upstream: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    return kept_gradient(ctx, upstream), *[None] * 18


_closed_form.register_autograd(_backward, setup_context=keep_gradient)


def compiled_losses(
    logits: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, *, reduce: bool
) -> Tensor:
    """What `closed_form_losses` gives, of the same arguments, for a compiler to call."""
    needed = torch.is_grad_enabled() and logits.requires_grad
    t = tensors
    losses: Tensor = _closed_form(
        logits, target, weights, t.classes, t.width, t.whole, t.cut, t.edges, t.rings, t.order, t.inverse,
        t.sums, t.factors, t.few_columns, t.few_inside, t.few_outside, t.few_sums, reduce, needed,
    )[0]  # fmt: skip
    return losses
