"""Blocks of positions of a tree, for classes in another order than the tree's: see blocks.h.

A block is a node or a run of siblings, so that the ranges of a target's ancestors hold it or lie in it, but
for those of one block.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Blocks", "blocks_of"]

#: As in kernel.c: blocks there may be, and the columns of a stretch.
_MOST_BLOCKS, _STRETCH = 32, 1024
#: Fewer classes a block are not worth it.
_FEWEST = 16


class Blocks(NamedTuple):
    """Of C classes; stretches of columns each name the columns of each block."""

    first: IntArray  # (blocks + 1,): positions
    block_at: npt.NDArray[np.uint8]  # (C + 1,): of a position
    block: npt.NDArray[np.uint8]  # (C,): of a class
    listed: npt.NDArray[np.uint16]
    ends: npt.NDArray[np.int32]  # (stretches, blocks)


def blocks_of(order: IntArray, edges: IntArray) -> Blocks:
    """The blocks of classes in an order (C,): position -> class.

    Edges (T, 2K) are the starts of the targets' ranges, widest first, and their stops inside out.
    """
    first = np.array([*_starts(edges, len(order)), len(order)])
    block_at = np.searchsorted(first, np.arange(len(order) + 1), side="right") - 1
    block = np.empty_like(order)
    block[order] = block_at[:-1]
    listed, ends = _lists(block, len(first) - 1)
    return Blocks(first, block_at.astype(np.uint8), block.astype(np.uint8), listed, ends)


def _starts(edges: IntArray, classes: int) -> list[int]:
    """Where the blocks start: the largest is cut near its middle until there are enough."""
    levels = edges.shape[1] // 2
    is_edge = np.zeros((levels + 1, classes + 1), bool)
    is_edge[levels] = True  # below the deepest ranges any place will do
    for level in range(levels):
        is_edge[level, edges[:, level]] = is_edge[level, edges[:, -1 - level]] = True
    blocks = [(-classes, 0, 0)]  # size, start, the level of its siblings
    while len(blocks) < min(_MOST_BLOCKS, classes // _FEWEST):
        size, start, level = heapq.heappop(blocks)
        inside = np.flatnonzero(is_edge[level, start + 1 : start - size]) + 1
        if not len(inside):
            heapq.heappush(blocks, (size, start, level + 1))
            continue
        cut = int(inside[np.abs(2 * inside + size).argmin()])
        heapq.heappush(blocks, (-cut, start, level))
        heapq.heappush(blocks, (size + cut, start + cut, level))
    return sorted(start for _, start, _ in blocks)


def _lists(block: IntArray, blocks: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    """Columns (times 4, from their stretch's start) by stretch and block, and where these lists end."""
    column = np.arange(len(block))
    of = column // _STRETCH * blocks + block
    count = np.bincount(of, minlength=-(-len(block) // _STRETCH) * blocks)
    room = -(-count // 4) * 4
    ends = np.cumsum(room)
    listed = np.full(int(ends[-1]), 4 * _STRETCH, np.uint16)
    ranked = np.argsort(of, kind="stable")
    before = np.cumsum(count) - count
    listed[ends[of[ranked]] - room[of[ranked]] + column - before[of[ranked]]] = 4 * (ranked % _STRETCH)
    return listed, ends.astype(np.int32)
