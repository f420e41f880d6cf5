"""Samples, and what a model said of each: what is scored and compared, whatever file it stood in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Piece", "Samples"]


@dataclass(frozen=True, eq=False)
class Piece:
    """Some samples.

    Args:
        first: the number of the first row, from 1.
        preds: logits (n, C), node ids (n,), or classes (n, K) with the best first.
        target: node ids (n,).
        rows: the number of each in the file, from 1; None: one after the other.
        ids: what they are called.
        groups: the camera, video or patient of each.
        probability: (n,) of the answers, where the file states them; NaN where it does not.
        unknown: (n,) bool: the answer is no node, and stands as the root; None: all are nodes.
        said: the texts that were answered.
    """

    first: int
    preds: Tensor
    target: Tensor
    rows: Sequence[int] | None = None
    ids: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    probability: Tensor | None = None
    unknown: Tensor | None = None
    said: Sequence[str] | None = None

    def unknown_answers(self) -> Tensor:
        """(n,) bool: what was answered is no node of the tree."""
        return torch.zeros(len(self.target), dtype=torch.bool) if self.unknown is None else self.unknown

    def row(self, place: int) -> int:
        """The number of a sample's row in the file."""
        return self.first + place if self.rows is None else self.rows[place]


@dataclass(frozen=True, eq=False)
class Samples:
    """All samples of a file, read in pieces, again each time.

    Args:
        path: the file.
        how: how it was read, in words.
        pieces: the samples.
        notes: what was left out, in words.
        rows: how many, where that is known.
        left_out: how many rows were left out.
        places: of logits None; of answers 1, of rankings their length.
        grouped: whether each sample has a group.
    """

    path: Path
    how: str
    pieces: Callable[[], Iterator[Piece]]
    notes: tuple[str, ...] = ()
    rows: int | None = None
    left_out: int = 0
    places: int | None = None
    grouped: bool = False
