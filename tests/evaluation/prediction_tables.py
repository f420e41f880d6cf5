"""Tables of predictions as people write them, and a strict reader of them that shares nothing with ours."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st

from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.readers import open_predictions

#: Names of classes: with separators, quotes, spaces, other scripts, digits.
NAMES = ["pug", "São Luís", "a,b", 'the "x"', "tab\tname", "42", "犬", "1.5", "a;b"]
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf|[+-]?infinity|nan", re.ASCII | re.I)


@dataclass(frozen=True)
class Table:
    """The numbers and targets that are meant, and how they are written."""

    suffix: str
    names: tuple[str, ...]
    numbers: tuple[tuple[str, ...], ...]
    targets: tuple[str, ...]
    at: int
    quoting: Literal[0, 1]
    end: str
    head: str
    tail: str

    def cells(self) -> list[list[str]]:
        """The header and the rows, as text."""
        rows = zip(("target", *self.targets), (self.names, *self.numbers), strict=True)
        return [[*rest[: self.at], target, *rest[self.at :]] for target, rest in rows]

    def text(self, cells: list[list[str]] | None = None) -> str:
        """The file; cells in the place of its own."""
        out = io.StringIO()
        separator = "\t" if self.suffix == ".tsv" else ","
        writer = csv.writer(out, delimiter=separator, quoting=self.quoting, lineterminator=self.end)
        writer.writerows(self.cells() if cells is None else cells)
        return self.head + out.getvalue() + self.tail


def _written(value: float, how: str) -> str:
    text = format(value, how)
    return text.upper() if how == "e" else text


NUMBERS = st.builds(
    _written,
    st.floats(-100, 100, allow_nan=False),
    st.sampled_from(["", "f", "e", "+.3f", " .4f", "8.2f", ".0f", "g"]),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Well-formed tables in any style."""
    width, height = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    names = tuple(draw(st.permutations(NAMES))[:width])
    return Table(
        suffix=draw(st.sampled_from([".csv", ".tsv"])),
        names=names,
        numbers=tuple(tuple(draw(NUMBERS) for _ in names) for _ in range(height)),
        targets=tuple(draw(st.sampled_from(NAMES)) for _ in range(height)),
        at=draw(st.integers(0, width)),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        end=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        head=draw(st.sampled_from(["", "\ufeff"])),
        tail=draw(st.sampled_from(["", "\n", "\r\n\r\n", "   \n", "\n\n\n"])),
    )


def ours(path: Path) -> tuple[list[list[float]], list[str]] | str:
    """The numbers and targets that the package reads, or the error with which it refuses."""
    numbers, targets = [], []
    try:
        for block in open_predictions(path, "logits").blocks():
            numbers += block.values.tolist()
            targets += [str(target).strip() for target in block.targets]
    except PredictionError as error:
        return str(error)
    return numbers, targets


def strictly(text: str, suffix: str) -> tuple[list[list[float]], list[str]] | None:
    """The same by the csv module and a grammar of numbers; None where a cell or a row is none."""
    try:
        separator = "\t" if suffix == ".tsv" else ","
        source = io.StringIO(text.removeprefix("\ufeff"), newline="")
        header, *rows = list(csv.reader(source, delimiter=separator, strict=True))
        while rows and not "".join(rows[-1]).strip():
            rows.pop()
        at = header.index("target")
    except (csv.Error, ValueError):
        return None
    if any(len(row) != len(header) for row in rows):
        return None
    numbers = [[cell.strip(" ") for cell in row[:at] + row[at + 1 :]] for row in rows]
    if not all(_NUMBER.fullmatch(cell) for row in numbers for cell in row):
        return None
    return [[float(cell) for cell in row] for row in numbers], [row[at].strip() for row in rows]
