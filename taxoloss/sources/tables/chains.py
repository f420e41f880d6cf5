"""Columns that are ranks: which of a table's columns nest, from top to leaf."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import combinations, pairwise

from taxoloss.sources.reading import Grade
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import (
    Column,
    bits_of_nesting,
    determines,
    nests,
    same_groups,
)
from taxoloss.sources.tables.finest import (
    ends_in_species,
    is_class_below,
    is_finer,
    may_be_class,
    names_rows,
    numbers_classes,
    tells_rows,
)
from taxoloss.sources.tables.labels import is_label, is_needed, labels_of
from taxoloss.sources.tables.runs import as_stated, by_cells, compared, is_almost_nested, longer, longest

__all__ = ["Chain", "candidates_of", "chains_of"]

#: Below so many bits columns of unknown names may nest by chance: 1 in a million.
_SURE_BITS = 20.0
#: From so many ranks of living things on other groups are summaries of them.
_RANKS_ENOUGH = 3
#: Names of ranks may repeat in different branches (epithets, "Accessories"); the other way is a mistake.
_NESTS, _TURNED = 0.98, 0.9


@dataclass(frozen=True)
class Chain:
    """Columns from top to leaf, and how much speaks for them.

    Args:
        repeats: whether it is plain that a class stands in several groups: healthy below each crop.
    """

    columns: tuple[Column, ...]
    grade: Grade
    repeats: bool = False


def _is_candidate(column: Column, *, named: bool = True) -> bool:
    """Whether the cells of a column, and where `named` its name, allow that it is a rank."""
    if not column.names_nodes or column.names_ranks or (named and words.is_beside(column.word)):
        return False
    if column.is_number and (column.is_unique or words.is_depth(column.word)):
        return False
    if words.rank_number(column.word) is not None or words.number_of(column.word) is not None:
        return True
    other = (words.is_parent, words.is_path, words.is_id)
    return not column.is_constant and not any(says(column.word) for says in other)


def candidates_of(columns: Sequence[Column]) -> list[Column]:
    """The columns that may be ranks: codes of the finest level too, where coarser ones are codes."""
    found = [column for column in columns if _is_candidate(column)]
    found = [column for column in found if not _numbers_another(column, found)]
    if not any(column.is_number and words.is_hierarchy(column.word) for column in found):
        return found
    codes = [c for c in columns if c.is_number and c.is_unique and words.is_hierarchy(c.word)]
    codes = [column for column in codes if not _numbers_another(column, found)]
    return sorted([*found, *codes], key=lambda column: column.number)


def _numbers_another(column: Column, columns: Sequence[Column]) -> bool:
    """Whether a column holds the numbers of what another one names: coarse_label beside coarse_name."""
    named = (other for other in columns if not other.is_number and words.is_name(other.word))
    return column.is_number and any(same_groups(column, other) for other in named)


def chains_of(columns: Sequence[Column]) -> list[Chain]:
    """The chains that a table's columns make; several where their names leave it open.

    Columns whose names are known are ordered by what is known of them, and by what determines what
    where that says the contrary. A column of an unknown name that nests with them may be a rank, or
    not: that is a chain of its own.
    """
    candidates = candidates_of(columns)
    if told := _of_labels(columns) or _of_grandparents(columns):
        return told
    ordered = _of_ranks(candidates) or _numbered(candidates)
    if not ordered:
        known = [c for c in candidates if words.is_hierarchy(c.word)]
        ordered, *others = longest(known)
        stated = as_stated(known, ordered)
        if stated and is_almost_nested(stated):
            ordered, others = stated, []
        elif stated:
            grade = Grade.PLAIN if len(ordered) > 1 else Grade.CELLS
            return [Chain(tuple(one), grade) for one in (stated, ordered, *others) if len(one) > 1]
        others += longer(known, ordered) if not stated else []
        if len(ordered) > 1 and others:
            return [Chain(tuple(one), Grade.PLAIN) for one in (ordered, *others)]
    if len(ordered) < 2:
        found = _of_pair(candidates) or _of_places(columns, candidates) or _of_cells(columns)
        return found or _of_numbers(columns, candidates)
    bases = [swapped for base in _as_the_cells_say(ordered) for swapped in _orders(base)]
    found = [
        chain for base in bases for chain in _widened(base, candidates, columns, alone=len(bases) == 1)
    ]
    return found + [Chain(tuple(one), Grade.PLAIN, repeats=True) for one in _as_named(bases)]


def _widened(
    base: list[Column], candidates: Sequence[Column], columns: Sequence[Column], *, alone: bool
) -> list[Chain]:
    """The chain with all that belongs to it; beside it those with what may belong to it."""
    rest = [column for column in candidates if column not in base]
    if sum(words.rank_of(column.word) is not None for column in base) >= _RANKS_ENOUGH:
        # Beside ranks of living things a supercategory is a summary of them.
        rest = [c for c in rest if not words.is_hierarchy(c.word) or words.is_name(c.word)]
    known = [c for c in rest if words.is_hierarchy(c.word) and _is_level(c, base)]
    chain = _with_names(_with(base, known if alone else ()), rest)
    if not alone:
        return [Chain(tuple(chain), Grade.PLAIN)]
    more = rest
    if ends_in_species(chain):  # above all ranks a habitat may stand, among them what names no taxon
        more = [c for c in rest if nests(chain[0], c) and c.word != "clade"]
    may_be = [c for c in more if c not in chain and not is_finer(c, chain[-1]) and _may_be_rank(c, chain)]
    finer = _finer([*rest, *filter(_names_all_the_same, columns)], chain)
    wider = [_with(chain, may_be), *([*chain, column] for column in finer), _with(chain, [*may_be, *finer])]
    found = dict.fromkeys([tuple(chain), *map(tuple, wider)])
    found |= dict.fromkeys(one[:-1] for one in found if len(one) > 2 and names_rows(one))
    return [Chain(one, Grade.PLAIN) for one in found]


def _is_level(column: Column, base: Sequence[Column]) -> bool:
    """Whether a column of a known name is no name of the classes: a category may be both."""
    if not words.is_name(column.word):
        return True
    ranks = sum(words.rank_of(c.word) is not None for c in base)
    above = nests(base[-1], column) and not same_groups(base[-1], column)
    return column.word in words.GROUP and ranks < _RANKS_ENOUGH and above


def _finer(columns: Iterable[Column], chain: Sequence[Column]) -> list[Column]:
    """The columns below the leaf of a chain that may hold the classes."""
    found = dict.fromkeys(c for c in columns if c not in chain and is_finer(c, chain[-1]))
    return [column for column in found if may_be_class(column, chain)]


def _names_all_the_same(column: Column) -> bool:
    """Whether a column that is no level elsewhere may hold classes where nothing else does."""
    unique = column.word in ("language", "habitat") and column.is_unique
    return words.is_vernacular(column.word) or unique or numbers_classes(column)


# -- columns whose names are known -----------------------------------------------------------------


def _of_ranks(candidates: Sequence[Column]) -> list[Column]:
    """Ranks of living things, top to leaf, where two or more are filled."""
    known: dict[str, Column] = {}
    for column in sorted(candidates, key=lambda c: (c.word not in words.RANKS, c.number)):
        rank = words.rank_of(column.word)
        if rank is not None and column.filled:
            known.setdefault(rank, column)  # species before specific_epithet
    ordered = sorted(known.items(), key=lambda pair: words.RANKS.index(pair[0]))
    return [column for _, column in ordered] if len(ordered) > 1 else []


def _of_labels(columns: Sequence[Column]) -> list[Chain]:
    """Ranks with a column of labels below them; beside it the ranks alone, where these lose no class."""
    for label in labels_of(columns):
        ranks = _of_ranks(candidates_of([column for column in columns if column is not label]))
        if is_label(label, ranks) and _as_the_cells_say(ranks) == [ranks]:
            chains = [Chain((*ranks, label), Grade.PLAIN), Chain(tuple(ranks), Grade.PLAIN)]
            return chains[:1] if is_needed(label, ranks) else chains
    return []


def _of_grandparents(columns: Sequence[Column]) -> list[Chain]:
    """A class, its parent and the parent of that, where these are groups in columns of their own."""
    above = [c for c in columns if re.fullmatch(r"(great_?|grand_?)+parent(_name)?", c.word)]
    parent = next((c for c in columns if c.word in ("parent", "parent_name") and above), None)
    named = [c for c in candidates_of(columns) if c not in above and parent and nests(c, parent)]
    if parent is None or not named:
        return []
    above.sort(key=lambda column: -column.word.count("grand") - column.word.count("great"))
    named.sort(key=lambda c: words.is_name(c.word) or (50 if c.word in words.CLASS else 99))
    return [Chain((*above, parent, named[0]), Grade.PLAIN)]


def _numbered(candidates: Sequence[Column]) -> list[Column]:
    """level_1, level_2, ...: the most columns of one stem, in the order of their numbers."""
    stems: dict[str, list[tuple[int, Column]]] = {}
    for column in candidates:
        number = words.number_of(column.word)
        if number is not None and column.filled:
            stems.setdefault(number[0], []).append((number[1], column))
    chains = []
    for stem, found in stems.items():
        chain = [column for _, column in sorted(found, key=lambda pair: pair[0])]
        # Of a stem that is no level's (answer_1, answer_2) the cells have to say that they nest.
        level = words.is_level_stem(stem) or all(nests(low, high) for high, low in pairwise(chain))
        if len(chain) > 1 and level and not words.is_beside(stem):
            chains.append(chain)
    return max(chains, key=len, default=[])


def _as_the_cells_say(ordered: list[Column]) -> list[list[Column]]:
    """The columns as their names order them; where the cells say the contrary, as these do.

    Where only some say so, the columns without those that do are another chain. Species and what is
    below may stand under several genera: epithets do.
    """
    turned = {low for high, low in pairwise(ordered) if _is_turned(high, low)}
    if not turned:
        return [ordered]
    nested = by_cells(ordered)
    first = [high for high, low in pairwise(ordered) if low in turned]
    without = [[c for c in ordered if c not in left] for left in (turned, first)]
    kept = [one for one in without if len(one) > 1 and not any(_is_turned(*pair) for pair in pairwise(one))]
    return [nested, *kept[-1:]] if len(nested) > 1 else kept[-1:]


def _as_named(chains: Sequence[list[Column]]) -> list[list[Column]]:
    """The chains in the order that the names of their columns say, where the cells say another one."""
    named = [sorted(chain, key=cmp_to_key(_named_above)) for chain in chains if _is_against_names(chain)]
    return [one for i, one in enumerate(named) if one not in chains and one not in named[:i]]


def _named_above(one: Column, other: Column) -> int:
    above = words.stands_above(one.word, other.word)
    return 0 if above is None else (-1 if above else 1)


def _is_against_names(chain: Sequence[Column]) -> bool:
    """Whether two columns stand as their names do not; families of classes may be of another field."""
    return any(
        words.stands_above(low.word, high.word) and not _is_other_field(high, low)
        for high, low in combinations(chain, 2)
    )


def _is_other_field(high: Column, low: Column) -> bool:
    """Whether columns called as ranks of living things, in the order of the file, are no such ranks."""
    ranks = words.rank_of(high.word), words.rank_of(low.word)
    written = high.number < low.number and not words.is_sure_order(high.word, low.word)
    return None not in ranks and written


def _is_turned(high: Column, low: Column) -> bool:
    if (words.rank_number(low.word) or 0) >= words.RANKS.index("species"):
        return False
    fewer = len(low.counts) < len(high.counts)
    return fewer and determines(high, low) >= _NESTS and determines(low, high) < _TURNED


def _of_pair(candidates: Sequence[Column]) -> list[Chain]:
    """A class and its group, by their names alone: a class that stands in two groups is a fault."""
    if len(candidates) != 2:
        return []
    pairs = [(a, b) for a in candidates for b in candidates if a is not b]
    found = [(a, b) for a, b in pairs if a.word in words.GROUP and b.word in words.CLASS]
    return [Chain(found[0], Grade.PLAIN)] if len(found) == 1 else []


def _of_numbers(columns: Sequence[Column], candidates: Sequence[Column]) -> list[Chain]:
    """A group and the numbers of its classes, where nothing else names these: rows may be numbered too."""
    groups = [column for column in candidates if not column.is_unique]
    found = [column for column in columns if numbers_classes(column)]
    if len(candidates) != 1 or len(groups) != 1 or not found:
        return []
    return [Chain((groups[0], found[0]), Grade.CELLS)]


def _of_places(columns: Sequence[Column], candidates: Sequence[Column]) -> list[Chain]:
    """Continent, country, city, where nothing else is called like a class."""
    others = [c.word for c in candidates if c.word not in words.PLACES and not words.is_text(c.word)]
    if any(words.is_name(word) or words.is_hierarchy(word) for word in others):
        return []
    places = [c for c in columns if c.word in words.PLACES and c.names_nodes]
    places.sort(key=lambda c: words.PLACES.index(c.word))
    chain = by_cells(places)
    if len(chain) < 2:
        return []
    found = [
        *_orders(chain),
        *longer(places, chain),
        *([*chain, column] for column in _finer(candidates, chain)),
    ]
    return [Chain(tuple(one), Grade.PLAIN) for one in found]


# -- by what determines what -----------------------------------------------------------------------


def _orders(chain: list[Column]) -> list[list[Column]]:
    """The chain; where two columns have the same groups and no sure order, beside it the other one."""
    for i, (high, low) in enumerate(pairwise(chain)):
        if same_groups(high, low) and _is_open(high, low, last=i == len(chain) - 2):
            swapped = [*chain[:i], low, high, *chain[i + 2 :]]
            if high.is_serial or low.is_serial:
                return [swapped if high.is_serial and not low.is_serial else chain]
            return [chain, swapped]
    return [chain]


def _is_open(high: Column, low: Column, *, last: bool) -> bool:
    """Whether the names of two columns say no order, or, in words of any field, another than the file."""
    pair = high.word, low.word
    if words.stands_above(*pair) is None:
        return True
    sure = words.is_of_one_field(*pair) or words.is_sure_order(*pair)
    return not (last or sure) and low.number < high.number


def _fits(column: Column, chain: Sequence[Column]) -> bool:
    return all(nests(column, other) or nests(other, column) for other in chain)


def _with(chain: Sequence[Column], more: Sequence[Column]) -> list[Column]:
    """The chain with each column that nests with all that are in it, at its place."""
    wider = list(chain)
    for column in more:
        if not _fits(column, wider):
            continue
        place = next((i for i, other in enumerate(wider) if _above(column, other)), len(wider))
        if not _are_numbered(wider[max(place - 1, 0) : place + 1]):
            wider.insert(place, column)
    return wider


def _are_numbered(columns: Sequence[Column]) -> bool:
    """Whether two columns are levels of one stem, between which no other stands: level_1, level_2."""
    stems = [number[0] for column in columns if (number := words.number_of(column.word))]
    return len(stems) == 2 and stems[0] == stems[1]


def _above(column: Column, other: Column) -> bool:
    """Whether a column stands above another; of two with the same groups the one that is written first."""
    if same_groups(column, other):
        return compared(column, other) < 0
    return nests(other, column)


def _with_names(chain: list[Column], rest: Sequence[Column]) -> list[Column]:
    """The chain with the column of names that is finer than all of it, where there is one."""
    named = [c for c in rest if c not in chain and is_finer(c, chain[-1]) and is_class_below(c, chain)]
    best = min(named, key=lambda c: words.is_name(c.word) or 99, default=None)
    return [*chain, best] if best is not None else chain


def _may_be_rank(column: Column, chain: Sequence[Column]) -> bool:
    """Whether a column of an unknown name may be a rank: it nests, and is no second name of a class."""
    leaf = chain[-1]
    if column.is_unique and not leaf.is_unique:
        return False  # it tells rows apart, not classes
    if column.is_number and words.rank_of(leaf.word) and not leaf.is_number:
        return False  # no taxon is called by a number
    if column.counts.keys() <= {"0", "1"}:
        return False  # it says of a class whether, not what
    # Beside species a column of names has other names for them; beside families it has what is below.
    rank = words.rank_number(leaf.word)
    last = rank is None or rank >= words.RANKS.index("species") or words.is_text(column.word)
    second = bool(words.is_name(column.word)) and last and same_groups(column, leaf)
    return not second and _fits(column, chain)


def _of_cells(columns: Sequence[Column]) -> list[Chain]:
    """Where names say nothing: all columns that nest, sure where chance would not make them."""
    candidates = [column for column in columns if _is_candidate(column, named=False)]
    # A status or a colour may be a group after all; a count or a score is none.
    candidates = [c for c in candidates if not (c.is_number and words.is_beside(c.word))]
    known = [column for column in candidates if _is_candidate(column)]
    if all(words.is_nameless(column.word) for column in known):
        candidates = known or candidates
    chain = by_cells(candidates)
    if len(chain) < 2:
        return [Chain(tuple(one), Grade.CELLS, repeats=True) for one in longer(candidates, chain)]
    orders = _orders(chain)
    chain = orders[0]
    leaf = chain[-1]
    links = list(pairwise(chain))
    sure = all(bits_of_nesting(low, high, leaf) >= _SURE_BITS for high, low in links[:-1])
    left = [c for c in candidates if c not in chain and not c.is_number]  # numbers beside are counts
    sure = sure and len(links) > 1 and not left and all(map(_is_candidate, chain))
    two = len(columns) == 2 and all(map(_is_candidate, chain)) and not chain[0].is_unique
    called = all(words.stands_above(high.word, low.word) for high, low in links)
    twice = [low for high, low in links if same_groups(high, low)]
    nameless = all(words.is_nameless(column.word) for column in chain) and not twice
    grade = Grade.PLAIN if sure or two or called or nameless else Grade.CELLS
    # One of two columns with the same groups may be another name of it: a code, a translation.
    once = [[column for column in chain if column is not second] for second in twice]
    others = [*longest(candidates)[1:], *longer(candidates, chain)]
    found = [*orders, *others, *(one for one in once if len(one) > 1)]
    unsure = not (called or nameless)
    found += [one[:-1] for one in found if len(one) > 2 and tells_rows(one[-1], unsure=unsure)]
    if grade is Grade.CELLS and (tops := [c for c in columns if _is_top(c)]):
        found.insert(0, [*tops, *chain])
    return [Chain(tuple(one), grade) for one in found]


def _is_top(column: Column) -> bool:
    """Whether a column without a name has one name in all rows: the top of the tree, or a remark."""
    alone = column.is_constant and column.filled == len(column.cells)
    return alone and words.is_nameless(column.word) and column.kind == "name"
