"""What a call of the native kernel may touch: each address that it is handed, by sizes and strides.

A watched kernel reads the structures as C does, and asks for each range whether a tensor that is alive in
a caller's frame, or kept for a taxonomy, holds all of it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from kernel_forms import COMPILED
from torch import Tensor

from taxoloss.functional.kernels.native import levels, losses, spread, tallies

__all__ = ["FUNCTIONS", "Watched"]

FUNCTIONS = ("rows", "spread", "levels", "tally", "count")


@dataclass(frozen=True)
class _Range:
    """Bytes first .. last that a call reads or writes."""

    name: str
    first: int
    last: int


def _flat(struct: Any, size: int, **numbers: int) -> Iterator[_Range]:
    """Arrays of so many numbers of a size; those that are null are left out."""
    for name, number in numbers.items():
        address = getattr(struct, name)
        if address and number:
            yield _Range(name, address, address + number * size)


def _strided(call: Any, name: str, columns: int, size: int) -> Iterator[_Range]:
    """(N, columns, D) by its three strides."""
    address, sizes = getattr(call, name), (call.samples, columns, call.places)
    if not address or 0 in sizes:
        return
    steps = [getattr(call, f"{name}_by_{axis}") for axis in ("sample", "class", "place")]
    ends = [step * (number - 1) * size for step, number in zip(steps, sizes, strict=True)]
    yield _Range(
        name, address + sum(min(end, 0) for end in ends), address + size + sum(max(end, 0) for end in ends)
    )


def _of_rows(tree: Any, call: Any, size: int) -> Iterator[_Range]:
    c, t, k, rows = tree.classes, tree.targets, tree.levels, call.samples * call.places
    yield from _flat(tree, 8, edges=t * 2 * k, weights=t * k, order=c, position=c)
    yield from _flat(call, 8, target=rows, node_weight=t, row_weights=rows * k)
    yield from _results(call, c, rows, size)


def _results(call: Any, classes: int, rows: int, size: int) -> Iterator[_Range]:
    yield from _strided(call, "logits", classes, size)
    yield from _strided(call, "gradient", classes, size)
    yield from _flat(call, size, losses=rows, total=1)
    yield from _flat(call, 1, lost=rows)


def _of_spread(t: Any, call: Any, size: int) -> Iterator[_Range]:
    u, c, k, rows = t.units, t.classes, t.levels, call.samples * call.places
    yield from _flat(t, 8, leaf=c, leaf_start=u + 2, kid=u, kid_start=u + 2, parent=u, above=c)
    yield from _flat(t, 8, first=t.groups, last=t.groups, group=u + 1, leaf_group=u + 1)
    yield from _flat(t, 8, per_node=k, weights=t.targets * k, point_start=t.targets + 1)
    points = ctypes.cast(t.point_start, ctypes.POINTER(ctypes.c_int64))[t.targets]
    yield from _flat(t, 8, point=points, point_weight=points, run=u + 1, leaf_run=u + 1)
    sources = t.targets if call.target else call.sources
    yield from _flat(call, 8, target=rows, row_uniform=rows * k, own_weight=sources, unit_weight=u + c)
    yield from _strided(call, "soft", call.sources, size)
    yield from _results(call, c, rows, size)


def _of_levels(t: Any, call: Any, size: int) -> Iterator[_Range]:
    c, v, n, rows = t.classes, t.nodes, t.levels, call.samples * call.places
    yield from _flat(t, 8, order=c, ends=c, width=n, lines=v * (n + 1), start=v, stop=v)
    widths = ctypes.cast(t.width, ctypes.POINTER(ctypes.c_int64))[:n]
    yield from _flat(t, 8, node=sum(widths[:-1]))
    yield from _flat(call, 8, best=rows * n, chosen=rows)
    yield from _flat(call, size, stated=rows * n, odds=rows * n)
    yield from _flat(call, 1, lost=rows)
    yield from _strided(call, "logits", c, size)
    masses = ctypes.cast(call.masses, ctypes.POINTER(ctypes.c_void_p))[:n] if call.masses else []
    for address, width in zip(masses, widths, strict=False):
        if rows:
            yield _Range("masses", address, address + rows * width * size)


def _of_tally(t: Any, call: Any, size: int) -> Iterator[_Range]:
    v, n, rows = t.nodes, t.levels, call.rows
    yield from _flat(t, 8, lines=v * (n + 1), ancestors=v * n, depth=v, height=v)
    yield from _flat(t, 1, counted=v * n)
    yield from _flat(call, 8, best=rows * n, target=rows, mistakes=2, distances=2, edges=2, shared=4)
    yield from _flat(call, 8, levels=2 * n, paths=2)
    yield from _flat(call, 8, counts=t.heights + 2 * v, calibration=n * call.bins * 3)
    yield from _flat(call, size, stated=rows * n)
    assert call.targets <= v, "a target that is no node"


_RANGES = dict(zip(FUNCTIONS, (_of_rows, _of_spread, _of_levels, _of_tally), strict=False))


def _alive() -> list[tuple[int, int]]:
    """First and last byte of the tensors in the callers' frames and of the tables that are kept."""
    kept = [table for module in (losses, levels, tallies) for table in module._TREES.values()]
    found = [*_tensors([*kept, *spread._TABLES.values()])]
    frame = sys._getframe(2)
    while frame is not None and "pytest" not in frame.f_globals["__name__"]:
        found += _tensors([*frame.f_locals.values()])
        frame = frame.f_back  # type: ignore[assignment]
    storages = [tensor.untyped_storage() for tensor in found if _has_memory(tensor)]
    return [(storage.data_ptr(), storage.data_ptr() + storage.nbytes()) for storage in storages]


def _has_memory(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.is_cpu


def _tensors(values: list[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple, dict)):
            held = value.values() if isinstance(value, dict) else value
            yield from (one for one in held if isinstance(one, Tensor))
        elif type(value).__module__.startswith("taxoloss.functional.kernels.native"):
            own = vars(value)
            yield from _tensors([one for one in own.values() if isinstance(one, (Tensor, list, tuple))])


class Watched:
    """The functions of the kernel, watched: what was called by which function of which module."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[str] = []
        self.callers: set[tuple[str, str]] = set()
        for name in FUNCTIONS:
            monkeypatch.setattr(COMPILED, name, self._watched(name, getattr(COMPILED, name)))

    def _watched(self, name: str, function: Any) -> Any:
        pairs = ("levels", "tally") if name == "count" else (name,)

        def call(*arguments: Any) -> Any:
            caller = sys._getframe(1)
            self.called.append(name)
            self.callers.add((caller.f_globals["__name__"].rpartition(".")[2], caller.f_code.co_name))
            alive, size = _alive(), 8 if arguments[2 * len(pairs)] else 4
            for kind, tree, call in zip(pairs, arguments[::2], arguments[1::2], strict=False):
                for one in _RANGES[kind](tree._obj, call, size):
                    inside = any(first <= one.first and one.last <= last for first, last in alive)
                    assert inside, f"{name}: {one.name} is in no tensor that is alive"
            return function(*arguments)

        return call
