"""Nodes and links: networkx, d3, vis, cytoscape, and pairs of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_named import facts_of
from taxoloss.sources.formats.json_titles import titles_of
from taxoloss.sources.formats.json_values import Place, held_texts, line_of, scalars_in, text_of
from taxoloss.sources.formats.json_words import bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_links", "pair_readings"]

_NODES = ("nodes", "vertices", "concepts")
_LINKS = ("links", "edges", "relations", "relationships", "arcs")
#: The keys of a link's ends; from the first to the second is from parent to child ...
_ENDS = (
    ("source", "target"), ("from", "to"), ("parent", "child"), ("src", "dst"), ("start", "end"),
    ("tail", "head"), ("parentid", "childid"), ("sourceid", "targetid"),
    ("fromid", "toid"), ("source", "dest"),
)  # fmt: skip
#: ... where these do not show that it is the other way round; `parent` and `child` cannot be doubted.
_SAID = frozenset({"parent", "parentid"})
_AROUND = ("graph", "elements", "labeltree", "data", "network")


@dataclass
class _Graph:
    """The nodes and links of a document, and the levels that it names."""

    nodes: Sequence[tuple[str | None, Value]]  # each with the key that it stands below
    links: ListValue
    levels: tuple[str, ...] | None = None


@dataclass
class _Links:
    """Links between the keys of nodes, as they are written."""

    keys: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # from the id of a node, where it has one, to its key
    ends: list[tuple[str, str, int | None]] = field(default_factory=list)
    fixed: bool = False  # the words of the ends say which is the parent


def look_at_links(value: Value, place: Place) -> Look | None:
    """The look at nodes and links, also below `graph` or `elements`; None where there are none."""
    graph = _graph(value)
    if graph is None:
        return None
    if not graph.nodes:
        return Look(f"a graph without nodes{place.said}", needs="nodes, and the links between them")
    count = f"{counted(len(graph.nodes), 'node')} and {counted(len(graph.links.items), 'link')}"
    make = partial(_found, graph, place)
    readings = [Reading("node-link", count + place.said, Grade.PLAIN, make, "--kind node-link")]
    return Look(f"a graph of {count}{place.said}", readings)


def _graph(value: Value) -> _Graph | None:
    """Nodes and links side by side, at the top or below a key that is known for them."""
    if not isinstance(value, MappingValue):
        return None
    known = {bare(key.text): below for key, below in reversed(value.pairs)}
    nodes = next((known[word] for word in _NODES if word in known), None)
    links = next((below for word in _LINKS if isinstance(below := known.get(word), ListValue)), None)
    if links is not None and isinstance(nodes, (ListValue, MappingValue)):
        about = known.get("graph")
        levels = held_texts(about.get("levels") if isinstance(about, MappingValue) else None)
        listed: list[tuple[str | None, Value]] = (
            [(key.text, node) for key, node in nodes.pairs]
            if isinstance(nodes, MappingValue)
            else [(None, node) for node in nodes.items]
        )
        return _Graph(listed, links, levels or None)
    inner = (known[word] for word in _AROUND if isinstance(known.get(word), MappingValue))
    return next((graph for below in inner if (graph := _graph(below)) is not None), None)


# -- the tree --------------------------------------------------------------------------------------


def _found(graph: _Graph, place: Place) -> Found:
    nodes = SourceGraph(place.file, place.options, graph.levels)
    found = _Links()
    listed = [(_id_of(key, _inside(item)), _inside(item)) for key, item in graph.nodes]
    by_id = all(own is not None for own, _ in listed)
    cells = [{key.text: below for key, below in _pairs(item)} for _, item in listed]
    titles = titles_of(cells, [own or "" for own, _ in listed], nodes)
    for (own, item), title in zip(listed, titles, strict=True):
        _add_node(own, item, title, by_id, found, nodes)
    _read_ends(graph.links, found, nodes)
    nodes.log.raise_all()
    down = _points_down(found, nodes)
    for one, other, line in found.ends:
        nodes.link(*((other, one) if down else (one, other)), line)
    shown = f"{counted(len(found.keys), 'node')}, {counted(len(found.ends), 'link')}"
    how = f"{shown} from {'parent to child' if down else 'child to parent'}"
    return Found(nodes.taxonomy(), "node-link", how, tuple(nodes.notes))


def _inside(item: Value) -> Value:
    """What cytoscape writes below `data`."""
    data = item.get("data") if isinstance(item, MappingValue) else None
    return data if isinstance(data, MappingValue) else item


def _id_of(above: str | None, item: Value) -> str | None:
    """The id of a node: the key that it stands below, or its own."""
    if above is not None or not isinstance(item, MappingValue):
        return above if above is not None else text_of(item)
    known = {bare(key.text): below for key, below in reversed(item.pairs)}
    return next((own for word in ("id", "key") if (own := text_of(known.get(word))) is not None), None)


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
    read = [(_ends_of(_inside(item), found), line_of(item)) for item in links.items]
    texts = [text for ends, _ in read if ends for text in ends]
    key_of = _keys_by(texts, found, nodes)
    for ends, line in read:
        if ends is None:
            nodes.fault("T116", "a link has no `source` and `target`", line, expected="two ends")
            continue
        lost = [text for text in ends if text not in key_of]
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


def _ends_of(item: Value, found: _Links) -> tuple[str, str] | None:
    if isinstance(item, ListValue):
        pair = scalars_in(item)
        return (pair[0].text, pair[1].text) if pair is not None and len(pair) == 2 else None
    if not isinstance(item, MappingValue):
        return None
    known = {bare(key.text): below for key, below in reversed(item.pairs)}
    for words in _ENDS:
        one, other = (_end_text(known.get(word)) for word in words)
        if one is not None and other is not None:
            found.fixed = found.fixed or words[0] in _SAID
            return one, other
    return None


def _end_text(value: Value | None) -> str | None:
    """An end; d3 puts the node itself there once it has drawn it."""
    return text_of(value.get("id")) if isinstance(value, MappingValue) else text_of(value)


def _points_down(found: _Links, nodes: SourceGraph) -> bool:
    """Whether links lead from parent to child: not where that gives nodes several parents, and up none."""
    if found.fixed or _single(found.ends, 1):
        return True
    if not _single(found.ends, 0):
        return True
    nodes.notes.append("links lead from child to parent: the other way nodes would have several parents")
    return False


def _single(ends: list[tuple[str, str, int | None]], which: int) -> bool:
    """Whether no node is at that end of two different links."""
    pairs = {(one, other) for one, other, _ in ends}
    return len({pair[which] for pair in pairs}) == len(pairs)


# -- pairs alone -----------------------------------------------------------------------------------


def pair_readings(pairs: ListValue, place: Place, names: Mapping[str, str] | None = None) -> list[Reading]:
    """The readings of a list of pairs as edges, down and up, each that gives every node one parent.

    Args:
        names: from what the pairs say to names, where these are known: all of them are nodes.
    """
    found = _Links()
    for item in pairs.items:
        ends = _ends_of(item, found)
        if ends is None:
            return []
        found.ends.append((*ends, line_of(item)))
    ways = [down for down in (True, False) if _single(found.ends, 1 if down else 0)]
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
