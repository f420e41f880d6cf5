"""Names with scores in records of JSON: two lists side by side, or a list of {"label": .., "score": ..}.

A list of names alone is a ranking, the best first. Where scores stand beside it in another list, both say
an order, and it has to be one; where each name stands with its own score, the scores alone say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.evaluation.json_values import Lined, Number
from taxoloss.evaluation.predictions import PredictionError

__all__ = ["ranked_records"]

_SCORES = "scores"
_SCORED = {"label", "score"}


def ranked_records(path: Path, items: Sequence[Lined], key: str, score: str | None) -> list[Lined]:
    """The records, the names under a key in the order of their scores, and under `score` that of the first.

    Args:
        path: of the file.
        items: records, each with its line.
        key: of the names.
        score: of the list of their scores, where a person says it.

    Raises:
        PredictionError: names and their scores are not as many, or in two orders.
    """
    ranked = [(line, _of_objects(record, key)) for line, record in items]
    beside = score or _SCORES
    pairs = [(row, record) for row, (_, record) in enumerate(ranked) if _has_both(record, key, beside)]
    same = [len(record[key]) == len(record[beside]) for _, record in pairs]
    if not pairs or (score is None and not any(same)):  # numbers of something else
        return ranked
    for (row, record), is_same in zip(pairs, same, strict=True):
        where = f"{path}: row {row + 1} (line {ranked[row][0]})"
        if not is_same:
            raise PredictionError(
                f"{where}: expected a score for each name, got {len(record[key])} names in {quoted(key)} "
                f"and {len(record[beside])} scores in {quoted(beside)}"
            )
        ranked[row] = ranked[row][0], _in_order(record, key, beside, score, where)
    return ranked


def _of_objects(record: Any, key: str) -> Any:
    """The record with names alone in place of names with a score each, the largest score first."""
    cell = record.get(key) if isinstance(record, dict) else None
    if not isinstance(cell, list) or not cell or not all(map(_is_scored, cell)):
        return record
    return {**record, key: [one["label"] for one in sorted(cell, key=lambda one: -float(one["score"]))]}


def _is_scored(cell: Any) -> bool:
    return (
        isinstance(cell, dict)
        and cell.keys() == _SCORED
        and type(cell["label"]) is str
        and _is_number(cell["score"])
    )


def _is_number(cell: Any) -> bool:
    return isinstance(cell, Number) and cell != "nan"


def _has_both(record: Any, key: str, beside: str) -> bool:
    """Whether names, and numbers beside them, stand in a record."""
    if not isinstance(record, dict):
        return False
    names, numbers = record.get(key), record.get(beside)
    if not isinstance(names, list) or not isinstance(numbers, list) or not names:
        return False
    return all(type(name) is str for name in names) and all(map(_is_number, numbers))


def _in_order(
    record: Mapping[str, Any], key: str, beside: str, score: str | None, where: str
) -> dict[str, Any]:
    """The record with its names in the order of their scores."""
    names, numbers = record[key], [float(cell) for cell in record[beside]]
    order = sorted(range(len(names)), key=lambda place: -numbers[place])
    if score is None and order != list(range(len(names))):
        raise PredictionError(
            f"{where}: two orders of the names in {quoted(key)}: as they stand {quoted(names[0])} is the "
            f"best, by {quoted(beside)} {quoted(names[order[0]])}; say --score {beside} if that ranks them"
        )
    best = record[beside][order[0]] if 0 <= numbers[order[0]] <= 1 else None  # else no probability
    return {**record, key: [names[place] for place in order]} | ({beside: best} if score else {})
