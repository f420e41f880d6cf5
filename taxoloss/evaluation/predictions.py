"""Predictions of any model in a file, row by row: what they may be, and where something is wrong.

A row is a sample: a number for each class, and a target (a node's name, path a/b/c, or id). What is wrong
is one line that says where: rows are counted from 1, without the header; lines of a text file from 1,
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["VALUES", "Above", "Block", "PredictionError", "PredictionFile"]

#: What the numbers of a file can be.
VALUES = ("logits", "log_probs", "probs")

#: How far from a whole the sums of rows may be that are taken for its parts.
_MISSED = 0.05

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
    #: n texts of names, paths or ids; or ids of an array.
    targets: Sequence[str] | Sequence[int]
    #: The cells of the columns that are kept.
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: (n, A): the probabilities of inner nodes, where columns state them.
    above: Floats | None = None


@dataclass(frozen=True, eq=False)
class Above:
    """Columns of inner nodes beside those of the classes: they state what the classes sum to."""

    columns: tuple[str, ...]
    places: tuple[int, ...]
    #: (A, classes): 1 where a class is below the node.
    below: npt.NDArray[np.float64]


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
    #: The column of targets; None where another file has them.
    target: str | None = "target"
    #: All columns of a table.
    header: tuple[str, ...] = ()
    #: Where in the header the columns stand.
    places: tuple[int, ...] = ()
    #: Columns that are kept as text, and those that hold no numbers, with their type.
    kept: tuple[str, ...] = ()
    no_numbers: Mapping[str, str] = field(default_factory=dict)
    above: Above | None = None
    #: Between the columns of a text, and within its numbers.
    separator: str = ","
    decimal: str = "."
    #: The integers that an array of targets holds, each with its first row.
    integers: Mapping[int, int] = field(default_factory=dict)
    #: How a row, from 1, is called, where it is no line of the file.
    row_name: Callable[[int], str] | None = None
    #: On how it was read.
    notes: tuple[str, ...] = ()
    #: Whether a person said what the numbers are.
    said: bool = False
    #: What in the file is called as its numbers are: "array" or "key"; None: nothing is.
    named: str | None = None

    def called(self, row: int) -> str:
        """A row in messages."""
        if self.row_name is not None:
            return self.row_name(row)
        return f"row {row}" + (
            f" (line {row + self.header_lines})" if self.header_lines is not None else ""
        )

    def place(self, row: int, column: int | None = None) -> str:
        """Where a row, and a column (from 0), stand."""
        where = f"{self.path}: {self.called(row)}"
        if column is not None:
            name = repr(self.columns[column]) if self.columns else str(column + 1)
            where += f", column {name}"
        return where

    def to_say(self, kind: str) -> str:
        """How it is said that the numbers are of a kind."""
        if self.named is None or kind == self.values:
            return f"say --values {kind}"
        return f"call the {self.named} {kind}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """The places of the columns of numbers of a table: the classes, then inner nodes."""
        return (*self.places, *(self.above.places if self.above else ()))

    def with_columns(self, places: Sequence[int]) -> PredictionFile:
        """The table with some of its columns as the classes.

        Raises:
            PredictionError: one of them holds no numbers.
        """
        columns = tuple(self.header[place] for place in places)
        for name in columns:
            if name in self.no_numbers:
                raise PredictionError(
                    f"{self.path}: column {name!r}: expected numbers, got {self.no_numbers[name]}"
                )
        return replace(self, columns=columns, places=tuple(places), width=len(columns))

    def blocks(self) -> Iterator[Block]:
        """The rows, checked, in pieces."""
        seen = 0
        try:
            for block in self.read(self):
                _check(self, block)
                if not seen and self.values == "logits" and not self.said:
                    _refuse_two_readings(self, block.values)
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
            raise PredictionError(
                f"{file.place(block.first + row)}: expected probabilities that sum to 1, got "
                f"{total[row]:.6g}; {_cause(file, values[row], float(total[row]))}"
            )
    if file.above is not None and block.above is not None:
        _check_above(file, block, file.above)
    if (values == -np.inf).all(1).any():
        row = int(np.flatnonzero((values == -np.inf).all(1))[0])
        raise PredictionError(f"{file.place(block.first + row)}: expected a finite number, got only -inf")


def _check_above(file: PredictionFile, block: Block, above: Above) -> None:
    """PredictionError with the worst row, where a node has not the probability of the classes below it."""
    from taxoloss.functional.rounding import ROUNDED, rounding

    assert block.above is not None
    classes, stated = _probabilities(block.values, file.values), _probabilities(block.above, file.values)
    summed = classes @ above.below.T
    apart = np.abs(stated - summed)
    both = np.concatenate([block.values, block.above], 1)
    off = apart.max(1) - ROUNDED - (rounding(both, file.values) if (apart > ROUNDED).any() else 0)
    if (off > 0).any():
        row = int(apart.max(1).argmax())
        node = int(apart[row].argmax())
        raise PredictionError(
            f"{file.place(block.first + row)}: expected in {above.columns[node]!r} the sum of the classes "
            f"below it, {summed[row, node]:.4g}, got {stated[row, node]:.4g}, the farthest apart of rows "
            f"{block.first:,} to {block.first + len(apart) - 1:,}; heads that were trained one by one make "
            "no distribution over the tree: give the names that were answered, by --prediction"
        )


def _probabilities(values: Floats, kind: str) -> npt.NDArray[np.float64]:
    wide = values.astype(np.float64)
    return np.exp(wide) if kind == "log_probs" else wide


def _sums(values: Floats, kind: str) -> npt.NDArray[np.float64]:
    """(n,) sums of the probabilities."""
    with np.errstate(over="ignore"):  # of what is no log-probability
        sums: npt.NDArray[np.float64] = (np.exp(values) if kind == "log_probs" else values).sum(
            1, dtype=np.float64
        )
    return sums


def _cause(file: PredictionFile, row: Floats, total: float) -> str:
    """What numbers may be that are no probabilities of a whole."""
    if file.values == "probs" and _near(total, 100):
        return "these are percentages: divide them by 100"
    if file.values == "probs" and (row <= 1).all():
        lacks = "a class is missing, or " if total < 1 else ""
        return f"{lacks}these are no distribution, as sigmoid outputs are none"
    return f"if these are logits, {file.to_say('logits')}"


def _near(total: npt.ArrayLike, whole: float) -> npt.NDArray[np.bool_]:
    """Whether sums are a whole but for what was rounded or left out."""
    near: npt.NDArray[np.bool_] = np.abs(np.asarray(total) - whole) <= _MISSED * whole
    return near


def _refuse_two_readings(file: PredictionFile, values: Floats) -> None:
    """PredictionError where nobody said that numbers are logits, and they may be probabilities.

    A softmax of probabilities is another distribution, so that neither reading is taken. All rows are
    looked at, and most decide: one that failed, of zeros or of -1, makes no logits of the others.
    """
    total, positive = _sums(values, "probs"), (values >= 0).all(1)
    place, logits = file.place(1), file.to_say("logits")
    if np.mean(positive & _near(total, 100)) > 0.5:
        raise PredictionError(
            f"{place}: rows that sum to about 100 can mean two things: percentages (divide them by 100 and "
            f"{file.to_say('probs')}) or logits ({logits})"
        )
    in_unit = bool(((values >= 0) & (values <= 1)).all())
    if in_unit or np.mean(positive & _near(total, 1)) > 0.5:
        shown = "numbers in [0, 1]" if in_unit else "rows that sum to about 1"
        raise PredictionError(
            f"{place}: {shown} can mean two things: probabilities ({file.to_say('probs')}) or logits "
            f"({logits})"
        )


def _off(values: Floats, total: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.bool_]:
    """(n,) whether the sums of rows are further from 1 than rounding explains."""
    from taxoloss.functional.rounding import ROUNDED, rounding  # here: functional loads torch

    off: npt.NDArray[np.bool_] = np.abs(total - 1) > ROUNDED
    if off.any():  # only then: to look for the digits of all numbers takes as long as to read them
        off &= np.abs(total - 1) > ROUNDED + rounding(values, kind)
    return off
