"""Random calls of the native kernel itself: python native_driver.py LIBRARY COUNT [SEED].

By numpy and ctypes, without torch, to run under a sanitizer. Ranges are nested at random, logits and
gradient lie at random strides, in buffers that end where they end; each result is compared with the loss
as it is defined.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.functional.kernels.native.blocks import blocks_of
from taxoloss.functional.kernels.native.library import Call, Kernel, Tree

__all__ = ["main"]

Array = npt.NDArray[Any]
#: (classes, levels, targets)
SIZES = [(2, 1, 2), (2, 64, 3), (3, 2, 5), (9, 3, 15), (16, 8, 40), (33, 7, 60), (64, 4, 80), (64, 5, 80),
         (65, 2, 70), (300, 12, 400), (1000, 64, 50), (20_000, 3, 30)]  # fmt: skip


@dataclass
class Ranges:
    """Of T targets on K levels of C classes: edges (T, 2K), weights (T, K), the order of the classes."""

    edges: Array
    weights: Array
    order: Array | None

    @staticmethod
    def drawn(draw: np.random.Generator, classes: int, levels: int, targets: int) -> Ranges:
        """Nested at random; some levels weigh nothing."""
        place = draw.integers(classes, size=(targets, 1))
        start = np.sort(draw.integers(0, place + 1, size=(targets, levels)), 1)
        stop = np.sort(draw.integers(place, classes, size=(targets, levels)) + 1, 1)
        weights = draw.random((targets, levels)) * (draw.random((targets, levels)) < 0.8)
        order = draw.permutation(classes) if draw.random() < 0.5 else None
        return Ranges(np.concatenate([start, stop], 1), weights, order)

    def expected(self, z: Array, target: Array, weights: Array) -> tuple[Array, Array]:
        """Losses (n,) and slopes (n, C) of logits (n, C), by definition in float64."""
        order = np.arange(z.shape[1]) if self.order is None else self.order
        ordered = z.astype(np.float64)[:, order]
        p = np.exp(ordered - ordered.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses, slopes = np.zeros(len(z)), np.zeros(z.shape)
        levels = self.weights.shape[1]
        for row, y in enumerate(target):
            for level in range(levels):
                first, last = self.edges[y, level], self.edges[y, 2 * levels - 1 - level]
                mass, weight = p[row, first:last].sum(), weights[row, level]
                if weight:
                    losses[row] -= weight * np.log(mass)
                    slopes[row, order] += weight * p[row]
                    slopes[row, order[first:last]] -= weight * p[row, first:last] / mass
        return losses, slopes


def _strided(draw: np.random.Generator, shape: tuple[int, int, int], dtype: Any, alone: bool) -> Array:
    """(N, C, D) with axes in any order and gaps; alone: no two numbers in one place."""
    axes = draw.permutation(3)
    wide = [int(shape[axis] * draw.integers(1, 3)) for axis in axes]
    buffer = np.empty(wide, dtype)
    cut = tuple(slice(None, None, max(1, wide[i] // max(shape[axis], 1))) for i, axis in enumerate(axes))
    view = buffer[cut].transpose(np.argsort(axes))[: shape[0], : shape[1], : shape[2]]
    if not alone and draw.random() < 0.2:
        view = np.broadcast_to(view[:1, :, :1], shape) if draw.random() < 0.5 else view
    return view


def once(
    library: Kernel, draw: np.random.Generator, size: tuple[int, int, int], form: int, short: int = 0
) -> None:
    """A random call; AssertionError where its numbers are wrong. short: what the losses' buffer lacks."""
    classes, levels, targets = size
    ranges = Ranges.drawn(draw, classes, levels, targets)
    samples = int(draw.choice([0, 1, 2, 5, 9, 17, 40])) if classes < 5000 else int(draw.integers(3))
    places = int(draw.choice([1, 1, 2, 8, 19])) if classes < 5000 else 1
    shape, dtype = (samples, classes, places), (np.float32, np.float64)[int(draw.integers(2))]
    logits = _strided(draw, shape, dtype, alone=False)
    numbers = draw.normal(size=shape) * draw.choice([1, 10])
    if logits.flags.writeable:
        logits[...] = numbers
    else:
        logits = np.broadcast_to(np.ascontiguousarray(numbers[:1, :, :1].astype(dtype)), shape)
    gradient = _strided(draw, shape, dtype, alone=True)
    target = draw.integers(targets, size=samples * places)
    own = draw.random((samples * places, levels))
    own_weights, bad = draw.random() < 0.3, draw.random() < 0.1 and target.size > 0
    if bad:
        target[draw.integers(len(target))] = draw.choice([-1, targets, 1 << 40, -(1 << 62)])
    losses, lost = np.empty(max(target.size - short, 0), dtype), np.empty(target.size, np.uint8)
    position = None if ranges.order is None else np.argsort(ranges.order)
    held = (ranges.edges, ranges.weights, ranges.order, position)
    blocks = None if ranges.order is None else blocks_of(ranges.order, ranges.edges)
    tables = [None if one is None else one.ctypes.data for one in (*held, *(blocks or ()))]
    if blocks is not None:
        tables.insert(len(held), len(blocks.first) - 1)
    tree = Tree(classes, targets, levels, *tables)
    call = Call(
        samples=samples, places=places, target=target.ctypes.data, ignored=-100,
        row_weights=own.ctypes.data if own_weights else None, losses=losses.ctypes.data,
        lost=lost.ctypes.data, threads=int(draw.integers(1, 5)),
    )  # fmt: skip
    for name, array in (("logits", logits), ("gradient", gradient)):
        setattr(call, name, array.ctypes.data)
        for axis, stride in zip(("sample", "class", "place"), array.strides, strict=True):
            setattr(call, f"{name}_by_{axis}", stride // array.itemsize)
    status = library.rows(ctypes.byref(tree), call, dtype == np.float64, form)
    assert status == bad, f"expected {bad}, got status {status}"
    if bad:
        assert call.bad_row == int(np.nonzero((target < 0) | (target >= targets))[0][0])
        return
    flat = logits.transpose(0, 2, 1).reshape(-1, classes)
    weights = own if own_weights else ranges.weights[target]
    expected, slopes = ranges.expected(flat, target, weights)
    kept = lost == 0
    most = 2e-5 if dtype == np.float32 else 1e-10
    found = gradient.transpose(0, 2, 1).reshape(-1, classes)
    np.testing.assert_allclose(losses[kept], expected[kept], most, most)
    np.testing.assert_allclose(found[kept], slopes[kept], most, most)


def main() -> None:
    """So many calls of a library, and one of a million classes; or what a sanitizer must find."""
    library = Kernel(Path(sys.argv[1]))
    draw = np.random.default_rng(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    if sys.argv[2] == "overrun":
        for _ in range(20):
            once(library, draw, (300, 12, 400), library.form, short=1)
    for number in range(int(sys.argv[2])):
        size = SIZES[int(draw.integers(len(SIZES)))]
        once(library, draw, size, number % (library.form + 1))
    for form in range(library.form + 1):
        once(library, draw, (1_000_000, 3, 4), form)
    print("good")


if __name__ == "__main__":
    main()
