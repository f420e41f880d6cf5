"""Random calls of the native kernel itself: python native_driver.py LIBRARY COUNT [SEED].

By numpy and ctypes, without torch, to run under a sanitizer: losses of ids here, of spread targets in
native_spread_driver.py, masses, log-odds and tallies in native_levels_driver.py. Trees are nested at
random, tensors lie at random strides, in buffers that end where they end; each result is compared with
what it is by definition.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from native_levels_driver import count_once, levels_once, tally_once
from native_spread_driver import spread_once
from native_trees import Array, address, dense_shape, hand_over, numbers, softmax, strided

from taxoloss.functional.kernels.native.blocks import blocks_of
from taxoloss.functional.kernels.native.library import Call, Kernel, Tree

__all__ = ["main"]

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
        p = softmax(ordered)
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


def once(
    library: Kernel, draw: np.random.Generator, size: tuple[int, int, int], form: int, short: int = 0
) -> None:
    """A random call; AssertionError where its numbers are wrong. short: what the losses' buffer lacks."""
    classes, levels, targets = size
    ranges = Ranges.drawn(draw, classes, levels, targets)
    shape, dtype = dense_shape(draw, classes, levels), (np.float32, np.float64)[int(draw.integers(2))]
    samples, _, places = shape
    logits = numbers(draw, shape, dtype, draw.normal(size=shape) * draw.choice([1, 10]))
    gradient = strided(draw, shape, dtype, alone=True)
    target = draw.integers(targets, size=samples * places)
    own = draw.random((samples * places, levels))
    own_weights, bad = draw.random() < 0.3, draw.random() < 0.1 and target.size > 0
    if bad:
        target[draw.integers(len(target))] = draw.choice([-1, targets, 1 << 40, -(1 << 62)])
    losses, lost = np.empty(max(target.size - short, 0), dtype), np.empty(target.size, np.uint8)
    position = None if ranges.order is None else np.argsort(ranges.order)
    held = (ranges.edges, ranges.weights, ranges.order, position)
    edges, table, order, places_of = map(address, held)
    tree = Tree(
        classes=classes, targets=targets, levels=levels, edges=edges, weights=table, order=order,
        position=places_of,
    )  # fmt: skip
    blocks = None if ranges.order is None else blocks_of(ranges.order, ranges.edges)
    if blocks is not None:
        tree.blocks = len(blocks.first) - 1
        for name in blocks._fields:
            setattr(tree, name, address(getattr(blocks, name)))
    call = Call(
        samples=samples, places=places, target=target.ctypes.data, ignored=-100,
        row_weights=own.ctypes.data if own_weights else None, losses=losses.ctypes.data,
        lost=lost.ctypes.data, threads=int(draw.integers(1, 5)),
    )  # fmt: skip
    hand_over(call, "logits", logits)
    hand_over(call, "gradient", gradient)
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


def rows_of_a_million(library: Kernel, draw: np.random.Generator) -> None:
    """A call of each function and each width of vectors for a million classes."""
    for form in range(library.form + 1):
        once(library, draw, (1_000_000, 3, 4), form)
        spread_once(library, draw, (1_000_000, 2), form)
        levels_once(library, draw, (1_000_000, 3), form)


def overrun(library: Kernel, draw: np.random.Generator, kind: str) -> None:
    """A buffer that is a number too short: what a sanitizer must find."""
    for _ in range(20):
        if kind == "rows":
            once(library, draw, (300, 12, 400), library.form, short=1)
        elif kind == "spread":
            spread_once(library, draw, (300, 4), library.form, short=1)
        elif kind == "levels":
            levels_once(library, draw, (300, 4), library.form, short=1)
        elif kind == "tally":
            tally_once(library, draw, (300, 4), short=1)
        else:
            count_once(library, draw, (300, 4), library.form, short=1)


def main() -> None:
    """So many calls of each function, and of a million classes; or what a sanitizer must find."""
    library = Kernel(Path(sys.argv[1]))
    draw = np.random.default_rng(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    if not sys.argv[2].isdigit():
        overrun(library, draw, sys.argv[2])
        return
    for number in range(int(sys.argv[2])):
        size, form = SIZES[int(draw.integers(len(SIZES)))], number % (library.form + 1)
        once(library, draw, size, form)
        spread_once(library, draw, size[:2], form)
        levels_once(library, draw, size[:2], form)
        tally_once(library, draw, size[:2])
        count_once(library, draw, size[:2], form)
    rows_of_a_million(library, draw)
    print("good")


if __name__ == "__main__":
    main()
