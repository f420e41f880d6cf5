"""Shares, counts and names as a reader sees them in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import escape_invisible

__all__ = ["are", "joined", "named", "percent", "shown"]

#: Digits after the point of a share that is nearly all or nearly nothing.
_MOST_DIGITS = 6
#: By how much scores in float32 fall short of the quotients of counts that the tables of a page show.
_ROUNDED = 1e-7


def percent(share: float) -> str:
    """A share with one digit, or as many as tell it from all and from nothing.

    >>> percent(0.9214), percent(1.0), percent(0.99996), percent(0.00004)
    ('92.1 %', '100 %', '99.996 %', '0.004 %')
    """
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    digits, hundredths = 1, 100 * (share + _ROUNDED)
    while digits < _MOST_DIGITS and round(hundredths, digits) in (0, 100):
        digits += 1
    return f"{hundredths:.{digits}f} %"


def are(number: int, singular: str = "is", plural: str = "are") -> str:
    """The verb that belongs to a number.

    >>> are(1), are(2), are(1, "stays", "stay")
    ('is', 'are', 'stays')
    """
    return singular if number == 1 else plural


def joined(parts: Sequence[str]) -> str:
    """Parts of a sentence with commas, and "and" before the last.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def named(name: str, most: int = 60) -> str:
    """A name or an answer in quotation marks, cut where it is long.

    >>> named("pug"), named("a" * 80, 5)
    ('"pug"', '"aaaaa..."')
    """
    return f'"{escape_invisible(name[:most])}{"..." if len(name) > most else ""}"'


def shown(names: Sequence[str], total: int, most: int = 3) -> str:
    """The first names of a list, and how many more there are.

    >>> shown(["a", "b", "c", "d"], 4), shown(["a", "b"], 2)
    ('"a", "b", "c" and 1 more', '"a" and "b"')
    """
    if total <= most:
        return joined([named(name) for name in names])
    first = ", ".join(named(name) for name in names[:most])
    return f"{first} and {total - most:,} more"
