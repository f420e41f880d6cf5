"""The chunks of taxoloss/rings.py as tensors, with the two small matrices between rings and levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from taxoloss.rings import Chunks
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["ChunkTables"]

#: Ring numbers that are kept as int64.
_SMALL = 1 << 20


@dataclass(frozen=True, eq=False)
class ChunkTables:
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

    @staticmethod
    def of(chunks: Chunks, depth_first: IntArray) -> ChunkTables:
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
        return ChunkTables(
            classes, chunks.width, chunks.whole, cut, edges, rings, order, inverse, sums, factors
        )

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
        """(N, entries) of the targets; long."""
        if self.rings is not None:
            return self.rings.index_select(0, target).long()
        edges = self.edges.index_select(0, target)
        chunks = _arange(0, self.whole) * self.width
        columns = (cut.unsqueeze(2) + _arange(0, self.width)).flatten(1)
        tail = _arange(self.whole * self.width, self.classes)
        rows = [part.expand(len(edges), -1) for part in (chunks, columns, tail)]
        passed = torch.searchsorted(edges, torch.cat(rows, 1), right=True)
        ring = torch.minimum(passed, 2 * self.levels - passed)
        return ring.scatter_(1, cut // self.width, self.levels + 1)


def _arange(start: int, stop: int) -> Tensor:
    return torch.arange(start, stop, device="cpu")  # whatever the default device
