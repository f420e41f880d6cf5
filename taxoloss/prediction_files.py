"""Predictions of any model in a file, row by row: what they may be, and where something is wrong.

A row is a sample: a number for each class, and a target (a node's name, path a/b/c, or id). What is wrong
is one line that says where: rows are counted from 1, without the header; lines of a text file from 1,
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["VALUES", "Block", "PredictionError", "PredictionFile"]

#: What the numbers of a file can be.
VALUES = ("logits", "log_probs", "probs")

Floats = npt.NDArray[np.float64] | npt.NDArray[np.float32]


class PredictionError(ValueError):
    """A file of predictions cannot be used: one line, with the place and what was expected."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a file."""

    #: Number of the first, from 1.
    first: int
    #: (n, columns).
    values: Floats
    #: n names, paths or ids.
    targets: list[str] | list[int]


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """A file whose header was read."""

    path: Path
    read: Callable[[PredictionFile], Iterator[Block]]
    values: str
    #: How many columns, and their names where the file has them.
    width: int
    columns: tuple[str, ...] | None
    #: How many rows, where the file says so.
    rows: int | None
    #: Lines before row 1, where rows are lines of text.
    header_lines: int | None = None
    target: str = "target"

    def place(self, row: int, column: int | None = None) -> str:
        """Where a row, and a column (from 0), stand."""
        where = f"{self.path}: row {row}"
        if self.header_lines is not None:
            where += f" (line {row + self.header_lines})"
        if column is not None:
            name = repr(self.columns[column]) if self.columns else str(column + 1)
            where += f", column {name}"
        return where

    def blocks(self) -> Iterator[Block]:
        """The rows, checked, in pieces."""
        seen = 0
        for block in self.read(self):
            _check(self, block)
            seen += len(block.values)
            yield block
        if seen == 0:
            raise PredictionError(f"{self.path}: expected a row or more, got none")


def _check(file: PredictionFile, block: Block) -> None:
    """PredictionError where a number cannot be what the file says it is."""
    values = block.values
    wrong = np.isnan(values) | (values == np.inf)
    if file.values == "probs":
        wrong |= values < 0
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        expected = "a probability" if file.values == "probs" else "a finite number or -inf"
        place = file.place(block.first + row, column)
        raise PredictionError(f"{place}: expected {expected}, got {values[row, column]}")
    if file.values != "logits":
        total = (np.exp(values) if file.values == "log_probs" else values).sum(1, dtype=np.float64)
        off = np.abs(total - 1) > 1e-3
        if off.any():
            row = int(np.flatnonzero(off)[0])
            place = file.place(block.first + row)
            raise PredictionError(f"{place}: expected probabilities that sum to 1, got {total[row]:.6g}")
    elif _look_like_probabilities(values):
        place = file.place(block.first)
        raise PredictionError(
            f"{place}: expected logits, got rows in [0, 1] that sum to 1; say --values probs if these are "
            "probabilities"
        )
    if (values == -np.inf).all(1).any():
        row = int(np.flatnonzero((values == -np.inf).all(1))[0])
        raise PredictionError(f"{file.place(block.first + row)}: expected a finite number, got only -inf")


def _look_like_probabilities(values: Floats) -> bool:
    rows = values[:8]
    inside = bool(((rows >= 0) & (rows <= 1)).all())
    return inside and bool((np.abs(rows.sum(1) - 1) < 1e-3).all())
