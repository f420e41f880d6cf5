"""What a species is called: the genus and the epithet, without the author.

Tables say it in several ways: the whole name in one cell, or only its last word (the epithet) beside a
column with the genus, or the whole name with its author. An author is never guessed from how a name
looks: another column, of the name without it or of the author alone, has to say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taxoloss.errors.characters import counted, quoted

__all__ = [
    "Epithets",
    "full_names",
    "is_epithet",
    "is_epithets",
    "is_genus",
    "is_name_with_author",
    "joined_note",
    "species_name",
    "species_of",
    "without_author",
]

_LOWER = r"[a-zß-öø-ÿœ]"
_EPITHET = re.compile(rf"(?:[×x] ?)?(?:\d+-)?{_LOWER}{{2,}}(?:-{_LOWER}+)*")
_GENUS = re.compile(rf"(?:× ?)?[A-ZÀ-ÖØ-Þ]{_LOWER}+(?:-{_LOWER}+)*(?: \([A-Z]{_LOWER}+\))?")
#: What stands for an epithet that is not known, and cells without a letter.
_OPEN = re.compile(
    r"(?:sp|spp|ssp|cf|aff|indet|gen|nr|nov)\b\.?.*|na|nan|none|null|un(?:known|identified|assigned|determined"
    r"|classified|specified|named)|undescribed|blank|empty|[\W\d_]*",
    re.IGNORECASE,
)
#: Words in lower case that stand between authors.
_OF_AUTHORS = frozenset(
    (
        "de", "da", "do", "di", "du", "von", "van", "der", "den", "zu", "la", "le", "ex", "et", "and", "in",
        "f.", "fil.",
    )
)  # fmt: skip
#: How many of the cells have to be epithets, or names with the genus, for the others to be let be.
_MOST = 0.9
#: Ranks below the species, whose column may hold the last word of a name alone.
_BELOW = ("subspecies", "variety", "form")


@dataclass(frozen=True)
class Epithets:
    """How the cells of a column of species are called, the genus beside them.

    Args:
        alone: cells with the epithet alone.
        whole: cells with the whole name, the genus first.
        others: cells of which neither is true: common names, codes.
    """

    alone: int = 0
    whole: int = 0
    others: int = 0

    def __bool__(self) -> bool:
        """Whether the column holds epithets: at least one, and few cells that say otherwise."""
        known = self.alone + self.whole
        return self.alone > 0 and known >= _MOST * (known + self.others)


def is_epithet(text: str) -> bool:
    """Whether a text is one word in lower case, as the second of a species' name.

    >>> is_epithet("domestica"), is_epithet("novae-angliae"), is_epithet("Musca domestica")
    (True, True, False)
    """
    return _EPITHET.fullmatch(text) is not None and _OPEN.fullmatch(text) is None


def is_genus(text: str) -> bool:
    """Whether a text is one word with a capital, as a genus is called.

    >>> is_genus("Musca"), is_genus("musca"), is_genus("Musca domestica")
    (True, False, False)
    """
    return _GENUS.fullmatch(text) is not None


def is_epithets(species: Sequence[str], genera: Sequence[str]) -> Epithets:
    """Whether a column of species holds epithets, by its cells and those of the genera beside them.

    >>> bool(is_epithets(["domestica", "Acheta domestica"], ["Musca", "Acheta"]))
    True
    >>> is_epithets(["red fox", "cat"], ["Vulpes", "Felis"])
    Epithets(alone=1, whole=0, others=1)
    """
    alone = whole = others = 0
    for name, genus in zip(species, genera, strict=True):
        if not name or not genus or _OPEN.fullmatch(name):
            continue
        if not _GENUS.fullmatch(genus):
            others += 1
        elif _rest_of(name, genus) is not None:
            alone += 1
        elif name.startswith(genus + " "):
            whole += 1
        else:
            others += 1
    return Epithets(alone, whole, others)


def _rest_of(name: str, genus: str) -> str | None:
    """What follows the genus: an epithet, alone, after its letter (F. catus), or with an author (robur L.).

    >>> _rest_of("F. catus", "Felis"), _rest_of("robur L.", "Quercus"), _rest_of("red fox", "Vulpes")
    ('catus', 'robur L.', None)
    """
    if genus and name.startswith(f"{genus[0]}. ") and is_epithet(name[3:]):
        return name[3:]
    if is_epithet(name):
        return name
    first, _, author = name.partition(" ")
    by = author[:1].isupper() or author[:1] == "("
    return name if is_epithet(first) and by else None


def species_name(genus: str, epithet: str, subspecies: str | None = None) -> str:
    """The name of a species, or of a subspecies, from its parts.

    >>> species_name("Musca", "domestica"), species_name("Canis", "lupus", "familiaris")
    ('Musca domestica', 'Canis lupus familiaris')
    """
    return " ".join(part for part in (genus, epithet, subspecies) if part)


def without_author(scientific: str, canonical: str = "", authorship: str = "") -> str:
    """The name without its author, where another column says which part of it that is.

    Args:
        scientific: the name as it stands, maybe with its author.
        canonical: the name without the author; "" where no column has it.
        authorship: the author; "" where no column has it.

    >>> without_author("Felis catus Linnaeus, 1758", authorship="Linnaeus, 1758")
    'Felis catus'
    >>> without_author("Felis catus Linnaeus, 1758")
    'Felis catus Linnaeus, 1758'
    """
    if canonical:
        return canonical
    author = " ".join(authorship.split())
    name = " ".join(scientific.split())
    if author and name.endswith(" " + author):
        return name[: -len(author)].rstrip(" ,")
    return scientific


def species_of(name: str, genus: str = "") -> str | None:
    """The species that a name tells: its first two words; None where they are none of a species.

    Args:
        name: of a species, a subspecies, a variety, a form, with or without its author.
        genus: what stands as the genus beside it, which the name has to start with.

    >>> species_of("Canis lupus familiaris"), species_of("Olea europaea subsp. europaea L.", "Olea")
    ('Canis lupus', 'Olea europaea')
    >>> species_of("Carabidae", "Carabus") is None
    True
    """
    words = re.sub(r"\s*\([A-Z][^)]*\)", "", name, count=1).split()
    if words[1:2] == ["×"]:
        words[1:3] = [" ".join(words[1:3])]
    if len(words) < 2 or not _GENUS.fullmatch(words[0]) or not is_epithet(words[1]):
        return None
    return f"{words[0]} {words[1]}" if genus in ("", words[0]) else None


def is_name_with_author(long: str, name: str) -> bool:
    """Whether a longer name is a name with its author, and not that of a part of the taxon.

    >>> is_name_with_author("Felis catus Linnaeus, 1758", "Felis catus")
    True
    >>> is_name_with_author("Felis catus minor Erxleben", "Felis catus")
    False
    """
    rest = long.removeprefix(name)
    if not name or not long.startswith(name) or not (not rest or rest[0] in " ,"):
        return False
    return not any(word[:1].islower() and word not in _OF_AUTHORS for word in rest.split())


def full_names(
    rows: Sequence[Sequence[str]], ranks: Sequence[str]
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Rows of ranks in which a species is called by its whole name, and notes of what was joined.

    Args:
        rows: names by rank, "" where one is missing.
        ranks: the ranks of their columns, in lower case; "genus", "species", "subspecies" are looked at.

    >>> full_names([("Muscidae", "Musca", "domestica")], ("family", "genus", "species"))[0]
    [('Muscidae', 'Musca', 'Musca domestica')]
    """
    done = [tuple(row) for row in rows]
    if "genus" not in ranks:
        return done, ()
    notes: list[str] = []
    genus, above = ranks.index("genus"), ranks.index("genus")
    for rank in ("species", *_BELOW):
        if rank not in ranks:
            continue
        at = ranks.index(rank)
        done, note = _joined(done, at, above, genus)
        notes += note
        above = at if rank == "species" else above
    return done, tuple(notes)


def _joined(
    rows: list[tuple[str, ...]], at: int, above: int, genus: int
) -> tuple[list[tuple[str, ...]], list[str]]:
    """The rows with the epithets of one column joined to what stands above them."""
    if not is_epithets([row[at] for row in rows], [row[genus] for row in rows]):
        return rows, []
    result, joined = [], {}
    for row in rows:
        rest = _rest_of(row[at], row[genus])
        if row[above] and row[genus] and rest is not None and _GENUS.fullmatch(row[genus]):
            name = species_name(row[above], rest)
            joined[name] = row[at]
            row = (*row[:at], name, *row[at + 1 :])
        result.append(row)
    return result, [joined_note(joined)] if joined else []


def joined_note(joined: Mapping[str, str]) -> str:
    """The note of names that were joined: name -> epithet.

    >>> joined_note({"Musca domestica": "domestica"})
    '1 name joined from the genus and the epithet, e.g. `domestica` is `Musca domestica`'
    """
    name, epithet = next(iter(joined.items()))
    said = f"{counted(len(joined), 'name')} joined from the genus and the epithet"
    return f"{said}, e.g. {quoted(epithet)} is {quoted(name)}"
