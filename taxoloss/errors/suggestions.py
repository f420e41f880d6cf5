"""Did you mean: the nearest of some names, unless the two are certain to be two things."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from taxoloss.errors.characters import quoted

__all__ = [
    "MOST_COMPARISONS",
    "as_question",
    "did_you_mean",
    "likeness",
    "may_be_slip",
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


# -- two names that are two things -----------------------------------------------------------------

#: No more letters are a code alone, or part of one: deu, K12, A01.
_SHORT = 3
_CAPITALS = re.compile(r"[A-Z]{2,4}")
_ROMAN = re.compile(
    r"(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})|(?=[ivx])x{0,3}(ix|iv|v?i{0,3})"
)
#: A word, with the points inside a number or a code: 1.5, A00.0, 2,5.
_WORD = re.compile(r"[^\W_]+(?:[.,][^\W_]*\d[^\W_]*)*")
#: Codes that are written with a point and without it: A00.0.
_DOTTED = re.compile(r"[A-Z]\d\d")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['\u2019](?=[^\W\d_])")
#: What joins words, and is a sign elsewhere: -5, 1/2.
_JOINS = re.compile(r"(?<=[^\W_])[-\u2010\u2011](?=[^\W_])|(?<=[^\W\d_])/(?=[^\W\d_])")
_NO_SIGNS = frozenset(".,;:'\"()[]\u2018\u2019\u201c\u201d_")


def may_be_slip(one: str, other: str) -> bool:
    """Whether a person who wrote one name may have meant the other.

    A slip is made in letters. Names that differ in a digit, a sign, a numeral, a single letter or a short
    code are names of two things: type 1 and type 2, A+ and A-, Henry VII and VIII, hepatitis A and B.

    >>> may_be_slip("beagel", "beagle"), may_be_slip("A320-200", "A320-300"), may_be_slip("C61", "D61")
    (True, False, False)
    """
    if one.casefold() == other.casefold():
        return True
    if max(len(one), len(other)) <= _SHORT and not _one_letter_more(*sorted((one, other), key=len)):
        return False
    return all(list(kind(one)) == list(kind(other)) for kind in (_code_words, _signs))


def _one_letter_more(short: str, long: str) -> bool:
    """Whether a short name lacks a letter of another, which pug and pig, DE and DEU do not."""
    return not long.isupper() and len(short) < len(long) and long.casefold().startswith(short.casefold())


def _code_words(name: str) -> Iterator[str]:
    """The words, and parts of words, in which a slip makes another thing."""
    spread = not name.isupper()  # of a list in capitals a word is no code
    for word in _WORD.findall(_APOSTROPHE.sub("", unicodedata.normalize("NFKC", name))):
        if any(character.isdigit() for character in word):
            plain = word.replace(".", "") if _DOTTED.match(word) else word
            yield "".join(_code(run) for run in re.findall(r"[^\W\d_]+|.", plain)).casefold()
        elif len(word) == 1 or _ROMAN.fullmatch(word) or (spread and _CAPITALS.fullmatch(word)):
            yield word.casefold()


def _code(run: str) -> str:
    """Letters beside digits: the same where they are few, any where they are a word (beagle2)."""
    return run if len(run) <= _SHORT else "*"


def _signs(name: str) -> Iterator[str]:
    """Signs and vowel signs, but what joins words."""
    for character in _JOINS.sub(" ", unicodedata.normalize("NFC", name)):
        kind = unicodedata.category(character)
        if character not in _NO_SIGNS and (kind[0] in "SPM" or character in "\u00b2\u00b3\u00b9"):
            yield character


def did_you_mean(word: str, candidates: Sequence[str]) -> str | None:
    """The question that ends an error about a name, or None where no name that may be meant is near.

    >>> did_you_mean("Bengall", ["Abyssinian", "Bengal"])
    'did you mean `Bengal`?'
    >>> did_you_mean("A320-300", ["A320-200"])
    """
    return as_question(word, nearest(word, candidates))


def as_question(word: str, guess: str | None) -> str | None:
    """The question that shows a guess; None where the two are certain to be two things."""
    return f"did you mean {quoted(guess)}?" if guess and may_be_slip(word, guess) else None


def with_suggestion(message: str, word: str, candidates: Sequence[str]) -> str:
    """The message, and which of the candidates may have been meant, where one is near.

    >>> with_suggestion("there is no node `Bengall`", "Bengall", ["Abyssinian", "Bengal"])
    'there is no node `Bengall`; did you mean `Bengal`?'
    """
    question = did_you_mean(word, candidates)
    return message if question is None else f"{message}; {question}"
