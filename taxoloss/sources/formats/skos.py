"""SKOS, read by rdflib."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, foreign
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.formats.graphml import is_graphml
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.refusals import rdf_text, xml_root

__all__ = ["FORMAT", "read_skos"]


def read_skos(path: Path, options: Options) -> Found:
    """Concepts with skos:broader or skos:narrower, or classes with rdfs:subClassOf, read by rdflib."""
    text = rdf_text(path, options)
    format = _syntax(path, text)
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


_CONCEPTS = """\
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<x:a> a skos:Concept; skos:prefLabel "A"@en; skos:broader <x:r>.
<x:b> a skos:Concept; skos:broader <x:r>.
"""


#: An IRI in brackets, then what is said of it.
_TRIPLE = re.compile(r"<[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>]*>\s+[\w<]")


def _syntax(path: Path, text: str) -> str:
    """How rdflib calls the syntax: by the text, and of Turtle and N-Triples by the suffix."""
    if xml_root(text) is not None:
        return "xml"
    return "nt" if path.suffix.lower() == ".nt" else "turtle"


def _is_skos(sample: Sample) -> bool:
    """RDF as XML, Turtle or N-Triples."""
    root = xml_root(sample.text)
    if root is not None:
        return root[1].casefold() == "rdf" and not is_graphml(sample)
    start = re.sub(r"^(#.*\n\s*)+", "", sample.text.lstrip())
    turtle = re.match(r"@prefix\s|@base\s|PREFIX\s+[\w.\-]*:|BASE\s+<", start) is not None
    return turtle or _TRIPLE.match(start) is not None


FORMAT = Format(
    "skos",
    read_skos,
    "SKOS",
    suffixes=(".ttl", ".nt", ".rdf", ".skos"),
    sniff=_is_skos,
    needs="rdflib",
    example=("concepts.ttl", _CONCEPTS),
)
