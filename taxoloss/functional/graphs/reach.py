"""Which classes each node of a graph reaches, as tensors: lists, bits, and columns of what reaches many."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.taxonomy.cache import cached
from taxoloss.taxonomy.plan import GraphPlan, graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.reach import IntArray

__all__ = ["ReachTensors", "SparseMatrix", "reach_tensors"]

#: A node that reaches this share of the classes is summed by a product of matrices, another by its list:
#: the former costs all classes of all rows, the latter about twenty times as much for each class.
_MANY = 1 / 8
#: Nodes whose bits are packed at once.
_BLOCK = 512


class ReachTensors(DeviceTensors):
    """V nodes, classes 0..C-1 first, the root last; B = ceil(C / 8) bytes, M nodes of many classes."""

    def __init__(self, plan: GraphPlan) -> None:
        self.num_classes, self.num_nodes = plan.num_classes, plan.num_nodes
        #: (V + 1,) and (E,): node n reaches the classes items[starts[n] : starts[n + 1]].
        self.starts = torch.tensor(plan.classes.starts)
        self.items = torch.tensor(plan.classes.items, dtype=torch.int32)
        #: (V,)
        self.sizes = torch.tensor(plan.classes.sizes)
        #: (V - C, B) of inner nodes, bit j % 8 of byte j / 8 is class j; (C,) and (C,): of each class its
        #: byte, and 2 to the power of its bit.
        self.bits = torch.tensor(_bits(plan))
        of_class = torch.arange(plan.num_classes, device="cpu")
        self.byte, self.bit = of_class // 8, (2 ** (of_class % 8)).to(torch.uint8)
        many = np.flatnonzero(plan.classes.sizes[:-1] >= max(2, plan.num_classes * _MANY))
        #: (V,): the column of a node in `columns`, else -1; (C, M): 1 where it reaches a class.
        self.column = torch.full((plan.num_nodes,), -1, device="cpu")
        self.column[many] = torch.arange(len(many), device="cpu")
        self.columns = torch.zeros(plan.num_classes, len(many), dtype=torch.float64, device="cpu")
        for column, node in enumerate(many.tolist()):
            self.columns[torch.tensor(plan.classes[node]), column] = 1.0

        self._sparse(plan)

    def _sparse(self, plan: GraphPlan) -> None:
        """The same of inner nodes alone, as pairs of a node and a class and as sparse matrices."""
        first = int(plan.classes.starts[plan.num_classes])
        nodes, classes = plan.classes.numbers[first:] - plan.num_classes, plan.classes.items[first:]
        #: (E',) and (E',): inner nodes, counted from 0, and classes.
        self.inner_entries = torch.tensor(nodes), torch.tensor(classes)
        shape = plan.num_nodes - plan.num_classes, plan.num_classes
        #: (V - C, C) and (C, V - C).
        ones = np.ones(len(nodes))
        self.inner = SparseMatrix(nodes, classes, ones, shape)
        self.inner_transposed = SparseMatrix(classes, nodes, ones, (shape[1], shape[0]))

    def inside(self, nodes: Tensor) -> Tensor:
        """(R, C): whether nodes (R,) reach each class."""
        inner = (nodes - self.num_classes).clamp(min=0)
        byte = self.bits.index_select(0, inner).index_select(1, self.byte)
        reached = torch.bitwise_and(byte, self.bit) != 0
        own = nodes.unsqueeze(1) == torch.arange(self.num_classes, device=nodes.device)
        return own | (reached & (nodes >= self.num_classes).unsqueeze(1))


class SparseMatrix(DeviceTensors):
    """A matrix that is multiplied by dense ones, kept as plain tensors: sparse ones cannot be copied."""

    def __init__(
        self, rows: IntArray, columns: IntArray, values: npt.NDArray[np.float64], shape: tuple[int, int]
    ) -> None:
        order = np.lexsort((columns, rows))  # no two at one place
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
        self.starts, self.columns = torch.tensor(starts), torch.tensor(columns[order])
        self.values, self.shape = torch.tensor(values[order]), shape

    def __matmul__(self, dense: Tensor) -> Tensor:
        """(n, m) @ (m, k), on the CPU."""
        matrix = torch.sparse_csr_tensor(
            self.starts, self.columns, self.values, self.shape, check_invariants=False
        )
        return matrix @ dense


with warnings.catch_warnings():
    # torch says once in a process that such matrices are in beta.
    warnings.simplefilter("ignore", UserWarning)
    SparseMatrix(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1), (1, 1)) @ torch.ones(
        1, 1, dtype=torch.float64, device="cpu"
    )


def _bits(plan: GraphPlan) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    inner = range(plan.num_classes, plan.num_nodes)
    packed = []
    for first in range(0, len(inner), _BLOCK):
        block = inner[first : first + _BLOCK]
        dense = np.zeros((len(block), plan.num_classes), np.bool_)
        for row, node in enumerate(block):
            dense[row, plan.classes[node]] = True
        packed.append(np.packbits(dense, axis=1, bitorder="little"))
    return np.concatenate(packed)


def reach_tensors(taxonomy: Taxonomy) -> ReachTensors:
    """Made once for each bound taxonomy."""
    return cached(taxonomy, _make)


def _make(taxonomy: Taxonomy) -> ReachTensors:
    return ReachTensors(graph_plan_of(taxonomy))
