"""The rings of a target, and the columns of the logits cut into chunks that lie in one ring.

Put the classes in depth-first order. The classes below a node are a range of positions, and the ranges
of a target's ancestors are nested, R_1 > R_2 > .. > R_K. Ring k holds the positions inside R_k and
outside R_(k+1): ring 0 lies outside R_1, ring K is the innermost range. With r_k the probability of
ring k,

    P_l = P(ancestor l) = sum over k >= l of r_k        1 - P_l = Q_l = sum over k < l of r_k

so all that the loss needs of a row are its K + 1 ring masses: sums of positive numbers, each class in one.

A ring mass is a sum of whole chunks of columns (one vectorised pass for all rows, whatever the tree) and
of the columns of the few chunks that a range cuts in two. These *cut* chunks are looked at column by
column. There are at most 2 K of them a target, so the width of a chunk weighs the number of chunks
against the columns of cut chunks, and the cost of a row hardly depends on K:

    entries of a row = C // width chunks + most cuts x width columns + C % width columns at the end

`ChunkTensors` holds them as tensors, with the two small matrices between rings and levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.functional.kernels.few_classes import FewTables, few_tables
from taxoloss.taxonomy.plan import Plan
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["ChunkTensors", "Chunks", "chunks_of", "nested_ranges", "ring_numbers"]

#: Widths of a chunk that are tried, beside those that divide C.
_WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
#: What a whole chunk costs beside a column of a cut one, and the calls that a tail needs beside 256 rows of
#: columns: measured, and flat around the best width.
_CHUNK, _TAIL = 2.5, 32
#: Below this many classes each column is an entry: fewer calls outweigh less work.
_FEW_CLASSES = 256
#: Ring numbers of all targets are kept while they fit in this many bytes, else made for each batch.
_TABLE_BYTES = 1 << 23
#: Targets that the choice of a width looks at, and those whose ring numbers are made at once.
_SAMPLE = 4096


def nested_ranges(plan: Plan, levels: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Start and stop (T, K) of each target's ancestors on K levels, top to bottom, as positions.

    A level that is below the target takes the range above it: its ring is empty.
    """
    targets = slice(plan.num_targets)
    start, stop = np.zeros(plan.num_targets, np.int64), np.full(plan.num_targets, plan.num_classes)
    starts, stops = [], []
    for level in levels:
        node = plan.nodes[level][plan.ancestors[targets, level]]
        counted = plan.counted[targets, level]
        start = np.where(counted, plan.start[node], start)
        stop = np.where(counted, plan.stop[node], stop)
        starts.append(start)
        stops.append(stop)
    return np.stack(starts, 1), np.stack(stops, 1)


def ring_numbers(edges: IntArray, positions: IntArray) -> npt.NDArray[np.uint8]:
    """The ring (T, E) of positions (T, E) or (E,).

    Edges (T, 2K) are the K starts and then the K stops inside out: nested ranges make them ascend. A
    position that c of them do not exceed lies in c ranges while c <= K, and has left c - K after.
    """
    passed = np.zeros((len(edges), positions.shape[-1]), np.uint8)
    for edge in edges.T:
        passed += positions >= edge[:, None]
    both: npt.NDArray[np.uint8] = np.minimum(passed, np.uint8(edges.shape[1]) - passed)
    return both


@dataclass(frozen=True, eq=False)
class Chunks:
    """How the columns (in depth-first order) are cut; T targets, K levels.

    The entries of a row: `whole` chunks, then the columns of the target's cut chunks, then the tail.
    """

    width: int
    #: Chunks of this width; the columns behind them are the tail.
    whole: int
    #: (T, 2K): starts of the ranges, then their stops, inside out.
    edges: IntArray
    #: (T, n): first position of n chunks: those that the target's ranges cut, filled up with others.
    cut: IntArray
    #: (T, entries): the ring of each entry, K + 1 for a chunk that is looked at by column; None: too big.
    rings: npt.NDArray[np.uint8] | None

    @property
    def levels(self) -> int:
        """K."""
        return int(self.edges.shape[1]) // 2


def chunks_of(plan: Plan, levels: tuple[int, ...]) -> Chunks:
    """Cuts the columns for the targets of a plan, at the width that costs least."""
    start, stop = nested_ranges(plan, levels)
    edges = np.concatenate([start, stop[:, ::-1]], 1)
    width = _best_width(edges, plan.num_classes)
    whole = plan.num_classes // width if width else 0
    cut = _cut_chunks(edges, width, whole) * width if whole else np.zeros((len(edges), 0), np.int64)
    entries = whole + cut.shape[1] * width + plan.num_classes - whole * width
    rings = None
    if len(edges) * entries <= _TABLE_BYTES:
        rings = _ring_table(edges, cut, width, whole, plan.num_classes)
    return Chunks(width, whole, edges, cut, rings)


def _best_width(edges: IntArray, classes: int) -> int:
    """Of edges (T, 2K); 0: every column an entry."""
    if classes < _FEW_CLASSES:
        return 0
    some = edges[np.linspace(0, len(edges) - 1, min(len(edges), _SAMPLE)).astype(np.int64)]

    def cost(width: int) -> float:
        whole, tail = divmod(classes, width)
        cuts = int(_is_first_cut(some, width, whole).sum(1).max())
        return _CHUNK * whole + cuts * width + (tail + _TAIL if tail else 0)

    widths = [width for width in _WIDTHS if width * 4 <= classes]
    widths += [width for width in range(_WIDTHS[0], _WIDTHS[-1]) if classes % width == 0]
    best = min(widths, key=cost)
    return best if cost(best) < classes else 0


def _is_first_cut(edges: IntArray, width: int, whole: int) -> npt.NDArray[np.bool_]:
    """(T, 2K): whether an edge is the first of its row to cut a chunk in two."""
    chunk = edges // width
    cuts = (edges % width != 0) & (chunk < whole)
    # Edges ascend, so those in one chunk are neighbours; an edge that cuts nothing stands at the
    # beginning of its chunk, before those that do.
    chunk = np.where(cuts, chunk, -1)
    first: npt.NDArray[np.bool_] = cuts & (
        chunk != np.pad(chunk, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
    )
    return first


def _cut_chunks(edges: IntArray, width: int, whole: int) -> IntArray:
    """(T, n): the numbers of the chunks that each target cuts, filled up with the first of the others."""
    first = _is_first_cut(edges, width, whole)
    count = first.sum(1)
    most = int(count.max())
    chosen = np.full((len(edges), most), -1)
    row, column = np.nonzero(first)
    rank = np.cumsum(first, 1)[row, column] - 1
    chosen[row, rank] = edges[row, column] // width  # (T, n); -1 where a target cuts fewer than n
    # The first `most` chunks hold enough that are not cut: at most count of them are.
    taken = np.zeros((len(edges), most), bool)
    row, column = np.nonzero((chosen >= 0) & (chosen < most))
    taken[row, chosen[row, column]] = True
    free = np.argsort(taken, 1, kind="stable")  # (T, n): those that are not taken first
    slot = np.arange(most)[None, :] - count[:, None]
    return np.where(slot < 0, chosen, np.take_along_axis(free, np.maximum(slot, 0), 1))


def _ring_table(
    edges: IntArray, cut: IntArray, width: int, whole: int, classes: int
) -> npt.NDArray[np.uint8]:
    """(T, entries)."""
    blocks = [slice(first, first + _SAMPLE) for first in range(0, len(edges), _SAMPLE)]
    return np.concatenate(
        [_rings_of_entries(edges[rows], cut[rows], width, whole, classes) for rows in blocks]
    )


def _rings_of_entries(
    edges: IntArray, cut: IntArray, width: int, whole: int, classes: int
) -> npt.NDArray[np.uint8]:
    tail = ring_numbers(edges, np.arange(whole * width, classes))
    if not whole:
        return tail
    chunks = ring_numbers(edges, np.arange(whole) * width)  # (T, whole)
    np.put_along_axis(chunks, cut // width, np.uint8(edges.shape[1] // 2 + 1), 1)
    columns = (cut[:, :, None] + np.arange(width)).reshape(len(edges), -1)  # (T, n * width)
    return np.concatenate([chunks, ring_numbers(edges, columns), tail], 1)


#: Ring numbers that are kept as int64.
_SMALL = 1 << 20


@dataclass(frozen=True, eq=False)
class ChunkTensors:
    """The chunks of a taxonomy's C columns as tensors; always on the CPU. T targets, K levels."""

    classes: int
    width: int
    whole: int
    cut: Tensor  # (T, n)
    edges: Tensor  # (T, 2K)
    rings: Tensor | None  # (T, entries)
    order: Tensor | None  # (C,): position -> class; None where classes stand in depth-first order
    inverse: Tensor | None  # (C,): class -> position
    sums: Tensor  # (K + 2, 2K): masses of rings to P_1 .. P_K, Q_1 .. Q_K
    factors: Tensor  # (2K, K + 2): factors of Q / P and of 1 to b of the rings
    #: Those of few_classes.py.
    few_columns: Tensor | None
    few_inside: Tensor | None
    few_outside: Tensor | None
    few_sums: Tensor | None

    @staticmethod
    def of(chunks: Chunks, depth_first: IntArray) -> ChunkTensors:
        """The tables of chunks; depth_first (C,): position -> class."""
        rings = None if chunks.rings is None else torch.from_numpy(chunks.rings)
        if rings is not None and rings.numel() <= _SMALL:
            rings = rings.long()  # no conversion in each step
        classes = len(depth_first)
        ordered = bool((depth_first == np.arange(classes)).all())
        order = None if ordered else torch.from_numpy(depth_first.copy())
        inverse = None if ordered else torch.from_numpy(np.argsort(depth_first))
        # Ring K + 1 is what is thrown away.
        level, ring = torch.arange(1, chunks.levels + 1), torch.arange(chunks.levels + 2).unsqueeze(1)
        inside = ((ring >= level) & (ring <= chunks.levels)).double()
        outside = (ring < level).double()
        sums, factors = torch.cat([inside, outside], 1), torch.cat([-inside, outside], 1).T.contiguous()
        cut, edges = torch.from_numpy(chunks.cut), torch.from_numpy(chunks.edges)
        few = few_tables(chunks.edges, depth_first)
        return ChunkTensors(
            classes, chunks.width, chunks.whole, cut, edges, rings, order, inverse, sums, factors, *few
        )

    @cached_property
    def few(self) -> FewTables:
        """The tables of few_classes.py."""
        return FewTables(self.few_columns, self.few_inside, self.few_outside, self.few_sums)

    @property
    def levels(self) -> int:
        """K."""
        return self.edges.shape[1] // 2

    @property
    def tail(self) -> int:
        """Columns behind the whole chunks."""
        return self.classes - self.whole * self.width

    @property
    def chosen(self) -> int:
        """Columns of cut chunks."""
        return self.cut.shape[1] * self.width

    @property
    def entries(self) -> int:
        """Of a row."""
        return self.whole + self.chosen + self.tail

    def ring_of_entries(self, target: Tensor, cut: Tensor) -> Tensor:
        """(N, entries) of targets (N,) with cut chunks (N, n); long."""
        if self.rings is not None:
            return self.rings.index_select(0, target).long()
        edges = self.edges.index_select(0, target)
        chunks = _arange(0, self.whole) * self.width
        columns = (cut.unsqueeze(2) + _arange(0, self.width)).flatten(1)
        tail = _arange(self.whole * self.width, self.classes)
        rows = [part.expand(len(edges), -1) for part in (chunks, columns, tail)]
        passed = torch.searchsorted(edges, torch.cat(rows, 1), right=True)  # (N, entries): how many edges
        ring = torch.minimum(passed, 2 * self.levels - passed)
        return ring.scatter_(1, cut // self.width, self.levels + 1)


def _arange(start: int, stop: int) -> Tensor:
    return torch.arange(start, stop, device="cpu")  # whatever the default device
