"""JSON as it stands: each value with its line, numbers in their own digits, no key twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from taxoloss.errors.characters import quoted
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.file.reader import decoded, read_bytes
from taxoloss.taxonomy.names import nfc

__all__ = ["JSON_SUFFIXES", "Lined", "Number", "kind_of", "read_json"]

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_BLANK = re.compile(r"[ \t\r\n]*")

#: A value and the line on which it starts.
Lined: TypeAlias = tuple[int, Any]


class Number(str):
    """A number as it was written, so that no digit is lost."""

    __slots__ = ()


class _TwiceError(ValueError):
    """A key stands twice in an object."""


def read_json(path: Path) -> list[Lined] | dict[str, Any]:
    """The values of the lines, or of the list, or the object that a file holds.

    Raises:
        PredictionError: it is no JSON, or neither a list nor an object; with the line.
        TaxonomyError: it cannot be read, or is no UTF-8.
    """
    limits = Limits()
    text = decoded(read_bytes(path, limits), str(path), limits).text
    try:
        if path.suffix.lower() != ".json":
            return list(_lines(path, text))
        start = _past_blanks(text, 0)
        if text.startswith("[", start):
            return list(_items(path, text, start + 1))
        value, end = _value(path, text, start)
        _end(path, text, end)
    except RecursionError:
        raise PredictionError(f"{path}: the values of this JSON stand too deep in one another") from None
    if isinstance(value, dict):
        return value
    raise PredictionError(f"{path}: expected a list of records, got {kind_of(value)}")


def kind_of(value: Any) -> str:
    """A value in words."""
    if isinstance(value, Number):
        return f"the number {value:.40}"
    if isinstance(value, str):
        return f"the text {quoted(value[:40])}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return "a list" if isinstance(value, list) else "an object"


# -- parts -----------------------------------------------------------------------------------------


def _lines(path: Path, text: str) -> Iterator[Lined]:
    """The value of each line that is not blank."""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value, end = _value(path, text, _past_blanks(text, start))
            if end > start + len(line) or line[end - start :].strip():
                raise PredictionError(f"{path}: line {number}: expected one whole JSON value a line")
            yield number, value
        start += len(line) + 1


def _items(path: Path, text: str, at: int) -> Iterator[Lined]:
    """The items of a list that starts before `at`."""
    at = _past_blanks(text, at)
    line, counted_to = text.count("\n", 0, at) + 1, at
    if text.startswith("]", at):
        _end(path, text, at + 1)
        return
    while True:
        line, counted_to = line + text.count("\n", counted_to, at), at
        value, end = _value(path, text, at)
        yield line, value
        at = _past_blanks(text, end)
        if not text.startswith(",", at):
            break
        at = _past_blanks(text, at + 1)
    if not text.startswith("]", at):
        raise _no_json(path, text, at)
    _end(path, text, at + 1)


def _value(path: Path, text: str, at: int) -> tuple[Any, int]:
    """The value that starts there, and where it ends."""
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _no_json(path, text, error.pos) from None
    except _TwiceError as error:
        raise PredictionError(f"{path}: {_line(text, at)}: {error}") from None


def _end(path: Path, text: str, at: int) -> None:
    at = _past_blanks(text, at)
    if at < len(text):
        help = "; a file with a record a line is called .jsonl" * text.startswith("{", at)
        raise _no_json(path, text, at, help)


def _no_json(path: Path, text: str, at: int, help: str = "") -> PredictionError:
    start = text.rfind("\n", 0, at) + 1
    found = quoted(text[at : at + 12].splitlines()[0]) if text[at:].strip() else "the end of the file"
    return PredictionError(
        f"{path}: {_line(text, at)}, column {at - start + 1}: no JSON: got {found}{help}"
    )


def _line(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}"


def _past_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    pairs = [(nfc(key), value) for key, value in pairs]
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _TwiceError(f"the key {quoted(twice[:60])} stands twice in an object that starts here")
    return found


def _constant(text: str) -> Number:
    """NaN, Infinity and -Infinity, which are no JSON; who uses one as a number refuses it with its row."""
    return Number({"NaN": "nan", "Infinity": "inf"}.get(text, "-inf"))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant
)
