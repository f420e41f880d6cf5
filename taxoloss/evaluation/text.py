"""Rows of a text table: each cell is read by itself, or refused where it stands; a row is one line.

A cell in quotes may hold the separator, so what the csv module took apart is never joined and cut again
unless no cell holds one. The numbers of clean rows, all digits, points, signs and the words inf and nan,
are read by numpy at once; a row that is not clean is looked at cell by cell.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import NoReturn

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.evaluation.predictions import Block, Floats, PredictionError, PredictionFile

__all__ = ["TextTable", "cut", "excel_note", "excel_separator", "expected_number", "is_blank"]

_NUMBER = re.compile(
    r" *[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan) *", re.ASCII | re.IGNORECASE
)
#: What the cells of a clean row are made of, beside the separator and the decimal mark.
_CLEAN = b"0123456789+- eEiInNfFtTyYaA"
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


def excel_separator(line: str) -> str | None:
    """The mark that Excel's first line `sep=;` names; None where it is another line."""
    found = re.fullmatch(r'"?sep=([,;|\t])"?', line.rstrip(" \r\n").lstrip("\ufeff"), re.IGNORECASE)
    return found and found[1]


def excel_note(separator: str) -> str:
    """What is told of that line."""
    return f"line 1 is no row: it tells Excel the separator, {quoted(separator)}"


class TextTable:
    """Reads the lines of a text table below its header."""

    def __init__(self, file: PredictionFile, header: Sequence[str]) -> None:
        self.file, self.columns, self.separator = file, len(header), file.separator
        self.numbers = file.numbers
        self.at = None if file.target is None else header.index(file.target)
        self.kept = {name: header.index(name) for name in file.kept}
        self._pick = _picker(self.numbers)
        self._own_decimal = file.decimal == "."
        #: Where all but the target are numbers, a row need not be cut whole.
        others = [place for place in range(self.columns) if place != self.at]
        self._plain = self.at is not None and list(self.numbers) == others
        #: Where the decimal mark cuts cells too, numbers stand in quotes: each cell is read by itself.
        self._same_mark = file.decimal == self.separator
        self._clean = (
            _CLEAN + self.separator.encode() + (b"." if self._same_mark else file.decimal.encode())
        )

    def block(self, lines: Sequence[str], first: int) -> Block:
        """The numbers and targets of some lines; PredictionError with the first cell that is wrong."""
        targets, numbers = [], []
        kept: dict[str, list[str]] = {name: [] for name in self.kept}
        for row, (cells, rest) in enumerate(self._rows(lines, first), first):
            if rest.encode().translate(None, self._clean) or is_blank(rest):
                self._refuse([lines[row - first]], row)
            targets.append("" if self.at is None else cells[0 if self._plain else self.at])
            has_points = self._own_decimal or self._same_mark
            numbers.append(rest if has_points else rest.replace(self.file.decimal, "."))
            for name, place in self.kept.items():
                kept[name].append(cells[place])
        try:
            values = np.loadtxt(numbers, delimiter=self.separator, ndmin=2, comments=None)
        except ValueError:
            self._refuse(lines, first)
        if values.shape != (len(lines), len(self.numbers)):
            self._refuse(lines, first)
        for place in _too_large(values, numbers):
            self._refuse([lines[place]], first + place)
        width = self.file.width
        above = values[:, width:] if self.file.above else None
        return Block(first, values[:, :width], targets, kept, above)

    # -- cutting -----------------------------------------------------------------------------------

    def _rows(self, lines: Sequence[str], first: int) -> Iterator[tuple[list[str], str]]:
        """The cells of each line (where all others are numbers, the target alone), and its numbers."""
        for row, line in enumerate(lines, first):
            text = line.rstrip("\r\n")
            quotes = '"' in text or self._same_mark
            if not quotes and text.count(self.separator) != self.columns - 1:
                self._cells(line, row)
            if self._plain and not quotes and self.at is not None:
                head = text.split(self.separator, self.at + 1)
                yield [head.pop(self.at)], self.separator.join(head)
                continue
            cells = self._cells(line, row) if quotes else text.split(self.separator)
            joined = self.separator.join(self._with_points(self._pick(cells), line, row))
            if joined.count(self.separator) != len(self.numbers) - 1:  # in a cell, for one
                self._refuse([line], row)
            yield [cells[self.at]] if self._plain and self.at is not None else cells, joined

    def _with_points(self, cells: Sequence[str], line: str, row: int) -> Sequence[str]:
        """The cells of numbers, with decimal points where the decimal mark would cut them."""
        if not self._same_mark:
            return cells
        if any(expected_number(cell, self.file.decimal) for cell in cells):
            self._refuse([line], row)
        return [cell.replace(self.file.decimal, ".") for cell in cells]

    def _cells(self, line: str, row: int) -> list[str]:
        """The cells of a line, as many as the header has."""
        try:
            cells = cut(line, self.separator)
        except ValueError as error:
            raise PredictionError(f"{self.file.place(row)}: {error}") from None
        if len(cells) != self.columns:
            found = "a blank line" if is_blank(line) else str(len(cells))
            # Where each number is two cells, its decimal comma cut it.
            cut_up = len(cells) == self.columns + len(self.numbers) and self.separator == ","
            cause = "; numbers have a decimal point, or --decimal , in a table cut at `;`" if cut_up else ""
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
            for column, cell in enumerate(self._pick(cells)):
                expected = expected_number(cell, self.file.decimal)
                if expected:
                    place = self.file.place(row, column)
                    comma = "; --decimal , reads decimal commas" * (
                        "mark" in expected and self._own_decimal
                    )
                    percent = "; a percentage is written as a part of 1, 93% as 0.93"
                    help = percent if cell.rstrip("\"' ").endswith("%") else comma
                    raise PredictionError(f"{place}: expected {expected}, got {_shown(cell)}{help}")
        raise PredictionError(f"{self.file.place(first)}: expected numbers")


def _picker(places: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    """Picks cells of a row."""
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    pick: Callable[[list[str]], Sequence[str]] = itemgetter(*places)
    return pick


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= _SHOWN else cell[:_SHOWN] + "...")


def expected_number(cell: str, decimal: str) -> str | None:
    """What was expected in the place of a cell; None where it is a number."""
    text = cell if decimal == "." else cell.replace(".", "#").replace(decimal, ".")
    if not _NUMBER.fullmatch(text):
        marks = re.fullmatch(r"\s*[+-]?[\d.]*[,.][\d.,]*(?:[eE][+-]?\d+)?\s*", cell)
        if not marks:
            return "a number"
        if decimal != ".":
            return "a number with a decimal comma and no other mark"
        return "a number with a decimal point and no other mark"
    if math.isinf(float(text)) and "inf" not in cell.lower():
        return "a number within the range of float64"
    return None


def _too_large(values: Floats, numbers: Sequence[str]) -> Iterator[int]:
    """The rows in which a number became infinite that was written as a finite one."""
    infinite = np.isinf(values).sum(1)
    rows = np.flatnonzero(infinite).tolist()
    return (row for row in rows if numbers[row].lower().count("inf") != infinite[row])
