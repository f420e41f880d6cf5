"""Training one cell, wherever it runs: rows are checked as they come, every error is caught and kept."""

from __future__ import annotations

import math
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

from taxoloss.sweep.cell import Cell, plain
from taxoloss.sweep.columns import is_accuracy, is_score, not_a_row, required_columns
from taxoloss.sweep.errors import SweepError
from taxoloss.taxonomy.names import text_of

__all__ = ["Died", "Done", "Failed", "Outcome", "Row", "Train", "number_of", "perform"]

Row: TypeAlias = dict[str, Any]
Train: TypeAlias = Callable[[Cell], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Done:
    """A cell that was trained: its rows, an epoch and reading each."""

    rows: list[Row]
    seconds: float
    versions: str


@dataclass(frozen=True)
class Failed:
    """A cell that raised: the last line of its traceback, and all of it."""

    error: str
    traceback: str
    #: Whether it is the sweep that is wrong, and not this cell: a name that the table needs is taken.
    of_all: bool = False


@dataclass(frozen=True)
class Died:
    """A cell whose process ended, without a word, before the cell did."""

    reason: str


Outcome: TypeAlias = Done | Failed | Died


class _NameTakenError(SweepError):
    """A column of a row is called like one that the sweep writes."""


def perform(
    train: Train, cell: Cell, levels: Sequence[str], seen: Callable[[Row], None] = lambda row: None
) -> Done | Failed:
    """Trains a cell.

    Args:
        train: gives the rows of a cell.
        cell: its settings.
        levels: of the taxonomy, top to bottom.
        seen: called with each row when it is there; what it raises, if no Exception, ends the cell.
    """
    begin = time.perf_counter()  # not the clock, which may be set while the cell runs
    rows: list[Row] = []
    epochs: dict[str, int] = {}
    try:
        for given in train(cell):
            row = _checked(given, cell, levels, epochs)
            rows.append(row)
            seen(row)
        if not rows:
            raise SweepError("the training function gave no rows: expected one an epoch")
    except (Exception, SystemExit) as error:
        last = traceback.format_exception_only(error)[-1].strip()
        return Failed(last, traceback.format_exc(), isinstance(error, _NameTakenError))
    return Done(rows, round(time.perf_counter() - begin, 3), _versions())


def _checked(given: Mapping[str, Any], cell: Cell, levels: Sequence[str], epochs: dict[str, int]) -> Row:
    """A row with its epoch and reading; SweepError where a column is missing, or not what it should be."""
    if not isinstance(given, Mapping):
        raise SweepError(f"expected each row as a dict, got {type(given).__name__} {given!r}")
    row = {plain(text_of(name), "the name of a column"): number_of(value) for name, value in given.items()}
    if len(row) < len(given):
        raise SweepError(f"expected each column of a row once, got {', '.join(map(repr, given))}")
    reading = row.setdefault("reading", "marginal")
    if not isinstance(reading, str) or not reading:
        raise SweepError(f"expected the reading of a row as a name, got {reading!r}")
    expected = epochs.get(reading, 0) + 1
    epoch = row.setdefault("epochs", expected)
    here = f"the row of epoch {epoch}, reading {reading},"
    _check_names(row, cell, levels, here)
    if epoch != expected:
        raise SweepError(f"{here} follows epoch {expected - 1}: expected epochs 1, 2, 3, ..")
    epochs[reading] = row["epochs"] = expected
    needed = required_columns(levels)
    return {name: _checked_value(name, value, name in needed, here) for name, value in row.items()}


def _check_names(row: Row, cell: Cell, levels: Sequence[str], here: str) -> None:
    if missing := [name for name in required_columns(levels) if name not in row]:
        raise SweepError(f"{here} lacks {', '.join(missing)}; it has {', '.join(row)}")
    if both := sorted(row.keys() & cell.settings.keys()):
        raise SweepError(f"{here} has {', '.join(both)}: the name of a setting of the cell")
    if reserved := not_a_row(row.keys(), levels):
        raise _NameTakenError(
            f"{here} has {', '.join(reserved)}: the name of a column that the sweep writes"
        )


def _checked_value(name: str, value: Any, needed: bool, here: str) -> Any:
    """A value as JSON holds it; what is compared is a number, or None where it is not known."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SweepError(f"{here} has {name} {value}: expected a finite number (leave out what is unknown)")
    value = plain(value, name)
    if not is_score(name) or (value is None and not needed):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SweepError(f"{here} has {name} {value!r:.60}: expected a number")
    if is_accuracy(name) and not 0 <= value <= 1:
        raise SweepError(f"{here} has {name} {value}: expected a share from 0 to 1")
    return value


def number_of(value: Any) -> Any:
    """Tensors and arrays of one number as that number; other values as they are."""
    if not callable(getattr(value, "item", None)):
        return value
    try:
        return value.item()
    except (RuntimeError, TypeError, ValueError):  # of several numbers
        return value


def _versions() -> str:
    """What ran: packages that are loaded, Python, threads."""
    names = [name for name in ("torch", "torchvision", "numpy") if name in sys.modules]
    parts = [f"{name} {_version(name)}" for name in ("taxoloss", *names)]
    parts.append(f"python {platform.python_version()}")
    if "torch" in sys.modules:
        parts.append(f"threads {sys.modules['torch'].get_num_threads()}")
    return "; ".join(parts)


def _version(name: str) -> str:
    try:
        return version(name)
    except (PackageNotFoundError, ImportError, OSError):  # a checkout; or no file can be opened now
        return str(vars(sys.modules[name]).get("__version__", "?"))
