"""What metrics count of a batch, by the compiled kernel; see tally.h."""

from __future__ import annotations

import ctypes
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from taxoloss.functional.kernels.native.library import Kernel, TallyCall, TallyTree
from taxoloss.functional.node_tensors import FACTS, NodeTensors

__all__ = ["Tally", "tally"]


class Tally(NamedTuple):
    """Sums over the samples of a batch that are counted, int64."""

    facts: Tensor  # (F,): in the order of node_tensors.FACTS
    level_facts: Tensor  # (2L + 2,): right and counted on each level, and of whole paths
    counts: Tensor  # (heights + 2V,): samples by height of the LCA, by answer and by target
    calibration: Tensor  # (L * bins * 3,): samples, those that are right, and what was stated in 2^-30


class _Tree:
    """The tables of a taxonomy as the kernel reads them; they stay where they are as long as this lives."""

    def __init__(self, tensors: NodeTensors) -> None:
        tables = (tensors.lines, tensors.ancestors, tensors.counted, tensors.depth, tensors.height)
        self.held = [table.contiguous() for table in tables]
        nodes, levels, heights = len(tensors.depth), len(tensors.levels), int(tensors.height.max()) + 1
        addresses = [table.data_ptr() for table in self.held]
        self.reference = ctypes.byref(TallyTree(nodes, levels, heights, *addresses))
        self.sizes = (len(FACTS), 2 * levels + 2, heights + 2 * nodes)


_TREES: WeakKeyDictionary[NodeTensors, _Tree] = WeakKeyDictionary()


def tally(
    library: Kernel,
    tensors: NodeTensors,
    best: Tensor,
    stated: Tensor,
    target: Tensor,
    valid: Tensor | None,
    bins: int,
) -> Tally:
    """The sums of a batch on the CPU.

    Args:
        library: the kernel.
        tensors: of the taxonomy.
        best: (R, L) the answer of each level, of the kernel.
        stated: (R, L) its probability, float32 or float64.
        target: (R,) long node ids that were checked.
        valid: (R,) which rows are counted; None: all.
        bins: of the calibration.
    """
    tree = _TREES.get(tensors)
    if tree is None:
        tree = _TREES[tensors] = _Tree(tensors)
    sizes = (*tree.sizes, best.shape[1] * bins * 3)
    sums = torch.zeros(sum(sizes), dtype=torch.long, device="cpu")
    parts = Tally(*sums.split_with_sizes(sizes))
    best, stated, target = best.contiguous(), stated.contiguous(), target.contiguous()
    valid = None if valid is None else valid.contiguous()
    call = TallyCall(
        len(best), best.data_ptr(), stated.data_ptr(), target.data_ptr(),
        None if valid is None else valid.data_ptr(), bins, *(part.data_ptr() for part in parts),
    )  # fmt: skip
    library.tally(tree.reference, call, stated.dtype == torch.float64)
    return parts
