"""results.csv: one row for each cell, epoch and reading, made from the cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from taxoloss.sweep.cell import canonical
from taxoloss.sweep.folder import Folder, write_whole
from taxoloss.sweep.work import required_columns

__all__ = ["Results", "table_of", "write_table"]


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
    return [row for key in (*first, *others) for row in _rows(key, bodies[key], levels, measured)]


def _rows(
    cell_id: str, body: Mapping[str, Any], levels: Sequence[str], measured: Sequence[str]
) -> Iterable[dict[str, Any]]:
    settings = dict(body["settings"])
    weights = settings.pop("weights", None)
    shares = weights if isinstance(weights, Mapping) else {}
    fixed = {
        "w": shares.get(levels[-1], ""),
        "id": cell_id,
        "seed": settings.pop("seed", ""),
        "arm": settings.pop("arm", ""),
        "seconds": body["seconds"],
        "versions": body["versions"],
        "reading": "",  # of each row, in this place
        "weights": _words(weights),
        **{f"weight_{name}": shares.get(name, "") for name in levels},
        **{name: _words(value) for name, value in settings.items()},
    }
    for row in body["rows"]:
        yield {**{name: row[name] for name in measured}, **fixed, **row}


def _words(value: Any) -> Any:
    """A setting as one cell of a table."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number:g}" for name, number in value.items())
    return "" if value is None else canonical(value) if isinstance(value, list) else value


def write_table(folder: Folder, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes results.csv whole; a cell without a column leaves it empty."""
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(row)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    path = folder.path / "results.csv"
    with FileLock(folder.path / ".results"):
        write_whole(path, text.getvalue())
    return path
