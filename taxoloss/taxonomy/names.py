"""Names as people write them: which characters they may hold, when two are equal, which is nearest."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Iterator, Reversible, Set

from taxoloss.errors.characters import find_forbidden, quoted
from taxoloss.errors.faults import Fault, raise_all

__all__ = [
    "MAX_NAME",
    "checked_title",
    "integer_of",
    "name_faults",
    "nfc",
    "require_order",
    "text_faults",
    "text_of",
]


#: Characters of a name.
MAX_NAME = 10_000


def nfc(text: str) -> str:
    """Unicode normal form C: the form in which names are compared."""
    text = text_of(text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def text_of(value: object) -> str:
    """The text that a name holds, not what it says of itself: a member of an enumeration says another."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def integer_of(value: object) -> int | None:
    """The number of Python's, numpy's and torch's integers; None of all else, truth values too."""
    if isinstance(value, (bool, str)) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def name_faults(text: str) -> Iterator[tuple[str, str]]:
    """Why a text is no name: the code and the message of each fault."""
    if text.isprintable() and len(text) <= MAX_NAME and text.strip():
        return  # no character that names forbid is printable
    if not text.strip():
        yield "T117", "a name is empty"
    if len(text) > MAX_NAME:
        yield "T112", f"a name of {len(text):,} characters; at most {MAX_NAME:,} are allowed"
        return
    for _, what in find_forbidden(text):
        yield "T113", f"the name {quoted(text)} holds the character {what}, which is not allowed"
        return


def text_faults(text: str) -> Iterator[tuple[str, str]]:
    """Why a text for people, which may have lines and tabs, is not allowed."""
    for _, what in find_forbidden(text, in_file=True):
        yield "T113", f"a text holds the character {what}, which is not allowed"
        return


def require_order(values: object, what: str) -> None:
    """TypeError where values are a set: it has another order in each process.

    >>> require_order({"a": 0}.keys(), "class names")
    """
    if isinstance(values, Set) and not isinstance(values, Reversible):
        raise TypeError(
            f"expected {what} in their order, got a {type(values).__name__}, which has none: give a list"
        )


def checked_title(name: str | None) -> str | None:
    """The name of a taxonomy; FormError where it is no name."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"expected the name as text, got {type(name).__name__} {name!r:.40}")
    if name is None:
        return None
    raise_all([Fault(code, message, found=name) for code, message in name_faults(name)])
    return nfc(name)
