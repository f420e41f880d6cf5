"""What metrics count of a batch, by the compiled kernel; see tally.h."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from itertools import accumulate
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from taxoloss.functional.kernels.native.levels import NO_MEMORY, level_tree
from taxoloss.functional.kernels.native.library import Kernel, LevelCall, TallyCall, TallyTree
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.functional.tallies import BINS, Tally, split_tally, tally_sizes

__all__ = ["native_count", "native_tally"]


class _Tree:
    """The tables of a taxonomy as the kernel reads them; they stay where they are as long as this lives."""

    def __init__(self, tensors: NodeTensors) -> None:
        tables = (tensors.lines, tensors.ancestors, tensors.counted, tensors.depth, tensors.height)
        self.held = [table.contiguous() for table in tables]
        nodes, levels, heights = len(tensors.depth), len(tensors.levels), int(tensors.height.max()) + 1
        addresses = [table.data_ptr() for table in self.held]
        self.reference = ctypes.byref(TallyTree(nodes, levels, heights, *addresses))
        self.sizes = tally_sizes(tensors)
        self.size = sum(self.sizes)
        self.size_of = dict(zip(Tally._fields, self.sizes, strict=True))
        #: Bytes before each part of a `Tally`.
        self.offsets = [8 * first for first in (0, *accumulate(self.sizes[:-1]))]


_TREES: WeakKeyDictionary[NodeTensors, _Tree] = WeakKeyDictionary()


def _tree_of(tensors: NodeTensors) -> _Tree:
    found = _TREES.get(tensors)
    if found is None:
        found = _TREES[tensors] = _Tree(tensors)
    return found


def native_tally(
    library: Kernel, tensors: NodeTensors, best: Tensor, stated: Tensor, target: Tensor
) -> Tally:
    """The sums of a batch on the CPU.

    Args:
        library: the kernel.
        tensors: of the taxonomy.
        best: (R, L) the answer of each level, of the kernel.
        stated: (R, L) its probability, float32 or float64.
        target: (R,) long node ids that were checked, but for the root.
    """
    tree = _tree_of(tensors)
    sums = torch.zeros(tree.size, dtype=torch.long, device="cpu")
    best, stated, target = best.contiguous(), stated.contiguous(), target.contiguous()
    start = sums.data_ptr()
    call = TallyCall(
        len(target), best.data_ptr(), stated.data_ptr(), target.data_ptr(), tensors.root, -1, BINS,
        *(start + offset for offset in tree.offsets),
    )  # fmt: skip
    if library.tally(tree.reference, call, stated.dtype == torch.float64):
        raise IndexError(f"expected targets in 0..{tensors.root - 1}")
    return split_tally(sums, tree.sizes)


def native_count(
    library: Kernel,
    tensors: NodeTensors,
    logits: Tensor,
    target: Tensor,
    targets: int,
    ignored: int,
    sums: Mapping[str, Tensor],
) -> bool:
    """Adds what is counted of logits to sums, and says so; adds nothing where another way has the words.

    Args:
        library: the kernel.
        tensors: of the taxonomy.
        logits: (N, C) float32 on the CPU.
        target: (N,) long, contiguous.
        targets: how many node ids may be one.
        ignored: a target that is not counted, nor is the root.
        sums: parts of a `Tally` by their names, int64 and contiguous, which are written to.
    """
    tree = _tree_of(tensors)
    if not all(_may_be_written(part, tree.size_of[name]) for name, part in sums.items()):
        return False
    by_sample, by_class = logits.stride()
    answers = LevelCall(
        len(logits), 1, logits.data_ptr(), by_sample, by_class, 0, threads=torch.get_num_threads()
    )
    addresses = [sums[name].data_ptr() if name in sums else None for name in Tally._fields]
    call = TallyCall(len(logits), None, None, target.data_ptr(), targets, ignored, BINS, *addresses)
    status: int = library.count(
        level_tree(tensors).reference, answers, tree.reference, call, False, library.form
    )
    if status == NO_MEMORY:
        raise MemoryError("the native kernel found no memory for the rows of a batch")
    return status == 0


def _may_be_written(sums: Tensor, size: int) -> bool:
    """Whether these are so many sums, where the kernel takes them to lie."""
    return sums.dtype is torch.int64 and sums.is_cpu and sums.numel() == size and sums.is_contiguous()
