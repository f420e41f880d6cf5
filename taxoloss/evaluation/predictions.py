"""Predictions of any model in a file, row by row: what they may be, and where something is wrong.

A row is a sample: a number for each class, and a target (a node's name, path a/b/c, or id). What is wrong
is one line that says where: rows are counted from 1, without the header; lines of a text file from 1,
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    #: n texts of names, paths or ids; ids of an array; or paths.
    targets: Sequence[str] | Sequence[int] | Sequence[tuple[str, ...]]


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
    #: The integers that an array of targets holds, each with its first row.
    integers: Mapping[int, int] = field(default_factory=dict)

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
        try:
            for block in self.read(self):
                _check(self, block)
                seen += len(block.values)
                yield block
        except OSError as error:
            raise PredictionError(f"{self.path}: cannot be read: {error.strerror or error}") from None
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
        total = _sums(values, file.values)
        off = _off(values, total, file.values)
        if off.any():
            row = int(np.flatnonzero(off)[0])
            place = file.place(block.first + row)
            raise PredictionError(
                f"{place}: expected probabilities that sum to 1, got {total[row]:.6g}; if these are "
                "logits, say --values logits (in an .npz, call the array logits)"
            )
    elif _look_like_probabilities(values):
        place = file.place(block.first)
        raise PredictionError(
            f"{place}: expected logits, got rows in [0, 1] that sum to 1; say --values probs if these are "
            "probabilities"
        )
    if (values == -np.inf).all(1).any():
        row = int(np.flatnonzero((values == -np.inf).all(1))[0])
        raise PredictionError(f"{file.place(block.first + row)}: expected a finite number, got only -inf")


def _sums(values: Floats, kind: str) -> npt.NDArray[np.float64]:
    """(n,) sums of the probabilities."""
    with np.errstate(over="ignore"):  # of what is no log-probability
        sums: npt.NDArray[np.float64] = (np.exp(values) if kind == "log_probs" else values).sum(
            1, dtype=np.float64
        )
    return sums


def _look_like_probabilities(values: Floats) -> bool:
    rows = values[:8]
    if not ((rows >= 0) & (rows <= 1)).all():
        return False
    return not _off(rows, _sums(rows, "probs"), "probs").any()


def _off(values: Floats, total: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.bool_]:
    """(n,) whether the sums of rows are further from 1 than rounding explains."""
    from taxoloss.functional.rounding import ROUNDED, rounding  # here: functional loads torch

    off: npt.NDArray[np.bool_] = np.abs(total - 1) > ROUNDED
    if off.any():  # only then: to look for the digits of all numbers takes as long as to read them
        off &= np.abs(total - 1) > ROUNDED + rounding(values, kind)
    return off
