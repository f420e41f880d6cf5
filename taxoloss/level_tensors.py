"""Tensors of a bound tree, and its view as a graph: torch and networkx are imported when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from taxoloss.numbered import NumberedTree
from taxoloss.tree import IntArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

__all__ = ["LevelTensors", "as_tensor"]


@dataclass(frozen=True, eq=False, repr=False)
class LevelTensors(NumberedTree):
    """A numbered tree with the index and the matrix that take classes to the nodes of a level."""

    def ancestor_index(self, level: str) -> torch.Tensor:
        """For each class (C,) the index of its node in `nodes(level)`; ValueError if not bound.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "beagle")]).bind()
        >>> t.ancestor_index("depth_1")
        tensor([0, 1])
        """
        self.require_bound("ancestor_index")
        return as_tensor(self.class_to_node(self.level_number(level)))

    def aggregation_matrix(self, level: str, *, sparse: bool = False) -> torch.Tensor:
        """The matrix (classes, nodes of the level) that sums class probabilities up to the level.

        Rows are one-hot: `softmax(logits) @ matrix` are the probabilities of the level's nodes, and a
        column's sum is the number of classes below the node.

        Args:
            level: name of a level.
            sparse: a sparse COO tensor; a dense one takes 4 x classes x nodes bytes.

        Raises:
            ValueError: no such level, or the taxonomy is not bound.
        """
        import torch

        columns = self.ancestor_index(level)
        rows, ones = torch.arange(len(self), device="cpu"), torch.ones(len(self), device="cpu")
        size = (len(self), len(self._at(level)))
        if not sparse:
            return torch.zeros(size, device="cpu").index_put_((rows, columns), ones)
        places = torch.stack([rows, columns])
        return torch.sparse_coo_tensor(places, ones, size, device="cpu", check_invariants=True).coalesce()

    @property
    def graph(self) -> nx.DiGraph[int]:
        """A new networkx.DiGraph, parent -> child, of target ids; attributes `name` and `level`."""
        return self.tree.to_networkx(self.ids_of_nodes.tolist())


def as_tensor(array: IntArray) -> torch.Tensor:
    """A long tensor of its own."""
    import torch

    return torch.from_numpy(array.copy())
