"""What can be wrong with a taxonomy, said so that a person can mend it.

    ValueError
    └── TaxonomyError           .faults: every fault at once
        ├── FormError           the text of a file: codes T1xx
        ├── MeaningError        the tree that the text describes: codes T2xx
        └── BindingError        the classes of a dataset against the tree: codes T3xx

Beside its faults an error carries warnings (codes T4xx): what is allowed, and may still be a slip. A
fault is data (`Fault`); its text is made only when the error is shown. `taxoloss explain T203` tells
more of a code.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from taxoloss.errors.characters import counted, escape_invisible

__all__ = [
    "BindingError",
    "Fault",
    "FaultLog",
    "FormError",
    "MeaningError",
    "Note",
    "TaxonomyError",
    "faults_text",
    "raise_all",
]

_MOST_SHOWN = 20
# A million rows with one column too many are one mistake, not a million.
_MOST_FAULTS = 1_000
_SNIPPET_WIDTH = 100


@dataclass(frozen=True)
class Note:
    """A second place that a fault speaks of, such as where a name was first written."""

    text: str
    line: int | None = None
    column: int | None = None
    snippet: str | None = None
    width: int = 1
    #: Columns of the line that stand before the snippet, where the line is too long to be kept whole.
    offset: int = 0


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, or (T4xx) may be: where it stands, what was found, what was expected.

    `line` and `column` count from 1; they are None where there is no text (a mapping, a list of
    classes). `path` names the place inside the tree or the file, top to bottom.
    """

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: tuple[str, ...] = ()
    found: str | None = None
    expected: str | None = None
    help: str | None = None
    snippet: str | None = None
    width: int = 1
    offset: int = 0
    notes: tuple[Note, ...] = ()

    @property
    def severity(self) -> str:
        """ "error", or "warning" for the codes T4xx."""
        return "warning" if self.code.startswith("T4") else "error"

    def __str__(self) -> str:
        lines = [f"{self._place()}{self.severity} {self.code}: {escape_invisible(self.message)}"]
        if self.line is None and self.path and not self.code.startswith("T3"):
            lines.append("  at: " + escape_invisible(" > ".join(self.path)))
        numbers = [self.line, *(note.line for note in self.notes)]
        gutter = max((len(str(number)) for number in numbers if number), default=1)
        lines += _pointed(self, "^", "", gutter)
        for note in self.notes:
            lines += _pointed(note, "-", note.text, gutter)
        if self.expected is not None:
            lines.append("  expected: " + escape_invisible(self.expected))
        if self.help is not None:
            first, *rest = map(escape_invisible, self.help.splitlines())
            lines += [f"  help: {first}", *(f"        {line}" for line in rest)]
        return "\n".join(lines)

    def _place(self) -> str:
        parts = [escape_invisible(self.file)] if self.file else []
        parts += [str(number) for number in (self.line, self.column) if number is not None]
        return ":".join(parts) + ": " if parts else ""


class TaxonomyError(ValueError):
    """A taxonomy cannot be used; `faults` holds every reason, in the order of the file.

    `warnings` holds what was noticed beside them.
    """

    def __init__(self, faults: Iterable[Fault], warnings: Iterable[Fault] = ()) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.warnings: tuple[Fault, ...] = tuple(warnings)
        super().__init__(self.faults, self.warnings)

    def __str__(self) -> str:
        return faults_text((*self.faults, *self.warnings))


def faults_text(faults: Sequence[Fault]) -> str:
    """Faults and warnings as a person reads them: 20 at most, the rest counted, how many there are.

    >>> print(faults_text([Fault("T117", "a name is empty", file="a.yaml", line=3, column=5)]))
    a.yaml:3:5: error T117: a name is empty
    1 error in a.yaml
    """
    shown = [str(fault) for fault in faults[:_MOST_SHOWN]]
    hidden = len(faults) - len(shown)
    if hidden:
        shown.append(f"... and {hidden:,} more (all of them in .faults, and with --format json)")
    files = dict.fromkeys(fault.file for fault in faults)
    named = [escape_invisible(file) for file in files if file]
    if len(faults) > 1 or named:
        where = f" in {named[0]}" if len(files) == len(named) == 1 else ""
        shown.append(", ".join(_counts(faults)) + where)
    return "\n".join(shown)


def _counts(faults: Sequence[Fault]) -> Iterator[str]:
    for severity in ("error", "warning"):
        count = sum(fault.severity == severity for fault in faults)
        if count:
            yield counted(count, severity)


class FormError(TaxonomyError):
    """The text is not a taxonomy file: what is written does not have the form asked for."""


class MeaningError(TaxonomyError):
    """The text has the right form, but what it describes is no usable tree."""


class BindingError(TaxonomyError):
    """The classes given are not the classes of the tree."""


# -- many faults at once ---------------------------------------------------------------------------


class FaultLog:
    """Faults and warnings, noted while the reading goes on; the 1,000th fault raises them all.

    Args:
        file: the file that all of them are in.
        by_place: whether they are raised in the order of their lines, else as they were noted.

    >>> log = FaultLog("a.yaml")
    >>> log.note("T117", "a name is empty", line=3, column=5)
    >>> log.raise_all()
    Traceback (most recent call last):
    taxoloss.errors.FormError: a.yaml:3:5: error T117: a name is empty
    1 error in a.yaml
    """

    def __init__(self, file: str | None = None, *, by_place: bool = False) -> None:
        self.file = file
        self.by_place = by_place
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def note(self, code: str, message: str, **details: Any) -> None:
        """Notes a fault, or (T4xx) a warning; the details are the other fields of `Fault`."""
        fault = Fault(code, message, self.file, **details)
        if fault.severity == "warning":
            self.warnings += [fault] if len(self.warnings) < _MOST_FAULTS else []
            return
        self.faults.append(fault)
        if len(self.faults) >= _MOST_FAULTS:
            self.raise_all()

    def raise_all(self) -> None:
        """Raises what was noted, if any of it is a fault."""
        faults, warnings = self.faults, self.warnings
        if self.by_place:
            faults, warnings = sorted(faults, key=_place), sorted(warnings, key=_place)
        raise_all(faults, warnings)


def _place(fault: Fault) -> tuple[int, int]:
    return fault.line or 0, fault.column or 0


def raise_all(faults: Sequence[Fault], warnings: Sequence[Fault] = ()) -> None:
    """Raises the faults, if any; one of form outranks those of meaning."""
    if faults:
        form = any(fault.code.startswith("T1") for fault in faults)
        kind: type[TaxonomyError] = FormError if form else MeaningError
        raise kind(faults, warnings)


# -- the line with a caret -------------------------------------------------------------------------


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    narrow = sum(unicodedata.combining(character) != 0 for character in text)
    return len(text) + wide - narrow


def _cropped(snippet: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and the column in that part."""
    if len(snippet) <= _SNIPPET_WIDTH:
        return snippet, column
    start = max(0, min(column, len(snippet)) - 1 - _SNIPPET_WIDTH // 3)
    part = snippet[start : start + _SNIPPET_WIDTH]
    lead = "..." if start else ""
    tail = "..." if start + _SNIPPET_WIDTH < len(snippet) else ""
    return lead + part + tail, column - start + len(lead)


def _pointed(place: Fault | Note, mark: str, label: str, gutter: int) -> list[str]:
    if place.line is None or place.column is None or place.snippet is None:
        return [f"  {'':{gutter}}   note: {escape_invisible(label)}"] if label else []
    part, at = _cropped(place.snippet, place.column - place.offset)
    before = _cells(escape_invisible(part[: at - 1]))
    under = max(1, _cells(escape_invisible(part[at - 1 : at - 1 + place.width])))
    pointer = " " * before + mark * under + (f" {escape_invisible(label)}" if label else "")
    return [f"  {place.line:>{gutter}} | {escape_invisible(part)}", f"  {'':>{gutter}} | {pointer}"]
