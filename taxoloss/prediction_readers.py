"""Reading predictions in pieces: .npz, .csv, .tsv and .parquet."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.prediction_files import VALUES, Block, Floats, PredictionError, PredictionFile

__all__ = ["open_predictions"]

#: Numbers of a block.
_BLOCK = 1 << 22


def open_predictions(path: Path, values: str | None = None, target: str = "target") -> PredictionFile:
    """The head of a file.

    Args:
        path: .npz with one of the keys logits, log_probs, probs, with targets, and maybe classes (names
            of the columns); .csv, .tsv or .parquet with a column of targets, the others being classes.
        values: what the numbers are; None: the key of an .npz, else logits.
        target: name of the column of targets.

    Raises:
        PredictionError: the file cannot be read, or has not this form.
    """
    suffix = path.suffix.lower()
    if suffix not in _OPENERS:
        raise PredictionError(f"{path}: expected a file that ends in {', '.join(_OPENERS)}, got {suffix!r}")
    try:
        return _OPENERS[suffix](path, values, target)
    except OSError as error:
        raise PredictionError(f"{path}: cannot be read: {error.strerror or error}") from None


# -- .npz ------------------------------------------------------------------------------------------


def _open_npz(path: Path, values: str | None, target: str) -> PredictionFile:
    try:
        with zipfile.ZipFile(path):  # numpy leaves a file that is no archive open
            pass
        with np.load(path, allow_pickle=False) as arrays:
            keys = set(arrays.files)
            found = [key for key in VALUES if key in keys]
            if len(found) != 1 or "targets" not in keys:
                raise PredictionError(
                    f"{path}: expected the keys targets and one of {', '.join(VALUES)}, got "
                    f"{', '.join(sorted(keys)) or 'none'}"
                )
            if values is not None and values != found[0]:
                raise PredictionError(
                    f"{path}: expected --values {found[0]}, as its key says, got {values}"
                )
            names = tuple(map(str, arrays["classes"].tolist())) if "classes" in keys else None
            count = len(arrays["targets"])
        shape = _npz_head(path, found[0])[0]
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        if isinstance(error, PredictionError):
            raise
        raise PredictionError(f"{path}: expected a whole .npz file: {error}") from None
    if len(shape) != 2 or shape[0] != count:
        raise PredictionError(
            f"{path}: expected {found[0]} of shape ({count}, classes), a row for each target, got {shape}"
        )
    if names is not None and len(names) != shape[1]:
        raise PredictionError(f"{path}: expected {shape[1]} names in classes, got {len(names)}")
    return PredictionFile(path, _read_npz, found[0], shape[1], names, count)


def _npz_head(path: Path, key: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as member:
        return _array_head(member)


def _array_head(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    if dtype.hasobject:
        raise ValueError("arrays of Python objects are not read")
    return shape, fortran, dtype


def _read_npz(file: PredictionFile) -> Iterator[Block]:
    try:
        with np.load(file.path, allow_pickle=False) as arrays:
            targets = arrays["targets"]
        if targets.ndim != 1 or targets.dtype.kind not in "iuU":
            raise PredictionError(
                f"{file.path}: expected targets (n,) as integers or text, got {targets.dtype} of shape "
                f"{targets.shape}"
            )
        for first, values in _rows_of_npz(file):
            yield Block(first + 1, values, targets[first : first + len(values)].tolist())
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise PredictionError(f"{file.path}: expected a whole .npz file: {error}") from None


def _rows_of_npz(file: PredictionFile) -> Iterator[tuple[int, Floats]]:
    with zipfile.ZipFile(file.path) as archive, archive.open(f"{file.values}.npy") as member:
        (rows, columns), fortran, dtype = _array_head(member)
        if dtype.kind not in "fiu":
            raise PredictionError(f"{file.path}: expected {file.values} as numbers, got {dtype}")
        at_once = rows if fortran else max(1, _BLOCK // max(1, columns))
        for first in range(0, rows, at_once):
            count = min(at_once, rows - first)
            size = count * columns * dtype.itemsize
            data = member.read(size)
            if len(data) < size:
                raise EOFError(
                    f"row {first + len(data) // max(1, columns * dtype.itemsize) + 1} is cut off"
                )
            shape = (columns, count) if fortran else (count, columns)
            block = np.frombuffer(data, dtype).reshape(shape)
            yield first, _floats(block.T if fortran else block)


def _floats(values: npt.NDArray[Any]) -> Floats:
    return values.astype(np.float64 if values.dtype == np.float64 else np.float32)


# -- .csv and .tsv ---------------------------------------------------------------------------------


def _separator(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _open_csv(path: Path, values: str | None, target: str) -> PredictionFile:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text, delimiter=_separator(path)), [])
    except UnicodeDecodeError as error:
        raise PredictionError(f"{path}: expected UTF-8, got another byte at {error.start}") from None
    if not header:
        raise PredictionError(f"{path}: expected a header with the names of the classes, got an empty file")
    columns = _class_columns(path, header, target)
    return PredictionFile(
        path, _read_csv, values or "logits", len(columns), columns, None, header_lines=1, target=target
    )


def _class_columns(path: Path, header: list[str], target: str) -> tuple[str, ...]:
    if header.count(target) != 1:
        raise PredictionError(
            f"{path}: expected one column {target!r} (or --target NAME), got {header.count(target)} in "
            f"{', '.join(header[:8])}{', ...' if len(header) > 8 else ''}"
        )
    return tuple(name for name in header if name != target)


def _read_csv(file: PredictionFile) -> Iterator[Block]:
    separator = _separator(file.path)
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader([text.readline()], delimiter=separator))
            at = header.index(file.target)
            lines_at_once = max(1, _BLOCK // len(header))
            first = 1
            while lines := [line for _, line in zip(range(lines_at_once), text, strict=False)]:
                yield _parse(file, lines, first, at, len(header), separator)
                first += len(lines)
    except UnicodeDecodeError as error:
        raise PredictionError(f"{file.path}: expected UTF-8, got another byte at {error.start}") from None


def _parse(
    file: PredictionFile, lines: list[str], first: int, at: int, columns: int, separator: str
) -> Block:
    """The numbers and targets of some lines."""
    quoted = [number for number, line in enumerate(lines) if '"' in line]
    if quoted:  # the slow way: a quoted target may hold the separator
        rows = list(csv.reader(lines, delimiter=separator))
        counts = [len(row) for row in rows]
    else:
        counts = [line.count(separator) + 1 for line in lines]
    for number, count in enumerate(counts):
        if count != columns or (len(counts) != len(lines)):
            place = file.place(first + number)
            raise PredictionError(f"{place}: expected {columns} columns, as in the header, got {count}")
    if quoted:
        targets = [row[at] for row in rows]
        lines = [separator.join(row[:at] + row[at + 1 :]) for row in rows]
        used: range | list[int] = range(columns - 1)
    else:
        targets = [line.split(separator, at + 1)[at].strip() for line in lines]
        used = [number for number in range(columns) if number != at]
    try:
        values = np.loadtxt(lines, delimiter=separator, usecols=used, ndmin=2, comments=None)
    except ValueError:
        raise _not_a_number(file, lines, first, separator, list(used)) from None
    return Block(first, values, targets)


def _not_a_number(
    file: PredictionFile, lines: list[str], first: int, separator: str, used: list[int]
) -> PredictionError:
    for number, line in enumerate(lines):
        cells = line.rstrip("\r\n").split(separator)
        for column, place in enumerate(used):
            try:
                float(cells[place])
            except ValueError:
                where = file.place(first + number, column)
                return PredictionError(f"{where}: expected a number, got {cells[place]!r}")
    return PredictionError(f"{file.place(first)}: expected numbers")


# -- .parquet --------------------------------------------------------------------------------------


def _polars(path: Path) -> Any:
    try:
        import polars
    except ImportError:
        raise PredictionError(
            f'{path}: reading .parquet needs polars: pip install "taxoloss[parquet]"'
        ) from None
    return polars


def _open_parquet(path: Path, values: str | None, target: str) -> PredictionFile:
    polars = _polars(path)
    try:
        if not path.stat().st_size:
            raise PredictionError(f"{path}: expected a .parquet file, got an empty one")
        table = polars.scan_parquet(path)
        header = table.collect_schema().names()
        rows = int(table.select(polars.len()).collect().item())
    except polars.exceptions.PolarsError as error:
        raise PredictionError(f"{path}: expected a whole .parquet file: {_first_line(error)}") from None
    columns = _class_columns(path, header, target)
    return PredictionFile(
        path, _read_parquet, values or "logits", len(columns), columns, rows, target=target
    )


def _read_parquet(file: PredictionFile) -> Iterator[Block]:
    polars = _polars(file.path)
    assert file.columns is not None  # _open_parquet has read them
    assert file.rows is not None
    at_once = max(1, _BLOCK // max(1, len(file.columns)))
    table = polars.scan_parquet(file.path)
    for first in range(0, file.rows, at_once):
        try:
            part = table.slice(first, at_once).collect()
            values = part.select(polars.col(list(file.columns)).cast(polars.Float64)).to_numpy()
        except polars.exceptions.PolarsError as error:
            raise PredictionError(
                f"{file.path}: expected numbers in all columns: {_first_line(error)}"
            ) from None
        targets = part[file.target].to_list()
        if None in targets:
            row = first + 1 + targets.index(None)
            raise PredictionError(f"{file.place(row)}: expected a target, got none")
        yield Block(first + 1, values, targets)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


_OPENERS = {".npz": _open_npz, ".csv": _open_csv, ".tsv": _open_csv, ".parquet": _open_parquet}
