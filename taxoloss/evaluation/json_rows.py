"""Records in JSON, one a line or in a list: flat keys are columns, a list of names is a ranking.

A mapping class -> number, or a list of numbers, is a row of a matrix: its key says what the numbers are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.json_rankings import ranked_records
from taxoloss.evaluation.json_values import Lined, Number, kind_of
from taxoloss.evaluation.predictions import VALUES, PredictionError
from taxoloss.evaluation.tables import Numbers, SampleTable

__all__ = ["record_table"]

#: Keys under which the numbers of the classes may stand.
_KEYS = (*VALUES, "scores")


def record_table(
    path: Path,
    items: Sequence[Lined],
    values: str | None,
    prediction: Sequence[str] = (),
    score: str | None = None,
) -> SampleTable:
    """The table of a list of records.

    Args:
        path: of the file.
        items: its values, each with its line.
        values: what the numbers are, where something says it.
        prediction: the keys of answers, where something says them: then no numbers of classes are read.
        score: the key of their scores.

    Raises:
        PredictionError: an item is no record, or a row of numbers lacks a class; names stand in another
            order than their scores.
    """
    if len(prediction) == 1:
        items = ranked_records(path, items, prediction[0], score)
    records = _Records(path, items)
    if not items:
        raise PredictionError(f"{path}: expected a record or more, got none")
    keys = list(dict.fromkeys(key for _, record in items for key in record))
    columns: dict[str, list[str]] = {}
    lists: dict[str, list[tuple[str, ...]]] = {}
    no_text: dict[str, str] = {}
    for key in keys:
        cells = [record.get(key) for _, record in items]
        kinds = {_kind(cell) for cell in cells} - {"nothing"}
        if kinds <= {"text"}:
            columns[key] = [records.text(row, key, cell) for row, cell in enumerate(cells)]
        elif kinds <= {"text", "names"}:
            lists[key] = [records.names(row, key, cell) for row, cell in enumerate(cells)]
        else:
            odd = next(row for row, cell in enumerate(cells) if _kind(cell) not in ("text", "nothing"))
            no_text[key] = f"{kind_of(cells[odd])} in {records.called(odd)}"
    numbers = None if prediction else records.numbers(keys, values)
    what = f"{counted(len(items), 'record')} of JSON"
    return SampleTable(
        path,
        tuple(keys),
        columns,
        records.called,
        what,
        lists,
        numbers,
        no_text,
        in_order=numbers is not None and numbers.columns is None,
    )


def _kind(value: Any) -> str:
    """What a table can do with a value."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "names" if all(type(item) is str for item in value) else "numbers"
    return "odd" if isinstance(value, bool) else "numbers"


class _Records:
    """The records of a file, and how they are called."""

    def __init__(self, path: Path, items: Sequence[Lined]) -> None:
        self.path, self.items = path, items
        for row, (_, record) in enumerate(items):
            if not isinstance(record, dict):
                help = "; a record names its sample, for --id, beside its list" * isinstance(record, list)
                raise PredictionError(
                    f"{path}: {self.called(row)}: expected a record {{...}}, got {kind_of(record)}{help}"
                )

    def called(self, row: int) -> str:
        """A row, from 0, in messages."""
        return f"row {row + 1} (line {self.items[row][0]})"

    def text(self, row: int, key: str, cell: Any) -> str:
        """The text of a cell."""
        if isinstance(cell, Number) and cell == "nan":
            raise PredictionError(f"{self.path}: {self.called(row)}, key {quoted(key)}: NaN is no value")
        return "" if cell is None else str(cell).strip()

    def names(self, row: int, key: str, cell: Any) -> tuple[str, ...]:
        """The names in a cell."""
        if isinstance(cell, list):
            return tuple(name.strip() for name in cell) or ("",)
        return (self.text(row, key, cell),)

    # -- numbers of classes --------------------------------------------------------------------

    def numbers(self, keys: Iterable[str], values: str | None) -> Numbers | None:
        """What stands under the key of the numbers; None where there is none."""
        found = [key for key in keys if key in _KEYS and any(self._holds_numbers(key))]
        if not found:
            return None
        if len(found) > 1:
            raise PredictionError(
                f"{self.path}: expected one of the keys {', '.join(_KEYS)} with numbers of classes, got "
                f"{' and '.join(found)}"
            )
        (key,) = found
        kind = self._kind(key, values)
        rows = [record.get(key) for _, record in self.items]
        if not isinstance(rows[0], (dict, list)):
            raise self._no_row(0, key, "numbers of the classes, as in other rows", rows[0])
        columns = tuple(rows[0]) if isinstance(rows[0], dict) else None
        if columns is None:
            found_rows = [self._of_list(row, key, len(rows[0])) for row in range(len(rows))]
        else:
            found_rows = [self._of_mapping(row, key, columns) for row in range(len(rows))]
        return Numbers(columns, np.array(found_rows, np.float64), kind)

    def _holds_numbers(self, key: str) -> Iterable[bool]:
        return (_kind(record.get(key)) == "numbers" for _, record in self.items)

    def _kind(self, key: str, values: str | None) -> str:
        if key in VALUES and values not in (None, key):
            raise PredictionError(f"{self.path}: expected --values {key}, as its key says, got {values}")
        if key not in VALUES and values is None:
            raise PredictionError(
                f"{self.path}: {quoted(key)} says not what its numbers are: say --values "
                f"{', '.join(VALUES[:-1])} or {VALUES[-1]}"
            )
        return values or key

    def _of_mapping(self, row: int, key: str, columns: tuple[str, ...]) -> list[float]:
        """The numbers of a row in the order of the first."""
        found = self.items[row][1].get(key)
        if not isinstance(found, dict):
            raise self._no_row(row, key, "a mapping from classes to numbers, as in row 1", found)
        if len(found) != len(columns) or any(name not in found for name in columns):
            one, other = set(columns), set(found)
            lacks = [name for name in columns if name not in other] or [n for n in found if n not in one]
            which = row if one - other else 0
            shown = ", ".join(map(quoted, lacks[:4])) + (", .." if len(lacks) > 4 else "")
            raise PredictionError(
                f"{self.path}: {self.called(which)} has no number for {shown} under {quoted(key)}, other "
                "rows have; a ranking of the best is a list of names, for --prediction"
            )
        return [self._number(row, key, name, found[name]) for name in columns]

    def _of_list(self, row: int, key: str, width: int) -> list[float]:
        found = self.items[row][1].get(key)
        if not isinstance(found, list) or len(found) != width:
            held = f"{len(found)}" if isinstance(found, list) else found
            raise self._no_row(row, key, f"a list of {width} numbers, as in row 1", held)
        return [self._number(row, key, str(place + 1), cell) for place, cell in enumerate(found)]

    def _no_row(self, row: int, key: str, expected: str, found: Any) -> PredictionError:
        said = found if isinstance(found, str) and not isinstance(found, Number) else kind_of(found)
        return PredictionError(
            f"{self.path}: {self.called(row)}, key {quoted(key)}: expected {expected}, got {said}"
        )

    def _number(self, row: int, key: str, name: str, cell: Any) -> float:
        if not isinstance(cell, Number) or cell == "nan":
            said = "NaN" if cell == "nan" else kind_of(cell)
            raise PredictionError(
                f"{self.path}: {self.called(row)}, {quoted(name)} under {quoted(key)}: expected a number, "
                f"got {said}"
            )
        return float(cell)
