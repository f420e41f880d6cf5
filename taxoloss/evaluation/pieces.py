"""Pieces of samples: some of them, several as one, and in the order of another taxonomy's classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["chosen", "in_order_of", "joined", "row_numbers"]

IntArray = npt.NDArray[np.int64]


def row_numbers(piece: Piece) -> IntArray:
    """(n,): the number of each row in the file, from 1."""
    if piece.rows is None:
        return np.arange(piece.first, piece.first + len(piece.target))
    return np.asarray(piece.rows, np.int64)


def chosen(piece: Piece, places: IntArray) -> Piece:
    """The samples that stand at places of a piece."""
    at = torch.from_numpy(places)

    def tensor(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[at]

    def texts(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [values[place] for place in places.tolist()]

    return Piece(
        piece.first,
        piece.preds[at],
        piece.target[at],
        row_numbers(piece)[places].tolist(),
        texts(piece.ids),
        texts(piece.groups),
        tensor(piece.probability),
        tensor(piece.unknown),
        texts(piece.said),
    )


def joined(pieces: Sequence[Piece]) -> Piece:
    """Several pieces of one file as one."""
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]

    def all_of(name: str) -> Any:
        parts = [getattr(piece, name) for piece in pieces]
        if parts[0] is None:
            return None
        return torch.cat(parts) if isinstance(parts[0], Tensor) else [x for part in parts for x in part]

    rows = np.concatenate([row_numbers(piece) for piece in pieces]).tolist()
    fields = (all_of(name) for name in ("ids", "groups", "probability", "unknown", "said"))
    return Piece(first.first, all_of("preds"), all_of("target"), rows, *fields)


def in_order_of(taxonomy: Taxonomy, samples: Samples, own: Taxonomy) -> Samples:
    """Samples whose classes and nodes are numbered as those of another binding of one tree.

    Args:
        taxonomy: bound, whose numbers are wanted.
        samples: in the order of `own`.
        own: bound.

    Raises:
        PredictionError: the classes are others.
    """
    if own.tree.names != taxonomy.tree.names or not np.array_equal(own.tree.parent, taxonomy.tree.parent):
        raise PredictionError(
            f"{samples.path}: expected the classes of the other file, {len(taxonomy):,}, got {len(own):,}, "
            "of which some are inner nodes: say the classes of both, --classes and --classes-b"
        )
    # Node -> id in both orders gives id -> id.
    numbers = np.empty(own.num_nodes, np.int64)
    numbers[own.ids_of_nodes] = taxonomy.ids_of_nodes
    if np.array_equal(numbers, np.arange(len(numbers))):
        return samples
    new, column = torch.from_numpy(numbers), torch.from_numpy(np.argsort(numbers[: len(own)]))

    def pieces() -> Iterator[Piece]:
        for piece in samples.pieces():
            preds = piece.preds[:, column] if piece.preds.is_floating_point() else new[piece.preds]
            yield dataclasses.replace(piece, preds=preds, target=new[piece.target])

    return dataclasses.replace(samples, pieces=pieces)
