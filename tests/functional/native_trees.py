"""Random trees, layouts and results by definition for the drivers of the native kernel: numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import Plan

__all__ = ["Array", "Drawn", "address", "dense_shape", "hand_over", "numbers", "softmax", "strided"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A tree of C classes and L levels; ids: classes, the nodes of each level but the last, the root."""

    #: (L, C): position -> its node's number on each level; of the last the classes themselves.
    numbers: Array

    @staticmethod
    def of(draw: np.random.Generator, classes: int, levels: int) -> Drawn:
        """Nested at random; nodes of a level are numbered at random, classes stand at random places."""
        ends = np.sort(draw.random(classes - 1)) if draw.random() < 0.3 else draw.random(classes - 1)
        shares = np.sort(draw.random(levels - 1) ** 3)
        rows = [draw.permutation(classes) if draw.random() < 0.7 else np.arange(classes)]
        for share in shares[::-1]:
            number = np.append(0, np.cumsum(ends < share))
            rows.insert(0, draw.permutation(number[-1] + 1)[number])
        return Drawn(np.stack(rows))

    @property
    def classes(self) -> int:
        """C."""
        return self.numbers.shape[1]

    @property
    def levels(self) -> int:
        """L."""
        return len(self.numbers)

    @cached_property
    def order(self) -> Array:
        """(C,): position -> class."""
        return self.numbers[-1]

    @cached_property
    def widths(self) -> Array:
        """(L,): nodes of each level."""
        return self.numbers.max(1) + 1

    @cached_property
    def first_ids(self) -> Array:
        """(L,): the id of the first node of each level."""
        return np.append(self.classes + np.cumsum([0, *self.widths[:-2]]), 0)[-self.levels :]

    @property
    def root(self) -> int:
        """Its id, V - 1."""
        return int(self.classes + self.widths[:-1].sum())

    @cached_property
    def of_class(self) -> Array:
        """(L, C): class -> its node's number on each level."""
        found = np.empty_like(self.numbers)
        found[:, self.order] = self.numbers
        return found

    @cached_property
    def plan(self) -> Plan:
        """The same as the package's integers."""
        nodes, shape = self.root + 1, (self.root + 1, self.levels)
        ids = self.of_class + self.first_ids[:, None]
        ancestors, counted = np.zeros(shape, np.int64), np.zeros(shape, bool)
        parent, start, stop = (
            np.full(nodes, self.root),
            np.zeros(nodes, np.int64),
            np.zeros(nodes, np.int64),
        )
        position = np.argsort(self.order)
        for level in range(self.levels):
            at, one = np.unique(ids[level], return_index=True)  # a class below each
            ancestors[at, : level + 1], counted[at, : level + 1] = self.of_class[: level + 1, one].T, True
            parent[at] = ids[level - 1, one] if level else self.root
            start[at] = self.classes
            np.minimum.at(start, ids[level], position)
            np.maximum.at(stop, ids[level], position + 1)
        start[self.root], stop[self.root] = 0, self.classes
        each = tuple(np.arange(w) + first for w, first in zip(self.widths, self.first_ids, strict=True))
        names, widths = tuple(f"L{level}" for level in range(self.levels)), tuple(self.widths.tolist())
        return Plan(
            names, widths, each, self.of_class, ancestors, counted, parent, self.order, start, stop,
            num_targets=nodes, num_classes=self.classes, num_nodes=nodes,
        )  # fmt: skip

    @cached_property
    def lines(self) -> Array:
        """(V, L + 1): the root, and a node's ancestors, filled up with itself."""
        own, plan = np.arange(self.root + 1)[:, None], self.plan
        return np.hstack(
            [0 * own + self.root, np.where(plan.counted, plan.ancestors + self.first_ids, own)]
        )

    def masses(self, p: Array, level: int) -> Array:
        """(n, W_l): of probabilities (n, C)."""
        number, width = self.of_class[level], int(self.widths[level])
        return np.array([np.bincount(number, row, width) for row in p]).reshape(len(p), width)


def softmax(z: Array) -> Array:
    """(n, C) in float64."""
    with np.errstate(invalid="ignore"):
        p = np.exp(z.astype(np.float64) - z.max(1, keepdims=True, initial=-np.inf))
        return np.asarray(p / p.sum(1, keepdims=True))


def dense_shape(draw: np.random.Generator, classes: int, levels: int) -> tuple[int, int, int]:
    """(N, C, D): none, one, and around the lanes of a vector; of many nodes few rows."""
    if classes * levels > 5000:
        return int(draw.integers(3)), classes, int(draw.choice([1, 3])) if classes < 5000 else 1
    return int(draw.choice([0, 1, 2, 5, 9, 17, 40])), classes, int(draw.choice([1, 1, 2, 8, 19]))


def strided(draw: np.random.Generator, shape: tuple[int, ...], dtype: Any, alone: bool) -> Array:
    """(N, C, D) with axes in any order, gaps and backwards; alone: no two numbers in one place."""
    axes = draw.permutation(3)
    wide = [int(shape[axis] * draw.integers(1, 3)) for axis in axes]
    buffer = np.empty(wide, dtype)
    cut = tuple(slice(None, None, max(1, wide[i] // max(shape[axis], 1))) for i, axis in enumerate(axes))
    view = buffer[cut].transpose(np.argsort(axes))[: shape[0], : shape[1], : shape[2]]
    view = view[tuple(slice(None, None, -1 if draw.random() < 0.15 else 1) for _ in range(3))]
    if not alone and draw.random() < 0.2:
        view = np.broadcast_to(view[:1, :, :1], shape)
    return view


def numbers(draw: np.random.Generator, shape: tuple[int, ...], dtype: Any, values: Array) -> Array:
    """(N, C, D): values in a random layout; one row for all where that is such a layout."""
    view = strided(draw, shape, dtype, alone=False)
    if view.flags.writeable:
        view[...] = values
        return view
    return np.broadcast_to(np.ascontiguousarray(values[:1, :, :1].astype(dtype)), shape)


def address(array: Array | None) -> int | None:
    """Where it starts."""
    return None if array is None else array.ctypes.data


def hand_over(call: Any, name: str, array: Array | None) -> None:
    """Address and strides of an array (N, C, D), as fields of a call."""
    setattr(call, name, address(array))
    if array is not None:
        for axis, stride in zip(("sample", "class", "place"), array.strides, strict=True):
            setattr(call, f"{name}_by_{axis}", stride // array.itemsize)
