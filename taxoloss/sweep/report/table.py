"""results.csv as runs: one for each cell and reading, its settings and the scores of its epochs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeAlias

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.sweep.columns import (
    FIXED,
    REQUIRED,
    TEST,
    accuracy_column,
    is_accuracy,
    is_score,
    level_of,
    weight_column,
)
from taxoloss.sweep.errors import SweepError, TableError
from taxoloss.sweep.files import is_there
from taxoloss.sweep.results import csv_text
from taxoloss.sweep.state import State, state_of

__all__ = ["ResultsTable", "Run", "read"]

Scores: TypeAlias = dict[str, float]
_LONGEST = 2**31 - 1  # characters of a value


@dataclass(frozen=True)
class Run:
    """One cell as one reading reads it."""

    id: str
    seed: str
    arm: str
    #: As the table writes them, "" where the cell has none.
    weights: str
    #: The weights by level, top to bottom; None where they are no numbers by level.
    shares: tuple[float, ...] | None
    #: The other settings as texts, "" where the cell does not have one.
    settings: Mapping[str, str]
    reading: str
    #: Of each epoch, by column.
    epochs: Sequence[Scores]

    @property
    def last(self) -> Scores:
        """The scores of the last epoch."""
        return self.epochs[-1]


@dataclass(frozen=True)
class ResultsTable:
    """A results.csv."""

    #: Top to bottom.
    levels: tuple[str, ...]
    runs: Sequence[Run]
    #: Every column with scores, in the order of the file.
    scores: tuple[str, ...]
    #: The names of the settings other than arm, weights and seed.
    settings: tuple[str, ...]
    #: How many of how many cells are done, in words; "" where all are, or nobody knows.
    unfinished: str = ""

    def values(self, setting: str) -> list[str]:
        """What a setting is in this sweep, in the order of the file."""
        return list(dict.fromkeys(run.settings[setting] for run in self.runs if run.settings[setting]))


def read(path: str | Path) -> ResultsTable:
    """The runs of a sweep's folder, of those cells that are done by now, or of a results.csv.

    In a results.csv a column is a setting where it is the same in all rows of a cell and no known score.

    Raises:
        TableError: there is no such file, or it is no table of a sweep: with the line and the column; no
            cell is done yet; a file cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "results.csv"
    ...     _ = file.write_text("epochs,accuracy_breed,accuracy_species,id,seed,lr\\n1,.5,.9,a,0,.1\\n")
    ...     sweep = read(file)
    >>> sweep.levels, sweep.settings, sweep.runs[0].last
    (('species', 'breed'), ('lr',), {'accuracy_breed': 0.5, 'accuracy_species': 0.9})
    """
    path = Path(path)
    try:
        inside = path.is_dir()
        file = path / "results.csv" if inside else path
        state = state_of(path) if inside else None
        known = state is None or is_there(file)
    except (OSError, SweepError) as error:
        raise TableError(str(error)) from None
    if state is not None and state.rows:
        text = io.StringIO(csv_text(state.rows), newline="")
        return _sweep(file, *_parsed(file, text), state)
    columns, lines = _lines(file) if known else ([], {})  # it may be kept without its cells
    if not lines:
        words = f" ({state.words})" if state is not None and state.words else ""
        raise TableError(f"{file} has no rows: no cell of the sweep is done yet{words}")
    return _sweep(file, columns, lines, None)


def _sweep(
    file: Path, columns: list[str], lines: Mapping[int, dict[str, str]], state: State | None
) -> ResultsTable:
    _check_columns(file, columns)
    numbers = [name for name in columns if is_score(name) or _is_of_test(name, lines)]
    levels = _levels(columns)
    cells: dict[tuple[str, str], list[int]] = {}
    for line, row in lines.items():
        cells.setdefault((row["id"], row.get("reading") or "marginal"), []).append(line)
    scores = {line: _numbers(file, line, row, numbers) for line, row in lines.items()}
    known = {*FIXED, *numbers, *map(weight_column, levels)}
    others = [name for name in columns if name not in known]
    if state is not None:
        settings = tuple(name for name in others if name in state.settings)
    else:
        settings = tuple(_constant(others, lines))
    runs = [_run(file, key, found, lines, scores, levels, settings) for key, found in cells.items()]
    return ResultsTable(levels, runs, tuple(numbers), settings, "" if state is None else state.words)


def _levels(columns: Sequence[str]) -> tuple[str, ...]:
    """Top to bottom: those with a weight, of which a sweep's own table has one a level; else all."""
    found = [level for level in map(level_of, columns) if level is not None][::-1]
    weighed = [level for level in found if weight_column(level) in columns]
    return tuple(weighed or found)


def _is_of_test(name: str, lines: Mapping[int, dict[str, str]]) -> bool:
    """Whether a column test_.. has numbers only: a score that is not shown."""
    return name.startswith(TEST) and all(_is_number(row[name]) for row in lines.values())


def _is_number(text: str) -> bool:
    try:
        float(text or 0)
    except ValueError:
        return False
    return True


def _lines(file: Path) -> tuple[list[str], dict[int, dict[str, str]]]:
    """The columns, and the rows by their line in the file."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            return _parsed(file, opened)
    except FileNotFoundError:
        raise TableError(
            f"{file} is not there: expected the folder of a sweep, or its results.csv"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{file} cannot be read: {error}") from None


def _parsed(file: Path, opened: TextIO) -> tuple[list[str], dict[int, dict[str, str]]]:
    rows: dict[int, dict[str, str]] = {}
    try:
        with _long_values():
            reader = csv.reader(opened, strict=True)
            columns = next(reader, [])
            for row in reader:
                if len(row) != len(columns):
                    raise TableError(
                        f"{file}:{reader.line_num}: expected {len(columns)} values, got {len(row)}"
                    )
                rows[reader.line_num] = dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise TableError(f"{file} cannot be read: {error}") from None
    return columns, rows


@contextmanager
def _long_values() -> Iterator[None]:
    """A setting may be a text of any length; the limit of the csv module is 128 KiB."""
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _check_columns(file: Path, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if all(level_of(name) is None for name in columns):
        missing.append(accuracy_column("<level>"))
    if missing:
        words = f"{file}:1: expected the columns {', '.join(missing)}, got {', '.join(columns)}"
        for name in missing:
            words = with_suggestion(words, name, columns)
        raise TableError(words)
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise TableError(f"{file}:1: the column {', '.join(twice)} is there twice")


def _numbers(file: Path, line: int, row: dict[str, str], names: list[str]) -> Scores:
    """The scores of a row; a cell that is empty has none."""
    found = {}
    for name in names:
        if row[name] == "":
            continue
        try:
            found[name] = float(row[name])
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise TableError(f"{file}:{line}: expected a finite number as {name}, got {row[name]!r}")
        if is_accuracy(name) and not 0 <= found[name] <= 1:
            raise TableError(f"{file}:{line}: expected a share from 0 to 1 as {name}, got {row[name]}")
    return found


def _constant(names: list[str], lines: Mapping[int, dict[str, str]]) -> Iterator[str]:
    """The columns that are the same in all rows of each cell."""
    for name in names:
        first: dict[str, str] = {}
        if all(first.setdefault(row["id"], row[name]) == row[name] for row in lines.values()):
            yield name


def _run(
    file: Path,
    key: tuple[str, str],
    found: list[int],
    lines: Mapping[int, dict[str, str]],
    scores: Mapping[int, Scores],
    levels: tuple[str, ...],
    settings: tuple[str, ...],
) -> Run:
    epochs: dict[int, Scores] = {}
    for line in found:
        text = lines[line]["epochs"]
        if not text.isdecimal() or int(text) in epochs:
            what = f"epoch {text} of cell {key[0]} again" if text.isdecimal() else f"{text!r} as epochs"
            raise TableError(f"{file}:{line}: expected epochs 1, 2, 3, .. of each cell, got {what}")
        if missing := [name for level in levels if (name := accuracy_column(level)) not in scores[line]]:
            raise TableError(f"{file}:{line}: expected a number as {missing[0]}, got nothing")
        epochs[int(text)] = scores[line]
    first = lines[found[0]]
    shares = [first.get(weight_column(level), "") for level in levels]
    return Run(
        key[0],
        first["seed"],
        first.get("arm", ""),
        first.get("weights", ""),
        tuple(map(float, shares)) if all(shares) else None,
        {name: first[name] for name in settings},
        key[1],
        [epochs[number] for number in sorted(epochs)],
    )
