"""JSON as the tokens that the reader builds values from.

The standard library judges whether the text is JSON (PyYAML, which reads most of it, breaks its
surrogate pairs and tabs); the scan below then only has to find where each token stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]

from taxoloss.taxonomy.file.document import Document, Mark
from taxoloss.taxonomy.file.limits import MORE

__all__ = ["is_json", "json_tokens"]

_TOKEN = re.compile(r'[{}\[\]"]|[^\s,:{}\[\]"]+')
#: The same of a text that is JSON, with whole strings.
_WHOLE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s,:{}\[\]"]+')


def is_json(text: str) -> bool:
    """Whether the text is JSON."""
    try:
        _judge(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def json_tokens(text: str, document: Document) -> Iterator[tuple[str, str, Mark]]:
    """The first letter, the text and the place of each token but commas and colons; faults of other texts.

    A token's text is what a string means, and what is written of others: a bracket, a number, a word.
    No token holds a line break, so that lines are counted on the way.
    """
    _refuse_too_many(text, document)
    if not _judged(text, document):
        return
    breaks, line, before = document.line_starts, 1, 0
    for token in _WHOLE.finditer(text):
        start, end = token.span()
        while line < len(breaks) and breaks[line] <= start:
            before, line = breaks[line], line + 1
        written = token[0]
        first, meant = written[0], written
        if first == '"':
            meant = scanstring(text, start + 1)[0] if "\\" in written else written[1:-1]
        yield first, meant, Mark(line, start - before + 1, end - start)


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
