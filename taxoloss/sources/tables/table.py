"""Tables in files: CSV, TSV, parquet."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, FormError, raise_all
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.base import Options, foreign, refuse, source_text
from taxoloss.sources.name_lists import columns_option
from taxoloss.sources.tables.unquoted import unquoted_rows

__all__ = ["Table", "open_table", "seen", "table_of_text"]


@dataclass
class Table:
    """Column names, rows of text, the line that each row starts on, that of the names, and notes.

    Args:
        beside: the keys that stand beside it in its document, of which nothing is made.
    """

    file: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[int]
    first: int = 1
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    #: What was found in it, kept for the next who asks; a table made of this one starts anew.
    found: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def column(self, name: str) -> int:
        """The number of a column, column_2 where it has no name; FormError with the nearest name."""
        if name in self.header:
            return self.header.index(name)
        folded = [column.casefold() for column in self.header]
        if folded.count(name.casefold()) == 1:
            return folded.index(name.casefold())
        unnamed = [i for i, column in enumerate(self.header) if not column and name == f"column_{i + 1}"]
        if unnamed:
            return unnamed[0]
        help = did_you_mean(name, self.header) or self._quoted_columns(name)
        expected = "one of " + ", ".join(self.header)
        message = f"there is no column {quoted(name)}"
        raise refuse(self.file, message, found=name, expected=expected, help=help)

    def _quoted_columns(self, part: str) -> str | None:
        """How the column is said that has a comma in its name, and this part of it."""
        whole = next((name for name in self.header if part in [p.strip() for p in name.split(",")]), None)
        return whole and f"a name with a comma stands in quotes: {columns_option([whole])}"


def seen(table: Table, what: str = "a table") -> str:
    """A table in words: how many rows, which columns."""
    columns = ", ".join(map(quoted, table.header[:12]))
    return f"{what} of {counted(len(table.rows), 'row')} with the columns {columns}"


def open_table(path: Path, options: Options) -> Table:
    """The table of a CSV, TSV or parquet file; the first row names the columns."""
    if path.suffix.lower() == ".parquet":
        return _parquet(path, options)
    return table_of_text(source_text(path, options.limits), str(path), options)


def table_of_text(text: str, file: str, options: Options, delimiter: str | None = None) -> Table:
    """The table of a text; the first row names the columns."""
    if delimiter is None:
        delimiter = "\t" if file.lower().endswith((".tsv", ".tab")) else _delimiter(text)
    plain = unquoted_rows(text) if delimiter == "\t" else None
    notes: tuple[str, ...] = ()
    try:
        rows, lines = _csv_rows(text, file, options, delimiter)
    except FormError:
        if plain is None:
            raise
        rows, lines = [], []
    if plain is not None and len(rows) != len(plain.rows):
        plain.check(file, options)
        (rows, lines), notes = (plain.rows, plain.lines), (plain.note,)
    if not rows:
        raise refuse(file, "the table is empty", expected="a row of column names, then rows")
    header = tuple(cell.strip() for cell in rows[0])
    uneven = [(row, line) for row, line in zip(rows[1:], lines[1:], strict=True) if len(row) > len(header)]
    if uneven:
        row, line = uneven[0]
        help = "quote cells that hold the delimiter"
        message = f"a row has {len(row)} cells, the header {len(header)}"
        raise refuse(file, message, line=line, help=help)
    width = len(header)
    filled = [(*row, *("",) * (width - len(row))) for row in rows[1:]]
    return Table(file, header, filled, lines[1:], lines[0], notes)


def _csv_rows(
    text: str, file: str, options: Options, delimiter: str
) -> tuple[list[tuple[str, ...]], list[int]]:
    """The rows of a text that is CSV, and their lines; FormError where it is none."""
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    csv.field_size_limit(options.limits.scalar)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cells):
                rows.append(tuple(cells))
                lines.append(start)
            start = reader.line_num + 1
            if len(rows) > options.limits.nodes * 2:
                raise_all([Fault("T112", f"more than {2 * options.limits.nodes:,} rows", file, start)])
    except csv.Error as error:
        most = options.limits.scalar
        said = f"a cell is longer than {most:,} letters" if "larger" in str(error) else "quotes do not pair"
        help = 'a quote in a cell is written twice, in a cell in quotes: "5"" pipe"'
        raise refuse(file, f"this is not CSV: {said}", line=start, help=help) from None
    return rows, lines


def _delimiter(text: str) -> str:
    """The one that cuts the first rows into most cells, as many in each row; else a comma."""
    head = text[:100_000].splitlines(keepends=True)[:20]
    best, widest = ",", 1
    for mark in ",\t;|":
        try:
            widths = {len(row) for row in csv.reader(head, delimiter=mark) if row}
        except csv.Error:
            continue
        if len(widths) == 1 and max(widths) > widest:
            best, widest = mark, max(widths)
    return best


def _parquet(path: Path, options: Options) -> Table:
    with foreign("a parquet file", str(path), "parquet", lines=False):
        import polars as pl

        most = 2 * options.limits.nodes
        frame = pl.read_parquet(path, n_rows=most + 1)
        if len(frame) > most:
            raise_all([Fault("T112", f"more than {most:,} rows", str(path))])
        texts = frame.select(pl.all().cast(pl.String)).fill_null("")
        return Table(str(path), tuple(frame.columns), texts.rows(), list(range(1, len(frame) + 1)))
