"""Where the nodes and the links of a graph stand in JSON: networkx, d3, vis, cytoscape, graphology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from taxoloss.sources.formats.json_values import held_texts, scalars_in, text_of
from taxoloss.sources.formats.json_words import PARENTS, bare
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["Graph", "Node", "by_parents", "ends_of", "graph_in", "id_of", "inside", "relations", "says_up"]

#: A node, and the key that it stands below, where it stands below one.
Node = tuple[str | None, Value]

_NODES = ("nodes", "vertices", "concepts")
_LINKS = ("links", "edges", "relations", "relationships", "arcs")
_AROUND = ("graph", "elements", "labeltree", "data", "network")
#: The keys of a link's ends; from the first to the second is from parent to child ...
_ENDS = (
    ("source", "target"), ("from", "to"), ("parent", "child"), ("src", "dst"), ("start", "end"),
    ("tail", "head"), ("parentid", "childid"), ("sourceid", "targetid"),
    ("fromid", "toid"), ("source", "dest"),
)  # fmt: skip
#: ... where these do not show that it is the other way round; `parent` and `child` cannot be doubted.
_SAID = frozenset({"parent", "parentid"})
#: Keys of links that say what the link means, and what they say where it leads up, or down.
_MEANING = ("relation", "rel", "relationship", "predicate", "pred", "label", "type")
_UP = frozenset({"isa", "subclassof", "childof", "kindof", "broader", "hasparent", "subtypeof", "hypernym"})
_DOWN = frozenset(
    {"parentof", "haschild", "narrower", "superclassof", "hassubclass", "hyponym", "contains"}
)


@dataclass(frozen=True)
class Graph:
    """The nodes and links of a document.

    Args:
        levels: that it names.
        directed: whether a link's ends are two things: networkx says where they are not.
        paired: whether each link of a graph without direction stands there twice.
    """

    nodes: Sequence[Node]
    links: ListValue
    levels: tuple[str, ...] | None = None
    directed: bool = True
    paired: bool = False


def graph_in(value: Value) -> Graph | None:
    """Nodes and links side by side, at the top or below a key that is known for them; None of others."""
    if isinstance(value, ListValue):
        return _elements(value)
    if not isinstance(value, MappingValue):
        return None
    known = {bare(key.text): below for key, below in reversed(value.pairs)}
    nodes = next((known[word] for word in _NODES if word in known), None)
    listed = _listed(nodes)
    links = next((below for word in _LINKS if isinstance(below := known.get(word), ListValue)), None)
    adjacent = _adjacent(listed, known.get("adjacency")) if listed and links is None else None
    if listed is not None and (links is not None or adjacent is not None):
        about = known.get("graph")
        levels = held_texts(about.get("levels") if isinstance(about, MappingValue) else None)
        directed = text_of(known.get("directed")) not in ("false", "False")
        return Graph(listed, links or adjacent or ListValue(), levels or None, directed, links is None)
    elements = known.get("elements")
    if isinstance(elements, ListValue):
        return _elements(elements, alone=False)
    inner = (known[word] for word in _AROUND if isinstance(known.get(word), MappingValue))
    return next((graph for below in inner if (graph := graph_in(below)) is not None), None)


def _listed(nodes: Value | None) -> list[Node] | None:
    if isinstance(nodes, MappingValue):
        return [(key.text, node) for key, node in nodes.pairs]
    return [(None, node) for node in nodes.items] if isinstance(nodes, ListValue) else None


def _adjacent(nodes: Sequence[Node], value: Value | None) -> ListValue | None:
    """The links of networkx's adjacency data: for each node a list of those that it leads to."""
    lists = value.items if isinstance(value, ListValue) else []
    if len(lists) != len(nodes) or not all(isinstance(below, ListValue) for below in lists):
        return None
    links: list[Value] = []
    for (key, node), below in zip(nodes, lists, strict=True):
        own = id_of(key, node)
        for item in below.items if isinstance(below, ListValue) else ():
            other = id_of(None, item)
            if own is None or other is None:
                return None
            ends = [(ScalarValue("source"), ScalarValue(own)), (ScalarValue("target"), ScalarValue(other))]
            links.append(MappingValue([*ends], item.mark))
    return ListValue(links)


def _elements(value: ListValue, *, alone: bool = True) -> Graph | None:
    """Cytoscape's list of elements, {"data": {...}}: links have a source and a target, the others not."""
    held = [item.get("data") if isinstance(item, MappingValue) else None for item in value.items]
    if not held or not all(isinstance(data, MappingValue) for data in held):
        return None
    links = [ends_of(inside(item)) is not None for item in value.items]
    if (alone and not any(links)) or all(links):
        return None
    nodes: list[Node] = [(None, one) for one, link in zip(value.items, links, strict=True) if not link]
    return Graph(nodes, ListValue([one for one, link in zip(value.items, links, strict=True) if link]))


def inside(item: Value) -> Value:
    """What cytoscape writes below `data`, and graphology below `attributes`."""
    if not isinstance(item, MappingValue):
        return item
    data, attributes = item.get("data"), item.get("attributes")
    if isinstance(data, MappingValue):
        return data
    return replace(item, pairs=[*item.pairs, *attributes.pairs]) if _is_mapping(attributes) else item


def _is_mapping(value: Value | None) -> TypeGuard[MappingValue]:
    return isinstance(value, MappingValue)


def id_of(above: str | None, item: Value) -> str | None:
    """The id of a node: the key that it stands below, or its own."""
    if above is not None or not isinstance(item, MappingValue):
        return above if above is not None else text_of(item)
    known = {bare(key.text): below for key, below in reversed(item.pairs)}
    return next((own for word in ("id", "key") if (own := text_of(known.get(word))) is not None), None)


def ends_of(item: Value) -> tuple[str, str, bool] | None:
    """The ends of a link, and whether their keys say which is the parent; None where it has none."""
    if isinstance(item, ListValue):
        pair = scalars_in(item)
        return (pair[0].text, pair[1].text, False) if pair is not None and len(pair) == 2 else None
    if not isinstance(item, MappingValue):
        return None
    known = {bare(key.text): below for key, below in reversed(item.pairs)}
    for words in _ENDS:
        one, other = (_end_text(known.get(word)) for word in words)
        if one is not None and other is not None:
            return one, other, words[0] in _SAID
    return None


def _end_text(value: Value | None) -> str | None:
    """An end; d3 puts the node itself there once it has drawn it."""
    return text_of(value.get("id")) if isinstance(value, MappingValue) else text_of(value)


# -- what links mean -------------------------------------------------------------------------------


def relations(links: ListValue) -> Counter[str]:
    """What links say that they mean, each with the number of links; empty where none leads up or down."""
    said: Counter[str] = Counter()
    for item in links.items:
        link = inside(item)
        known = {bare(key.text): below for key, below in link.pairs} if _is_mapping(link) else {}
        texts = (text_of(known.get(word)) for word in _MEANING)
        said[next((text for text in texts if text), "")] += 1
    return said if any(bare(text) in _UP | _DOWN for text in said) else Counter()


def says_up(meaning: Counter[str]) -> bool | None:
    """Whether all links say that they lead from child to parent; None where they do not say it."""
    words = {bare(text) for text in meaning}
    return True if words and words <= _UP else False if words and words <= _DOWN else None


# -- nodes that name their parents -----------------------------------------------------------------


def by_parents(graph: Graph) -> Graph | None:
    """The graph with a link to the parent that each node names; None where none does."""
    links: list[Value] = []
    for key, item in graph.nodes:
        node = inside(item)
        own = id_of(key, node)
        above = node.pairs if isinstance(node, MappingValue) and own is not None else []
        links += [
            MappingValue(
                [(ScalarValue("child"), ScalarValue(own or "")), (ScalarValue("parent"), up)], up.mark
            )
            for word, up in above
            if bare(word.text) in PARENTS and text_of(up)
        ]
    return replace(graph, links=ListValue(links), directed=True) if links else None
