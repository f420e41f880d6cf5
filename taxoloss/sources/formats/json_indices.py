"""Numbers that stand for names of a list beside them: {"names": [...], "groups": {"animal": [0, 1]}}."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_titles import CALLED
from taxoloss.sources.formats.json_values import (
    Place,
    first_key,
    is_numbered,
    is_text,
    line_of,
    said,
    text_of,
)
from taxoloss.sources.formats.json_words import IDS, MEMBERS, PARENTS, bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.rows import Rows
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_indices"]

_Names = Mapping[str, ScalarValue]  # names by their number
_Groups = Sequence[tuple[ScalarValue, Sequence[ScalarValue]]]


def look_at_indices(value: MappingValue, place: Place) -> Look | None:
    """The look at names beside numbers of theirs; None where no numbers stand for names.

    It has no reading where the numbers are not those of the names, each as often as it must be.
    """
    lists = {key.text: names for key, below in value.pairs if (names := _names(below))}
    for key, below in value.pairs if lists else ():
        if (paired := _look_at_pairs(key.text, below, lists, value, place)) is not None:
            return paired
        parents = _numbers(below, nulls=True) if bare(key.text) in PARENTS else None
        if parents is not None:
            return _look_at_parents(key.text, parents, lists, value, place)
        groups = _groups(below)
        if groups and _may_point(groups, lists):
            return _look_at_groups(key.text, groups, lists, value, place)
    return None


# -- names and numbers -----------------------------------------------------------------------------


def _names(value: Value) -> _Names:
    """Names by number: those of a list from 0, of a mapping of numbers, or of records with such ids."""
    if isinstance(value, MappingValue):
        pairs = value.pairs if is_numbered(value) else []
        return {
            key.text: below for key, below in pairs if isinstance(below, ScalarValue) and is_text(below)
        }
    items = value.items if isinstance(value, ListValue) else []
    texts = [item for item in items if isinstance(item, ScalarValue) and is_text(item)]
    if items and len(texts) == len(items):
        return {f"{number}": text for number, text in enumerate(texts)}
    return _names_of_records([item for item in items if isinstance(item, MappingValue)])


def _names_of_records(records: Sequence[MappingValue]) -> _Names:
    keys = {key.text for key, _ in records[0].pairs} if records else set()
    name, number = first_key(keys, CALLED), first_key(keys, IDS)
    if name is None or number is None or name == number:
        return {}
    pairs = [(text_of(one.get(number)) or "", one.get(name)) for one in records]
    return {id: text for id, text in pairs if id.isdecimal() and isinstance(text, ScalarValue)}


def _numbers(value: Value | None, *, nulls: bool = False) -> list[ScalarValue] | None:
    """The whole numbers of a list, or null and -1 where these are meant too; None where it holds others."""
    items = value.items if isinstance(value, ListValue) else []
    found = [item for item in items if isinstance(item, ScalarValue)]
    none = {"-1", "null", ""} if nulls else set()
    if not items or len(found) < len(items):
        return None
    return found if all(item.text.isdecimal() or item.text in none for item in found) else None


def _groups(value: Value) -> _Groups:
    """Groups with lists of numbers: below names, in records, or nameless; () where it holds others."""
    if isinstance(value, MappingValue):
        pairs = [(key, _numbers(below)) for key, below in value.pairs]
    else:
        items = value.items if isinstance(value, ListValue) else []
        pairs = [_group(item) for item in items]
    full = [(key, numbers) for key, numbers in pairs if numbers and not key.text.isdecimal()]
    return full if len(full) == len(pairs) else ()


def _group(record: Value) -> tuple[ScalarValue, list[ScalarValue] | None]:
    """{"name": "animal", "classes": [0, 1]}; [0, 1] without a name."""
    if not isinstance(record, MappingValue):
        return ScalarValue(""), _numbers(record)
    name = first_key([key.text for key, _ in record.pairs], CALLED)
    called = record.get(name) if name is not None else None
    lists = [_numbers(below) for key, below in record.pairs if bare(key.text) in MEMBERS]
    known = isinstance(called, ScalarValue) and len(lists) == 1
    return (called, lists[0]) if known and isinstance(called, ScalarValue) else (ScalarValue(""), None)


def _may_point(groups: _Groups, lists: Mapping[str, _Names]) -> bool:
    """Whether numbers may be those of names: different ones, not much above those; not colours."""
    numbers = [number.text for _, held in groups for number in held]
    if any(set(names) == set(numbers) for names in lists.values()):
        return len(set(numbers)) == len(numbers)
    most = max(len(names) for names in lists.values())
    small = all(int(number[:9]) <= 2 * most for number in numbers)
    return small and len(set(numbers)) == len(numbers) and all(key.text for key, _ in groups)


# -- the trees -------------------------------------------------------------------------------------


def _look_at_groups(
    at: str, groups: _Groups, lists: Mapping[str, _Names], value: MappingValue, place: Place
) -> Look:
    numbers = {number.text for _, held in groups for number in held}
    fits = [(key, names) for key, names in lists.items() if set(names) == numbers]
    what = said(value) + place.said
    if len(fits) != 1 or not all(key.text for key, _ in groups):
        why = f"whose numbers at {quoted(at)} are not those of all the names at {_keys(lists)}"
        if len(fits) == 1:
            why = f"whose groups of numbers at {quoted(at)} have no names"
        return Look(f"{what}, {why}", needs=_NEEDS)
    key, names = fits[0]
    how = f"numbers at {quoted(at)} are those of names at {quoted(key)}, {counted(len(names), 'name')}"
    unused = tuple(other.text for other, _ in value.pairs if other.text not in (at, key))
    make = partial(_grouped, groups, names, how, place)
    return Look(what, [Reading("bins", how, Grade.PLAIN, make, "--kind bins", unused=unused)])


def _look_at_pairs(
    at: str, below: Value, lists: Mapping[str, _Names], value: MappingValue, place: Place
) -> Look | None:
    """{"fine": ["cat", "dog", "oak"], "coarse": ["animal", "plant"], "fine_to_coarse": [0, 0, 1]}."""
    numbers = _numbers(below) or []
    used = {number.text for number in numbers}
    above = [key for key, names in lists.items() if 1 < len(names) < len(numbers) and set(names) == used]
    classes = [key for key, names in lists.items() if len(names) == len(numbers) and _from_zero(names)]
    if len(above) != 1 or len(classes) != 1:
        return None
    groups, names = lists[above[0]], lists[classes[0]]
    what = said(value) + place.said
    if not _ABOVE.search(bare(at) + bare(above[0])):
        why = f"and it is not plain whether {quoted(at)} holds the groups at {quoted(above[0])}"
        return Look(f"{what}, {why}", needs=_NEEDS)
    how = f"{quoted(at)} holds the number in {quoted(above[0])} of each of {quoted(classes[0])}"
    pairs = zip(numbers, names, strict=True)
    held = [(groups[number.text], [ScalarValue(name)]) for number, name in pairs]
    unused = tuple(key.text for key, _ in value.pairs if key.text not in (at, above[0], classes[0]))
    make = partial(_grouped, held, names, how, place)
    return Look(what, [Reading("bins", how, Grade.PLAIN, make, "--kind bins", unused=unused)])


#: Words in keys of groups, or of the numbers of groups.
_ABOVE = re.compile("super|coarse|group|parent|bins?$")


def _from_zero(names: _Names) -> bool:
    return list(names) == [f"{number}" for number in range(len(names))]


def _grouped(groups: _Groups, names: _Names, how: str, place: Place) -> Found:
    rows = Rows(place.file, place.options)
    for group, held in groups:
        for number in held:
            rows.add([group.text, names[number.text].text], line_of(number) or 1)
    return Found(rows.taxonomy(), "bins", how, tuple(rows.notes))


def _look_at_parents(
    at: str, parents: Sequence[ScalarValue], lists: Mapping[str, _Names], value: MappingValue, place: Place
) -> Look:
    what = said(value) + place.said
    fits = [
        (key, names) for key, names in lists.items() if len(names) == len(parents) and _from_zero(names)
    ]
    tops = sum(not parent.text.isdecimal() for parent in parents)
    if len(fits) != 1 or not tops or any(p.text.isdecimal() and p.text not in fits[0][1] for p in parents):
        why = f"whose numbers at {quoted(at)} are not those of the names at {_keys(lists)}, -1 for the tops"
        return Look(f"{what}, {why}", needs=_NEEDS)
    key, names = fits[0]
    how = f"{quoted(at)} holds the parent's number of each of {quoted(key)}, {counted(len(names), 'name')}"
    unused = tuple(other.text for other, _ in value.pairs if other.text not in (at, key))
    make = partial(_linked, parents, names, how, place)
    return Look(what, [Reading("edges", how, Grade.PLAIN, make, "--kind edges", unused=unused)])


def _linked(parents: Sequence[ScalarValue], names: _Names, how: str, place: Place) -> Found:
    nodes = SourceGraph(place.file, place.options)
    for number, name in names.items():
        nodes.add(number, name.text, line=line_of(name))
    for number, parent in zip(names, parents, strict=True):
        if parent.text.isdecimal():
            nodes.link(number, parent.text, line_of(parent))
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


def _keys(lists: Mapping[str, _Names]) -> str:
    return " or ".join(map(quoted, lists))


_NEEDS = (
    'numbers from 0 of one list of names, each once: {"names": ["cat", "dog", "oak"], '
    '"groups": {"animal": [0, 1], "plant": [2]}}'
)
