"""Text to values that know their line and column: YAML or JSON, streamed, within limits.

A taxonomy file is untrusted input. Its events are read one by one and the values are built here, with
a stack of our own: YAML's composer recurses (in C it crashes the process at 30,000 brackets), follows
aliases (324 bytes can stand for 9^9 nodes), turns `no` into False and lets the second of two equal
keys win. Nothing of that can happen on the level of events, where each scalar is still its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from taxoloss.errors.characters import find_forbidden, quoted
from taxoloss.taxonomy.file.document import Document, ListValue, MappingValue, Mark, ScalarValue, Value
from taxoloss.taxonomy.file.json_tokens import is_json, json_tokens
from taxoloss.taxonomy.file.limits import MORE, Limits
from taxoloss.taxonomy.file.yaml_events import refuse_directives, yaml_events

__all__ = ["decoded", "read_bytes", "read_file", "read_text"]


_FATAL = frozenset({"T103", "T105", "T107", "T108", "T111", "T112", "T116"})


# -- from a file or a text -------------------------------------------------------------------------


def read_file(path: str | Path, limits: Limits | None = None) -> tuple[Value, Document]:
    """The values of a YAML or JSON file; FormError where it cannot be read."""
    path = Path(path)
    return read_text(read_bytes(path, limits), str(path), limits)


def read_bytes(path: Path, limits: Limits | None = None) -> bytes:
    """The bytes of a file; FormError where it cannot be read or is too large."""
    document = Document(file=str(path), limits=limits)
    most = document.limits.bytes
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)  # a pipe or /dev/zero has no size that could be asked for
    except OSError as error:
        document.refuse("T101", f"the file cannot be read: {error.strerror or error}")
    if len(data) > most:
        document.refuse("T111", f"the file is larger than {most:,} bytes", help=MORE)
    return data


def read_text(
    data: str | bytes, file: str = "<text>", limits: Limits | None = None
) -> tuple[Value, Document]:
    """The values of a YAML or JSON text.

    Faults after which nothing more can be read are raised (FormError); others are noted in the document,
    so that those of the tree are found as well.
    """
    document = decoded(data, file, limits)
    text = document.text
    if _is_json(text, file):
        value = _build_json(text, document)
    else:
        document.is_yaml = True
        refuse_directives(text, document)
        value = _build(yaml_events(text, document), document)
    if any(fault.code in _FATAL for fault in document.log.faults):
        document.log.raise_all()  # what was read is not what was written
    if value is None or (isinstance(value, ScalarValue) and value.is_null):
        document.refuse("T104", "the file is empty", expected="a mapping with the key `tree`")
    return value, document


def decoded(data: str | bytes, file: str, limits: Limits | None = None) -> Document:
    """The document of a text in UTF-8; FormError where it is not, or holds what no text may hold."""
    empty = Document(file=file, limits=limits)
    if len(data) > empty.limits.bytes:
        empty.refuse("T111", f"the text is larger than {empty.limits.bytes:,} bytes", help=MORE)
    text = data if isinstance(data, str) else _text_of(data, file)
    document = Document(text.removeprefix("\ufeff"), file, limits)
    document.has_mark = text.startswith("\ufeff")
    _refuse_forbidden(document.text, document)
    return document


def _text_of(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = Document(data.decode("utf-8", "replace").removeprefix("\ufeff"), file)
        place = len(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
        shown.refuse(
            "T102",
            f"the file is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}",
            shown.mark_at(place),
            help="save it as UTF-8 (a byte order mark is fine)",
        )


def _refuse_forbidden(text: str, document: Document) -> None:
    for index, what in find_forbidden(text, in_file=True):
        document.fault("T113", f"the character {what} is not allowed", document.mark_at(index), found=what)
    document.log.raise_all()


_JSON = (".json", ".jsonl", ".ndjson")


def _is_json(text: str, file: str) -> bool:
    """By the file's name; where that does not tell, flow-style YAML starts with a bracket too."""
    if file.lower().endswith((".yaml", ".yml", *_JSON)):
        return file.lower().endswith(_JSON)
    return text.lstrip()[:1] in ("{", "[") and is_json(text)


def _mark(event: yaml.Event) -> Mark:
    start, end = event.start_mark, event.end_mark
    assert start is not None  # parse() marks every event
    assert end is not None
    width = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(1, width))


# -- events to values ------------------------------------------------------------------------------


class _Builder:
    """Builds values from events with a stack of its own, and notes what is not allowed."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.most_values, self.most_letters = document.limits.values, document.limits.scalar
        self.root: Value | None = None
        self.stack: list[ListValue | MappingValue] = []
        self.keys: list[ScalarValue | None] = []  # for each open mapping: the key that waits for a value
        self.seen: list[dict[str, ScalarValue]] = []  # for each open mapping: its keys so far
        self.count = 0
        self.documents = 0

    def scalar(self, text: str, mark: Mark, *, plain: bool) -> None:
        """Adds a piece of text."""
        if len(text) > self.most_letters:
            self.document.check_length(text, mark)
        self.add(ScalarValue(text, mark, plain))

    def open(self, value: ListValue | MappingValue) -> None:
        """Begins a list or mapping."""
        most = self.document.limits.nesting
        if len(self.stack) >= most:
            self.document.refuse("T111", f"brackets nest deeper than {most}", value.mark)
        self.add(value)
        self.stack.append(value)
        self.keys.append(None)
        self.seen.append({})

    def close(self) -> None:
        """Ends the innermost list or mapping."""
        self.stack.pop()
        self.keys.pop()
        self.seen.pop()

    def add(self, value: Value) -> None:
        """Puts a value where it belongs: an item, a key, or the value of the key before."""
        self.count += 1
        if self.count > self.most_values:
            message = f"more than {self.most_values:,} values"
            self.document.refuse("T112", message, value.mark, help=MORE)
        if not self.stack:
            self.root = value
        elif isinstance(parent := self.stack[-1], ListValue):
            parent.items.append(value)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = self.as_key(value)
        else:
            parent.pairs.append((key, value))
            self.keys[-1] = None

    def as_key(self, value: Value) -> ScalarValue:
        """A value as a key; a fault where it is no name, or is there already."""
        if not isinstance(value, ScalarValue):
            what = "list" if isinstance(value, ListValue) else "mapping"
            self.document.fault("T116", f"a {what} is used as a key", value.mark, expected="a name")
            return ScalarValue("", value.mark)
        if value.plain and value.text == "<<":
            self.document.fault(
                "T108", "merge keys (<<) are not allowed", value.mark, help="write the pairs out"
            )
        first = self.seen[-1].setdefault(value.text, value)
        if first is not value:
            value.repeated = True
            self.document.fault(
                "T110",
                f"the key {quoted(value.text)} stands twice in one mapping",
                value.mark,
                found=value.text,
                help="rename one, or put what belongs together under one key",
                notes=(self.document.note("first written here", first.mark),),
            )
        return value


def _build_json(text: str, document: Document) -> Value | None:
    builder = _Builder(document)
    for first, meant, mark in json_tokens(text, document):
        if first == '"':
            builder.scalar(meant, mark, plain=False)
        elif first == "{":
            builder.open(MappingValue([], mark))
        elif first == "[":
            builder.open(ListValue([], mark))
        elif first in "}]":
            builder.close()
        else:
            builder.scalar(meant, mark, plain=True)
    return builder.root


def _build(events: Iterable[yaml.Event], document: Document) -> Value | None:
    builder = _Builder(document)
    for event in events:
        _refuse_properties(event, document)
        if isinstance(event, yaml.ScalarEvent):
            builder.scalar(event.value, _mark(event), plain=not event.style)
        elif isinstance(event, yaml.SequenceStartEvent):
            builder.open(ListValue(mark=_mark(event)))
        elif isinstance(event, yaml.MappingStartEvent):
            builder.open(MappingValue(mark=_mark(event)))
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.close()
        elif isinstance(event, yaml.AliasEvent):
            builder.add(ScalarValue("alias", _mark(event)))
        elif isinstance(event, yaml.DocumentStartEvent):
            builder.documents += 1
            if builder.documents > 1:
                document.fault(
                    "T105", "a second document starts here", _mark(event), expected="one document"
                )
                break
    return builder.root


def _refuse_properties(event: yaml.Event, document: Document) -> None:
    """Anchors, aliases and tags: YAML's ways to say what the eye does not see."""
    if isinstance(event, yaml.AliasEvent):
        message = f"the alias {quoted(f'*{event.anchor}')} is not allowed"
        document.fault("T107", message, _mark(event), help="write the nodes out")
        return
    if (anchor := getattr(event, "anchor", None)) is not None:
        message = f"the anchor {quoted('&' + anchor)} is not allowed"
        document.fault("T106", message, _mark(event), help="in a name, put it in quotes")
    if (tag := getattr(event, "tag", None)) is not None:
        message = f"the tag {quoted(tag)} is not allowed"
        document.fault("T109", message, _mark(event), help="every name is text already")
