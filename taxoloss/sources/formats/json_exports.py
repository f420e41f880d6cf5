"""Documents of programs whose form is known: Label Studio's and Geti's; GeoJSON, which is no tree."""

from __future__ import annotations

from functools import partial

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_links import pair_readings
from taxoloss.sources.formats.json_values import Place, first_key, line_of, scalars_in, text_of
from taxoloss.sources.formats.json_words import NAMES, bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.rows import Rows
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_export"]


def look_at_export(value: Value, place: Place) -> Look | None:
    """The look at a document of a known program; None where it is none."""
    if isinstance(value, MappingValue):
        return _geojson(value, place) or _label_groups(value, place)
    return _chosen_paths(value, place)


def _geojson(value: MappingValue, place: Place) -> Look | None:
    kind = text_of(value.get("type"))
    features = value.get("features")
    if kind not in ("FeatureCollection", "Feature") or not (features or value.get("geometry")):
        return None
    count = len(features.items) if isinstance(features, ListValue) else 1
    what = f"GeoJSON, a map of {counted(count, 'feature')}{place.said}"
    return Look(what, needs="a table of the properties of its features, with ranks or groups as columns")


# -- Label Studio: what people chose in a taxonomy -------------------------------------------------


def _chosen_paths(value: Value, place: Place) -> Look | None:
    """Tasks in which `taxonomy` holds lists of names from top to leaf."""
    paths: list[tuple[tuple[str, ...], int]] = []
    stack: list[Value] = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, ListValue):
            stack += reversed([item for item in here.items if not isinstance(item, ScalarValue)])
        elif isinstance(here, MappingValue):
            for key, below in reversed(here.pairs):
                found = _paths_in(below) if bare(key.text) == "taxonomy" else None
                paths += found or []
                if not found and not isinstance(below, ScalarValue):
                    stack.append(below)
    if not paths:
        return None
    assert isinstance(value, ListValue)
    what = (
        f"{counted(len(value.items), 'task')} with {counted(len(paths), 'path')} in `taxonomy`{place.said}"
    )
    make = partial(_rows, paths, what, place)
    return Look(what, [Reading("paths", what, Grade.PLAIN, make, "--kind paths")])


def _paths_in(value: Value) -> list[tuple[tuple[str, ...], int]] | None:
    """A list of lists of names."""
    if not isinstance(value, ListValue) or not value.items:
        return None
    lists = [scalars_in(item) for item in value.items]
    if any(not names for names in lists):
        return None
    lines = [line_of(item) or 1 for item in value.items]
    return [(tuple(name.text for name in names or ()), at) for names, at in zip(lists, lines, strict=True)]


def _rows(paths: list[tuple[tuple[str, ...], int]], how: str, place: Place) -> Found:
    unique = dict(paths)  # each path once: people choose the same again and again
    rows = Rows(place.file, place.options, rows=list(unique), lines=list(unique.values()))
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


# -- Geti: groups of labels, and a tree of pairs ---------------------------------------------------


def _label_groups(value: MappingValue, place: Place) -> Look | None:
    """`label_groups` with their labels, and `label_tree` with the pairs that stand above each other."""
    known = {bare(key.text): below for key, below in reversed(value.pairs)}
    tree, groups, labels = (known.get(word) for word in ("labeltree", "labelgroups", "labels"))
    pairs = tree.get("edges") if isinstance(tree, MappingValue) else tree
    members = _members(groups) if isinstance(groups, ListValue) else None
    if isinstance(pairs, ListValue) and pairs.items:
        names = dict.fromkeys(label for _, listed, _ in members or () for label in listed)
        names_of = {**{name: name for name in names}, **_label_names(labels)}
        if readings := pair_readings(pairs, place, names_of):
            return Look(f"a tree of labels with {counted(len(pairs.items), 'pair')}{place.said}", readings)
    if not members or _have_parents(labels):
        return None
    what = f"{counted(len(members), 'group')} of labels{place.said}"
    make = partial(_grouped, members, what, place)
    return Look(what, [Reading("nested", what, Grade.PLAIN, make, "--kind nested")])


def _mappings(value: Value | None) -> list[MappingValue]:
    return (
        [one for one in value.items if isinstance(one, MappingValue)]
        if isinstance(value, ListValue)
        else []
    )


def _label_names(value: Value | None) -> dict[str, str]:
    """From the id of a label to its name."""
    pairs = (
        (text_of(one.get("id")) or text_of(one.get("name")), text_of(one.get("name")))
        for one in _mappings(value)
    )
    return {key: name for key, name in pairs if key and name}


def _have_parents(labels: Value | None) -> bool:
    return any(text_of(one.get("parent")) or text_of(one.get("parent_id")) for one in _mappings(labels))


def _members(groups: ListValue) -> list[tuple[str, list[str], int | None]] | None:
    """Name, labels and line of each group; None where some say none."""
    found = []
    for group in groups.items:
        if not isinstance(group, MappingValue):
            return None
        key = first_key([k.text for k, v in group.pairs if text_of(v)], NAMES)
        labels = group.get("labels")
        items = labels.items if isinstance(labels, ListValue) else []
        names = [
            text_of(one.get("name")) if isinstance(one, MappingValue) else text_of(one) for one in items
        ]
        if key is None or not names or None in names:
            return None
        found.append((text_of(group.get(key)) or "", [name or "" for name in names], line_of(group)))
    return found


def _grouped(members: list[tuple[str, list[str], int | None]], how: str, place: Place) -> Found:
    nodes = SourceGraph(place.file, place.options)
    for group, labels, line in members:
        top = str(len(nodes.nodes))
        nodes.add(top, group, line=line)
        for label in labels:
            key = str(len(nodes.nodes))
            nodes.add(key, label, line=line)
            nodes.link(key, top)
    return Found(nodes.taxonomy(), "nested", how, tuple(nodes.notes))
