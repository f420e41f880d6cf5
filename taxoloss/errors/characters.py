"""Characters that no name may hold; names and counts as a message writes them, safe for a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["counted", "escape_invisible", "find_forbidden", "quoted"]

# Control characters, line and paragraph separators, zero-width space and word joiner, a byte order
# mark inside the text, marks and overrides of text direction, surrogates, noncharacters.
# Not in the list: the joiners ZWNJ and ZWJ (U+200C, U+200D), which Persian and emoji need.
_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufffe\uffff"
)
#: Spaces that no eye tells from another; a name may hold them.
_LIKE_A_SPACE = re.compile("[\u00a0\u2007\u202f]")
_FORBIDDEN_IN_NAME = re.compile(f"[{_INVISIBLE}]")
_FORBIDDEN_IN_FILE = re.compile(f"(?![\t\n\r])[{_INVISIBLE}]")


def find_forbidden(text: str, *, in_file: bool = False) -> Iterator[tuple[int, str]]:
    """Each character that a name (or a whole file) may not hold: its index, and what it is."""
    pattern = _FORBIDDEN_IN_FILE if in_file else _FORBIDDEN_IN_NAME
    for match in pattern.finditer(text):
        character = match.group()
        name = unicodedata.name(character, "control character")
        yield match.start(), f"U+{ord(character):04X} ({name.lower()})"


def escape_invisible(text: str) -> str:
    """The text with what a terminal would act on, or not show, written as escapes."""

    return _FORBIDDEN_IN_NAME.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def quoted(text: str) -> str:
    """A name for a message, in backticks, safe for a terminal; spaces that do not break are written out.

    >>> quoted("a\\x1b[31m")
    '`a\\\\x1b[31m`'
    """
    return f"`{_LIKE_A_SPACE.sub(_escape, escape_invisible(text))}`"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "row"), counted(1204, "class"), counted(2, "category")
    ('1 row', '1,204 classes', '2 categories')
    """
    plural = (
        noun[:-1] + "ies"
        if noun.endswith("y") and noun[-2] not in "aeiou"
        else noun + ("es" if noun.endswith("s") else "s")
    )
    return f"{number:,} {noun if number == 1 else plural}"
