"""Names below names: mappings whose keys are names, lists of names, to any depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.image_folders import SPLITS
from taxoloss.sources.formats.json_values import Place, is_empty, is_float, is_number, line_of, text_of
from taxoloss.sources.formats.json_words import CHILD_IDS, CHILD_LISTS, bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["are_splits", "nested_readings", "why_not_nested"]


def nested_readings(value: Value, place: Place) -> list[Reading]:
    """The reading of a value as names below names; none where something in it is no name."""
    if why_not_nested(value, place):
        return []
    seen = _walked(value, place)
    return [
        Reading(
            "nested",
            f"names below names, {counted(seen.names, 'name')}{place.said}",
            Grade.CELLS if seen.numbers else Grade.PLAIN,
            partial(_found, value, place),
            "--kind nested",
        )
    ]


def why_not_nested(value: Value, place: Place) -> str:
    """What stands in a value that is no name, in words; "" where nothing does."""
    if isinstance(value, ScalarValue) or is_empty(value):
        return "it holds no names"
    if are_splits(value):
        return "it holds the parts of a data set"
    return _walked(value, place).why


@dataclass
class _Walked:
    names: int = 0
    numbers: int = 0
    why: str = ""
    asked: bool = False  # that numbers in lists are names


def _walked(value: Value, place: Place) -> _Walked:
    """Walks down with a stack until something is no name."""
    seen, stack = _Walked(asked=place.options.kind == "nested"), [value]
    while stack and not seen.why:
        here = stack.pop()
        if isinstance(here, MappingValue):
            seen.why = _odd_mapping(here, seen)
            stack += [below for _, below in here.pairs if not isinstance(below, ScalarValue)]
        elif isinstance(here, ListValue):
            seen.why = _odd_list(here, seen)
            stack += [item for item in here.items if isinstance(item, MappingValue)]
    return seen


def _odd_mapping(value: MappingValue, seen: _Walked) -> str:
    seen.names += len(value.pairs)
    lists = all(isinstance(below, ListValue) for _, below in value.pairs)
    if value.pairs and lists and all(key.text.isdecimal() for key, _ in value.pairs):
        return "its lists stand below numbers, not names"
    for key, below in value.pairs:
        if isinstance(below, ScalarValue) and not is_empty(below):
            if not is_number(below):
                return f"`{key.text[:40]}` in line {line_of(key)} holds a text, where names would be a list"
            seen.numbers += 1
    if any(
        _lists_children(key.text) and isinstance(below, ListValue) and not below.items
        for key, below in value.pairs
    ):
        return "its lists of children are empty"
    inner = [below for _, below in value.pairs if isinstance(below, MappingValue)]
    return "the same keys hold numbers again and again" if _are_facts(inner) else ""


def _lists_children(key: str) -> bool:
    return bare(key) in CHILD_LISTS or bare(key) in CHILD_IDS


def _odd_list(value: ListValue, seen: _Walked) -> str:
    if value.items and all(map(is_number, value.items)) and not seen.asked:
        return f"a list in line {line_of(value)} holds numbers: --kind nested takes whole ones as names"
    for item in value.items:
        if isinstance(item, ListValue):
            return f"a list in line {line_of(item)} stands in a list"
        if isinstance(item, ScalarValue) and (item.is_null or is_float(item)):
            return f"a list in line {line_of(value)} holds numbers"
        if isinstance(item, MappingValue) and len(item.pairs) != 1 and _has_numbers(item):
            return f"a list in line {line_of(value)} holds records"
        seen.names += isinstance(item, ScalarValue)
    return ""


def _has_numbers(value: MappingValue) -> bool:
    return not value.pairs or any(is_number(below) for _, below in value.pairs)


def _are_facts(siblings: list[MappingValue]) -> bool:
    """Whether siblings hold numbers below the same keys: counts and ids, not names."""
    if len(siblings) < 2:
        return False
    numbers = [{key.text for key, below in one.pairs if is_number(below)} for one in siblings]
    counts = Counter(key for keys in numbers for key in keys)
    again = sum(count for count in counts.values() if count > 1)
    return 2 * again > sum(counts.values())


def are_splits(value: Value) -> bool:
    """Whether the keys are those of the parts of a data set: train, val, test."""
    if not isinstance(value, MappingValue) or len(value.pairs) < 2:
        return False
    return all(key.text.casefold() in SPLITS for key, _ in value.pairs)


# -- the tree --------------------------------------------------------------------------------------


def _found(value: Value, place: Place) -> Found:
    """A node's key is its place in the file."""
    nodes = SourceGraph(place.file, place.options)
    stack: list[tuple[Value, str | None]] = [(value, None)]
    numbers = 0
    while stack:
        here, parent = stack.pop()
        for name, below, line in _children(here):
            key = f"{len(nodes.nodes)}"
            nodes.add(key, name, line=line)
            if parent is not None:
                nodes.link(key, parent)
            if isinstance(below, (MappingValue, ListValue)):
                stack.append((below, key))
            numbers += isinstance(below, ScalarValue) and not is_empty(below)
    if numbers:
        nodes.notes.append(f"the numbers of {counted(numbers, 'name')} are left out: they are leaves")
    taxonomy = nodes.taxonomy()
    return Found(taxonomy, "nested", counted(len(nodes.nodes), "node"), tuple(nodes.notes))


def _children(value: Value) -> Iterator[tuple[str, Value | None, int | None]]:
    """Name, what is below it, and line of each name that a value holds."""
    if isinstance(value, MappingValue):
        yield from ((key.text, below, line_of(key)) for key, below in value.pairs)
    for item in value.items if isinstance(value, ListValue) else ():
        if isinstance(item, MappingValue):
            yield from _children(item)
        else:
            yield text_of(item) or "", None, line_of(item)
