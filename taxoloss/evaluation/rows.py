"""A row a sample: the truth, the answer, and what they share."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from taxoloss.evaluation.row_files import RowFile
from taxoloss.evaluation.samples import Piece
from taxoloss.functional.graphs.nodes import GraphNodes, nodes_of
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.metrics.distances import HierarchicalDistance
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["HEADER", "RowWriter", "answer_of", "answer_probability", "is_wrong"]

HEADER = ("row", "id", "group", "truth", "answer", "shared", "height", "wrong", "probability")
#: Rows of softmaxes at once.
_ROWS = 4096


def answer_of(answers: Tensor) -> Tensor:
    """(n,): the node that is answered: of logits the best class, of a ranking the first."""
    if answers.is_floating_point():
        return answers.argmax(1)
    return answers[:, 0] if answers.dim() > 1 else answers


def is_wrong(answer: Tensor, target: Tensor, tensors: NodeTensors | GraphNodes) -> Tensor:
    """(n,) bool: the answer is neither the truth, nor above it, nor below it."""
    return ~(tensors.at_or_above(answer, target) | (tensors.lca(answer, target) == target))


def answer_probability(logits: Tensor, answer: Tensor, tensors: NodeTensors | GraphNodes) -> Tensor:
    """(n,): the sum of the softmax over the classes below each answer, in float64."""
    pairs = zip(torch.split(logits, _ROWS), torch.split(answer, _ROWS), strict=True)
    parts = [_sums_below(rows.double().softmax(1), nodes, tensors) for rows, nodes in pairs]
    return torch.cat(parts) if parts else logits.new_zeros(0, dtype=torch.float64)


def _sums_below(probabilities: Tensor, nodes: Tensor, tensors: NodeTensors | GraphNodes) -> Tensor:
    """(n,): of (n, C), one node a row.

    In depth-first order the classes below a node of a tree stand side by side: the difference of two
    running sums.
    """
    if isinstance(tensors, GraphNodes):
        return tensors.masses(probabilities).gather(1, nodes.unsqueeze(1)).squeeze(1).clamp(0, 1)
    ordered = probabilities[:, tensors.depth_first]
    running = torch.nn.functional.pad(ordered.cumsum(1), (1, 0))
    ends = torch.stack([tensors.start[nodes], tensors.stop[nodes]], 1)
    return running.gather(1, ends).diff(dim=1).squeeze(1).clamp(0, 1)


class RowWriter:
    """Writes the rows of samples as CSV when all are known; without a path nothing.

    Args:
        path: of the file; None: nothing is written.
        taxonomy: bound.
    """

    def __init__(self, path: Path | None, taxonomy: Taxonomy) -> None:
        self.file, self.taxonomy = None if path is None else RowFile(path, HEADER), taxonomy
        self.tensors = nodes_of(taxonomy)
        self.distance = HierarchicalDistance(taxonomy)
        self._names: dict[int, str] = {}

    def __enter__(self) -> RowWriter:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes the file, whole, where nothing went wrong."""
        if self.file is not None and kind is None:
            self.file.write()

    def write(self, piece: Piece, answers: Tensor) -> None:
        """Takes the samples of a piece, and what was answered to them."""
        if self.file is None:
            return
        answer, target = answer_of(answers), piece.target
        shared = self.tensors.lca(answer, target)
        heights = self.distance.rows(answer, target).values[:, 0]
        unknown = piece.unknown_answers()
        wrong = is_wrong(answer, target, self.tensors) | unknown
        probability = self._probability(piece, answer)
        for place, columns in enumerate(
            zip(*(t.tolist() for t in (target, answer, shared, heights, wrong)), strict=True)
        ):
            truth, said, both, height, is_bad = columns
            self.file.add([
                piece.row(place),
                "" if piece.ids is None else piece.ids[place],
                "" if piece.groups is None else piece.groups[place],
                self._name(truth),
                self._said(piece, place, said, bool(unknown[place])),
                self._name(both),
                height,
                "yes" if is_bad else "no",
                "" if probability is None else _shown(probability[place]),
            ])  # fmt: skip

    def _probability(self, piece: Piece, answer: Tensor) -> list[float] | None:
        if piece.preds.is_floating_point():
            found: Any = answer_probability(piece.preds, answer, self.tensors)
        else:
            found = piece.probability
        return None if found is None else found.tolist()

    def _said(self, piece: Piece, place: int, node: int, unknown: bool) -> str:
        """The path of an answer; of one that is no node its text."""
        return piece.said[place] if unknown and piece.said is not None else self._name(node)

    def _name(self, node: int) -> str:
        if node not in self._names:
            self._names[node] = "/".join(self.taxonomy.path(node))
        return self._names[node]


def _shown(value: float) -> str:
    return "" if value != value else f"{value:.6g}"
