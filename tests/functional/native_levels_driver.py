"""Random calls of what the native kernel does for metrics and decisions, against sums by definition."""

from __future__ import annotations

import ctypes

import numpy as np
from native_trees import Array, Drawn, address, dense_shape, hand_over, numbers, softmax

from taxoloss.functional.kernels.native.library import (
    Kernel,
    LevelCall,
    LevelTree,
    TallyCall,
    TallyTree,
)

__all__ = ["count_once", "levels_once", "tally_once"]

_BINS = 15


class _Tables:
    """What the kernel looks up of a tree."""

    def __init__(self, tree: Drawn) -> None:
        plan, inner = tree.plan, tree.numbers[:-1]
        last = np.hstack([inner[:, 1:] != inner[:, :-1], np.ones((len(inner), 1), bool)])
        plain = bool((tree.order == np.arange(tree.classes)).all())
        node = np.concatenate(
            [np.zeros(0, np.int64), *(row[at] for row, at in zip(inner, last, strict=True))]
        )
        self.held = [
            None if plain else tree.order,
            *(last.sum(0), node, tree.widths, tree.lines, plan.start, plan.stop),
        ]
        self.held = [None if one is None else np.ascontiguousarray(one, np.int64) for one in self.held]
        self.tree = LevelTree(tree.classes, tree.root + 1, tree.levels, *map(address, self.held))


def levels_once(
    library: Kernel, draw: np.random.Generator, size: tuple[int, int], form: int, short: int = 0
) -> None:
    """Masses and answers, or log-odds of paths; AssertionError where numbers are wrong. short: lacks."""
    tree, shape = Drawn.of(draw, *size), dense_shape(draw, *size)
    tables, dtype = _Tables(tree), (np.float32, np.float64)[int(draw.integers(2))]
    values = draw.normal(size=shape) * draw.choice([1, 10])
    if draw.random() < 0.2 and values.size:
        at = draw.integers(values.size, size=3)
        values.reshape(-1)[at] = draw.choice([np.nan, np.inf, -np.inf], 3)
    z = numbers(draw, shape, dtype, values)
    lost = np.empty(max(shape[0] * shape[2] - short, 0), np.uint8)
    call = LevelCall(shape[0], shape[2], lost=address(lost), threads=int(draw.integers(1, 5)))
    hand_over(call, "logits", z)
    flat = z.transpose(0, 2, 1).reshape(-1, tree.classes)
    if draw.random() < 0.4:
        _odds(library, draw, tree, tables, call, flat, lost, form)
    else:
        _masses(library, draw, tree, tables, call, flat, lost, form)
    assert short or call.bad_row >= 0 or call.lost_rows == (lost != 0).sum()


def _odds(
    library: Kernel, draw: np.random.Generator, tree: Drawn, tables: _Tables, call: LevelCall,
    flat: Array, lost: Array, form: int,
) -> None:  # fmt: skip
    chosen = draw.integers(tree.classes, size=len(flat))
    bad = draw.random() < 0.2 and len(flat) > 0
    if bad:
        chosen[draw.integers(len(flat))] = draw.choice([-1, tree.classes, 1 << 40])
    odds = np.empty((call.samples, tree.levels, call.places), flat.dtype)
    call.chosen, call.odds = address(chosen), address(odds)
    status = library.levels(ctypes.byref(tables.tree), call, flat.dtype == np.float64, form)
    assert status == bad
    if bad:
        assert call.bad_row == np.nonzero((chosen < 0) | (chosen >= tree.classes))[0][0]
        return
    kept, p = lost == 0, softmax(flat)
    found = odds.transpose(0, 2, 1).reshape(-1, tree.levels)
    for level in range(tree.levels):
        inside = tree.of_class[level] == tree.of_class[level][chosen][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.log((p * inside).sum(1)) - np.log((p * ~inside).sum(1))
        _close(found[kept, level], expected[kept])


def _masses(
    library: Kernel, draw: np.random.Generator, tree: Drawn, tables: _Tables, call: LevelCall,
    flat: Array, lost: Array, form: int,
) -> None:  # fmt: skip
    shape = (call.samples, tree.levels, call.places)
    best, stated = np.empty(shape, np.int64), np.empty(shape, flat.dtype)
    masses = [np.empty((call.samples, width, call.places), flat.dtype) for width in tree.widths]
    addresses = (ctypes.c_void_p * tree.levels)(*map(address, masses))
    asked = int(draw.integers(3))
    if asked != 1:
        call.best, call.stated = address(best), address(stated)
    if asked != 0:
        call.masses = ctypes.addressof(addresses)
    assert library.levels(ctypes.byref(tables.tree), call, flat.dtype == np.float64, form) == 0
    with np.errstate(invalid="ignore"):
        p = softmax(flat)
    kept = lost == 0
    np.testing.assert_array_equal(kept, ~np.isnan(p).any(1))
    for level in range(tree.levels):
        expected = tree.masses(p[kept], level)
        if asked != 0:
            _close(masses[level].transpose(0, 2, 1).reshape(len(flat), expected.shape[1])[kept], expected)
        if asked != 1:
            chosen, said = (
                x.transpose(0, 2, 1).reshape(len(flat), tree.levels)[kept, level] for x in (best, stated)
            )
            _close(said, expected.max(1, initial=0))
            _close(np.take_along_axis(expected, chosen[:, None], 1)[:, 0], expected.max(1, initial=0))


def _close(found: Array, expected: Array) -> None:
    most = 3e-5 if found.dtype == np.float32 else 1e-10
    np.testing.assert_allclose(found, expected, most, most)


class _Sums:
    """Tables, targets and sums of a call that counts, not all asked for. short: what paths lack."""

    def __init__(self, tree: Drawn, draw: np.random.Generator, rows: int, short: int) -> None:
        plan, levels, nodes = tree.plan, tree.levels, tree.root + 1
        depth = np.append(plan.counted.sum(1)[:-1], 0)
        held = [tree.lines, plan.ancestors, plan.counted.astype(np.uint8), depth, levels - depth]
        self.tree, self.held = tree, [np.ascontiguousarray(one) for one in held]
        self.tables = TallyTree(nodes, levels, levels + 1, *map(address, self.held))
        self.target, self.ignored = draw.integers(nodes, size=rows), int(draw.integers(-nodes, nodes))
        self.target[draw.random(rows) < 0.2] = self.ignored
        self.is_bad = draw.random() < 0.1 and bool(rows)
        if self.is_bad:
            wrong = draw.choice([one for one in (-1, nodes, 1 << 40) if one != self.ignored])
            self.target[draw.integers(rows)] = wrong
        sizes = (2, 2, 2, 4, 2 * levels, 2 - short, levels + 1 + 2 * nodes, levels * _BINS * 3)
        self.sums = [np.zeros(number, np.int64) for number in sizes]
        self.asked = [bool(short) or draw.random() < 0.8 for _ in sizes]

    def call(self) -> TallyCall:
        """Without answers."""
        asked = [address(one) if yes else None for one, yes in zip(self.sums, self.asked, strict=True)]
        nodes = self.tree.root + 1
        return TallyCall(
            len(self.target), None, None, address(self.target), nodes, self.ignored, _BINS, *asked
        )

    def check(self, best: Array, stated: Array, is_counted: bool) -> None:
        """That what was asked for is what each row tells, or 0."""
        facts, levels = np.zeros(10, np.int64), np.zeros(2 * self.tree.levels + 2, np.int64)
        counts, calibration = (np.zeros_like(one) for one in self.sums[6:])
        for row, target in enumerate(self.target.tolist()):
            if is_counted and target not in (self.ignored, self.tree.root):
                _count(self.tree, best[row], stated[row], target, facts, levels, counts, calibration)
        expected = [*np.split(facts, [2, 4, 6]), *np.split(levels, [-2]), counts, calibration]
        for found, wanted, asked in zip(self.sums, expected, self.asked, strict=True):
            np.testing.assert_array_equal(found, wanted if asked else np.zeros_like(wanted))


def tally_once(library: Kernel, draw: np.random.Generator, size: tuple[int, int], short: int = 0) -> None:
    """Sums over answers, against each answer by the paths of its nodes. short: what paths lack."""
    tree, rows = Drawn.of(draw, *size), int(draw.integers(40))
    sums = _Sums(tree, draw, rows, short)
    best = tree.plan.ancestors[draw.integers(tree.classes, size=rows)]
    best[:, :-1] = draw.integers(tree.widths[:-1], size=(rows, tree.levels - 1))
    stated = draw.random((rows, tree.levels)).astype((np.float32, np.float64)[int(draw.integers(2))])
    call = sums.call()
    call.best, call.stated = address(best), address(stated)
    assert library.tally(ctypes.byref(sums.tables), call, stated.dtype == np.float64) == sums.is_bad
    if not short:
        sums.check(best, stated, not sums.is_bad)


def count_once(
    library: Kernel, draw: np.random.Generator, size: tuple[int, int], form: int, short: int = 0
) -> None:
    """Sums over logits, against those over their answers. short: what paths lack."""
    tree, shape = Drawn.of(draw, *size), (*dense_shape(draw, *size)[:2], 1)
    tables, dtype = _Tables(tree), (np.float32, np.float64)[int(draw.integers(2))]
    values = draw.normal(size=shape)
    if draw.random() < 0.2:
        values = np.abs(values)
    if draw.random() < 0.2 and values.size:
        values.reshape(-1)[draw.integers(values.size)] = np.nan
    z = numbers(draw, shape, dtype, values)
    sums = _Sums(tree, draw, len(z), short)
    best, stated = np.empty((len(z), tree.levels), np.int64), np.empty((len(z), tree.levels), dtype)
    lost, is_double = np.empty(len(z), np.uint8), dtype == np.float64
    answers = LevelCall(len(z), 1, threads=int(draw.integers(1, 5)))
    hand_over(answers, "logits", z)
    call, pointer = sums.call(), ctypes.byref(tables.tree)
    status = library.count(pointer, answers, ctypes.byref(sums.tables), call, is_double, form)
    looked_at = (sums.target != sums.ignored) & (sums.target != tree.root)
    none_below_0 = not (z[:8] < 0)[looked_at[:8]].any()
    assert status == (sums.is_bad or np.isnan(z).any() or none_below_0)
    answers.best, answers.stated, answers.lost = address(best), address(stated), address(lost)
    assert library.levels(pointer, answers, is_double, form) == 0
    if not short:
        sums.check(best, stated, not status)


def _count(
    tree: Drawn, best: Array, stated: Array, target: int, facts: Array, levels: Array, counts: Array,
    calibration: Array,
) -> None:  # fmt: skip
    """Adds a row: paths from the root, as lists, that share their beginning."""
    answer = int(best[-1])
    one, other = (list(dict.fromkeys(tree.lines[node].tolist())) for node in (answer, target))
    shared = sum(a == b for a, b in zip(one, other, strict=False)) - 1
    said, true = len(one) - 1, len(other) - 1
    mistake = shared < true
    distance = tree.levels - shared if mistake else 0
    edges = said + true - 2 * shared if mistake else 0
    facts += [distance, mistake, distance, 1, edges, 1, shared, said if mistake else true, true, 1]
    nodes = tree.root + 1
    for cell in (distance, tree.levels + 1 + answer, tree.levels + 1 + nodes + target):
        counts[cell] += 1
    right = best[:true] == tree.plan.ancestors[target, :true]
    levels[:true] += right
    levels[tree.levels : tree.levels + true] += 1
    levels[2 * tree.levels :] += [right.all(), 1]
    cells = calibration.reshape(tree.levels, _BINS, 3)
    for level in range(true):
        place = min(int(stated[level] * stated.dtype.type(_BINS)), _BINS - 1)
        cells[level, place] += [1, right[level], round(float(stated[level]) * 2**30)]
