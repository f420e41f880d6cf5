"""JSON as the events that the reader builds values from.

The standard library judges whether the text is JSON (PyYAML, which reads most of it, breaks its
surrogate pairs and tabs); the scan below then only has to find where each token stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]

import yaml

from taxoloss.taxonomy.file.document import Document, Mark
from taxoloss.taxonomy.file.limits import MORE

__all__ = ["is_json", "json_events"]

_TOKEN = re.compile(r'[{}\[\]"]|[^\s,:{}\[\]"]+')


def is_json(text: str) -> bool:
    """Whether the text is JSON."""
    try:
        _judge(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def json_events(text: str, document: Document) -> Iterator[yaml.Event]:
    """The YAML events that a JSON text means; faults where it is not JSON."""
    _refuse_too_many(text, document)
    if not _judged(text, document):
        return

    def marks(start: int, end: int) -> tuple[yaml.Mark, yaml.Mark]:
        """Where a token starts and ends: on one line, as no token of JSON holds a line break."""
        place = document.mark_at(start)
        line, column = place.line - 1, place.column - 1
        return (
            yaml.Mark("", start, line, column, None, 0),
            yaml.Mark("", end, line, column + end - start, None, 0),
        )

    position = 0
    while token := _TOKEN.search(text, position):
        start, position = token.span()
        symbol = token.group()
        if symbol == '"':
            value, position = scanstring(text, position)
            yield _scalar(value, *marks(start, position), plain=False)
        elif symbol == "{":
            yield yaml.MappingStartEvent(None, None, True, *marks(start, position))
        elif symbol == "[":
            yield yaml.SequenceStartEvent(None, None, True, *marks(start, position))
        elif symbol == "}":
            yield yaml.MappingEndEvent(*marks(start, position))
        elif symbol == "]":
            yield yaml.SequenceEndEvent(*marks(start, position))
        else:
            yield _scalar(symbol, *marks(start, position), plain=True)


def _refuse_too_many(text: str, document: Document) -> None:
    """Values are counted before the standard library makes them all: 256 MB of [] would take 5 GB."""
    most = document.limits.values
    if text.count(",") + text.count("[") + text.count("{") <= most:
        return
    position = count = 0
    while token := _TOKEN.search(text, position):
        start, position = token.span()
        if token.group() == '"':
            try:
                _, position = scanstring(text, position)
            except json.JSONDecodeError:
                return  # told by the judge
        count += token.group() not in "}]"
        if count > most:
            message = f"more than {most:,} values"
            document.refuse("T112", message, document.mark_at(start), help=MORE)


def _judged(text: str, document: Document) -> bool:
    try:
        _judge(text)
    except json.JSONDecodeError as error:
        message = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        document.fault("T103", message, Mark(error.lineno, error.colno))
    except RecursionError:
        document.fault("T111", f"brackets nest deeper than {document.limits.nesting}")
    else:
        return True
    return False


def _judge(text: str) -> None:
    json.loads(text, parse_int=str, parse_float=str)  # str: an int of 5,000 digits would raise


def _scalar(value: str, start: yaml.Mark, end: yaml.Mark, *, plain: bool) -> yaml.ScalarEvent:
    style = None if plain else '"'
    return yaml.ScalarEvent(None, None, (plain, not plain), value, start, end, style=style)
