"""Did you mean: the nearest of some names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from taxoloss.errors.characters import quoted

__all__ = [
    "MOST_COMPARISONS",
    "as_question",
    "did_you_mean",
    "likeness",
    "nearest",
    "nearest_of_each",
    "with_suggestion",
]


_NEAR = 0.62
#: More comparisons than this (a 100,000-class tree against a long wrong list) would take minutes.
MOST_COMPARISONS = 50_000_000
_BLOCK = 2_000_000


def nearest(word: str, candidates: Sequence[str]) -> str | None:
    """The candidate that takes fewest edits to reach, or None where none is near; case counts nothing.

    >>> nearest("Bengall", ["Abyssinian", "Bengal"])
    'Bengal'
    """
    return nearest_of_each([word], candidates)[0]


def nearest_of_each(words: Sequence[str], candidates: Sequence[str]) -> list[str | None]:
    """`nearest` of many words; where all take more than `MOST_COMPARISONS`, of the first of them.

    >>> nearest_of_each(["bengall", "x"], ["Abyssinian", "Bengal"])
    ['Bengal', None]
    """
    if not words or not candidates:
        return [None] * len(words)
    from rapidfuzz import process  # here: most files have no fault
    from rapidfuzz.distance import Indel

    by_folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    folded = list(by_folded)
    rows, most = max(1, _BLOCK // len(folded)), MOST_COMPARISONS // len(candidates)
    compared = [word.casefold() for word in words[:most]]
    found: list[str | None] = []
    for start in range(0, len(compared), rows):
        # Insertions and deletions, as a share of both lengths.
        likeness = process.cdist(
            compared[start : start + rows],
            folded,
            scorer=Indel.normalized_similarity,
            score_cutoff=_NEAR,
            dtype=np.float64,
        )
        best = likeness.argmax(axis=1)
        found += [
            by_folded[folded[column]] if row[column] else None
            for row, column in zip(likeness, best.tolist(), strict=True)
        ]
    return found + [None] * (len(words) - len(found))


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: 1 less the insertions and deletions, as a share of both lengths."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(one.casefold(), other.casefold()))


def did_you_mean(word: str, candidates: Sequence[str]) -> str | None:
    """The question that ends an error about a name, or None where no name is near.

    >>> did_you_mean("Bengall", ["Abyssinian", "Bengal"])
    'did you mean `Bengal`?'
    """
    return as_question(nearest(word, candidates))


def as_question(guess: str | None) -> str | None:
    """The question that shows a guess."""
    return f"did you mean {quoted(guess)}?" if guess else None


def with_suggestion(message: str, word: str, candidates: Sequence[str]) -> str:
    """The message, and which of the candidates may have been meant, where one is near.

    >>> with_suggestion("there is no node `Bengall`", "Bengall", ["Abyssinian", "Bengal"])
    'there is no node `Bengall`; did you mean `Bengal`?'
    """
    question = did_you_mean(word, candidates)
    return message if question is None else f"{message}; {question}"
