"""Counts behind all the names of a list or of an outline: Jeans (405), Jeans: 14, jeans 14."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taxoloss.errors.characters import counted
from taxoloss.sources.base import listed
from taxoloss.sources.lines import all_match

__all__ = ["without_counts"]

_IN_BRACKETS = re.compile(r"(?P<name>.*[^\W\d_].*?)\s*\((?P<count>\d[\d,.]*)\)")
_BEHIND_COLON = re.compile(r"(?P<name>.*[^\W\d_].*?)\s*:\s*(?P<count>\d[\d,.]*)")
_BARE = re.compile(r"(?P<name>.*[^\W\d_].*?)\s+(?P<count>\d+)")
_YEAR = re.compile(r"(1[5-9]|20)\d\d")


def without_counts(names: Sequence[str], depths: Sequence[int]) -> tuple[list[str], tuple[str, ...]]:
    """The names without the count that stands behind all of them, and a note on these.

    Numbers behind a space are counts where those of the names below add up to that of the name above.
    Where years stand there, or names that would be one beside each other, they stay.

    >>> without_counts(["animal 3", "cat 1", "dog 2"], [0, 1, 1])[0]
    ['animal', 'cat', 'dog']
    """
    above = _above(depths)
    for pattern in (_IN_BRACKETS, _BEHIND_COLON, _BARE) if any(depths) else (_IN_BRACKETS,):
        matches = all_match(pattern, names) or []
        counts = [match["count"] for match in matches]
        short = [match["name"].rstrip() for match in matches]
        if len(matches) < 2 or all(map(_YEAR.fullmatch, counts)):
            continue
        if len(set(zip(above, short, strict=True))) < len(short):
            continue
        if pattern is _BARE and not _add_up(above, list(map(int, counts))):
            continue
        note = f"the counts behind {counted(len(short), 'name')} are left out: {listed(counts, 2)}"
        return short, (note,)
    return list(names), ()


def _above(depths: Sequence[int]) -> list[int | None]:
    """For each name the number of the last one before it that is less deep."""
    stack: list[int] = []
    found: list[int | None] = []
    for number, depth in enumerate(depths):
        while stack and depths[stack[-1]] >= depth:
            stack.pop()
        found.append(stack[-1] if stack else None)
        stack.append(number)
    return found


def _add_up(above: Sequence[int | None], counts: Sequence[int]) -> bool:
    """Whether each count is the sum of those directly below it."""
    sums: dict[int, int] = {}
    for up, count in zip(above, counts, strict=True):
        if up is not None:
            sums[up] = sums.get(up, 0) + count
    return bool(sums) and all(counts[number] == total for number, total in sums.items())
