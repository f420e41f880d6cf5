"""The closed form on graphs as one operation of torch, which a compiler calls and does not look into.

It makes lists whose lengths depend on the targets, and cannot be traced. So a compiled graph holds it
whole, as `torch.ops.taxoloss.graph_closed_form`, with the name of its tables (cache.py), which are looked
up when it runs: the loss that was compiled keeps them alive.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import wide_dtype
from taxoloss.functional.graphs.closed_form import losses_and_gradient
from taxoloss.functional.graphs.tables import GraphLossTensors
from taxoloss.functional.kernels.compiled_closed_form import fake_results, keep_gradient, kept_gradient
from taxoloss.taxonomy.cache import named

__all__ = ["compiled_losses"]

_SCHEMA = (
    "(Tensor logits, Tensor target, Tensor factor, str tables, bool reduce, bool needed) "
    "-> (Tensor, Tensor)"
)


@torch.library.custom_op("taxoloss::graph_closed_form", mutates_args=(), device_types="cpu", schema=_SCHEMA)
def _closed_form(
    logits: Tensor, target: Tensor, factor: Tensor, tables: str, reduce: bool, needed: bool
) -> tuple[Tensor, Tensor]:
    gradient = torch.empty_like(logits, dtype=wide_dtype(logits)) if needed else None
    losses = losses_and_gradient(logits, target, factor, named(tables), gradient)
    losses = (losses.sum() if reduce else losses).to(wide_dtype(logits))
    return losses, losses.new_empty(0) if gradient is None else gradient


@_closed_form.register_fake
def _(
    logits: Tensor, target: Tensor, factor: Tensor, tables: str, reduce: bool, needed: bool
) -> tuple[Tensor, Tensor]:
    return fake_results(logits, target, reduce, needed)


def _backward(ctx: Any, upstream: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    return kept_gradient(ctx, upstream), *[None] * 5


_closed_form.register_autograd(_backward, setup_context=keep_gradient)


def compiled_losses(
    logits: Tensor, target: Tensor, factor: Tensor, tensors: GraphLossTensors, *, reduce: bool
) -> Tensor:
    """What `closed_form_losses` gives, of the same arguments, for a compiler to call."""
    needed = torch.is_grad_enabled() and logits.requires_grad
    losses: Tensor = _closed_form(logits, target, factor, tensors.handle, reduce, needed)[0]
    return losses
