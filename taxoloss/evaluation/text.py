"""Rows of a text table: each cell is read by itself, or refused where it stands; a row is one line.

A cell in quotes may hold the separator, so what the csv module took apart is never joined and cut again
unless no cell holds one. The numbers of clean rows, all digits, points, signs and the words inf and nan,
are read by numpy at once; a row that is not clean is looked at cell by cell.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

import numpy as np

from taxoloss.evaluation.predictions import Block, Floats, PredictionError, PredictionFile

__all__ = ["TextTable", "cut", "is_blank"]

_NUMBER = re.compile(
    r" *[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan) *", re.ASCII | re.IGNORECASE
)
#: What the cells of a clean row are made of, beside the separator.
_CLEAN = b"0123456789+-. eEiInNfFtTyYaA"
_SHOWN = 60


def is_blank(line: str) -> bool:
    """Whether a line holds no cell."""
    return not line.strip(" \r\n")


def cut(line: str, separator: str) -> list[str]:
    """The cells of a line; ValueError where quotes do not stand around whole cells of it."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(f"expected quotes around whole cells, one line each: {error}") from None


class TextTable:
    """Reads the lines of a text table below its header."""

    def __init__(self, file: PredictionFile, at: int, columns: int, separator: str) -> None:
        self.file, self.at, self.columns, self.separator = file, at, columns, separator
        self._clean = _CLEAN + separator.encode()

    def block(self, lines: Sequence[str], first: int) -> Block:
        """The numbers and targets of some lines; PredictionError with the first cell that is wrong."""
        targets, numbers = [], []
        for row, (target, rest) in enumerate(self._rows(lines, first), first):
            if rest.encode().translate(None, self._clean) or is_blank(rest):
                self._refuse([lines[row - first]], row)
            targets.append(target)
            numbers.append(rest)
        try:
            values = np.loadtxt(numbers, delimiter=self.separator, ndmin=2, comments=None)
        except ValueError:
            self._refuse(lines, first)
        if values.shape != (len(lines), self.columns - 1):
            self._refuse(lines, first)
        for place in _too_large(values, numbers):
            self._refuse([lines[place]], first + place)
        return Block(first, values, targets)

    # -- cutting -----------------------------------------------------------------------------------

    def _rows(self, lines: Sequence[str], first: int) -> Iterator[tuple[str, str]]:
        """The target and the other cells of each line."""
        for row, line in enumerate(lines, first):
            text = line.rstrip("\r\n")
            if '"' in text:
                cells = self._cells(line, row)
                rest = cells[: self.at] + cells[self.at + 1 :]
                joined = self.separator.join(rest)
                if joined.count(self.separator) != len(rest) - 1:  # in a cell, for one
                    self._refuse([line], row)
                yield cells[self.at], joined
                continue
            if text.count(self.separator) != self.columns - 1:
                self._cells(line, row)
            head = text.split(self.separator, self.at + 1)
            yield head.pop(self.at), self.separator.join(head)

    def _cells(self, line: str, row: int) -> list[str]:
        """The cells of a line, as many as the header has."""
        try:
            cells = cut(line, self.separator)
        except ValueError as error:
            raise PredictionError(f"{self.file.place(row)}: {error}") from None
        if len(cells) != self.columns:
            found = "a blank line" if is_blank(line) else str(len(cells))
            # Where each number is two cells, its decimal comma cut it.
            cause = "; numbers have a decimal point" if len(cells) == 2 * self.columns - 1 else ""
            raise PredictionError(
                f"{self.file.place(row)}: expected {self.columns} columns, as in the header, got {found}"
                f"{cause}"
            )
        return cells

    # -- refusing ----------------------------------------------------------------------------------

    def _refuse(self, lines: Sequence[str], first: int) -> NoReturn:
        """PredictionError for the first cell that is no number."""
        for row, line in enumerate(lines, first):
            cells = self._cells(line, row)
            for column, cell in enumerate(cells[: self.at] + cells[self.at + 1 :]):
                expected = _expected(cell)
                if expected:
                    place = self.file.place(row, column)
                    raise PredictionError(f"{place}: expected {expected}, got {_shown(cell)}")
        raise PredictionError(f"{self.file.place(first)}: expected numbers")


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= _SHOWN else cell[:_SHOWN] + "...")


def _expected(cell: str) -> str | None:
    """What was expected in the place of a cell; None where it is a number."""
    if not _NUMBER.fullmatch(cell):
        comma = re.fullmatch(r"\s*[+-]?[\d.]*,[\d.,]*(?:[eE][+-]?\d+)?\s*", cell)
        return "a number with a decimal point and no other mark" if comma else "a number"
    if math.isinf(float(cell)) and "inf" not in cell.lower():
        return "a number within the range of float64"
    return None


def _too_large(values: Floats, numbers: Sequence[str]) -> Iterator[int]:
    """The rows in which a number became infinite that was written as a finite one."""
    infinite = np.isinf(values).sum(1)
    rows = np.flatnonzero(infinite).tolist()
    return (row for row in rows if numbers[row].lower().count("inf") != infinite[row])
