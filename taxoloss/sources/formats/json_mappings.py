"""Mappings of names to texts and numbers: class to group, child to parent, id to label, class to number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_lists import names_reading, paths_reading, sure_mark
from taxoloss.sources.formats.json_values import Place, is_number, line_of, said, scalars_in
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import split_path
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["by_number", "look_at_adjacency", "look_at_ancestors", "look_at_scalars"]

_Pairs = Sequence[tuple[ScalarValue, ScalarValue]]
_Any = TypeVar("_Any", bound=Value)


def look_at_scalars(value: MappingValue, place: Place) -> Look | None:
    """The look at a mapping whose values are all texts or numbers; None where some are not."""
    pairs = [(key, below) for key, below in value.pairs if isinstance(below, ScalarValue)]
    full = [pair for pair in pairs if not pair[1].is_null]
    if len(pairs) < len(value.pairs) or not full:
        return None
    texts = [below.text for _, below in full]
    whole_keys = all(key.text.isdecimal() for key, _ in pairs)
    counts = Counter(texts)
    what = f"a mapping of {counted(len(pairs), 'name')} to {_noun(full)}{place.said}"
    again = len(counts) < len(texts)
    if any(not text for text in texts) and not again:
        return None
    if again or _chained(pairs):
        return Look(what, _group_readings(pairs, place), needs=_NEEDS)
    if whole_keys and not all(is_number(below) for _, below in full):
        return Look(what, _labels(pairs, place), needs=_NEEDS)
    if _are_numbers_of_classes(pairs):
        names = [key for key, _ in sorted(pairs, key=lambda pair: int(pair[1].text))]
        if (mark := sure_mark([name.text for name in names])) is not None:
            return Look(what, [paths_reading(names, place, mark, Grade.PLAIN)])
        return Look(what, [names_reading(names, place, "classes with their numbers")])
    if sure_mark(texts) is not None and not all(is_number(below) for _, below in full):
        return Look(what, [_paths(pairs, place)])
    asked = _group_readings(pairs, place) if place.options.kind in ("bins", "edges") else []
    return Look(f"{what}, none of which stands twice", asked, needs=_NEEDS)


_NEEDS = (
    "classes and their groups, of which some stand twice, children and parents that are keys too, "
    "or class numbers from 0"
)


def _noun(pairs: _Pairs) -> str:
    return "numbers" if all(is_number(below) for _, below in pairs) else "texts"


def _are_numbers_of_classes(pairs: _Pairs) -> bool:
    """Different numbers from 0 or 1 on, with few holes: not counts, and no settings."""
    if not all(below.text.isdecimal() and len(below.text) < 12 for _, below in pairs):
        return False
    numbers = {int(below.text) for _, below in pairs}
    return len(numbers) == len(pairs) > 1 and min(numbers) <= 1 and max(numbers) <= 2 * len(numbers)


def by_number(pairs: Sequence[tuple[ScalarValue, _Any]]) -> list[tuple[ScalarValue, _Any]]:
    """Pairs in the order of their keys, which are whole numbers of any length."""
    return sorted(pairs, key=lambda pair: (len(pair[0].text.lstrip("0")), pair[0].text.lstrip("0")))


def _labels(pairs: _Pairs, place: Place) -> list[Reading]:
    """{"0": "cat"}: labels in the order of their numbers, or paths."""
    labels = [below for _, below in by_number(pairs)]
    if sure_mark([label.text for label in labels]) is not None:
        return [_paths([(label, label) for label in labels], place)]
    return [names_reading(labels, place, "labels in the order of their numbers")]


# -- class to group, child to parent ---------------------------------------------------------------


def _chained(pairs: _Pairs) -> bool:
    """Whether some value is the key of another pair, or null where others are keys."""
    keys = {key.text for key, _ in pairs}
    return any(below.text in keys and below.text != key.text for key, below in pairs)


def _group_readings(pairs: _Pairs, place: Place) -> list[Reading]:
    """As classes and groups, or as children and parents: surely one where the values say so."""
    count = counted(len(pairs), "pair")
    keys = {key.text for key, _ in pairs}
    groups = {below.text for _, below in pairs if not below.is_null}
    empty = any(below.is_null or not below.text for _, below in pairs)
    linked = len({below.text for key, below in pairs if below.text in keys and below.text != key.text})
    numbers = all(is_number(below) for _, below in pairs if not below.is_null)
    sure = linked and not numbers and (2 * linked >= len(groups) or empty or len(groups - keys) == 1)
    edges = Reading(
        "edges",
        f"keys below the values, {count}{place.said}",
        Grade.PLAIN if sure else Grade.CELLS,
        partial(_edges, pairs, place),
        "--kind edges",
    )
    how = f"keys are classes, values their groups, {count}{place.said}"
    plain = Grade.CELLS if linked or numbers or empty else Grade.PLAIN
    bins = Reading("bins", how, plain, partial(_bins, pairs, place), "--kind bins")
    flat = [key for key, _ in pairs]
    names = names_reading(flat, place, "keys are classes, their numbers left out") if numbers else None
    asked = place.options.kind == "edges"
    return [edges] * bool(linked or asked) + [bins] * (not sure) + ([names] if names else [])


def _bins(pairs: _Pairs, place: Place) -> Found:
    """Both ends of a path: the group, where the value is one, and the class."""
    mark = sure_mark([below.text for _, below in pairs if not below.is_null])
    rows = Rows(place.file, place.options, strict=mark is None)
    for key, below in pairs:
        above = split_path(below.text, mark) if mark else [below.text]
        rows.add([*above, key.text], line_of(key) or 1)
    how = f"classes and their groups, {counted(len(pairs), 'pair')}"
    return Found(rows.taxonomy(), "bins", how, tuple(rows.notes))


def _edges(pairs: _Pairs, place: Place) -> Found:
    nodes = SourceGraph(place.file, place.options)
    for key, _ in pairs:
        nodes.add(key.text, line=line_of(key))
    for key, below in pairs:
        if not below.is_null and below.text:
            nodes.link(key.text, below.text, line_of(key))
    how = f"children and their parents, {counted(len(pairs), 'pair')}"
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


def _paths(pairs: _Pairs, place: Place) -> Reading:
    """Values that are paths: of the key, where they do not end at it, they are the groups."""
    mark = sure_mark([below.text for _, below in pairs]) or "/"
    names = [[name.strip() for name in split_path(below.text, mark)] for _, below in pairs]
    how = f"values are paths, split at {quoted(mark)}, {counted(len(pairs), 'path')}{place.said}"
    lines = [line_of(key) or 1 for key, _ in pairs]
    make = partial(_rows_found, names, lines, how, place)
    return Reading("paths", how, Grade.PLAIN, make, "--kind paths")


def _rows_found(names: list[list[str]], lines: list[int], how: str, place: Place) -> Found:
    rows = Rows(place.file, place.options, rows=[tuple(row) for row in names], lines=lines)
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


# -- group to classes, some of which are groups ----------------------------------------------------


def look_at_adjacency(value: MappingValue, place: Place, nested: Sequence[Reading]) -> Look | None:
    """{"Animal": ["Cat", "Dog"], "Cat": ["Bengal"]}: names in lists that are keys too; None without any."""
    lists = [(key, below) for key, below in value.pairs if isinstance(below, ListValue)]
    keys = {key.text for key, _ in value.pairs}
    members = {
        item.text
        for key, below in lists
        for item in below.items
        if isinstance(item, ScalarValue) and item.text != key.text
    }
    linked = len(keys & members)
    texts = all(isinstance(item, ScalarValue) for _, below in lists for item in below.items)
    if not linked or not texts or len(lists) < len(value.pairs):
        return None
    sure = linked >= 2 and linked == len(keys) - 1
    how = f"keys above the names in their lists, {counted(len(keys), 'key')}{place.said}"
    grade = Grade.PLAIN if sure else Grade.CELLS
    edges = Reading("edges", how, grade, partial(_adjacent, lists, how, place), "--kind edges")
    others = [] if sure else [_doubted(reading) for reading in nested]
    return Look(said(value) + place.said, [edges, *others])


def look_at_ancestors(value: MappingValue, place: Place, nested: Sequence[Reading]) -> Look | None:
    """{"cat": ["animal", "mammal"], "dog": ["animal", "mammal"]}: the same names in list after list."""
    pairs = [(key, scalars_in(below)) for key, below in value.pairs]
    members = [item.text for _, items in pairs for item in items or ()]
    if not all(items for _, items in pairs) or 4 * len(set(members)) > 3 * len(members):
        return None
    names = [[*(item.text for item in items or ()), key.text] for key, items in pairs]
    how = f"keys below the names in their lists, {counted(len(names), 'path')}{place.said}"
    make = partial(_rows_found, names, [line_of(key) or 1 for key, _ in pairs], how, place)
    paths = Reading("paths", how, Grade.CELLS, make, "--kind paths")
    return Look(said(value) + place.said, [paths, *map(_doubted, nested)])


def _doubted(reading: Reading) -> Reading:
    return Reading(reading.kind, reading.how, Grade.CELLS, reading.make, reading.option)


def _adjacent(lists: Sequence[tuple[ScalarValue, ListValue]], how: str, place: Place) -> Found:
    nodes = SourceGraph(place.file, place.options)
    for key, below in lists:
        nodes.add(key.text, line=line_of(key))
        for item in below.items:
            if isinstance(item, ScalarValue) and not item.is_null:
                nodes.link(item.text, key.text, line_of(item))
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))
