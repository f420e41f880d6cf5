"""Samples to which two models answer differently: how many, and a row of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from taxoloss.evaluation.row_files import RowFile
from taxoloss.evaluation.rows import answer_of
from taxoloss.evaluation.samples import Piece
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.metrics.distances import HierarchicalDistance
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["HEADER", "ChangeWriter", "Changes", "Judged", "judge"]

HEADER = (
    "row", "row_b", "id", "group", "truth", "answer_a", "answer_b", "shared_a", "shared_b", "height_a",
    "height_b", "change",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judged:
    """The answers of two models to the same n samples.

    Args:
        answer_a, answer_b: (n,) node ids.
        right_a, right_b: (n,) bool: the answer is the truth or below it.
        differ: (n,) bool.
    """

    answer_a: Tensor
    answer_b: Tensor
    right_a: Tensor
    right_b: Tensor
    differ: Tensor


def judge(a: Piece, b: Piece, taxonomy: Taxonomy) -> Judged:
    """Which answers are right, and which differ; an answer that is no node of the tree is never right."""
    tensors = nodes_of(taxonomy)

    def answer(piece: Piece) -> Tensor:
        found = answer_of(piece.preds)
        # A node that is a class is that class.
        return found if tensors.as_class is None else tensors.as_class[found]

    def right(piece: Piece) -> Tensor:
        return (tensors.lca(answer(piece), piece.target) == piece.target) & ~piece.unknown_answers()

    of_a, of_b = answer(a), answer(b)
    return Judged(of_a, of_b, right(a), right(b), of_a != of_b)


@dataclass(frozen=True)
class Changes:
    """How many samples were answered how: a row counts once.

    Args:
        both: right answers of both.
        lost: only the first is right.
        gained: only the second is right.
        other: neither is right, and the answers differ.
        same: neither is right, and the answers are one.
        alike: one answer, right or not.
    """

    both: int = 0
    lost: int = 0
    gained: int = 0
    other: int = 0
    same: int = 0
    alike: int = 0

    def __add__(self, more: Changes) -> Changes:
        return Changes(*(x + y for x, y in zip(vars(self).values(), vars(more).values(), strict=True)))

    @classmethod
    def of(cls, judged: Judged) -> Changes:
        """The counts of some samples."""
        a, b, differ = judged.right_a, judged.right_b, judged.differ
        neither = ~a & ~b
        parts = a & b, a & ~b, ~a & b, neither & differ, neither & ~differ, ~differ
        return cls(*(int(part.sum()) for part in parts))

    @property
    def rows(self) -> int:
        """All samples."""
        return self.both + self.lost + self.gained + self.other + self.same


class ChangeWriter:
    """Writes the samples whose answers differ as CSV when all are known; without a path nothing.

    Args:
        path: of the file; None: nothing is written.
        taxonomy: bound.
    """

    def __init__(self, path: Path | None, taxonomy: Taxonomy) -> None:
        self.file, self.taxonomy = None if path is None else RowFile(path, HEADER), taxonomy
        self.tensors, self.distance = nodes_of(taxonomy), HierarchicalDistance(taxonomy)

    def take(self, a: Piece, b: Piece, judged: Judged) -> None:
        """Takes the same samples of both files."""
        if self.file is None:
            return
        numbers = [a.target, judged.answer_a, judged.answer_b]
        numbers += [self.tensors.lca(answer, a.target) for answer in numbers[1:]]
        heights = [self.distance.rows(answer, a.target).values[:, 0] for answer in numbers[1:3]]
        for place in torch.nonzero(judged.differ).squeeze(1).tolist():
            self.file.add([
                a.row(place),
                b.row(place),
                "" if a.ids is None else a.ids[place],
                "" if a.groups is None else a.groups[place],
                *("/".join(self.taxonomy.path(int(nodes[place]))) for nodes in numbers),
                *(int(height[place]) for height in heights),
                _change(bool(judged.right_a[place]), bool(judged.right_b[place])),
            ])  # fmt: skip

    def write(self) -> None:
        """Writes the file, whole.

        Raises:
            PredictionError: it cannot be written.
        """
        if self.file is not None:
            self.file.write()


def _change(a: bool, b: bool) -> str:
    if a == b:
        return "both right" if a else "neither right"
    return "lost" if a else "gained"
