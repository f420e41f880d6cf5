"""Names that differ in spelling only."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from taxoloss.errors.suggestions import may_be_slip
from taxoloss.taxonomy.names import nfc

__all__ = [
    "SPELLING_RULES",
    "explained",
    "explained_pairs",
    "lookalike",
    "pair_by_spelling",
    "same_signs",
    "same_spelling",
    "skeleton",
    "spelling",
]


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
SPELLING_RULES: tuple[tuple[str, _Rule], ...] = (
    ('name.replace(" ", "_")', lambda name: name.replace(" ", "_")),
    ('name.replace("_", " ")', lambda name: name.replace("_", " ")),
    ('name.replace("-", "_")', lambda name: name.replace("-", "_")),
    ('name.replace("-", " ")', lambda name: name.replace("-", " ")),
    ('name.replace("_", "-")', lambda name: name.replace("_", "-")),
    ("name.strip()", str.strip),
    ("name.lower()", str.lower),
    ("name.upper()", str.upper),
    ("name.title()", str.title),
    ("name.capitalize()", str.capitalize),
    ('name.lower().replace(" ", "_")', lambda name: name.lower().replace(" ", "_")),
    ('name.lower().replace("_", " ")', lambda name: name.lower().replace("_", " ")),
    ('name.title().replace(" ", "_")', lambda name: name.title().replace(" ", "_")),
    ('name.replace("_", " ").capitalize()', lambda name: name.replace("_", " ").capitalize()),
    ('name.replace("_", " ").title()', lambda name: name.replace("_", " ").title()),
    # title() makes Pallas'S of pallas's, and Red-Tailed of red-tailed
    ('" ".join(map(str.capitalize, name.split(" ")))', lambda name: _capitals(name)),
    (
        '" ".join(map(str.capitalize, name.replace("_", " ").split(" ")))',
        lambda name: _capitals(name.replace("_", " ")),
    ),
)


def _capitals(name: str) -> str:
    return " ".join(map(str.capitalize, name.split(" ")))


def pair_by_spelling(
    wrong: Iterable[str], right: Iterable[str], taken: Iterable[str] = ()
) -> dict[str, str]:
    """Pairs each wrong name with the one right name of the `same_spelling`.

    Not where a name of `taken`, which is that of something else, has that spelling too.

    >>> pair_by_spelling(["american bulldog", "pug x"], ["american_bulldog", "beagle"])
    {'american bulldog': 'american_bulldog'}
    """
    by_spelling = _by_key([*right, *taken], lambda name: {spelling(name)})
    others, pairs = set(taken), {}
    for name in wrong:
        found = by_spelling.get(spelling(name), [])
        if len(found) == 1 and found[0] not in others and same_spelling(name, found[0]):
            pairs[name] = found[0]
    return pairs


def _by_key(names: Iterable[str], keys: Callable[[str], set[Any]]) -> dict[Any, list[str]]:
    found: dict[Any, list[str]] = {}
    for name in names:
        for key in keys(name):
            found.setdefault(key, []).append(name)
    return found


# -- rules that explain more: accents, the order of words ------------------------------------------

_ACCENTED = ("LATIN", "GREEK")
#: Letters that are written without their mark, and in the German and the Nordic way.
_STRIPPED = str.maketrans(
    {"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0142": "l", "\u0111": "d"}
    | {"\u0131": "i"}
)
_SPELT_OUT = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00e5": "aa", "\u00f8": "oe"})
#: Words that say what stands where: dog to cat is not cat to dog.
_LINKS = {"to", "from", "of", "in", "on", "over", "under", "above", "below", "before", "after", "into"}
_LINKS |= {"by", "for", "with", "without", "no", "not", "non", "vs", "than", "as", "at"}


def explained(one: str, other: str) -> str | None:
    """The rule of spelling that makes two names one: "spelling", "accents", "order of words"; else None.

    Accents count nothing where one of the names has none of them: cafe is café, but pécher is not pêcher.
    Words change places only as a whole: numbers, numerals and single letters keep their order.

    >>> explained("Maine_Coon", "maine coon"), explained("Muecke", "Mücke")
    ('spelling', 'accents')
    >>> explained("cat, domestic", "domestic cat")
    'order of words'
    >>> explained("type 1", "type 2"), explained("beagel", "beagle")
    (None, None)
    """
    if same_spelling(one, other):
        return "spelling"
    first, second = spelling(one), spelling(other)
    ours, theirs = _bare(one), _bare(other)
    if first == second or not _LONG.search(first) or not may_be_slip(ours, theirs):
        return None
    if _short_words(ours) != _short_words(theirs):
        return None
    if second in _without_accents(first) or first in _without_accents(second):
        return "accents"
    pairs = [(form, second) for form in (first, *_without_accents(first))]
    pairs += [(first, form) for form in _without_accents(second)]
    return "order of words" if any(_same_words(*pair) for pair in pairs) else None


def explained_pairs(
    wrong: Iterable[str], right: Iterable[str], taken: Iterable[str] = ()
) -> dict[str, tuple[str, str]]:
    """Pairs each wrong name with the one right name that a rule explains, and that rule.

    Not where two names are explained, or one of `taken`, which is that of something else; nor one name
    twice.

    >>> explained_pairs(["Muecke", "type 1"], ["Mücke", "type 2"])
    {'Muecke': ('Mücke', 'accents')}
    """
    wrong, right, taken = list(wrong), list(right), list(taken)
    places, pairs = Counter([*right, *taken]), {}
    by_key = _by_key(places, _keys) if wrong else {}
    free = set(right).difference(taken)
    for name in wrong:
        near = {other for key in _keys(name) for other in by_key.get(key, ())}
        rules = [(other, rule) for other in near if (rule := explained(name, other))]
        if len(rules) == 1 and places[rules[0][0]] == 1 and rules[0][0] in free:
            pairs[name] = rules[0]
    claims = Counter(other for other, _ in pairs.values())
    return {name: pair for name, pair in pairs.items() if claims[pair[0]] == 1}


def _bare(name: str) -> str:
    """The name without accents and commas: what is left tells two things apart."""
    return min(_without_accents(_words(name)), default=_words(name)).replace(",", " ")


def _short_words(name: str) -> list[str]:
    """Words in which case tells: mW and MW, Co and CO."""
    return sorted(word for word in _split(name) if len(word) < 3)


def _keys(name: str) -> set[tuple[str, ...]]:
    text = spelling(name)
    return {tuple(sorted(_split(form))) for form in (text, *_without_accents(text))}


def _split(text: str) -> list[str]:
    return [word for word in re.split("[ ,]+", text) if word]


def _same_words(one: str, other: str) -> bool:
    """Whether the words are the same in another order, or turned round at a comma."""
    for text, turned in ((one, other), (other, one)):
        first, comma, rest = text.partition(", ")
        if comma and "," not in rest and turned == f"{rest} {first}":
            return True
    words = _split(one)
    return len(words) > 1 and sorted(words) == sorted(_split(other)) and _LINKS.isdisjoint(words)


def _without_accents(text: str) -> set[str]:
    """The ways to write a text without accents; none where it has none."""
    if text.isascii():
        return set()
    forms = {_stripped(text), _stripped(text.translate(_SPELT_OUT))}
    return forms - {text}


def _stripped(text: str) -> str:
    kept, base = [], ""
    for character in unicodedata.normalize("NFD", text.translate(_STRIPPED)):
        if not unicodedata.combining(character):
            base = unicodedata.name(character, "")
        elif base.startswith(_ACCENTED):
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))
