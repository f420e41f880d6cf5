"""Sums over groups of columns, in an operation that every exporter translates right."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

__all__ = ["group_sums"]

#: Where the exporter that traces says which opset it writes, by version of torch.
_GLOBALS = ("torch.onnx._internal.torchscript_exporter._globals", "torch.onnx._globals")
#: From here on ONNX's ScatterElements adds.
_FIRST_OPSET = 16


def group_sums(values: Tensor, group: Tensor, width: int, dim: int = 1) -> Tensor:
    """The sums (.., width, ..) of the columns of `dim` that belong to each group.

    Args:
        values: (.., n, ..).
        group: (n,): the number of each column's group.
        width: the number of groups.
        dim: the dimension of the columns.

    Raises:
        RuntimeError: an ONNX export by tracing to an opset that cannot say it.
    """
    shape = [*values.shape[:dim], width, *values.shape[dim + 1 :]]
    if torch.compiler.is_compiling() or not torch._C._is_tracing():
        return values.new_zeros(shape).index_add(dim, group, values)
    # The exporter that traces writes index_add as if no group had two columns, and is silent about it.
    opset = _opset()
    if opset is not None and opset < _FIRST_OPSET:
        raise RuntimeError(
            f"expected opset_version {_FIRST_OPSET} or later for sums up a tree, got {opset}"
        )
    index = group.view([-1 if at == dim else 1 for at in range(values.dim())]).expand_as(values)
    return values.new_zeros(shape).scatter_add(dim, index, values)


def _opset() -> int | None:
    """The opset of the ONNX export by tracing that is going on, if one is."""
    for name in _GLOBALS:
        state = getattr(sys.modules.get(name), "GLOBALS", None)
        if state is not None and state.in_onnx_export:
            return int(state.export_onnx_opset_version)
    return None
