"""Reading predictions in pieces: .npz, .csv, .tsv and .parquet."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.evaluation.json_values import JSON_SUFFIXES
from taxoloss.evaluation.named_arrays import array_of, names_of_rows
from taxoloss.evaluation.predictions import VALUES, Block, Floats, PredictionError, PredictionFile
from taxoloss.evaluation.tables import WORKBOOKS
from taxoloss.evaluation.text import TextTable, cut, excel_note, excel_separator, is_blank
from taxoloss.taxonomy.names import nfc

__all__ = ["BLOCK", "number_places", "open_predictions"]

#: Numbers of a block.
BLOCK = 1 << 22


def open_predictions(
    path: Path,
    values: str | None = None,
    target: str | None = "target",
    *,
    kept: Sequence[str] = (),
    decimal: str = ".",
) -> PredictionFile:
    """The head of a file; of a table all columns but those of targets and those kept are its numbers.

    Args:
        path: .npz with one of the keys logits, log_probs, probs, with targets, and maybe classes (names
            of the columns); .csv, .tsv or .parquet with a column of targets, the others being classes.
        values: what the numbers are; None: the key of an .npz, else logits.
        target: name of the column of targets; None: it has none.
        kept: columns of a table, or arrays of an .npz, that are kept as text, such as the names of the
            samples.
        decimal: the mark in the numbers of a text.

    Raises:
        PredictionError: the file cannot be read, or has not this form.
    """
    suffix = path.suffix.lower()
    if suffix not in _OPENERS:
        known = ", ".join((*_OPENERS, *WORKBOOKS, *JSON_SUFFIXES))
        raise PredictionError(f"{path}: expected a file that ends in {known}, got {suffix!r}")
    try:
        return _OPENERS[suffix](path, values, _Roles(target, tuple(dict.fromkeys(kept)), decimal))
    except OSError as error:
        raise PredictionError(f"{path}: cannot be read: {error.strerror or error}") from None


@dataclass(frozen=True)
class _Roles:
    """What the columns of a table are, beside numbers."""

    target: str | None
    kept: tuple[str, ...]
    decimal: str


# -- .npz ------------------------------------------------------------------------------------------


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    """PredictionError for whatever a package says of bytes that are no file of the kind.

    A panic of a package in Rust is a BaseException: it is caught like the others.
    """
    try:
        yield
    except (PredictionError, OSError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PredictionError(f"{path}: expected a whole {kind} file: {reason:.300}") from None


def _open_npz(path: Path, values: str | None, roles: _Roles) -> PredictionFile:
    if roles.target != "target":
        raise PredictionError(
            f"{path}: expected no --target, got {roles.target!r}: an .npz has the array targets"
        )
    with _whole(path, ".npz"):
        with zipfile.ZipFile(path):  # numpy leaves a file that is no archive open
            pass
        with np.load(path, allow_pickle=False) as arrays:
            key = _key(path, set(arrays.files), values)
            names = _names(path, array_of(path, arrays, "classes")) if "classes" in arrays.files else None
            targets = _targets(path, array_of(path, arrays, "targets"))
            names_of_rows(path, arrays, roles.kept, len(targets))
        shape, count = _npz_head(path, key)[0], len(targets)
    if len(shape) != 2 or shape[0] != count:
        raise PredictionError(
            f"{path}: expected {key} of shape ({count}, classes), a row for each target, got {shape}"
        )
    if names is not None and len(names) != shape[1]:
        raise PredictionError(f"{path}: expected {shape[1]} names in classes, got {len(names)}")
    integers = _first_rows(targets) if targets.dtype.kind in "iu" else {}
    return PredictionFile(
        path,
        _read_npz,
        key,
        shape[1],
        names,
        count,
        kept=roles.kept,
        integers=integers,
        said=values is not None,
        named="array",
    )


def _first_rows(targets: npt.NDArray[Any]) -> dict[int, int]:
    """Each integer with the row, from 1, in which it stands first."""
    numbers, first = np.unique(targets, return_index=True)
    return dict(sorted(zip(numbers.tolist(), (first + 1).tolist(), strict=True), key=itemgetter(1)))


def _key(path: Path, keys: set[str], values: str | None) -> str:
    """The name of the array of numbers, which says what they are."""
    found = [key for key in VALUES if key in keys]
    if len(found) != 1 or "targets" not in keys:
        shown = escape_invisible(", ".join(sorted(keys)))[:200] or "none"
        raise PredictionError(
            f"{path}: expected the keys targets and one of {', '.join(VALUES)}, got {shown}"
        )
    if values is not None and values != found[0]:
        raise PredictionError(f"{path}: expected --values {found[0]}, as its key says, got {values}")
    return found[0]


def _names(path: Path, classes: npt.NDArray[Any]) -> tuple[str, ...]:
    if classes.ndim != 1 or classes.dtype.kind not in "iuU":
        raise PredictionError(
            f"{path}: expected classes (C,) as text, got {classes.dtype} of shape {classes.shape}"
        )
    return tuple(map(str, classes.tolist()))


def _targets(path: Path, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if targets.ndim != 1 or targets.dtype.kind not in "iuU":
        shown = f" ({targets.flat[0]!s:.40} in row 1)" if targets.size else ""
        raise PredictionError(
            f"{path}: expected targets (n,) as integers or text, got {targets.dtype} of shape "
            f"{targets.shape}{shown}"
        )
    return targets


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
    with _whole(file.path, ".npz"):
        with np.load(file.path, allow_pickle=False) as arrays:
            targets = _targets(file.path, array_of(file.path, arrays, "targets"))
            names = names_of_rows(file.path, arrays, file.kept, len(targets))
        for first, values in _rows_of_npz(file):
            rows = slice(first, first + len(values))
            kept = {name: texts[rows] for name, texts in names.items()}
            yield Block(first + 1, values, targets[rows].tolist(), kept)


def _rows_of_npz(file: PredictionFile) -> Iterator[tuple[int, Floats]]:
    with zipfile.ZipFile(file.path) as archive, archive.open(f"{file.values}.npy") as member:
        (rows, columns), fortran, dtype = _array_head(member)
        if dtype.kind not in "fiu":
            help = "; numpy has no bfloat16: save float32" if dtype.kind == "V" else ""
            raise PredictionError(f"{file.path}: expected {file.values} as numbers, got {dtype}{help}")
        at_once = rows if fortran else max(1, BLOCK // max(1, columns))
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
        if member.read(1):
            raise ValueError(f"{file.values} is longer than its {rows} rows")


def _floats(values: npt.NDArray[Any]) -> Floats:
    """In float32 where that holds every number of the type, else in float64."""
    return values.astype(np.float32 if np.can_cast(values.dtype, np.float32) else np.float64)


# -- .csv and .tsv ---------------------------------------------------------------------------------


_MARKS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def _open_csv(path: Path, values: str | None, roles: _Roles) -> PredictionFile:
    with _lines(path) as lines:
        line = next(lines, "")
        excel = excel_separator(line)
        line = line if excel is None else next(lines, "")
    if is_blank(line):
        raise PredictionError(f"{path}: expected a header with the names of the classes, got an empty line")
    separator = excel or _separator(path, line, roles)
    header = tuple(_cut_header(path, line, separator))
    places = number_places(path, header, roles.target, roles.kept, _other_separator(path, line, separator))
    columns = tuple(header[place] for place in places)
    return PredictionFile(
        path,
        _read_csv,
        values or "logits",
        len(columns),
        columns,
        None,
        header_lines=1 if excel is None else 2,
        target=roles.target,
        header=header,
        places=places,
        kept=roles.kept,
        separator=separator,
        decimal=roles.decimal,
        notes=() if excel is None else (excel_note(excel),),
        said=values is not None,
    )


def _separator(path: Path, line: str, roles: _Roles) -> str:
    """Of a .tsv the tab; else a comma, or where that finds no column that was named, a mark that does."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    named = {name for name in (roles.target, *roles.kept) if name is not None}
    for mark in (",", ";", "\t", "|"):
        try:
            cells = set(map(nfc, cut(line.rstrip("\r\n"), mark)))
        except ValueError:
            continue
        if len(cells) > 1 and named <= cells:
            return mark
    return ","


def _cut_header(path: Path, line: str, separator: str) -> list[str]:
    try:
        return list(map(nfc, cut(line.rstrip("\r\n"), separator)))
    except ValueError as error:
        raise PredictionError(f"{path}: line 1: {error}") from None


def _other_separator(path: Path, line: str, own: str) -> str:
    """What to say of a header that another mark cuts into more columns."""
    most = max(_MARKS, key=line.count)
    if line.count(most) <= line.count(own):
        return ""
    return f"; expected {_MARKS[own]} between the columns of a {path.suffix.lower()}, got {_MARKS[most]}"


def number_places(
    path: Path, header: Sequence[str], target: str | None, kept: Sequence[str], help: str = ""
) -> tuple[int, ...]:
    """Where the columns of a table stand that are neither targets nor kept."""
    named = {name: "--target NAME" for name in (target,) if name is not None}
    named |= dict.fromkeys(kept, "--id or --group NAME")
    for name, option in named.items():
        if header.count(name) != 1:
            near = did_you_mean(name, header)
            near = f"; {near}" if near and not help else ""
            shown = escape_invisible(", ".join(header[:8]))[:200]
            raise PredictionError(
                f"{path}: expected one column {name!r} (or {option}), got {header.count(name)} in "
                f"{shown}{', ...' if len(header) > 8 else ''}{help}{near}"
            )
    places = tuple(place for place, name in enumerate(header) if name not in named)
    if not places:
        raise PredictionError(
            f"{path}: expected a column for each class beside "
            f"{', '.join(map(repr, named)) or 'others'}, got none"
        )
    return places


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a text, each with its end: \\n, \\r\\n or \\r."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError:
        raise _not_utf8(path) from None


def _not_utf8(path: Path) -> PredictionError:
    """The place of the first byte that is not UTF-8; \\n is in no other character."""
    line = 0
    with path.open("rb") as data:
        for text in data:
            line += 1
            try:
                text.decode()
            except UnicodeDecodeError as error:
                where = f"got the byte 0x{text[error.start]:02x} at column {error.start + 1}"
                return PredictionError(f"{path}: line {line}: expected UTF-8, {where}")
    return PredictionError(f"{path}: expected UTF-8")


def _read_csv(file: PredictionFile) -> Iterator[Block]:
    with _lines(file.path) as lines:
        *_, head = islice(lines, file.header_lines)
        header = _cut_header(file.path, head, file.separator)
        table = TextTable(file, header)
        first = 1
        while rows := list(islice(lines, max(1, BLOCK // len(header)))):
            rows = _without_blank_end(rows, lines)
            if rows:
                yield table.block(rows, first)
            first += len(rows)


def _without_blank_end(rows: list[str], more: Iterator[str]) -> list[str]:
    """The rows without the blank lines that end the file; others stay, and are refused as rows."""
    end = len(rows)
    while end and is_blank(rows[end - 1]):
        end -= 1
    if end < len(rows) and (after := next((line for line in more if not is_blank(line)), None)):
        rows.append(after)
        return rows
    return rows[:end]


# -- .parquet --------------------------------------------------------------------------------------


def _polars(path: Path) -> Any:
    try:
        import polars
    except ImportError:
        raise PredictionError(
            f'{path}: reading .parquet needs polars: pip install "taxoloss[parquet]"'
        ) from None
    return polars


def _scan(path: Path) -> Any:
    """A lazy table of the file of that very name: brackets and stars in it are no pattern."""
    table = _polars(path).scan_parquet(path, glob=False, hive_partitioning=False)
    names = table.collect_schema().names()
    return table.rename({name: nfc(name) for name in names if name != nfc(name)})


def _open_parquet(path: Path, values: str | None, roles: _Roles) -> PredictionFile:
    with path.open("rb") as data:
        if not data.read(1):
            raise PredictionError(f"{path}: expected a .parquet file, got an empty one")
    with _whole(path, ".parquet"):
        table = _scan(path)
        schema = dict(table.collect_schema())
        rows = int(table.select(_polars(path).len()).collect().item())
    header = tuple(schema)
    places = number_places(path, header, roles.target, roles.kept)
    columns = tuple(header[place] for place in places)
    return PredictionFile(
        path,
        _read_parquet,
        values or "logits",
        len(columns),
        columns,
        rows,
        target=roles.target,
        header=header,
        places=places,
        kept=roles.kept,
        no_numbers={name: str(schema[name]) for name in columns if not schema[name].is_numeric()},
        said=values is not None,
    )


def _read_parquet(file: PredictionFile) -> Iterator[Block]:
    polars = _polars(file.path)
    assert file.rows is not None  # _open_parquet has read them
    at_once = max(1, BLOCK // max(1, len(file.numbers)))
    numbers = polars.col([file.header[place] for place in file.numbers]).cast(polars.Float64)
    with _whole(file.path, ".parquet"):
        table = _scan(file.path)
        for first in range(0, file.rows, at_once):
            part = table.slice(first, at_once).collect()
            values = part.select(numbers).to_numpy(writable=True)
            targets = [""] * len(part)
            if file.target is not None:
                targets = _texts(file, part[file.target], first + 1)
            kept = {name: part[name].cast(polars.String).fill_null("").to_list() for name in file.kept}
            above = values[:, file.width :] if file.above else None
            yield Block(first + 1, values[:, : file.width], targets, kept, above)


def _texts(file: PredictionFile, targets: Any, first: int) -> list[str]:
    """Targets as text: an integer of a table means the same however the table is stored."""
    dtype, cells = targets.dtype, targets.to_list()
    gap = next((row for row, cell in enumerate(cells, first) if cell is None or cell != cell), None)
    if gap is not None:
        raise PredictionError(f"{file.place(gap)}: expected a target, got none")
    named = str(dtype).partition("(")[0] in ("String", "Categorical", "Enum")
    if not named and not dtype.is_integer():
        raise PredictionError(
            f"{file.place(first)}: expected targets as names or integers, got {dtype} {cells[0]!s:.60}"
            + ("; a column of integers becomes one of floats where a row has none" * dtype.is_float())
        )
    return list(map(str, cells))


_OPENERS = {".npz": _open_npz, ".csv": _open_csv, ".tsv": _open_csv, ".parquet": _open_parquet}
