"""Names that differ in spelling only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from taxoloss.taxonomy.names import nfc

__all__ = ["lookalike", "pair_by_spelling", "same_signs", "same_spelling", "skeleton", "spelling"]


# -- one thing, written in several ways ------------------------------------------------------------

_JOINERS = re.compile("[-_\u2010\u2011]")
#: Kinds of Unicode's decompositions that change how wide a letter is, or how it joins its neighbours.
_WIDTHS = {"<wide>", "<narrow>", "<initial>", "<medial>", "<final>", "<isolated>"}
_LONG = re.compile(r"[^\W_]{3}")


def spelling(name: str) -> str:
    """What spellings of one name have in common: all but case, width, and what separates words.

    Spaces separate words, "_" inside a name, and "-" inside a word, but between a letter and a digit:
    gain-3 may be gain 3 or its opposite. A sign does not: C and C++, A+ and A-, -5 and 5 stay apart, as 1.0
    and 10 do, and names that differ in an accent or a vowel sign.

    >>> spelling("Maine_Coon") == spelling("maine  coon") == spelling("MAINE-COON")
    True
    >>> spelling("A-") == spelling("A"), spelling("gain-3") == spelling("gain 3")
    (False, False)
    """
    return _words(name).lower()


def same_spelling(one: str, other: str) -> bool:
    """Whether two names are certain to be one: of one `spelling`, and not told apart by case.

    Case tells nothing where all of one name was written in another case: maine coon, MAINE COON, Maine
    Coon, Maine coon. In short names it does: the letters A and a, Co and CO, mW and MW.

    >>> same_spelling("Maine_Coon", "maine coon"), same_spelling("CO", "Co")
    (True, False)
    """
    if spelling(one) != spelling(other):
        return False
    one, other = _words(one), _words(other)
    return one == other or (bool(_LONG.search(one)) and (other in _cases(one) or one in _cases(other)))


def lookalike(name: str) -> str:
    """What siblings that are likely one thing have in common: spelling, letters of other scripts, marks of
    punctuation.

    >>> lookalike("St. Bernard") == lookalike("st bernard"), lookalike("1.1") == lookalike("11")
    (True, False)
    """
    text = _decomposed(name, {*_WIDTHS, "<compat>", "<font>"})
    return _PUNCTUATION.sub("", spelling(text).casefold().translate(_LATIN)) or name


def skeleton(name: str) -> str:
    """What names that look alike at a glance have in common: letters and digits. No reason to act.

    >>> skeleton("C++") == skeleton("C"), skeleton("1.1") == skeleton("11")
    (True, False)
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _NO_LETTERS.sub("", folded.translate(_LATIN)) or name


def same_signs(one: str, other: str) -> bool:
    """Whether two names have the same signs, digits and vowel signs: a slip is made in letters.

    >>> same_signs("beagel", "Beagle"), same_signs("type 1", "type 2"), same_signs("<65", ">65")
    (True, False, False)
    """
    return _signs(one) == _signs(other)


def _words(name: str) -> str:
    """The name with one space between words."""

    def separated(match: re.Match[str]) -> str:
        start, end = match.span()
        before, after = text[start - 1 : start], text[end : end + 1]  # "" at the ends
        if not (before and after) or match.group() == "_":
            return " " if before and after else match.group()
        if not (_in_a_word(before) and _in_a_word(after)):
            return match.group()
        return "-" if after.isdecimal() and not before.isdecimal() else " "  # gain-3: it may be a minus

    text = nfc(_decomposed(name, _WIDTHS))
    return " ".join(_JOINERS.sub(separated, text).split()) or name


def _in_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _decomposed(text: str, kinds: set[str]) -> str:
    """Characters of these kinds replaced by those that they stand for."""
    if text.isascii():
        return text
    kind = (unicodedata.decomposition(one).partition(" ")[0] for one in text)
    return "".join(
        unicodedata.normalize("NFKC", one) if k in kinds else one for one, k in zip(text, kind, strict=True)
    )


def _cases(text: str) -> set[str]:
    words = " ".join(word.capitalize() for word in text.split(" "))
    return {text.lower(), text.upper(), text.title(), text.capitalize(), words}


def _signs(name: str) -> str:
    return "".join(one for one in _words(name) if not (one.isalpha() or one == " "))


# Letters of other scripts that look like Latin ones: Cyrillic, then Greek (after casefold).
_LATIN = str.maketrans(
    "\u0430\u0441\u0435\u04bb\u0456\u0458\u043e\u0440\u0455\u0445\u0443"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7",
    "acehijopsxyaikvopux",
)
# But for a point between digits: 1.1 is not 11.
_NO_LETTERS = re.compile(r"(?<!\d)[\W_]+|[\W_]+(?!\d)")
_PUNCTUATION = re.compile(
    r"(?<!\d)[\s.,;'\"\u2018\u2019\u201c\u201d()]+|[\s.,;'\"\u2018\u2019\u201c\u201d()]+(?!\d)"
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


def pair_by_spelling(
    wrong: Iterable[str], right: Iterable[str], allows: Callable[[_Rule], bool] = lambda rule: True
) -> tuple[dict[str, str], str | None, int]:
    """Pairs names of the `same_spelling`, and the one rule that mends most of them.

    The rule is one that `allows` says yes to and that mends more than half of the pairs, with their
    number; None and 0 where there is no such rule.

    >>> pair_by_spelling(["american bulldog", "pug x"], ["american_bulldog", "beagle"])
    ({'american bulldog': 'american_bulldog'}, 'name.replace(" ", "_")', 1)
    """
    by_spelling: dict[str, list[str]] = {}
    for name in right:
        by_spelling.setdefault(spelling(name), []).append(name)
    pairs = {}
    for name in wrong:
        found = by_spelling.get(spelling(name), [])
        if len(found) == 1 and same_spelling(name, found[0]):
            pairs[name] = found[0]
    best, most = None, len(pairs) // 2
    for expression, rule in _SPELLING_RULES:
        mended = sum(rule(name) == target for name, target in pairs.items())
        if mended > most and allows(rule):
            best, most = expression, mended
    return pairs, best, most if best else 0
