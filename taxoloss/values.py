"""Values that know where they stand in a text: what the reader makes and the spec reads."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn, TypeAlias

from taxoloss.errors import Fault, FormError, MeaningError, Note
from taxoloss.names import quoted

__all__ = [
    "MAX_BYTES",
    "MAX_LEVELS",
    "MAX_NESTING",
    "MAX_VALUES",
    "Document",
    "Mapping",
    "Mark",
    "Other",
    "Scalar",
    "Sequence",
    "Value",
    "describe",
]

MAX_BYTES = 256 * 2**20
MAX_VALUES = 5_000_000
# 64 levels of a tree, each written out as list > mapping > children, and the file around them.
MAX_NESTING = 200
MAX_LEVELS = 64
_MOST_FAULTS = 1_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True)
class Mark:
    """Where a value stands in the text: line and column from 1, and the columns it takes."""

    line: int
    column: int
    width: int = 1


@dataclass
class Scalar:
    """One piece of text, exactly as written; `plain` if it stood there without quotes."""

    text: str
    mark: Mark | None = None
    plain: bool = False
    repeated: bool = False  # a key that stood in its mapping before: a fault that is noted already

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS


@dataclass
class Sequence:
    """A list."""

    items: list[Value] = field(default_factory=list)
    mark: Mark | None = None


@dataclass
class Mapping:
    """Pairs of key and value, in the order of the file."""

    pairs: list[tuple[Scalar, Value]] = field(default_factory=list)
    mark: Mark | None = None

    def get(self, key: str) -> Value | None:
        """The value of a key; of its first place, where it stands twice."""
        return next((value for name, value in self.pairs if name.text == key), None)


@dataclass
class Other:
    """What Python can hold and a text cannot: a number, a truth value, an object."""

    value: Any
    mark: Mark | None = None


Value: TypeAlias = Scalar | Sequence | Mapping | Other


def describe(value: Value) -> str:
    """What a value is, for the sentence "expected ..., found ...".

    >>> describe(Sequence()), describe(Scalar("a b"))
    ('an empty list', 'the text `a b`')
    """
    if isinstance(value, Sequence):
        return "a list" if value.items else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value.pairs else "an empty mapping"
    if isinstance(value, Other):
        return f"{type(value.value).__name__} {value.value!r:.60}"
    return "nothing" if value.is_null else f"the text {quoted(value.text[:60])}"


class Document:
    """The text that values came from, and the faults found in it so far."""

    def __init__(self, text: str | None = None, file: str | None = None) -> None:
        self.file = file
        # Only \n, \r\n and \r break lines here: the other breaks that YAML 1.1 knows are refused.
        self._text = text or ""
        self._lines = self._text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.faults: list[Fault] = []

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self._text))]

    def mark_at(self, index: int) -> Mark:
        """The place of a character of the text."""
        line = bisect_right(self._starts, index)
        return Mark(line, index - self._starts[line - 1] + 1)

    def snippet(self, mark: Mark | None) -> str | None:
        """The line of the text that the mark stands on."""
        if mark is None or mark.line > len(self._lines):
            return None
        return self._lines[mark.line - 1]

    def note(self, text: str, mark: Mark | None) -> Note:
        """A second place, for a fault that speaks of two."""
        if mark is None:
            return Note(text)
        return Note(text, mark.line, mark.column, self.snippet(mark), mark.width)

    def fault(self, code: str, message: str, mark: Mark | None = None, **details: Any) -> None:
        """Notes a fault; reading goes on, so that all of them are found at once."""
        if mark is not None:
            details |= {"line": mark.line, "column": mark.column, "width": mark.width}
        fault = Fault(code, message, self.file, snippet=self.snippet(mark), **details)
        self.faults.append(fault)
        if len(self.faults) >= _MOST_FAULTS:
            self.raise_faults()

    def refuse(self, code: str, message: str, mark: Mark | None = None, **details: Any) -> NoReturn:
        """Notes a fault of form after which nothing more can be read, and raises all there are."""
        self.fault(code, message, mark, **details)
        self.raise_faults()
        raise AssertionError(code)  # not reached: there is a fault

    def raise_faults(self) -> None:
        """Stops here if anything was found; a fault of form outranks those of meaning."""
        faults = sorted(self.faults, key=lambda fault: (fault.line or 0, fault.column or 0))
        if any(fault.code.startswith("T1") for fault in faults):
            raise FormError(faults)
        if faults:
            raise MeaningError(faults)
