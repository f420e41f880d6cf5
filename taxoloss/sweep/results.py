"""results.csv: one row for each cell, epoch and reading, made from the cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taxoloss.sweep.cell import canonical
from taxoloss.sweep.columns import FIXED, SETTINGS, required_columns, weight_column
from taxoloss.sweep.files import locked, write_text
from taxoloss.sweep.folder import Folder

__all__ = ["Results", "csv_text", "table_of", "write_table"]


@dataclass(frozen=True)
class Results:
    """What a sweep has: its rows, the file that holds them, and the cells that raised."""

    #: One dict for each cell, epoch and reading, with the columns of results.csv.
    rows: list[dict[str, Any]] = field(repr=False)
    csv: Path
    #: Cell id -> what it raised; the traceback is in the folder's `failed`.
    failures: dict[str, str]


def table_of(
    bodies: Mapping[str, Mapping[str, Any]], levels: Sequence[str], order: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """The rows of finished cells: those of an order of ids first, the others sorted by their settings."""
    first = [key for key in dict.fromkeys(order) if key in bodies]
    known = set(first)
    others = sorted(
        (key for key in bodies if key not in known), key=lambda key: canonical(bodies[key]["settings"])
    )
    measured = ["epochs", *required_columns(levels)]
    exact = _ambiguous([body["settings"] for body in bodies.values()])
    return [row for key in (*first, *others) for row in _rows(key, bodies[key], levels, measured, exact)]


def _ambiguous(found: Sequence[Mapping[str, Any]]) -> set[str]:
    """The settings of which two values would be one text, such as 1 and "1", or None and ""."""
    values: dict[str, set[Any]] = {name: set() for settings in found for name in settings}
    texts: dict[str, set[str]] = {name: set() for name in values}
    for settings in found:
        for name in values:
            value = settings.get(name)
            there = name in settings or name == "weights"  # for which None is nothing
            key = canonical(value) if isinstance(value, (dict, list)) else value
            values[name].add((there, type(value), key))
            texts[name].add(str(_words(value)))
    return {name for name in values if len(values[name]) > len(texts[name])}


def _rows(
    cell_id: str,
    body: Mapping[str, Any],
    levels: Sequence[str],
    measured: Sequence[str],
    exact: set[str],
) -> Iterator[dict[str, Any]]:
    weights = body["settings"].get("weights")
    shares = weights if isinstance(weights, Mapping) else {}
    settings = {
        name: canonical(value) if name in exact and (name, value) != ("weights", None) else _words(value)
        for name, value in body["settings"].items()
    }
    known = {
        "w": shares.get(levels[-1], ""),
        "id": cell_id,
        "seconds": body["seconds"],
        "versions": body["versions"],
        **{name: settings.pop(name) for name in SETTINGS if name in settings},
    }
    fixed = {
        **{name: known.get(name, "") for name in FIXED},  # epochs and reading are of each row
        **{weight_column(name): shares.get(name, "") for name in levels},
        **settings,
    }
    for row in body["rows"]:
        own = {key: value for key, value in row.items() if fixed.get(key, "") == ""}
        yield {**{name: row[name] for name in measured}, **fixed, **own}


def _words(value: Any) -> Any:
    """A value as one cell of a table: numbers by name as they are listed, lists and other dicts as JSON."""
    if isinstance(value, Mapping):
        if not value or not all(_is_short(item) for item in value.values()):
            return canonical(value)
        return ",".join(f"{name}={number:g}" for name, number in value.items())
    return "" if value is None else canonical(value) if isinstance(value, list) else value


def _is_short(value: Any) -> bool:
    """A number, of which six digits are shown."""
    return type(value) is float or (type(value) is int and abs(value) < 2**53)


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The text of results.csv; a cell without a column leaves it empty."""
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(row)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for values in (list(columns), *([_words(row.get(name, "")) for name in columns] for row in rows)):
        # The writer leaves a carriage return bare, which a reader takes for the end of the row.
        bare = any("\r" in value for value in values if isinstance(value, str))
        (quoting if bare else writer).writerow(values)
    return text.getvalue()


def write_table(folder: Folder, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes results.csv whole."""
    path = folder.path / "results.csv"
    with locked(folder.path / ".results"):
        write_text(path, csv_text(rows))
    return path
