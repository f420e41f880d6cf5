"""GraphML, OBO and SKOS, each with the reader that is kept for it (pip install "taxoloss[sources]")."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from taxoloss.sources.base import Found, Options, counted, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.reader import decoded, read_bytes

__all__ = ["FORMATS", "read_graphml", "read_obo", "read_skos"]


def _text(path: Path, options: Options) -> str:
    """The text; no document type: its entities can stand for a billion letters, or for other files."""
    text = decoded(read_bytes(path, options.limits), str(path), options.limits).text
    for word in ("<!DOCTYPE", "<!ENTITY"):
        if word in text:
            line = text[: text.index(word)].count("\n") + 1
            raise refuse(str(path), f"{word} is not allowed", line=line, help="write its entities out")
    return text


def read_graphml(path: Path, options: Options) -> Found:
    """A graph with edges from parent to child; nodes are called by their label or name."""
    text = _text(path, options)
    with foreign("GraphML", str(path)):
        import defusedxml.ElementTree
        import networkx as nx

        defusedxml.ElementTree.fromstring(text.encode(), forbid_dtd=True)
        graph = nx.read_graphml(io.BytesIO(text.encode()))
    if not graph.is_directed():
        raise refuse(str(path), "the graph is undirected: which end of an edge is the parent?")
    nodes = SourceGraph(str(path), options)
    for node, data in graph.nodes(data=True):
        title = next((str(data[key]) for key in ("name", "label", "title") if data.get(key)), None)
        nodes.add(str(node), title, rank=str(data["rank"]) if data.get("rank") else None)
    for up, down in graph.edges():
        nodes.link(str(down), str(up))
    how = f"{counted(graph.number_of_nodes(), 'node')}, edges from parent to child"
    return Found(nodes.taxonomy(), "graphml", how, tuple(nodes.notes))


def read_obo(path: Path, options: Options) -> Found:
    """Terms and their is_a, read by pronto; obsolete terms are left out, imports are not followed."""
    text = _text(path, options)
    with foreign("an ontology (OBO, OBO graphs, OWL)", str(path)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pronto.ontology import Ontology

        ontology = Ontology(io.BytesIO(text.encode()), import_depth=0, threads=1)
        terms = [_term(term) for term in ontology.terms() if not term.obsolete]
    nodes = SourceGraph(str(path), options)
    for key, name, synonyms, definition, parents in terms:
        nodes.add(key, name or key, aliases=[*([key] if name else []), *synonyms], description=definition)
        for parent in parents:
            nodes.link(key, parent)
    return Found(nodes.taxonomy(), "obo", f"{counted(len(terms), 'term')} by is_a", tuple(nodes.notes))


def _term(term: Any) -> tuple[str, str | None, list[str], str | None, list[str]]:
    parents = sorted(up.id for up in term.superclasses(distance=1, with_self=False) if not up.obsolete)
    synonyms = sorted(s.description for s in term.synonyms if s.scope == "EXACT")
    return term.id, term.name, synonyms, str(term.definition) if term.definition else None, parents


_SKOS = {".ttl": "turtle", ".nt": "nt", ".rdf": "xml", ".xml": "xml", ".skos": "xml", ".n3": "turtle"}


def read_skos(path: Path, options: Options) -> Found:
    """Concepts with skos:broader or skos:narrower, or classes with rdfs:subClassOf, read by rdflib."""
    text = _text(path, options)
    format = _SKOS.get(path.suffix.lower(), "xml" if text.lstrip().startswith("<") else "turtle")
    with foreign("SKOS", str(path)):
        from rdflib import Graph

        graph = Graph().parse(data=text, format=format)
        edges, names = _concepts(graph)
    nodes = SourceGraph(str(path), options)
    for key, (name, aliases) in names.items():
        nodes.add(key, name, aliases=aliases)
    for child, parent in edges:
        nodes.link(child, parent)
    how = f"{counted(len(names), 'concept')}, {counted(len(edges), 'edge')}"
    return Found(nodes.taxonomy(), "skos", how, tuple(nodes.notes))


def _concepts(graph: Any) -> tuple[list[tuple[str, str]], dict[str, tuple[str, list[str]]]]:
    """Edges (child, parent); each concept's label and other names. Sorted: a store has no order."""
    from rdflib.namespace import RDF, RDFS, SKOS

    pairs = {*graph.subject_objects(SKOS.broader), *graph.subject_objects(RDFS.subClassOf)}
    pairs |= {(child, parent) for parent, child in graph.subject_objects(SKOS.narrower)}
    subjects = {str(term): term for term in graph.subjects(RDF.type, SKOS.Concept)}
    subjects |= {str(term): term for pair in pairs for term in pair}
    names = {}
    for key, subject in sorted(subjects.items()):
        labels = sorted(graph.objects(subject, SKOS.prefLabel), key=_english_first)
        labels = labels or sorted(graph.objects(subject, RDFS.label), key=_english_first)
        others = sorted(str(label) for label in graph.objects(subject, SKOS.altLabel))
        notations = sorted(str(label) for label in graph.objects(subject, SKOS.notation))
        names[key] = (str(labels[0]) if labels else key, [*notations, *others])
    return sorted((str(child), str(parent)) for child, parent in pairs), names


def _english_first(label: Any) -> tuple[bool, bool, str]:
    language = getattr(label, "language", None) or ""
    return not language.startswith("en"), bool(language), str(label)


# -- the formats -----------------------------------------------------------------------------------

_GRAPHML = """\
<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">
<node id="r"/><node id="a"/><node id="b"/>
<edge source="r" target="a"/><edge source="r" target="b"/>
</graph></graphml>
"""
_TERMS = """\
format-version: 1.4

[Term]
id: X:1
name: root

[Term]
id: X:2
name: a
is_a: X:1

[Term]
id: X:3
name: b
is_a: X:1
synonym: "bb" EXACT []
"""
_CONCEPTS = """\
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<x:a> a skos:Concept; skos:prefLabel "A"@en; skos:broader <x:r>.
<x:b> a skos:Concept; skos:broader <x:r>.
"""


def _is_graphml(sample: Sample) -> bool:
    return sample.start.startswith("<") and "<graphml" in sample.text


def _is_skos(sample: Sample) -> bool:
    """Turtle, or XML of another kind than GraphML."""
    other_xml = sample.start.startswith("<") and not _is_graphml(sample)
    return other_xml or sample.start.startswith(("@prefix", "@base", "PREFIX"))


FORMATS = (
    Format(
        "graphml", read_graphml, "GraphML", (".graphml",), _is_graphml,
        needs="defusedxml", example=("graph.graphml", _GRAPHML),
    ),
    Format(
        "obo", read_obo, "OBO", (".obo", ".owl"), lambda sample: sample.start.startswith("format-version:"),
        needs="pronto", example=("terms.obo", _TERMS),
    ),
    Format(
        "skos", read_skos, "SKOS", (".ttl", ".nt", ".rdf", ".skos"), _is_skos,
        needs="rdflib", example=("concepts.ttl", _CONCEPTS),
    ),
)  # fmt: skip
