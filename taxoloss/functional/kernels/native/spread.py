"""Spread targets by the compiled kernel: see spread_call.h for the mathematics."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.inputs import check_range, refuse_softmax
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native.library import Kernel, SpreadCall, Units
from taxoloss.functional.kernels.native.parts import parts_of
from taxoloss.functional.kernels.unit_sums import Costs, not_counted
from taxoloss.functional.kernels.unit_tables import UnitTables, unit_tables
from taxoloss.functional.kernels.unit_targets import spread_of_rows

if TYPE_CHECKING:
    from taxoloss.functional.kernels.spread import SpreadTarget

__all__ = ["native_costs"]

#: What the kernel answers.
_BAD_TARGET, _NO_MEMORY, _NO_COUNT = 1, 2, 3


class _Tables:
    """Tables as the kernel reads them; they stay where they are as long as this lives."""

    def __init__(self, tables: UnitTables) -> None:
        units, points = tables.units, tables.points()
        leaf, leaf_start = _below(units.parent_of_class, units.units)
        kid, kid_start = _below(units.parent, units.units)
        run, parts = tables.run, parts_of(tables)
        self.held = [
            *map(torch.from_numpy, (leaf, leaf_start, kid, kid_start)),
            tables.parent,
            tables.parent_of_class,
            *tables.runs.T.contiguous(),
            tables.group,
            tables.leaf_group,
            tables.per_node,
            tables.weights,
            *map(torch.from_numpy, (points.start, points.unit, points.weight)),
            None if run is None else run[tables.group],
            None if run is None else run[tables.leaf_group],
            run,
            *(map(torch.from_numpy, parts) if parts else [None] * 4),
        ]
        addresses = [None if tensor is None else tensor.data_ptr() for tensor in self.held]
        sizes = (units.classes, units.units, units.levels, len(tables.of_target), len(tables.runs))
        self.shared = ctypes.byref(Units(*sizes, *addresses))
        #: By the points of targets, whatever weights classes share.
        self.by_point = ctypes.byref(Units(*sizes, *addresses[:-7], *[None] * 7))
        #: Of probabilities of all targets.
        self.of_nodes = self.shared if parts else self.by_point


def _below(parent: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """What is right below each unit, the root last, and where that of each starts."""
    order = np.argsort(parent, kind="stable")
    return order, np.searchsorted(parent[order], np.arange(units + 2))


_TABLES: WeakKeyDictionary[UnitTables, _Tables] = WeakKeyDictionary()


def _tables_of(tables: UnitTables) -> _Tables:
    found = _TABLES.get(tables)
    if found is None:
        found = _TABLES[tables] = _Tables(tables)
    return found


def native_costs(
    tensors: LossTensors, library: Kernel, logits: Tensor, spread: SpreadTarget, gradient: Tensor | None
) -> Costs:
    """The losses of the rows, their sum or their mean; writes the gradient.

    Of logits (N, C) or (N, C, D) in float32 or float64.

    Raises:
        IndexError: a target is none.
        ValueError: with `look`, the first rows are probabilities.
    """
    tables = unit_tables(tensors)
    call = SpreadCall(threads=torch.get_num_threads(), logits=logits.data_ptr(), smoothing=spread.smoothing)
    call.samples, call.places = len(logits), 1 if logits.dim() == 2 else logits.shape[2]
    call.logits_by_sample, call.logits_by_class, *place = logits.stride()
    call.logits_by_place = place[0] if place else 0
    call.ignored, call.mean, call.look = spread.ignore_index, spread.reduction == "mean", spread.look
    held = [_target(call, logits, spread)]
    if spread.soft and spread.smoothing > 0:
        held.append(spread_of_rows(tensors, spread).contiguous())
        call.row_uniform = held[-1].data_ptr()
    if spread.own_weight is not None:
        held.append(spread.own_weight.double().contiguous())
        call.own_weight = held[-1].data_ptr()
    if spread.node_weight is not None and spread.smoothing > 0:
        held.append(spread.node_weight.double()[tables.nodes])
        call.unit_weight = held[-1].data_ptr()
    if gradient is not None:
        call.gradient = gradient.data_ptr()
        call.gradient_by_sample, call.gradient_by_class, *place = gradient.stride()
        call.gradient_by_place = place[0] if place else 0
    none, rows = spread.reduction == "none", call.samples * call.places
    result = logits.new_empty((rows,) if none else ())
    setattr(call, "losses" if none else "total", result.data_ptr())
    own = _tables_of(tables)
    reference = own.by_point
    if spread.soft:
        reference = own.shared if call.sources == logits.shape[1] else own.of_nodes
    status = library.spread(reference, call, logits.dtype == torch.float64, library.form)
    if status == _NO_MEMORY:
        raise MemoryError("the native kernel found no memory for the rows of a batch")
    if status == _BAD_TARGET:
        check_range(spread.target[spread.target != spread.ignore_index], tensors.plan)
    if call.look:
        refuse_softmax(logits, spread.target)
    if status == _NO_COUNT:
        return not_counted(logits, call.count, rows)
    lost = None
    if call.lost_rows:
        flags = torch.empty(rows, dtype=torch.bool, device="cpu")
        call.lost = flags.data_ptr()
        library.spread(reference, call, logits.dtype == torch.float64, library.form)
        lost = flags.nonzero().squeeze(1)
    del held  # until here what the call points to has to live
    return Costs(result, call.sum, call.count, lost)


def _target(call: SpreadCall, logits: Tensor, spread: SpreadTarget) -> Tensor:
    """Hands over the target; what is returned has to live as long as the call."""
    if not spread.soft:
        target = spread.target.contiguous()
        call.target = target.data_ptr()
        return target
    target = spread.target.to(logits.dtype)
    if spread.smoothing == 1:  # left out, not multiplied by 0
        target = target.new_zeros(()).expand(target.shape)
    call.soft, call.sources = target.data_ptr(), target.shape[1]
    call.soft_by_sample, call.soft_by_class, *place = target.stride()
    call.soft_by_place = place[0] if place else 0
    return target
