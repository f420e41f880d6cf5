"""Which form of the loss runs for logits and targets that have been checked.

    on the CPU                          closed_form.py: one pass over chunks of columns, or few_classes.py;
                                        before it, in cross_entropy.py, step.py for the commonest call, and
                                        native/ where it was compiled
    the same, under torch.compile       compiled_closed_form.py: a call of either; masks where cheaper
    on CUDA, where Triton is            triton_loss.py: a program a row, one read and one write
    compiled for CUDA, exported, other  masked.py: masks, plain operations, no synchronisation
    devices
    torch.func, forward-mode gradients  definition.py: the definition, differentiable any number
    and gradients of gradients          of times

How the columns are cut for a taxonomy is decided when its tables are made, in chunks.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.inputs import host_may_read, transformed
from taxoloss.functional.kernels import definition, triton_loss
from taxoloss.functional.kernels.closed_form import closed_form_losses
from taxoloss.functional.kernels.compiled_closed_form import compiled_losses
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.masked import masked_row_losses
from taxoloss.functional.kernels.native.library import kernel
from taxoloss.taxonomy.cache import at_trace_time

__all__ = ["is_called", "row_losses"]

#: Columns times levels up to which a compiler's loops over masks beat a call of the closed form, and one of
#: the native kernel: measured at 8 to 4,096 rows.
_FEW_COMPARISONS, _FEW_BESIDE_NATIVE = 512, 16


def row_losses(
    tensors: LossTensors, logits: Tensor, ids: Tensor, weights: Tensor, *, reduce: bool
) -> Tensor:
    """The loss of each target, (N, d1..dk), or their sum.

    Args:
        tensors: of the taxonomy and the level weights.
        logits: (N, C, d1..dk).
        ids: (N, d1..dk) target ids, in range.
        weights: (N, d1..dk, K): of each target's levels.
        reduce: whether to add up.
    """
    eager = host_may_read(logits)
    if eager or (is_called(logits) and len(tensors.used) * logits.shape[1] > _few_comparisons()):
        of_rows = closed_form_losses if eager else compiled_losses
        if logits.dim() == 2:
            return of_rows(logits, ids, weights, tensors.chunks, reduce=reduce)
        flat, columns = logits.flatten(2), weights.flatten(0, -2)
        losses = of_rows(flat, ids.reshape(-1), columns, tensors.chunks, reduce=reduce)
        return losses if reduce else losses.view(ids.shape)
    start, stop = (tensors.look_up(table, ids) for table in (tensors.start, tensors.stop))
    if transformed():
        losses = definition.losses(logits, start, stop, weights, tensors.order)
    elif _triton_serves(logits):
        losses = triton_loss.triton_losses(logits, start, stop, weights, tensors.order)
    else:
        losses = masked_row_losses(logits, start, stop, weights, tensors.position, tensors.order)
    return losses.sum() if reduce else losses


def is_called(logits: Tensor) -> bool:
    """Whether a graph that is compiled for the CPU may call an operation that is not traced."""
    # Not is_exporting(): in torch 2.9 that is True in every trace, and masks would run in all.
    compiled = torch.compiler.is_compiling() and not torch.compiler._is_exporting_flag
    return compiled and logits.device.type == "cpu" and not transformed()


@at_trace_time
def _few_comparisons() -> int:
    return _FEW_COMPARISONS if kernel() is None else _FEW_BESIDE_NATIVE


def _triton_serves(logits: Tensor) -> bool:
    compiled = torch.compiler.is_compiling()  # there, masks fuse into loops
    return logits.is_cuda and logits.dtype != torch.float64 and not compiled and triton_loss.available()
