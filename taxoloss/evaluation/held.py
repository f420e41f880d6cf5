"""A table of samples whose numbers of classes are in memory, as a file of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile
from taxoloss.evaluation.readers import BLOCK, number_places
from taxoloss.evaluation.tables import SampleTable
from taxoloss.evaluation.text import expected_number

__all__ = ["held_file"]


def held_file(
    table: SampleTable, values: str | None, target: str | None, kept: Sequence[str], decimal: str
) -> PredictionFile:
    """The numbers of a table; where they stand in no columns of their own, all columns that are text.

    Args:
        table: of the samples.
        values: what the numbers are; None: what the table says, else logits.
        target: the column of targets; None: it has none.
        kept: columns that are kept as text.
        decimal: the mark in numbers of a text.

    Raises:
        PredictionError: a column is not there, or nothing holds numbers.
    """
    numbers = table.numbers
    header = (numbers.columns or ()) if numbers is not None else table.header
    if numbers is None:
        places = number_places(table.path, header, target, kept)
        no_numbers = {header[place]: _kind(table, header[place]) for place in places}
    else:
        places, no_numbers = tuple(range(numbers.values.shape[1])), {}

    def read(file: PredictionFile) -> Iterator[Block]:
        count = max(1, BLOCK // max(1, len(places)))
        for first in range(0, len(table), count):
            rows = range(first, min(first + count, len(table)))
            yield _block(table, file, rows, decimal)

    return PredictionFile(
        table.path,
        read,
        values or (numbers.kind if numbers is not None else None) or "logits",
        len(places),
        header if numbers is None else numbers.columns,
        len(table),
        target=target,
        header=header,
        places=places,
        kept=tuple(kept),
        no_numbers={name: kind for name, kind in no_numbers.items() if kind},
        row_name=lambda row: table.called(row - 1),
        said=values is not None,
        named="key" if values is None and numbers is not None and numbers.kind else None,
    )


def _kind(table: SampleTable, name: str) -> str:
    """What a column holds that no numbers can be read of."""
    return "lists of names" if name in table.lists else table.no_text.get(name, "")


def _block(table: SampleTable, file: PredictionFile, rows: range, decimal: str) -> Block:
    chosen = slice(rows.start, rows.stop)
    targets = [""] * len(rows) if file.target is None else table.cells(file.target)[chosen]
    kept = {name: table.cells(name)[chosen] for name in file.kept}
    found = _numbers(table, file, rows, decimal)
    above = found[:, file.width :] if file.above else None
    return Block(rows.start + 1, found[:, : file.width], targets, kept, above)


def _numbers(
    table: SampleTable, file: PredictionFile, rows: range, decimal: str
) -> npt.NDArray[np.float64]:
    """(n, columns)."""
    if table.numbers is not None:
        return table.numbers.values[rows.start : rows.stop][:, list(file.numbers)]
    found = np.empty((len(rows), len(file.numbers)))
    for column, place in enumerate(file.numbers):
        cells = table.columns[file.header[place]]
        for row in rows:
            cell = cells[row]
            expected = expected_number(cell, decimal)
            if expected:
                where = f"{file.place(row + 1)}, column {file.header[place]!r}"
                raise PredictionError(f"{where}: expected {expected}, got {cell!r:.60}")
            found[row - rows.start, column] = float(cell.replace(decimal, "."))
    return found
