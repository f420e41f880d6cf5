"""The words of tables of taxa: what their columns are called, ranks, statuses."""

from __future__ import annotations

import re

__all__ = ["FINER", "KNOWN_RANKS", "RANK_LEVELS", "bare", "is_none", "is_synonym", "rank_of"]

#: Ranks from top to leaf, as their columns are called.
KNOWN_RANKS = (
    "stateofmatter", "domain", "superdomain", "realm", "superkingdom", "kingdom", "subkingdom",
    "infrakingdom", "superphylum", "phylum", "division", "subphylum", "subdivision", "infraphylum",
    "parvphylum", "gigaclass", "megaclass", "superclass", "class", "subclass", "infraclass", "subterclass",
    "cohort", "superorder", "order", "suborder", "infraorder", "parvorder", "zoosection", "zoosubsection",
    "superfamily", "epifamily", "family", "subfamily", "supertribe", "tribe", "subtribe", "genus",
    "genushybrid", "subgenus", "section", "subsection", "series", "subseries", "complex",
    "species aggregate", "species", "hybrid",
)  # fmt: skip
#: Ranks below the species.
FINER = frozenset(
    (
        "subspecies", "infraspecies", "infraspecific name", "infrasubspecific name", "variety",
        "subvariety", "convariety", "form", "subform", "infrahybrid", "forma specialis", "cultivar",
        "cultivar group", "strain", "breed", "race", "natio", "morph", "aberration", "proles", "mutatio",
        "pathovar", "biovar", "serovar", "chemovar", "phagovar",
    )
)  # fmt: skip
#: Ranks as they are shortened, or written in Latin.
_SHORT = {
    "regnum": "kingdom", "reg": "kingdom", "phyl": "phylum", "cl": "class", "classis": "class",
    "ord": "order", "ordo": "order", "fam": "family", "familia": "family", "subfam": "subfamily",
    "gen": "genus", "subgen": "subgenus", "sp": "species", "spec": "species", "ssp": "subspecies",
    "subsp": "subspecies", "var": "variety", "varietas": "variety", "f": "form", "fo": "form",
    "forma": "form", "infraspecific_name": "infraspecific name", "convar": "convariety", "cv": "cultivar",
    "species_aggregate": "species aggregate", "infrasubspecific_name": "infrasubspecific name",
    "cultivar_group": "cultivar group", "forma_specialis": "forma specialis",
}  # fmt: skip
#: iNaturalist's numbers of ranks.
RANK_LEVELS = {
    100: "stateofmatter", 70: "kingdom", 67: "subkingdom", 60: "phylum", 57: "subphylum", 53: "superclass",
    50: "class", 47: "subclass", 45: "infraclass", 44: "subterclass", 43: "superorder", 40: "order",
    37: "suborder", 35: "infraorder", 34.5: "parvorder", 34: "zoosection", 33.5: "zoosubsection",
    33: "superfamily", 32: "epifamily", 30: "family", 27: "subfamily", 26: "supertribe", 25: "tribe",
    24: "subtribe", 20: "genus", 15: "subgenus", 13: "section", 12: "subsection", 11: "complex",
    10: "species", 5: "subspecies",
}  # fmt: skip
_LONG = 9
_NONE = frozenset(("", "\\n", "na", "n/a", "nan", "none", "null", "<na>"))
#: Statuses of names that are not the one in use, beside all that say "synonym".
_OTHER_NAMES = frozenset(
    (
        "misapplied", "misapplied name", "unaccepted", "not accepted", "invalid", "misidentification",
        "misspelling", "superseded combination", "superseded recombination", "incorrect original spelling",
        "misspelling - incorrect subsequent spelling", "misspelling - incorrect original spelling",
        "unjustified emendation", "junior homonym", "alternative representation",
    )
)  # fmt: skip


def bare(name: str) -> str:
    """The name of a column of taxa as it is compared: no case, spaces, namespace.

    >>> bare("col:parentID"), bare("Parent_ID"), bare("http://rs.tdwg.org/dwc/terms/taxonRank")
    ('parentid', 'parentid', 'taxonrank')
    """
    return re.sub(r"[\s_\-.]+", "", re.split(r"[/#:]", name.strip().casefold())[-1])


def rank_of(text: str) -> str:
    """A rank as it is called here: in lower case, not shortened.

    >>> rank_of("SPECIES"), rank_of("subsp."), rank_of("family")
    ('species', 'subspecies', 'family')
    """
    rank = text.strip().casefold().rstrip(".")
    return _SHORT.get(rank, rank)


def is_none(text: str) -> bool:
    """Whether a cell says that there is nothing: empty, null, a database's \\N."""
    return not text or (len(text) < _LONG and text.strip().casefold() in _NONE) or text.isspace()


def is_synonym(status: str) -> bool:
    """Whether a status says that a name is not the one in use.

    >>> is_synonym("ambiguous synonym"), is_synonym("HETEROTYPIC_SYNONYM"), is_synonym("accepted")
    (True, True, False)
    """
    words = status.strip().casefold().replace("_", " ")
    return "synonym" in words or words in _OTHER_NAMES
