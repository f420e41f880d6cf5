"""The values of a mapping that a program holds, within the limits that a file has."""

from __future__ import annotations

import collections.abc
from typing import Any

from taxoloss.taxonomy.file.document import Document, ListValue, MappingValue, Other, ScalarValue, Value
from taxoloss.taxonomy.file.limits import MORE, Limits
from taxoloss.taxonomy.names import text_of

__all__ = ["from_python"]


def from_python(source: Any, limits: Limits | None = None) -> tuple[Value, Document]:
    """The values of a mapping that a program holds; they have no line and column."""
    document = Document(limits=limits)
    return _PythonReader(document).value(source, 0), document


class _PythonReader:
    """Copies Python values, within the limits that a file has: it may share or contain itself."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def value(self, source: Any, depth: int) -> Value:
        """A value as the readers of text give it; refuses what is too deep or too much."""
        self.count += 1
        limits = self.document.limits
        if depth > limits.nesting:
            self.document.refuse("T111", f"the mapping nests deeper than {limits.nesting}")
        if self.count > limits.values:
            message = f"the mapping holds more than {limits.values:,} values"
            self.document.refuse("T112", message, help=MORE)
        if source is None:
            return ScalarValue("", plain=True)
        if isinstance(source, str):
            self.document.check_length(source, None)
            return ScalarValue(text_of(source))
        if isinstance(source, collections.abc.Mapping):
            items = source.items()
            return MappingValue([(self.key(key), self.value(value, depth + 1)) for key, value in items])
        if isinstance(source, (list, tuple)):
            return ListValue([self.value(item, depth + 1) for item in source])
        return Other(source)

    def key(self, key: Any) -> ScalarValue:
        """A key as text; a fault where it is none."""
        if not isinstance(key, str):
            message = f"the key {key!r:.60} is {type(key).__name__}"
            help = f"write it as text: {str(key)!r}"
            self.document.fault("T116", message, expected="text", help=help)
        return ScalarValue(text_of(key))
