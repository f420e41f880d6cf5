"""Nodes and links: networkx, d3, vis, cytoscape, and pairs of names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_graphs import (
    Graph,
    by_parents,
    ends_of,
    graph_in,
    id_of,
    inside,
    relations,
    says_up,
)
from taxoloss.sources.formats.json_named import facts_of
from taxoloss.sources.formats.json_titles import titles_of
from taxoloss.sources.formats.json_values import Place, line_of
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_links", "pair_readings"]


@dataclass
class _Links:
    """Links between the keys of nodes, as they are written."""

    keys: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # from the id of a node, where it has one, to its key
    ends: list[tuple[str, str, int | None]] = field(default_factory=list)


def look_at_links(value: Value, place: Place) -> Look | None:
    """The look at nodes and links, also below `graph` or `elements`; None where there are none."""
    graph = graph_in(value)
    if graph is None:
        return None
    if not graph.nodes:
        return Look(f"a graph without nodes{place.said}", needs="nodes, and the links between them")
    saw = f"a graph of {_counts(graph)}{place.said}"
    above = by_parents(graph)
    if above is not None and not graph.links.items:
        return Look(saw, [_reading(above, place, True)])
    if (refused := _why_no_tree(graph, saw, place)) is not None and above is None:
        return refused
    readings = [] if refused else [_reading(graph, place, down) for down in _ways(graph, place)]
    if above is not None:
        how = f"{counted(len(above.links.items), 'node')} below the parents that they name{place.said}"
        make = partial(_found, above, place, True, "edges")
        readings.append(Reading("edges", how, Grade.PLAIN, make, "--kind edges"))
    return Look(saw, readings)


def _counts(graph: Graph) -> str:
    return f"{counted(len(graph.nodes), 'node')} and {counted(len(graph.links.items), 'link')}"


def _reading(graph: Graph, place: Place, down: bool) -> Reading:
    way = "parent to child" if down else "child to parent"
    option = "--kind node-link" if down else "links with the keys `child` and `parent`"
    how = f"{_counts(graph)} from {way}{place.said}"
    return Reading("node-link", how, Grade.PLAIN, partial(_found, graph, place, down), option)


def _why_no_tree(graph: Graph, saw: str, place: Place) -> Look | None:
    """The look at a graph whose links have no direction, or not one meaning; None of others."""
    said = relations(graph.links)
    if len(said) > 1 and says_up(said) is None:
        shown = ", ".join(f"{quoted(text or 'nothing')} ({n:,})" for text, n in said.most_common(6))
        return Look(f"{saw}, whose links mean different things: {shown}", needs="links of one meaning")
    asked = place.options.kind == "node-link" and not graph.paired
    if graph.directed or asked or not graph.links.items:
        return None
    needs = "`directed: true`, and links from parent to child"
    obeyed = "" if graph.paired else "; or --kind node-link, which takes the first end as the parent"
    return Look(f"{saw} without direction: which end is the parent is not said", needs=needs + obeyed)


def _ways(graph: Graph, place: Place) -> list[bool]:
    """Whether links lead down, or up: as they say, or else in the way in which no node has several parents.

    Both where both may be; who asks for node-link means down.
    """
    if (up := says_up(relations(graph.links))) is not None:
        return [not up]
    read = [ends for item in graph.links.items if (ends := ends_of(inside(item))) is not None]
    pairs = {(one, other) for one, other, _ in read}
    if any(fixed for *_, fixed in read) or not pairs:
        return [True]
    ways = [down for down in (True, False) if _single(pairs, 1 if down else 0)]
    return [True] if not ways or (place.options.kind == "node-link" and len(ways) == 2) else ways


# -- the tree --------------------------------------------------------------------------------------


def _found(graph: Graph, place: Place, down: bool, kind: str = "node-link") -> Found:
    nodes = SourceGraph(place.file, place.options, graph.levels)
    found = _Links()
    listed = [(id_of(key, inside(item)), inside(item)) for key, item in graph.nodes]
    by_id = all(own is not None for own, _ in listed)
    cells = [{key.text: below for key, below in _pairs(item)} for _, item in listed]
    titles = titles_of(cells, [own or "" for own, _ in listed], nodes)
    for (own, item), title in zip(listed, titles, strict=True):
        _add_node(own, item, title, by_id, found, nodes)
    _read_ends(graph.links, found, nodes)
    nodes.log.raise_all()
    if not down:
        said = [quoted(text) for text in relations(graph.links)]
        why = f"they say {' and '.join(said)}" if said else "the other way nodes would have several parents"
        nodes.notes.append(f"links lead from child to parent: {why}")
    for one, other, line in found.ends:
        nodes.link(*((other, one) if down else (one, other)), line)
    shown = f"{counted(len(found.keys), 'node')}, {counted(len(found.ends), 'link')}"
    how = f"{shown} from {'parent to child' if down else 'child to parent'}"
    return Found(nodes.taxonomy(), kind, how, tuple(nodes.notes))


def _pairs(item: Value) -> list[tuple[ScalarValue, Value]]:
    return item.pairs if isinstance(item, MappingValue) else []


def _add_node(
    own: str | None, item: Value, title: str | None, by_id: bool, found: _Links, nodes: SourceGraph
) -> None:
    """A node by its id; by its place where some have none, so that two of one title stay two."""
    if own is None and title is None:
        nodes.fault("T116", "a node is neither a text nor a mapping with an id", line_of(item))
        return
    key = own if by_id and own is not None else str(len(found.keys))
    if (own is not None and found.ids.setdefault(own, key) != key) or key in nodes.nodes:
        nodes.fault("T201", f"two nodes have the id {quoted(own or key)}", line_of(item))
    nodes.add(key, title or own, line=line_of(item), **facts_of(item))  # type: ignore[arg-type]
    found.keys.append(key)


def _read_ends(links: ListValue, found: _Links, nodes: SourceGraph) -> None:
    """The ends of each link: all of them ids, or names, or places in the list of nodes, never mixed."""
    read = [(ends_of(inside(item)), line_of(item)) for item in links.items]
    texts = [text for ends, _ in read if ends for text in ends[:2]]
    key_of = _keys_by(texts, found, nodes)
    for ends, line in read:
        if ends is None:
            nodes.fault("T116", "a link has no `source` and `target`", line, expected="two ends")
            continue
        lost = [text for text in ends[:2] if text not in key_of]
        if lost:
            nodes.fault("T212", f"a link ends at {quoted(lost[0])}, which is no node", line, found=lost[0])
            continue
        found.ends.append((key_of[ends[0]], key_of[ends[1]], line))


def _keys_by(texts: list[str], found: _Links, nodes: SourceGraph) -> dict[str, str]:
    """The node that each end means, by the way that explains most ends; the ids first."""
    places = {str(number): key for number, key in enumerate(found.keys)}
    names: dict[str, str] = {}
    twice: set[str] = set()
    for key in found.keys:
        name = nodes.nodes[key].name
        if names.setdefault(name, key) != key:
            twice.add(name)
    named = {name: key for name, key in names.items() if name not in twice}
    return max((found.ids, named, places), key=lambda way: sum(text in way for text in texts))


def _single(pairs: Collection[tuple[str, str]], which: int) -> bool:
    """Whether no node is at that end of two different links."""
    return len({pair[which] for pair in pairs}) == len(pairs)


# -- pairs alone -----------------------------------------------------------------------------------


def pair_readings(pairs: ListValue, place: Place, names: Mapping[str, str] | None = None) -> list[Reading]:
    """The readings of a list of pairs as edges, down and up, each that gives every node one parent.

    Args:
        names: from what the pairs say to names, where these are known: all of them are nodes.
    """
    found = _Links()
    for item in pairs.items:
        ends = ends_of(item)
        if ends is None:
            return []
        found.ends.append((*ends[:2], line_of(item)))
    linked = {(one, other) for one, other, _ in found.ends}
    ways = [down for down in (True, False) if _single(linked, 1 if down else 0)]
    grade = Grade.PLAIN if len(ways) == 1 else Grade.CELLS
    said = {True: "pairs of parent and child", False: "pairs of child and parent"}
    count = counted(len(found.ends), "pair")
    return [
        Reading(
            "edges",
            f"{said[down]}, {count}{place.said}",
            grade,
            partial(_paired, found, down, said[down], place, names or {}),
            "--kind edges",
        )
        for down in ways
    ]


def _paired(found: _Links, down: bool, how: str, place: Place, names: Mapping[str, str]) -> Found:
    nodes = SourceGraph(place.file, place.options)
    for key, name in names.items():
        nodes.add(key, name)
    for one, other, line in found.ends:
        nodes.link(*((other, one) if down else (one, other)), line)
    return Found(
        nodes.taxonomy(), "edges", f"{how}, {counted(len(found.ends), 'pair')}", tuple(nodes.notes)
    )
