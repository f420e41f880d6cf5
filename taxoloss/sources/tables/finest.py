"""Columns finer than the leaf of a chain: classes of their own, or what tells the rows of a class apart.

In `group,subgroup,food` the foods are the classes, in `superclass,class,caption` each row is an image.
Cells say which in part only: where they do not, both are readings of the table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column, determines, same_groups

__all__ = [
    "ends_in_species",
    "is_class_below",
    "is_finer",
    "may_be_class",
    "names_rows",
    "numbers_classes",
    "tells_rows",
]

#: Names of ranks may repeat in different branches.
_BELOW = 0.9
#: From so many words a cell on texts are sentences.
_WORDS_OF_PROSE = 3.5
#: From so many digits in each cell on, behind the same letters, these are numbers of rows.
_DIGITS = 3
#: What a column is called whose names are those of classes: what is finer tells their rows apart.
_ENDS = frozenset((
    "class", "class_name", "label", "label_name", "leaf", "fine", "fine_label", "fine_class", "fine_name",
    "species", "species_name", "scientific_name", "scientificname", "breed", "target", "child",
))  # fmt: skip
#: What species are called in other languages: columns of classes, each with a row of its own.
_SPECIES = frozenset((
    "art", "arten", "soort", "espèce", "espece", "especie", "espécie", "specie", "gatunek", "druh", "faj",
    "вид", "种", "種", "物种", "物種", "종",
))  # fmt: skip
#: What stands below species: authors, addresses and English names stand beside them.
_BELOW_SPECIES = ("species", "variet", "breed", "strain", "cultivar", "form", "morph", "race", "class")
#: Ranks that are called so in trees of all fields.
_ANY_FIELD = frozenset(("domain", "superclass", "class", "subclass", "division"))


def is_finer(column: Column, leaf: Column) -> bool:
    """Whether each name of a column stands below one of the leaf's, and some of these have several."""
    finer = len(column.counts) > len(leaf.counts) and determines(column, leaf) >= _BELOW
    return finer and not same_groups(column, leaf)


def is_class_below(column: Column, chain: Sequence[Column]) -> bool:
    """Whether a finer column holds the classes, by its name, where those of the chain are groups."""
    typed = column.word == "type" and words.stands_above(chain[-1].word, column.word) is True
    named = bool(words.is_name(column.word)) or column.word in words.CLASS or typed
    known = words.is_hierarchy(column.word) or column.word in words.NAMES or typed
    known = known and column.word != "title"
    if not named or words.is_text(column.word):
        return False
    return (known or not column.is_unique) and not _ends_in_class(chain)


def may_be_class(column: Column, chain: Sequence[Column]) -> bool:
    """Whether the cells of a finer column may be names of classes: no sentences, no numbers of rows."""
    if ends_in_species(chain):
        return any(word in column.word for word in _BELOW_SPECIES)
    if column.is_number:
        return numbers_classes(column)
    if column.kind not in ("name", "mixed"):
        return False
    if words.is_text(column.word):
        return not (_is_prose(column) and _ends_in_class(chain))
    rank = words.rank_number(chain[-1].word)
    if words.is_vernacular(column.word) and rank is not None and rank >= words.RANKS.index("species"):
        return False
    called = bool(words.is_name(column.word)) or any(rank in column.word for rank in ("species", "class"))
    return called or not (_is_prose(column) or _numbers_rows(column))


def tells_rows(column: Column, *, unsure: bool = True) -> bool:
    """Whether the finest of columns that nest may tell rows apart, and no classes.

    Every column that is unique nests in all others: where names of columns leave it open, that is no
    evidence of a class. Sentences are texts about a row, wherever they stand.
    """
    if _is_prose(column) or words.is_text(column.word):
        return True
    return unsure and column.is_unique and not _is_level(column.word)


def _is_level(word: str) -> bool:
    """Whether a name of a column says by itself that a level of classes stands there: item, level 3."""
    called = word in words.CLASS and not (words.is_name(word) or words.is_id(word))
    return called or word in _SPECIES or word == "type" or re.search(r"level_?\d", word) is not None


def names_rows(chain: Sequence[Column]) -> bool:
    """Whether the last of a chain may name rows, as pets are named, or hold sentences: name, title.

    What is named below a subgroup is a class; below a subcategory it may be a product of that class.
    """
    *above, last = chain
    groups = (
        sum(words.rank_of(column.word) is not None for column in above) > 1 or "group" in above[-1].word
    )
    plain = last.word in ("name", "title") and last.is_unique and not groups
    return plain or (last.is_unique and not last.is_number and _is_prose(last))


def ends_in_species(chain: Sequence[Column]) -> bool:
    """Whether ranks of living things stand in full: three or more of them, down to the species."""
    ranks = [words.rank_number(column.word) for column in chain]
    full = sum(rank is not None for rank in ranks) > 2
    return full and (ranks[-1] or 0) >= words.RANKS.index("species")


def numbers_classes(column: Column) -> bool:
    """Whether each row has a number of its own in a column called as classes are: class, fine_id."""
    word = re.sub(r"_?(id|idx|index|nr|no|number|code|key)$", "", column.word) or column.word
    return column.is_number and column.is_unique and (word in words.CLASS or word in _ENDS)


def _ends_in_class(chain: Sequence[Column]) -> bool:
    """Whether the leaf is called a class; among ranks of living things a class is a group."""
    ranks = [rank for column in chain if (rank := words.rank_of(column.word)) is not None]
    return chain[-1].word in _ENDS and (ranks[-1:] != ["class"] or _ANY_FIELD.issuperset(ranks))


def _is_prose(column: Column) -> bool:
    total = sum(len(cell.split()) for cell in column.counts)
    return total >= _WORDS_OF_PROSE * len(column.counts)


def _numbers_rows(column: Column) -> bool:
    """Whether each row has a number of its own, behind the same letters: IMG_0001, IMG_0002."""
    if not column.is_unique:
        return False
    cells = [cell for cell in column.counts if len(re.findall(r"\d", cell)) >= _DIGITS]
    before = Counter(re.split(r"\d", cell, maxsplit=1)[0] for cell in cells)
    return sum(before.values()) == column.filled == max(before.values(), default=0)
