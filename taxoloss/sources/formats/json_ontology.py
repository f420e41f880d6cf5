"""OBO graphs: the nodes and edges of an ontology, of which `is_a` makes the tree.

pronto reads them too, but leaves out every node that does not say that it is a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_values import Place, line_of, text_of
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, Value

__all__ = ["look_at_ontology"]

#: What a predicate ends with that leads from a class to the one above it.
_IS_A = ("is_a", "isa", "subclassof")


@dataclass(frozen=True)
class _Ontology:
    """The nodes and edges of all graphs of a document."""

    nodes: Sequence[MappingValue]
    edges: Sequence[MappingValue]

    def is_a(self) -> list[MappingValue]:
        """The edges from a class to the one above it."""
        return [edge for edge in self.edges if _is_up(edge)]

    def others(self) -> str:
        """The other predicates, by their labels, each with the number of its edges; "" where none is."""
        labels = {text_of(node.get("id")): text_of(node.get("lbl")) for node in self.nodes}
        found = Counter(text_of(edge.get("pred")) or "" for edge in self.edges if not _is_up(edge))
        return ", ".join(f"{quoted(labels.get(one) or one)} ({n:,})" for one, n in found.most_common(6))


def look_at_ontology(value: MappingValue, place: Place) -> Look | None:
    """The look at OBO graphs, `{"graphs": [{"nodes": ..., "edges": ...}]}`, or at one; None of others."""
    graphs = _mappings(value.get("graphs")) or [value]
    nodes = [node for graph in graphs for node in _mappings(graph.get("nodes"))]
    edges = [edge for graph in graphs for edge in _mappings(graph.get("edges"))]
    if not nodes or not edges or not all(edge.get("sub") and edge.get("obj") for edge in edges):
        return None
    ontology = _Ontology(nodes, edges)
    count = f"{counted(len(nodes), 'node')} and {counted(len(edges), 'edge')}"
    saw = f"an ontology of {count}{place.said}"
    if not ontology.is_a():
        saw += f", none of which says `is_a`: {ontology.others()}"
        return Look(saw, needs="edges with the predicate `is_a`")
    make = partial(_found, ontology, place)
    return Look(saw, [Reading("obo", f"{count} by is_a", Grade.KNOWN, make, "--kind obo")])


def _mappings(value: Value | None) -> list[MappingValue]:
    items = value.items if isinstance(value, ListValue) else []
    return [item for item in items if isinstance(item, MappingValue)]


def _is_up(edge: MappingValue) -> bool:
    return (text_of(edge.get("pred")) or "").casefold().endswith(_IS_A)


def _found(ontology: _Ontology, place: Place) -> Found:
    """Classes that are not obsolete, each below the one that it is a kind of."""
    nodes = SourceGraph(place.file, place.options)
    left = Counter(why for node in ontology.nodes if (why := _left_out(node)))
    out = {text_of(node.get("id")) for node in ontology.nodes if _left_out(node)}
    for node in ontology.nodes:
        if not _left_out(node):
            _add(node, nodes)
    for edge in ontology.is_a():
        _link(edge, out, nodes)
    notes = [f"{counted(count, 'node')} left out: {why}" for why, count in left.items()]
    if others := ontology.others():
        notes.append(f"edges of other predicates than is_a are left out: {others}")
    how = f"{counted(len(nodes.nodes), 'term')} by is_a"
    return Found(nodes.taxonomy(), "obo", how, (*notes, *nodes.notes))


def _left_out(node: MappingValue) -> str:
    """Why a node is no class of the tree; "" where it is one."""
    meta = node.get("meta")
    if isinstance(meta, MappingValue) and text_of(meta.get("deprecated")) in ("true", "True"):
        return "obsolete"
    kind = text_of(node.get("type")) or "CLASS"
    return "" if kind == "CLASS" else f"of the type {quoted(kind)}"


def _add(node: MappingValue, nodes: SourceGraph) -> None:
    key, name = text_of(node.get("id")), text_of(node.get("lbl"))
    if key is None:
        nodes.fault("T116", "a node has no `id`", line_of(node), expected="an id")
        return
    meta = node.get("meta")
    told = meta if isinstance(meta, MappingValue) else MappingValue()
    definition = told.get("definition")
    synonyms = [
        text_of(one.get("val"))
        for one in _mappings(told.get("synonyms"))
        if text_of(one.get("pred")) == "hasExactSynonym"
    ]
    nodes.add(
        key,
        name or key,
        aliases=[*([key] if name else []), *filter(None, synonyms)],
        description=text_of(definition.get("val")) if isinstance(definition, MappingValue) else None,
        line=line_of(node),
    )


def _link(edge: MappingValue, out: set[str | None], nodes: SourceGraph) -> None:
    """A class below another; one below what is left out is at the top, one below no node a fault."""
    child, parent = text_of(edge.get("sub")) or "", text_of(edge.get("obj")) or ""
    lost = [end for end in (child, parent) if end not in nodes.nodes]
    if not lost:
        nodes.link(child, parent, line_of(edge))
    elif lost[0] not in out and nodes.options.missing_parent is None:
        message = f"an edge ends at {quoted(lost[0])}, which is no node"
        help = "--missing-parent drop leaves such edges out"
        nodes.fault("T212", message, line_of(edge), found=lost[0], help=help)
