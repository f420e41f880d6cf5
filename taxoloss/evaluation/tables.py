"""Tables of samples, whatever file holds them: rows of text, and what text cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from taxoloss.errors.characters import escape_invisible, quoted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.evaluation.json_values import JSON_SUFFIXES
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.text import excel_note, excel_separator
from taxoloss.sources.base import Options, foreign, source_text
from taxoloss.sources.formats.excel import look_at_excel
from taxoloss.sources.tables.table import Table, table_of_text
from taxoloss.taxonomy.names import nfc

__all__ = ["WORKBOOKS", "Numbers", "SampleTable", "open_samples_table"]

WORKBOOKS = (".xlsx", ".xlsm")
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", *WORKBOOKS)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A number for each class of each row.

    Args:
        columns: the names of the classes; None: something else names them.
        values: (n, C).
        kind: "logits", "log_probs" or "probs"; None: nothing says which.
    """

    columns: tuple[str, ...] | None
    values: npt.NDArray[np.float64]
    kind: str | None


@dataclass(frozen=True, eq=False)
class SampleTable:
    """Rows of samples.

    Args:
        path: of the file.
        header: the names of the columns.
        columns: their cells as text, without spaces around them.
        called: how a row, from 0, is called in messages.
        what: what stands in the file, in words.
        lists: columns whose cells are names, the best first.
        numbers: of classes, where they stand in no columns of their own.
        no_text: columns that hold neither text nor lists of names, and what they hold.
        spellings: of a cell the names by which the tree may have it, the first that fits.
        notes: on how it was read.
        truth: whether it may hold a column of the truth.
        in_order: whether the classes stand in an order, so that one may be called by its number.
    """

    path: Path
    header: tuple[str, ...]
    columns: Mapping[str, Sequence[str]]
    called: Callable[[int], str]
    what: str = ""
    lists: Mapping[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    numbers: Numbers | None = None
    no_text: Mapping[str, str] = field(default_factory=dict)
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    truth: bool = True
    in_order: bool = True

    def __len__(self) -> int:
        for column in (*self.columns.values(), *self.lists.values()):
            return len(column)
        return 0 if self.numbers is None else len(self.numbers.values)

    def cells(self, name: str) -> Sequence[str]:
        """A column of text."""
        if name in self.lists:
            raise PredictionError(f"{self.path}: expected text in {quoted(name)}, got lists")
        return self.columns[name]

    def require(self, named: Mapping[str, Collection[str]]) -> None:
        """PredictionError where a column is not there once, or holds no text.

        Args:
            named: the columns that each option names.
        """
        for option, names in named.items():
            for name in names:
                if name in self.no_text:
                    raise PredictionError(
                        f"{self.path}: expected text in {quoted(name)}, got {self.no_text[name]}"
                    )
                if self.header.count(name) != 1:
                    raise _no_column(self.path, self.header, option, name)


def _no_column(path: Path, header: Sequence[str], option: str, name: str) -> PredictionError:
    near = None if name in header else did_you_mean(name, header)
    shown = ", ".join(map(quoted, header[:12])) or "none"
    return PredictionError(
        f"{path}: expected one column {escape_invisible(repr(name))} (say {option} NAME), got "
        f"{header.count(name)} in {shown}" + (f"; {near}" if near else "")
    )


def open_samples_table(path: Path) -> SampleTable:
    """The table of a file, its cells as text.

    Raises:
        PredictionError: it is of another kind.
        TaxonomyError: it is no table.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        known = ", ".join((*_SUFFIXES, *JSON_SUFFIXES))
        raise PredictionError(f"{path}: expected a file that ends in {known}, got {suffix!r}")
    if suffix == ".parquet":
        return _parquet(path)
    table = _workbook(path) if suffix in WORKBOOKS else _text_table(path)
    cells = zip(*table.rows, strict=True) if table.rows else (() for _ in table.header)
    header = tuple(map(nfc, table.header))
    columns = {name: [cell.strip() for cell in column] for name, column in zip(header, cells, strict=True)}
    called, notes = lambda row: f"row {row + 1} (line {table.lines[row]})", table.notes
    return SampleTable(path, header, columns, called, notes=notes)


def _parquet(path: Path) -> SampleTable:
    """The table of a parquet file: lists of names are rankings, what else is nested is no text."""
    with foreign("a parquet file", str(path), "parquet", lines=False):
        import polars as pl

        most = 2 * Options().limits.nodes
        frame = pl.read_parquet(path, n_rows=most + 1, glob=False, hive_partitioning=False)
        frame.columns = list(map(nfc, frame.columns))
    if len(frame) > most:
        raise_all([Fault("T112", f"more than {most:,} rows", str(path))])
    columns: dict[str, list[str]] = {}
    lists: dict[str, list[tuple[str, ...]]] = {}
    no_text: dict[str, str] = {}
    for column in frame.iter_columns():
        inner = getattr(column.dtype, "inner", None)
        if inner in (pl.String, pl.Categorical, pl.Enum):
            lists[column.name] = [
                tuple((name or "").strip() for name in cell or ()) or ("",) for cell in column.to_list()
            ]
        elif column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
            no_text[column.name] = str(column.dtype)
        else:
            texts = column.cast(pl.String).fill_null("").to_list()
            columns[column.name] = [cell.strip() for cell in texts]
    header = tuple(frame.columns)
    return SampleTable(path, header, columns, lambda row: f"row {row + 1}", lists=lists, no_text=no_text)


def _text_table(path: Path) -> Table:
    """The table of a text, of which a first line `sep=;` for Excel is no row."""
    options = Options()
    text = source_text(path, options.limits)
    first = text.split("\n", 1)[0]
    mark = excel_separator(first)
    if mark is None:
        return table_of_text(text, str(path), options)
    # An empty line in its place: the numbers of the others stay.
    table = table_of_text(text[len(first) :], str(path), options, mark)
    return replace(table, notes=(*table.notes, excel_note(mark)))


def _workbook(path: Path) -> Table:
    (table,) = look_at_excel(path, Options(header=True)).tables
    return table
