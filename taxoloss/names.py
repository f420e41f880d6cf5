"""Names as people write them: which characters they may hold, when two are equal, which is nearest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Reversible, Sequence, Set

import numpy as np

__all__ = [
    "MAX_NAME",
    "MOST_COMPARISONS",
    "as_question",
    "did_you_mean",
    "escape_invisible",
    "find_forbidden",
    "likeness",
    "name_faults",
    "nearest",
    "nearest_of_each",
    "nfc",
    "pair_by_spelling",
    "quoted",
    "require_order",
    "skeleton",
    "text_faults",
]

# Control characters, line and paragraph separators, zero-width space and word joiner, a byte order
# mark inside the text, marks and overrides of text direction, surrogates, noncharacters.
# Not in the list: the joiners ZWNJ and ZWJ (U+200C, U+200D), which Persian and emoji need.
_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufffe\uffff"
)
_FORBIDDEN_IN_NAME = re.compile(f"[{_INVISIBLE}]")
_FORBIDDEN_IN_FILE = re.compile(f"(?![\t\n\r])[{_INVISIBLE}]")

#: Characters of a name.
MAX_NAME = 10_000

_NEAR = 0.62
#: More comparisons than this (a 100,000-class tree against a long wrong list) would take minutes.
MOST_COMPARISONS = 50_000_000
_BLOCK = 2_000_000


def nfc(text: str) -> str:
    """Unicode normal form C: the form in which names are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def find_forbidden(text: str, *, in_file: bool = False) -> Iterator[tuple[int, str]]:
    """Each character that a name (or a whole file) may not hold: its index, and what it is."""
    pattern = _FORBIDDEN_IN_FILE if in_file else _FORBIDDEN_IN_NAME
    for match in pattern.finditer(text):
        character = match.group()
        name = unicodedata.name(character, "control character")
        yield match.start(), f"U+{ord(character):04X} ({name.lower()})"


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


def escape_invisible(text: str) -> str:
    """The text with what a terminal would act on, or not show, written as escapes."""

    def escape(match: re.Match[str]) -> str:
        code = ord(match.group())
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"

    return _FORBIDDEN_IN_NAME.sub(escape, text)


def quoted(text: str) -> str:
    """A name for a message, in backticks, safe for a terminal.

    >>> quoted("a\\x1b[31m")
    '`a\\\\x1b[31m`'
    """
    return f"`{escape_invisible(text)}`"


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
    """The question that a guess is told by."""
    return f"did you mean {quoted(guess)}?" if guess else None


# Letters of other scripts that look like Latin ones: Cyrillic, then Greek (after casefold).
_LATIN = str.maketrans(
    "\u0430\u0441\u0435\u04bb\u0456\u0458\u043e\u0440\u0455\u0445\u0443"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7",
    "acehijopsxyaikvopux",
)
# Punctuation and spaces, but for a point between digits: 1.1 is not 11.
_PUNCTUATION = re.compile(r"(?<!\d)[\W_]+|[\W_]+(?!\d)")


def skeleton(name: str) -> str:
    """What names that look alike have in common: no case, punctuation, width, letters of other scripts.

    >>> skeleton("Maine_Coon") == skeleton("maine coon"), skeleton("1.1") == skeleton("11")
    (True, False)
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _PUNCTUATION.sub("", folded.translate(_LATIN)) or name


def require_order(values: object, what: str) -> None:
    """TypeError where values are a set: it has another order in each process.

    >>> require_order({"a": 0}.keys(), "class names")
    """
    if isinstance(values, Set) and not isinstance(values, Reversible):
        raise TypeError(
            f"expected {what} in their order, got a {type(values).__name__}, which has none: give a list"
        )


# -- spelling rules --------------------------------------------------------------------------------

_Rule = Callable[[str], str]
# Each rule with the Python expression that applies it to a `name`, for the help of an error.
_SPELLING_RULES: tuple[tuple[str, _Rule], ...] = (
    ('name.replace(" ", "_")', lambda name: name.replace(" ", "_")),
    ('name.replace("_", " ")', lambda name: name.replace("_", " ")),
    ('name.replace("-", "_")', lambda name: name.replace("-", "_")),
    ('name.replace("-", " ")', lambda name: name.replace("-", " ")),
    ('name.replace("_", "-")', lambda name: name.replace("_", "-")),
    ("name.strip()", str.strip),
    ("name.lower()", str.lower),
    ("name.title()", str.title),
    ("name.capitalize()", str.capitalize),
    ('name.lower().replace(" ", "_")', lambda name: name.lower().replace(" ", "_")),
    ('name.lower().replace("_", " ")', lambda name: name.lower().replace("_", " ")),
    ('name.title().replace(" ", "_")', lambda name: name.title().replace(" ", "_")),
    ('name.replace("_", " ").capitalize()', lambda name: name.replace("_", " ").capitalize()),
    ('name.replace("_", " ").title()', lambda name: name.replace("_", " ").title()),
)


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()


def pair_by_spelling(
    wrong: Iterable[str], right: Iterable[str], allows: Callable[[_Rule], bool] = lambda rule: True
) -> tuple[dict[str, str], str | None, int]:
    """Pairs names that differ only in case, spaces, "_" and "-", and the one rule that mends most.

    The rule is one that `allows` says yes to and that mends more than half of the pairs, with their
    number; None and 0 where there is no such rule.

    >>> pair_by_spelling(["american bulldog", "pug x"], ["american_bulldog", "beagle"])
    ({'american bulldog': 'american_bulldog'}, 'name.replace(" ", "_")', 1)
    """
    by_folded: dict[str, list[str]] = {}
    for name in right:
        by_folded.setdefault(_folded(name), []).append(name)
    pairs = {
        name: by_folded[_folded(name)][0] for name in wrong if len(by_folded.get(_folded(name), [])) == 1
    }
    best, most = None, len(pairs) // 2
    for expression, rule in _SPELLING_RULES:
        mended = sum(rule(name) == target for name, target in pairs.items())
        if mended > most and allows(rule):
            best, most = expression, mended
    return pairs, best, most if best else 0
