"""What metrics count of a batch on the CPU, as sums of integers: of all of them in one go.

numpy counts here: its calls on small arrays cost a third of torch's.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["BINS", "FACT_SIZES", "Tally", "split_tally", "tally", "tally_sizes"]

#: Of calibration errors, if nothing else is said.
BINS = 15
#: How many of node_tensors.FACTS belong together: mistakes, distances, edges and shared ancestors.
FACT_SIZES = (2, 2, 2, 4)
#: Rows of a block: sums of so many fractions in units of 2^-30 are exact in float64.
_BLOCK = 1 << 20


class Tally(NamedTuple):
    """Sums over the samples of a batch, int64."""

    mistakes: Tensor  # (2,): their heights, and how many
    distances: Tensor  # (2,): heights, and samples
    edges: Tensor  # (2,): edges, and samples
    shared: Tensor  # (4,): depths of LCA, answer and target, and samples
    levels: Tensor  # (2L,): those that are right on each level, and those that count there
    paths: Tensor  # (2,): those that are right on all levels, and samples
    counts: Tensor  # (heights + 2V,): samples by height of the LCA, by answer and by target
    calibration: Tensor  # (L * BINS * 3,): answers, those that are right, and what they state in 2^-30


def tally_sizes(tensors: NodeTensors) -> tuple[int, ...]:
    """How many numbers each part of a `Tally` has."""
    levels, heights = len(tensors.levels), int(tensors.height[tensors.root]) + 1
    return (*FACT_SIZES, 2 * levels, 2, heights + 2 * len(tensors.depth), levels * BINS * 3)


def split_tally(sums: Tensor, sizes: tuple[int, ...]) -> Tally:
    """The parts of sums that stand one after another."""
    return Tally(*sums.split_with_sizes(sizes))


class _Tables:
    """What is looked up of targets. An answer falls in a cell by its level and bin, right ones apart:

    the cells of wrong answers, L * BINS, then those of right ones; then what does not count on its level.
    """

    def __init__(self, tensors: NodeTensors) -> None:
        self.sizes = tally_sizes(tensors)
        counted, self.cells = tensors.counted.numpy(), len(tensors.levels) * BINS
        #: (V, L): the index of the target's node, -1 where it does not count, and the cell of bin 0.
        self.wanted = np.where(counted, tensors.ancestors.numpy(), -1)
        self.first = np.where(counted, np.arange(0, self.cells, BINS), 2 * self.cells)


_TABLES: WeakKeyDictionary[NodeTensors, _Tables] = WeakKeyDictionary()


def tally(tensors: NodeTensors, facts: Tensor, best: Tensor, stated: Tensor, target: Tensor) -> Tally:
    """The sums of a batch on the CPU.

    Args:
        tensors: of the taxonomy.
        facts: (R, F) what answers and targets tell, in the order of node_tensors.FACTS.
        best: (R, L) the answer of each level.
        stated: (R, L) its probability, float32 or float64.
        target: (R,) long node ids that were checked.
    """
    tables = _TABLES.get(tensors)
    if tables is None:
        tables = _TABLES[tensors] = _Tables(tensors)
    rows, ids, nodes = facts.numpy(), target.numpy(), len(tensors.depth)
    parts = [rows.sum(0), *_of_levels(tables, best.numpy(), stated.numpy(), ids)]
    parts[-1:-1] = [
        np.bincount(rows[:, 0], minlength=tables.sizes[-2] - 2 * nodes),
        np.bincount(best[:, -1].numpy(), minlength=nodes),
        np.bincount(ids, minlength=nodes),
    ]
    return split_tally(torch.from_numpy(np.concatenate(parts)), tables.sizes)


def _of_levels(tables: _Tables, best: IntArray, stated: Any, ids: IntArray) -> tuple[IntArray, ...]:
    """The parts of a `Tally` that look at the answers of each level: levels, paths, calibration."""
    size, whole = tables.cells, len(ids)
    found = np.zeros((size, 3), np.int64)
    for block in row_blocks(len(ids), 1, _BLOCK):
        cells = _cells(tables, best[block], stated[block], ids[block])
        whole -= np.count_nonzero((cells < size).any(1))
        cells = cells.reshape(-1)
        number = np.bincount(cells, minlength=2 * size)
        units = np.rint(np.multiply(stated[block], 2.0**30, dtype=np.float64)).reshape(-1)
        sums = np.bincount(cells, units, 2 * size)
        right = number[size : 2 * size]
        found[:, 0] += number[:size] + right
        found[:, 1] += right
        found[:, 2] += (sums[:size] + sums[size : 2 * size]).astype(np.int64)
    count, right, _ = found.reshape(-1, BINS, 3).sum(1).T
    return np.concatenate([right, count]), np.array([whole, len(ids)]), found.reshape(-1)


def _cells(tables: _Tables, best: IntArray, stated: Any, ids: IntArray) -> IntArray:
    """(R, L): the cells of answers."""
    cells = tables.first.take(ids, 0)
    cells += np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    cells += (best == tables.wanted.take(ids, 0)) * tables.cells
    return cells
