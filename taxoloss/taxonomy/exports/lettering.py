"""Names as a picture shows them: no longer than there is room, and about how wide."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

from taxoloss.errors.characters import escape_invisible

__all__ = ["ems", "shortened"]

#: As wide as 32 usual letters.
_WIDEST = 20.8


def ems(text: str) -> float:
    """About the width of a text in heights of its letters.

    >>> ems("cat"), ems("WWW")
    (1.7, 2.85)
    """
    return round(sum(map(_width, text)), 3)


def shortened(name: str) -> str:
    """A name, or its first letters where it is long; what is invisible as escapes.

    >>> shortened("beagle"), shortened("large omnivores and herbivores of the savanna")
    ('beagle', 'large omnivores and herbivores of t…')
    """
    shown = escape_invisible(name)
    if ems(shown) <= _WIDEST:
        return shown
    widths = accumulate(map(_width, shown))
    fits = sum(width + _width("…") <= _WIDEST for width in widths)
    return shown[:fits] + "…"


def _width(letter: str) -> float:
    """Letters are narrow, wide, set square (in some scripts), or like most."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return 0.4 if letter in "Ifijlrt .,:;'|()-" else 0.95 if letter in "mwMW%@" else 0.65
