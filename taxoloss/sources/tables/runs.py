"""Runs of columns, top to leaf: as their cells nest, and as their names and the file say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from itertools import pairwise

from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column, nearly_nests, nests

__all__ = ["as_stated", "by_cells", "compared", "is_almost_nested", "longer", "longest"]


def by_cells(columns: Iterable[Column], below: Callable[[Column, Column], bool] = nests) -> list[Column]:
    """Coarse to fine; the longest run in which each column determines the one before it."""
    ordered = sorted(columns, key=cmp_to_key(compared))
    best: list[list[Column]] = []  # the longest chain that ends at each column
    for place, low in enumerate(ordered):
        above = [best[i] for i in range(place) if below(low, ordered[i])]
        best.append([*max(above, key=len, default=[]), low])
    return max(best, key=len, default=[])


def longest(columns: Sequence[Column]) -> list[list[Column]]:
    """The longest run of columns that nest, and others as long that have another column in it."""
    best = by_cells(columns)
    others = [by_cells([c for c in columns if c is not left]) for left in best]
    found = [best]
    for other in others:
        if len(other) == len(best) > 1 and other not in found:
            found.append(other)
    return found


def longer(columns: Sequence[Column], chain: Sequence[Column]) -> list[list[Column]]:
    """A longer run of columns that nest but for a few names, which stand in several groups."""
    found = by_cells(columns, nearly_nests)
    return [found] if len(found) > len(chain) else []


def compared(one: Column, other: Column) -> int:
    """Coarse before fine: fewer names, then what is known of the names, then the order in the file."""
    if len(one.counts) != len(other.counts):
        return len(one.counts) - len(other.counts)
    above = words.stands_above(one.word, other.word)
    return one.number - other.number if above is None else (-1 if above else 1)


def as_stated(known: Sequence[Column], best: Sequence[Column]) -> list[Column]:
    """More columns than those that nest best, in the order that their names and the file both say.

    An accessory or an "Other" stands in several groups: its column is a level all the same.
    """
    found = max(_by_names(known), _by_names(known[::-1]), key=len)
    wider = len(found) > max(len(best), 2) and set(best) <= set(found)
    fewer = any(len(low.counts) < len(high.counts) for high, low in pairwise(found))
    return [] if fewer or not wider else found


def _by_names(columns: Sequence[Column]) -> list[Column]:
    """The longest run of columns, in this order, each of which is called as a level below those before."""
    best: list[list[Column]] = []
    for low in columns:
        runs = (run for run in best if all(words.stands_above(high.word, low.word) for high in run))
        best.append([*max(runs, key=len, default=[]), low])
    return max(best, key=len, default=[])


def is_almost_nested(chain: Sequence[Column]) -> bool:
    """Whether few names stand in several groups, and none of them may be those of rows."""
    almost = all(nearly_nests(low, high) for high, low in pairwise(chain))
    return almost and not (words.is_text(chain[-1].word) or chain[-1].word in ("name", "title"))
