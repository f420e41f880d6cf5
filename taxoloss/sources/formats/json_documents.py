"""What a JSON or YAML value holds: each shape is asked, and where none fits, what stands below the keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from taxoloss.errors.characters import quoted
from taxoloss.sources.base import Found, listed
from taxoloss.sources.formats.json_columns import look_at_columns
from taxoloss.sources.formats.json_exports import look_at_export
from taxoloss.sources.formats.json_features import look_at_features
from taxoloss.sources.formats.json_grouped import look_at_groups
from taxoloss.sources.formats.json_indices import look_at_indices
from taxoloss.sources.formats.json_levels import look_at_levels
from taxoloss.sources.formats.json_links import look_at_links
from taxoloss.sources.formats.json_lists import look_at_rows, look_at_texts
from taxoloss.sources.formats.json_mappings import look_at_adjacency, look_at_ancestors, look_at_scalars
from taxoloss.sources.formats.json_named import left_out, named_readings
from taxoloss.sources.formats.json_nested import are_splits, nested_readings, why_not_nested
from taxoloss.sources.formats.json_observations import look_at_observations
from taxoloss.sources.formats.json_ontology import look_at_ontology
from taxoloss.sources.formats.json_records import (
    are_ranked,
    look_at_keyed,
    look_at_records,
)
from taxoloss.sources.formats.json_titles import CALLED
from taxoloss.sources.formats.json_values import (
    ONE_LIST,
    Place,
    first_key,
    is_empty,
    is_number,
    is_numbered,
    is_text,
    merged,
    nothing,
    records_in,
    said,
    scalars_in,
    text_of,
)
from taxoloss.sources.formats.json_words import ABOUT, CHILD_LISTS, HOLDERS, NEVER, bare
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_value"]

_DEEPEST = 8
#: The forms that programs write mappings in.
_PROGRAMS = (
    look_at_export,
    look_at_features,
    look_at_observations,
    look_at_ontology,
    look_at_links,
    look_at_indices,
)


def look_at_value(value: Value, place: Place) -> Look:
    """The look at a value: of its own shape, or at what stands below its keys."""
    if isinstance(value, ListValue):
        return _look_at_list(value, place)
    if isinstance(value, MappingValue) and value.pairs:
        return _look_at_mapping(value, place)
    return nothing(value, place)


def _look_at_list(value: ListValue, place: Place) -> Look:
    for look_at in (look_at_export, look_at_observations, look_at_links):
        if (look := look_at(value, place)) is not None:
            return look
    if not value.items:
        return nothing(value, place)
    if (texts := scalars_in(value)) is not None:
        return look_at_texts(texts, place)
    if (rows := look_at_rows(value, place)) is not None:
        return rows
    records = records_in(value)
    if records is not None and place.options.columns is not None:
        return look_at_records(records, value, place)
    if readings := named_readings(value, place):
        return _left_look(value, readings, place) or Look(said(value) + place.said, readings)
    if (single := merged(value)) is not None and not nested_readings(value, place):
        return _look_at_mapping(single, place)
    if records is not None:
        return look_at_records(records, value, place)
    if readings := nested_readings(value, place):
        return Look(said(value) + place.said, readings)
    return nothing(value, place, f", and {why_not_nested(value, place)}")


def _look_at_mapping(value: MappingValue, place: Place) -> Look:
    for look_at in _PROGRAMS:
        if (look := look_at(value, place)) is not None:
            return look
    named = named_readings(value, place)
    if any(reading.grade == Grade.PLAIN for reading in named):
        return _left_look(value, named, place) or Look(said(value) + place.said, named)
    if (groups := look_at_groups(value, place)) is not None and place.options.columns is None:
        return groups
    table = look_at_columns(value, place) or look_at_keyed(value, place)
    if table is not None and not are_splits(value):
        return table
    if not _is_about_data(value):
        if (look := look_at_scalars(value, place)) is not None:
            return look
        nested = nested_readings(value, place)
        if nested:
            doubted = look_at_adjacency(value, place, nested) or look_at_ancestors(value, place, nested)
            return doubted or Look(said(value) + place.said, nested)
        if (lists := _lists_of_nodes(value)) is not None and (found := named_readings(lists, place)):
            return _left_look(lists, found, place) or Look(said(value) + place.said, found)
    held = _look_below(value, place)
    if held is not None and (held.tables or held.readings):
        return replace(held, readings=[*named, *held.readings])
    if named:
        return Look(said(value) + place.said, named)
    why = why_not_nested(value, place) if are_splits(value) or not _is_about_data(value) else ""
    return held or nothing(value, place, f", and {why}" if why else "")


def _left_look(value: Value, named: Sequence[Reading], place: Place) -> Look | None:
    """The look at nodes that hold more names than their children, or are called differently level by level.

    None where they are nodes like others.
    """
    if place.options.kind == "nested":
        return None
    left = left_out(value, named)
    if not left and any(isinstance(reading.made, Found) for reading in named):
        return None
    tops = value.items if isinstance(value, ListValue) else [value]
    records = [item for item in tops if isinstance(item, MappingValue)]
    levels = look_at_levels(records, [None] * len(records), said(value) + place.said, place)
    if levels is not None and levels.readings:
        return levels
    if not left:
        return None
    why = f"whose nodes hold more names in {listed(left)}, below them or not"
    return Look(f"{said(value)}{place.said}, {why}", needs=_CHILDREN)


_CHILDREN = "`children` as the key of what is below each; --kind nested leaves out what is not called so"


def _lists_of_nodes(value: MappingValue) -> ListValue | None:
    """{"cats": [{"name": "Tom"}, ...], "dogs": ["Rex"]} as groups with what is below them."""
    lists = [below for _, below in value.pairs]
    known = any(bare(key.text) in HOLDERS | ABOUT | NEVER | CHILD_LISTS for key, _ in value.pairs)
    records = [one for below in lists for one in records_in(below) or ()]
    name = first_key({key.text for one in records for key, _ in one.pairs}, CALLED)
    if len(lists) < 2 or known or name is None or not all(map(_are_nodes, lists)):
        return None
    if any(text_of(one.get(name)) is None for one in records):
        return None
    called, below = ScalarValue(name), ScalarValue("children")
    return ListValue(
        [
            MappingValue([(called, key), (below, _nodes(held, called))], key.mark)
            for key, held in value.pairs
        ]
    )


def _are_nodes(value: Value) -> bool:
    """Records, names, or nothing."""
    texts = scalars_in(value)
    return is_empty(value) or bool(records_in(value)) or (texts is not None and all(map(is_text, texts)))


def _nodes(value: Value, called: ScalarValue) -> Value:
    """Records, and names as records."""
    texts = scalars_in(value)
    return (
        value if texts is None else ListValue([MappingValue([(called, text)], text.mark) for text in texts])
    )


# -- documents that hold classes below a key -------------------------------------------------------

_PIECES = re.compile(
    r"(?:(?:fine|coarse|sub|super|class|label|category|categories|classes|labels|names?|ids?|idx|index|to|of|map"
    r"|mapping|list|parents?|levels?|groups?|species|genus|family)[_\W]*)+",
    re.IGNORECASE,
)


def _is_about_data(value: MappingValue) -> bool:
    """Whether the keys of a mapping are those of a document, not names of classes."""
    keys = [key.text for key, _ in value.pairs]
    words = [bare(key) for key in keys]
    if len(keys) > 1 and all(
        _PIECES.fullmatch(key) or word in HOLDERS | ABOUT for key, word in zip(keys, words, strict=True)
    ):
        return not all(isinstance(below, ScalarValue) for _, below in value.pairs)
    holds = any(
        word in HOLDERS and isinstance(below, (ListValue, MappingValue))
        for word, (_, below) in zip(words, value.pairs, strict=True)
    )
    known = HOLDERS | ABOUT | NEVER
    return holds and all(
        word in known or is_text(below) for word, (_, below) in zip(words, value.pairs, strict=True)
    )


def _look_below(value: MappingValue, place: Place) -> Look | None:
    """What stands below the keys that hold classes; where none does, below the others."""
    if len(place.keys) >= _DEEPEST:
        return None
    held = [(key.text, below) for key, below in value.pairs if isinstance(below, (ListValue, MappingValue))]
    known = [pair for pair in held if bare(pair[0]) in HOLDERS]
    others = [
        pair for pair in held if bare(pair[0]) not in HOLDERS | ABOUT | NEVER and not scalars_in(pair[1])
    ]
    looks = _full_looks(known, value, place)
    if not all(map(_is_flat, looks)):
        return _joined(looks)
    if looks:
        return _doubted(looks, others, value, place) or _joined(
            # A mapping of groups to the names of a list is the tree, or another thing: both are shown.
            looks + _full_looks([pair for pair in others if _holds_names(pair[1])], value, place)
        )
    found = {key: look for key, below in others for look in _full_looks([(key, below)], value, place)}
    if rest := _rest_of(found, value):
        return Look(f"{said(value)}{place.said}, and {rest}", needs=_ALIKE)
    looks = [*found.values()] or _full_looks([pair for pair in held if _are_ranked(*pair)], value, place)
    return _joined(looks) if looks else _lacking(known, others, place)


def _doubted(
    looks: Sequence[Look], others: Sequence[tuple[str, Value]], value: MappingValue, place: Place
) -> Look | None:
    """No reading, where beside lists of names stand records, or other names by number."""
    if len(alike := _records_beside(others)) > 1:
        why = f"and the records at {listed(alike)} are no part of what can be read"
        return Look(f"{said(value)}{place.said}, {why}", needs=_ALIKE)
    by_number = [key for key, below in others if _holds_names(below) and _are_names_by_number(below)]
    if not by_number:
        return None
    saw = ", and ".join(look.saw for look in looks)
    return Look(f"{saw}, beside names by number at {' and '.join(map(quoted, by_number))}", needs=ONE_LIST)


def _lacking(
    known: Sequence[tuple[str, Value]], others: Sequence[tuple[str, Value]], place: Place
) -> Look | None:
    """What the only value that may hold classes lacks; None where there is none, or several."""
    candidates = [(key, below) for key, below in [*known, *others] if known or records_in(below)]
    if len(candidates) != 1:
        return None
    key, below = candidates[0]
    return look_at_value(below, place.below(key))


def _records_beside(others: Sequence[tuple[str, Value]]) -> list[str]:
    """The keys of records that are alike, each with texts: {"0": {"name": "cat"}, "1": {"name": "dog"}}."""
    records = [(key, below) for key, below in others if isinstance(below, MappingValue) and below.pairs]
    texts = [{key.text for key, held in one.pairs if is_text(held)} for _, one in records]
    return [key for key, _ in records] if texts and set.intersection(*texts) else []


_ALIKE = 'groups that are all written in one way: {"animal": ["cat", "dog"], "plant": ["oak"]}'


def _rest_of(looks: Mapping[str, Look], value: MappingValue) -> str:
    """In words, that a tree can be read below one key alone, though others beside it may be groups too."""
    if not looks:
        return ""
    read = list(looks)
    others = [
        key.text
        for key, below in value.pairs
        if bare(key.text) not in HOLDERS | ABOUT | NEVER and not is_empty(below) and not is_number(below)
    ]
    rest = [key for key in others if key not in read]
    if rest:
        return f"{listed(read)} can be read, but not {listed(rest)} beside it"
    if len(looks) > 1 and not all(_is_flat(look) for look in looks.values()):
        return f"{listed(read)} can be read each alone, but not as one"
    return ""


def _are_names_by_number(value: Value) -> bool:
    pairs = value.pairs if isinstance(value, MappingValue) and is_numbered(value) else []
    return bool(pairs) and all(is_text(below) for _, below in pairs)


def _are_ranked(key: str, value: Value) -> bool:
    """Whether rows with ranks stand below a key that else holds none: {"images": [{"family": ...}]}."""
    return bare(key) in NEVER and are_ranked(records_in(value) or ())


def _holds_names(value: Value) -> bool:
    """Whether a mapping holds texts, or lists of them, and not colours and numbers."""
    if not isinstance(value, MappingValue):
        return False
    items = [item for _, below in value.pairs for item in ([*(scalars_in(below) or ())] or [below])]
    return all(isinstance(item, MappingValue) or (is_text(item) and not is_number(item)) for item in items)


def _full_looks(pairs: Sequence[tuple[str, Value]], value: MappingValue, place: Place) -> list[Look]:
    """The looks below keys of a document that show something, each with the other keys as not used."""
    keys = [key.text for key, _ in value.pairs]
    looks = [
        _beside(look_at_value(below, place.below(key)), tuple(one for one in keys if one != key))
        for key, below in pairs
    ]
    return [look for look in looks if look.readings or look.tables]


def _beside(look: Look, keys: tuple[str, ...]) -> Look:
    readings = [replace(one, unused=(*one.unused, *keys)) for one in look.readings]
    tables = [replace(one, beside=(*one.beside, *keys)) for one in look.tables]
    return replace(look, readings=readings, tables=tables)


def _is_flat(look: Look) -> bool:
    return not look.tables and all(reading.kind == "names" for reading in look.readings)


def _joined(looks: list[Look]) -> Look:
    """Several looks as one."""
    saw = ", and ".join(look.saw for look in looks)
    readings = [reading for look in looks for reading in look.readings]
    tables = [table for look in looks for table in look.tables]
    if all(map(_is_flat, looks)) and len({_paths_of(reading) for reading in readings}) > 1:
        return Look(saw, needs=ONE_LIST)
    needs = next((look.needs for look in looks if look.needs), "")
    return Look(saw, readings, tables, needs)


def _paths_of(reading: Reading) -> frozenset[tuple[str, ...]]:
    made = reading.made
    return frozenset(made.taxonomy.paths()) if isinstance(made, Found) else frozenset()
