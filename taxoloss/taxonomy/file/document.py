"""Values that know where they stand in a text: what the reader makes and the spec reads."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, TypeAlias

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import FaultLog, Note
from taxoloss.taxonomy.file.limits import MORE, Limits

__all__ = [
    "Document",
    "ListValue",
    "MappingValue",
    "Mark",
    "Other",
    "ScalarValue",
    "Value",
    "describe",
    "plain",
]


_LONG_LINE = 1_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Mark(NamedTuple):
    """Where a value stands in the text: line and column from 1, and the columns it takes."""

    # A tuple: there is one for each value, and it is made twice as fast as a frozen dataclass.

    line: int
    column: int
    width: int = 1


@dataclass(slots=True)
class ScalarValue:
    """One piece of text, exactly as written; `plain` if it stood there without quotes."""

    text: str
    mark: Mark | None = None
    plain: bool = False
    repeated: bool = False  # a key that stood in its mapping before: a fault that is noted already

    @property
    def is_null(self) -> bool:
        """Whether it is null, or nothing at all: written without quotes."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class ListValue:
    """A list."""

    items: list[Value] = field(default_factory=list)
    mark: Mark | None = None


@dataclass(slots=True)
class MappingValue:
    """Pairs of key and value, in the order of the file."""

    pairs: list[tuple[ScalarValue, Value]] = field(default_factory=list)
    mark: Mark | None = None

    def get(self, key: str) -> Value | None:
        """The value of a key; of its first place, where it stands twice."""
        return next((value for name, value in self.pairs if name.text == key), None)


@dataclass(slots=True)
class Other:
    """What Python can hold and a text cannot: a number, a truth value, an object."""

    value: Any
    mark: Mark | None = None


Value: TypeAlias = ScalarValue | ListValue | MappingValue | Other


def describe(value: Value) -> str:
    """What a value is, for the sentence "expected ..., found ...".

    >>> describe(ListValue()), describe(ScalarValue("a b"))
    ('an empty list', 'the text `a b`')
    """
    if isinstance(value, ListValue):
        return "a list" if value.items else "an empty list"
    if isinstance(value, MappingValue):
        return "a mapping" if value.pairs else "an empty mapping"
    if isinstance(value, Other):
        return f"{type(value.value).__name__} {value.value!r:.60}"
    return "nothing" if value.is_null else f"the text {quoted(value.text[:60])}"


class Document:
    """The text that values came from, how large it may be, and the log of the faults found in it."""

    def __init__(
        self, text: str | None = None, file: str | None = None, limits: Limits | None = None
    ) -> None:
        self.file = file
        self.limits = limits or Limits()
        self.log = FaultLog(file, by_place=True)
        #: Where each node of the tree stands, once there is one (the root: None).
        self.node_marks: list[Mark | None] = []
        #: Whether the text was read as YAML, which has comments.
        self.is_yaml = False
        #: Whether a byte order mark stood before the text, which is without it.
        self.has_mark = False
        self.text = text or ""

    @cached_property
    def line_starts(self) -> array[int]:
        """The first character of each line."""
        # Only \n, \r\n and \r break lines here: the other breaks that YAML 1.1 knows are refused.
        return array("Q", [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))])

    def mark_at(self, index: int) -> Mark:
        """The place of a character of the text."""
        line = bisect_right(self.line_starts, index)
        return Mark(line, index - self.line_starts[line - 1] + 1)

    def index_of(self, line: int, column: int) -> int:
        """The character at a line and a column, both from 0, as a YAML mark counts them.

        libyaml ends what the last line holds on the line after it, also where the text has no such line.
        """
        return self.line_starts[line] + column if line < len(self.line_starts) else len(self.text)

    def snippet(self, mark: Mark | None) -> str | None:
        """The line of the text that the mark stands on."""
        if mark is None or mark.line > len(self.line_starts):
            return None
        starts = self.line_starts
        stop = starts[mark.line] if mark.line < len(starts) else len(self.text)
        first = starts[mark.line - 1] + self.offset(mark)
        return self.text[first : min(stop, first + 2 * _LONG_LINE)].rstrip("\r\n")

    def offset(self, mark: Mark) -> int:
        """The columns before a snippet: a thousand faults of one long line would fill the memory."""
        return 0 if mark.column <= _LONG_LINE else mark.column - _LONG_LINE

    def place(self, mark: Mark | None) -> dict[str, Any]:
        """What a fault or a note says of its place: line, column, width, and the text that stands there."""
        if mark is None:
            return {}
        place = {"line": mark.line, "column": mark.column, "width": mark.width}
        return {**place, "snippet": self.snippet(mark), "offset": self.offset(mark)}

    def note(self, text: str, mark: Mark | None) -> Note:
        """A second place, for a fault that speaks of two."""
        return Note(text, **self.place(mark))

    def fault(self, code: str, message: str, mark: Mark | None = None, **details: Any) -> None:
        """Hands a fault with its place on to the log; reading goes on, so that all are found at once."""
        self.log.note(code, message, **self.place(mark), **details)

    def check_length(self, text: str, mark: Mark | None) -> None:
        """Notes a fault where a text is longer than the limit."""
        if len(text) > (most := self.limits.scalar):
            message = f"a text of {len(text):,} characters; at most {most:,} are allowed"
            self.fault("T112", message, mark, help=MORE)

    def refuse(self, code: str, message: str, mark: Mark | None = None, **details: Any) -> NoReturn:
        """Notes a fault of form after which nothing more can be read, and raises all there are."""
        self.fault(code, message, mark, **details)
        self.log.raise_all()
        raise AssertionError(code)  # not reached: there is a fault


def plain(value: Value) -> Any:
    """A value as dicts, lists and texts; None for a null.

    >>> listed = ListValue([ScalarValue("b"), ScalarValue("", plain=True)])
    >>> plain(MappingValue([(ScalarValue("a"), listed)]))
    {'a': ['b', None]}
    """
    if isinstance(value, MappingValue):
        return {key.text: plain(item) for key, item in value.pairs}
    if isinstance(value, ListValue):
        return [plain(item) for item in value.items]
    return value.value if isinstance(value, Other) else None if value.is_null else value.text
