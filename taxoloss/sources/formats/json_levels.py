"""Records in records whose keys are those of their level: {"order": ..., "families": [{"family": ...}]}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, listed
from taxoloss.sources.formats.json_lists import names_reading
from taxoloss.sources.formats.json_named import facts_of
from taxoloss.sources.formats.json_titles import CALLED
from taxoloss.sources.formats.json_values import (
    Place,
    first_key,
    holds_names,
    is_text,
    line_of,
    repeated,
    text_of,
)
from taxoloss.sources.formats.json_words import (
    CHILD_IDS,
    CHILD_LISTS,
    MEMBERS,
    NEVER,
    PLAIN,
    RANKS,
    SAMPLES,
    bare,
)
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_levels"]

#: Keys of lists of names that are surely classes below the record that holds them.
_SURE = (
    CHILD_LISTS
    | MEMBERS
    | frozenset(RANKS)
    | frozenset(["kingdoms", "phyla", "orders", "families", "genera"])
)

#: Keys of texts that are no names.
_TOLD = (PLAIN | NEVER | CHILD_IDS) - frozenset(RANKS)

_Node = tuple[
    Value, int | None, str | None
]  # with the number of the one above, and the key it stands below


@dataclass
class _Levels:
    """What was found level by level: nodes, each with the number of the one above it; what is not plain."""

    nodes: list[tuple[str, int | None, Value]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # the key of the names of each level
    downs: list[str] = field(default_factory=list)  # the keys that lead down from each level
    unused: dict[str, None] = field(default_factory=dict)
    why: str = ""
    doubted: str = ""  # a key of lists of texts that may be classes, or tell of the record


def look_at_levels(
    records: Sequence[MappingValue], keys: Sequence[str | None], what: str, place: Place
) -> Look | None:
    """The look at records that hold others, or names; None where they hold none.

    The look has no reading where it is not plain what stands below what.
    """
    held = {bare(key.text) for one in records for key, below in one.pairs}
    if held & SAMPLES or not any(holds_names(k.text, v) for one in records for k, v in one.pairs):
        return None
    found = _walked(records, keys, place)
    if not found.why and _are_references(found):
        found.why = f"which name each other in {listed(found.downs)}"
    if found.why or (found.doubted and len(found.names) > 2):
        why = found.why or f"which hold texts in {quoted(found.doubted)}, classes or not"
        return Look(f"{what}, {why}", needs=_NEEDS)
    how = f"{_written(found)}, {counted(len(found.nodes), 'node')}{place.said}"
    grade = Grade.CELLS if found.doubted else Grade.PLAIN
    make = partial(_found, found, how, place)
    unused = tuple(key for key in found.unused if key not in found.downs)
    nested = Reading("nested", how, grade, make, "--kind nested", unused=unused)
    if not found.doubted:
        return Look(what, [nested], needs=_NEEDS)
    tops = [
        ScalarValue(name, getattr(node, "mark", None)) for name, above, node in found.nodes if above is None
    ]
    flat = names_reading(tops, place, f"{quoted(found.names[0] or 'the key')} of each record")
    return Look(what, [nested, replace(flat, unused=(*unused, found.doubted))], needs=_NEEDS)


_NEEDS = 'the names in a key `name`, what is below in `children`: {"name": ..., "children": [...]}'


def _written(found: _Levels) -> str:
    return " > ".join(name for name in found.names if name) or "names"


def _found(levels: _Levels, how: str, place: Place) -> Found:
    """A node's key is its number."""
    nodes = SourceGraph(place.file, place.options)
    for number, (name, above, node) in enumerate(levels.nodes):
        nodes.add(f"{number}", name, line=line_of(node), **facts_of(node))  # type: ignore[arg-type]
        if above is not None:
            nodes.link(f"{number}", f"{above}")
    return Found(nodes.taxonomy(), "nested", how, tuple(nodes.notes))


# -- level by level --------------------------------------------------------------------------------


def _walked(records: Sequence[MappingValue], keys: Sequence[str | None], place: Place) -> _Levels:
    """Walks down a level at a time: what stands at one depth is written alike."""
    found = _Levels()
    level: list[_Node] = [(one, None, key) for one, key in zip(records, keys, strict=True)]
    above = place.keys[-1] if place.keys else ""
    while level and not found.why:
        mappings = [one for one, _, _ in level if isinstance(one, MappingValue)]
        keyed = all(key is not None for _, _, key in level)
        name = "" if keyed or not mappings else _name_key(mappings, above)
        if name is None:
            where = f"in {quoted(above)}" if above else "first"
            found.why = f"and it is not plain what those are called that stand {where}"
            break
        found.names.append(name or above)
        down = _down(mappings, found)
        level = [pair for one in level for pair in _added(one, name, down, found)]
        above = next(iter(down), "")
    return found


def _added(one: _Node, name: str, down: Sequence[str], found: _Levels) -> list[_Node]:
    """Adds a node, called by its key where its level has those; what stands below it."""
    value, above, key = one
    called = text_of(value.get(name)) if name and isinstance(value, MappingValue) else text_of(value)
    found.nodes.append(((key if not name and key is not None else called) or "", above, value))
    if isinstance(value, MappingValue):
        found.unused.update(dict.fromkeys(other.text for other, _ in value.pairs if other.text != name))
    number = len(found.nodes) - 1
    return [(item, number, None) for item in _items(value, down)]


def _are_references(found: _Levels) -> bool:
    """Whether what stands below a record is written elsewhere too."""
    tops = {name: number for number, (name, above, _) in enumerate(found.nodes) if above is None}
    below = ((name, above) for name, above, _ in found.nodes if above is not None)
    again = repeated(node for _, _, node in found.nodes if isinstance(node, MappingValue))
    return again or any(tops.get(name, above) != above for name, above in below)


def _items(value: Value, down: Sequence[str]) -> list[Value]:
    """What stands below a record."""
    if not isinstance(value, MappingValue):
        return []
    lists = [below for key, below in value.pairs if key.text in down and isinstance(below, ListValue)]
    return [item for below in lists for item in below.items]


def _down(records: Sequence[MappingValue], found: _Levels) -> list[str]:
    """The key that leads down from the records of a level; several where all say so, and none holds two."""
    held = [
        [(key.text, below) for key, below in one.pairs if holds_names(key.text, below)] for one in records
    ]
    down = list(dict.fromkeys(key for pairs in held for key, _ in pairs))
    known = all(bare(key) in CHILD_LISTS for key in down)
    if len(down) > 1 and (not known or any(len(pairs) > 1 for pairs in held)):
        found.why = f"which hold more than one thing below them: in {listed(down)}"
    mapped = next((key for pairs in held for key, below in pairs if isinstance(below, MappingValue)), None)
    if mapped is not None:
        found.why = f"which hold mappings in {quoted(mapped)}, where lists would be"
    odd = next((key for pairs in held for key, below in pairs if not _are_nodes(below)), None)
    if odd is not None and not found.why:
        found.why = f"which hold what is no name in {quoted(odd)}"
    texts = [key for pairs in held for key, below in pairs if not _has_records(below)]
    found.doubted = next((key for key in texts if bare(key) not in _SURE), found.doubted)
    found.downs += down
    return down


def _are_nodes(value: Value) -> bool:
    items = value.items if isinstance(value, ListValue) else [value]
    return all(is_text(item) or (isinstance(item, MappingValue) and bool(item.pairs)) for item in items)


def _has_records(value: Value) -> bool:
    return isinstance(value, ListValue) and any(isinstance(item, MappingValue) for item in value.items)


def _name_key(records: Sequence[MappingValue], above: str) -> str | None:
    """What the records of one level are called by: a key called so, the only text, or that of the level."""
    keys = [key.text for key, below in records[0].pairs if is_text(below)]
    keys = [key for key in keys if all((v := one.get(key)) is not None and is_text(v) for one in records)]
    if (called := first_key(keys, CALLED)) is not None:
        return called
    others = [key for key in keys if bare(key) not in _TOLD]
    level = [key for key in others if _is_one_of(bare(key), bare(above))]
    best = level or [key for key in others if bare(key) in RANKS] or others
    return best[0] if len(best) == 1 else None


def _is_one_of(word: str, words: str) -> bool:
    """Whether a word is that of the others in the singular: family of families."""
    return len(word) > 2 and words.startswith(word[:-1])
