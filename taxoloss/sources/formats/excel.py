"""Excel workbooks with one sheet, read by fastexcel with polars."""

from __future__ import annotations

import zipfile
from pathlib import Path

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Options, foreign, listed, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.reading import Look
from taxoloss.sources.tables.header import settle_header
from taxoloss.sources.tables.second_table import check_blank_lines
from taxoloss.sources.tables.table import Table, seen

__all__ = ["FORMAT", "look_at_excel"]


def look_at_excel(path: Path, options: Options) -> Look:
    """The table of the only sheet that holds something.

    Raises:
        TaxonomyError: several sheets do, or none.
        ImportError: polars or fastexcel are not installed.
    """
    _check_size(path, options)
    with foreign("an Excel workbook", str(path), lines=False):
        import fastexcel

        book = fastexcel.read_excel(path)
        frames = {
            n: book.load_sheet(n, header_row=None, dtypes="string").to_polars() for n in book.sheet_names
        }
        sheets = {name: frame.fill_null("").rows() for name, frame in frames.items()}
    sheets = {name: rows for name, rows in sheets.items() if any(any(row) for row in rows)}
    if not sheets:
        raise refuse(str(path), "the workbook is empty", expected="a row of column names, then rows")
    if len(sheets) > 1:
        shown = listed(list(sheets), most=12)
        message = f"the workbook has {counted(len(sheets), 'sheet')} that hold something: {shown}"
        help = "save the one that is meant as CSV, or in a workbook of its own"
        raise refuse(str(path), message, expected="one sheet", help=help)
    ((name, rows),) = sheets.items()
    table = _table(path, rows, options)
    saw = seen(table, f"an Excel sheet, {quoted(name)},")
    needs = "a table that could be read as CSV: ranks from top to leaf, a child and its parent, or paths"
    return Look(saw, tables=[table], needs=needs)


def _table(path: Path, rows: list[tuple[str, ...]], options: Options) -> Table:
    """The sheet as a table: its first row that is not empty names the columns."""
    if len(rows) > 2 * options.limits.nodes:
        raise_all([Fault("T112", f"more than {2 * options.limits.nodes:,} rows", str(path))])
    lines = [number for number, row in enumerate(rows, 1) if any(row)]
    kept = [rows[number - 1] for number in lines]
    used = [at for at in range(len(kept[0])) if any(row[at] for row in kept)]
    kept = [tuple(row[at] for at in used) for row in kept]
    header = tuple(cell.strip() for cell in kept[0])
    table = settle_header(Table(str(path), header, kept[1:], lines[1:], lines[0]), options)
    if options.kind is None and options.columns is None:
        check_blank_lines(table)
    return table


def _check_size(path: Path, options: Options) -> None:
    """A workbook is a zip: how large it unpacks is looked at before."""
    with foreign("an Excel workbook", str(path), lines=False), zipfile.ZipFile(path) as archive:
        total = sum(item.file_size for item in archive.infolist())
    most = options.limits.bytes
    if total > most:
        raise_all([Fault("T111", f"the workbook holds {total:,} bytes, more than {most:,}", str(path))])


def _is_workbook(sample: Sample) -> bool:
    return "xl/workbook.xml" in sample.packed


FORMAT = Format(
    "excel",
    title="Excel (.xlsx)",
    suffixes=(".xlsx", ".xlsm"),
    sniff=_is_workbook,
    look=look_at_excel,
    needs="fastexcel",
)
