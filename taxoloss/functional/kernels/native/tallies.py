"""What metrics count of a batch, by the compiled kernel; see tally.h."""

from __future__ import annotations

import ctypes
from itertools import accumulate
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from taxoloss.functional.kernels.native.library import Kernel, TallyCall, TallyTree
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.functional.tallies import BINS, Tally, split_tally, tally_sizes

__all__ = ["native_tally"]


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
        first = (0, *accumulate(self.sizes))
        #: Bytes before the facts, what is said of levels, the counts and the calibration.
        self.offsets = [8 * first[part] for part in (0, 4, 6, 7)]


_TREES: WeakKeyDictionary[NodeTensors, _Tree] = WeakKeyDictionary()


def native_tally(
    library: Kernel, tensors: NodeTensors, best: Tensor, stated: Tensor, target: Tensor
) -> Tally:
    """The sums of a batch on the CPU.

    Args:
        library: the kernel.
        tensors: of the taxonomy.
        best: (R, L) the answer of each level, of the kernel.
        stated: (R, L) its probability, float32 or float64.
        target: (R,) long node ids that were checked.
    """
    tree = _TREES.get(tensors)
    if tree is None:
        tree = _TREES[tensors] = _Tree(tensors)
    sums = torch.zeros(tree.size, dtype=torch.long, device="cpu")
    best, stated, target = best.contiguous(), stated.contiguous(), target.contiguous()
    start = sums.data_ptr()
    call = TallyCall(
        len(target), best.data_ptr(), stated.data_ptr(), target.data_ptr(), None, BINS,
        *(start + offset for offset in tree.offsets),
    )  # fmt: skip
    library.tally(tree.reference, call, stated.dtype == torch.float64)
    return split_tally(sums, tree.sizes)
