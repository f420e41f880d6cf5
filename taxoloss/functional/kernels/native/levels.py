"""The most probable nodes, masses and log-odds of logits by the compiled kernel; see levels.h.

Each function gives the rows that are to be done again by the Python form: those whose numbers are no
logits, or whose masses underflowed.
"""

from __future__ import annotations

import ctypes
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels.native.library import Kernel, LevelCall, LevelTree, kernel
from taxoloss.functional.node_tensors import NodeTensors

__all__ = ["NO_MEMORY", "answers", "level_kernel", "level_tree", "masses_of_levels", "odds_of_paths"]

_BAD_CLASS, NO_MEMORY = 1, 2
#: Levels that the kernel has room for.
_MOST_LEVELS = 64
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def level_kernel(logits: Tensor, tensors: NodeTensors | GraphNodes) -> Kernel | None:
    """The kernel, if it is there and can read these logits: without a gradient, in an eager call.

    It has none for graphs.
    """
    # First whether this is an eager call: a compiler must not follow into the loading of a library.
    if not host_may_read(logits) or (found := kernel()) is None or isinstance(tensors, GraphNodes):
        return None
    plain = logits.dtype in _DTYPES and logits.layout == torch.strided
    recorded = logits.requires_grad and torch.is_grad_enabled()
    fits = (
        logits.dim() > 1 and logits.shape[1] == tensors.num_classes and len(tensors.levels) <= _MOST_LEVELS
    )
    return found if plain and fits and not recorded else None


class _Tree:
    """The tables of a taxonomy as the kernel reads them; they stay where they are as long as this lives."""

    def __init__(self, tensors: NodeTensors) -> None:
        classes, levels = tensors.num_classes, len(tensors.levels)
        order: Tensor | None = tensors.depth_first
        if bool((tensors.depth_first == torch.arange(classes, device="cpu")).all()):
            order = None
        #: Nodes of each level.
        self.widths = [len(nodes) for nodes in tensors.nodes]
        line = tensors.ancestors[tensors.depth_first, : levels - 1].numpy()  # (C, L - 1)
        last = np.concatenate([line[1:] != line[:-1], np.ones((1, levels - 1), bool)])
        ends = torch.from_numpy(last.sum(1))
        node = torch.from_numpy(line.T[last.T])
        width = torch.tensor(self.widths, device="cpu")
        tables = (ends, node, width, tensors.lines, tensors.start, tensors.stop)
        #: What is pointed into.
        self.held = (order, *(table.contiguous() for table in tables))
        addresses = [None if tensor is None else tensor.data_ptr() for tensor in self.held]
        self.reference = ctypes.byref(LevelTree(classes, len(tensors.depth), levels, *addresses))


_TREES: WeakKeyDictionary[NodeTensors, _Tree] = WeakKeyDictionary()


def level_tree(tensors: NodeTensors) -> _Tree:
    """The tables of a taxonomy, made once."""
    found = _TREES.get(tensors)
    if found is None:
        found = _TREES[tensors] = _Tree(tensors)
    return found


class _Rows:
    """Logits (N, C, d1..dk) as a call of the kernel reads them, and the shape of what it gives."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = at_least_float32(logits.resolve_neg())
        self.flat = self.logits if logits.dim() == 2 else self.logits.flatten(2)
        self.shape = (logits.shape[0], *logits.shape[2:])
        self.lost = torch.empty(self.shape, dtype=torch.bool, device="cpu")

    def new(self, columns: int, dtype: torch.dtype | None = None) -> Tensor:
        """(N, columns, d1..dk), contiguous."""
        shape = (self.shape[0], columns, *self.shape[1:])
        return torch.empty(shape, dtype=dtype or self.flat.dtype, device="cpu")

    def run(self, library: Kernel, tree: _Tree, **outputs: int) -> Tensor | None:
        """The rows (N, d1..dk) that are to be done again, or None."""
        flat = self.flat
        by_sample, by_class, *place = flat.stride()
        places = flat.shape[2] if place else 1
        call = LevelCall(
            len(flat), places, flat.data_ptr(), by_sample, by_class, place[0] if place else 0,
            lost=self.lost.data_ptr(), threads=torch.get_num_threads(), **outputs,
        )  # fmt: skip
        status = library.levels(tree.reference, call, flat.dtype == torch.float64, library.form)
        if status == NO_MEMORY:
            raise MemoryError("the native kernel found no memory for the rows of a batch")
        if status == _BAD_CLASS:
            raise IndexError(f"expected classes of the taxonomy, got another number in row {call.bad_row}")
        return self.lost if call.lost_rows else None


def answers(library: Kernel, logits: Tensor, tensors: NodeTensors) -> tuple[Tensor, Tensor, Tensor | None]:
    """The most probable node on each level, (N, L, d1..dk), its probability, and the rows to do again.

    Of logits (N, C, d1..dk); the first of equals.
    """
    rows, tree = _Rows(logits), level_tree(tensors)
    best, stated = rows.new(len(tree.widths), torch.long), rows.new(len(tree.widths))
    lost = rows.run(library, tree, best=best.data_ptr(), stated=stated.data_ptr())
    return best, stated, lost


def masses_of_levels(
    library: Kernel, logits: Tensor, tensors: NodeTensors
) -> tuple[list[Tensor], Tensor | None]:
    """For each level the probabilities (N, W_l, d1..dk) of its nodes, and the rows to do again."""
    rows, tree = _Rows(logits), level_tree(tensors)
    masses = [rows.new(width) for width in tree.widths]
    addresses = (ctypes.c_void_p * len(masses))(*(mass.data_ptr() for mass in masses))
    return masses, rows.run(library, tree, masses=ctypes.addressof(addresses))


def odds_of_paths(
    library: Kernel, logits: Tensor, classes: Tensor, tensors: NodeTensors
) -> tuple[Tensor, Tensor | None]:
    """Log-odds (N, L, d1..dk) of the ancestors of a class (N, d1..dk) each, and the rows to do again."""
    rows, tree = _Rows(logits), level_tree(tensors)
    if classes.shape != rows.shape:
        raise ValueError(f"expected a class for each row, {rows.shape}, got {tuple(classes.shape)}")
    odds, chosen = rows.new(len(tree.widths)), classes.long().contiguous()
    return odds, rows.run(library, tree, chosen=chosen.data_ptr(), odds=odds.data_ptr())
