"""OBO and OWL, read by pronto; OBO graphs, which are JSON."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.formats.json_trees import read_as
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.refusals import rdf_text, xml_root

__all__ = ["FORMAT", "read_obo"]


_WHAT = "an ontology (OBO, OBO graphs, OWL)"


def _may_be_ontology(text: str) -> bool:
    """Whether the package that reads it would not panic at the first byte, and tell so on the terminal."""
    if text.lstrip().startswith("{"):
        return '"graphs"' in text or '"edges"' in text
    return xml_root(text) is not None or "format-version:" in text or "[Term]" in text


def read_obo(path: Path, options: Options) -> Found:
    """Terms and their is_a; obsolete terms are left out, imports are not followed."""
    text = rdf_text(path, options)
    if not _may_be_ontology(text):
        message = f"this cannot be read as {_WHAT}: it holds nothing of one"
        expected = "`format-version:` or `[Term]`, JSON with `graphs` or `edges`, or RDF/XML"
        raise refuse(str(path), message, expected=expected)
    if text.lstrip().startswith("{"):
        return read_as(path, options, "obo")
    with foreign(_WHAT, str(path)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pronto.ontology import Ontology

        ontology = Ontology(io.BytesIO(text.encode()), import_depth=0, threads=1)
        terms = [_term(term) for term in ontology.terms() if not term.obsolete]
    # pronto gives the terms of a large file in another order each time: classes would be numbered anew.
    place = {key: at for at, key in enumerate(re.findall(r"^id:\s*(\S+)", text, re.MULTILINE))}
    terms.sort(key=lambda term: place.get(term[0], len(place)))
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


def _is_obo(sample: Sample) -> bool:
    """OBO; OWL in a file that is called so: elsewhere it is RDF like SKOS."""
    if sample.start.startswith(("format-version:", "[Term]\n", "[Term]\r\n")):
        return True
    root = xml_root(sample.text)
    owl = root is not None and root[1].casefold() == "rdf" and "owl:Ontology" in sample.text
    return owl and sample.path.suffix.lower() == ".owl"


FORMAT = Format(
    "obo",
    read_obo,
    "OBO",
    suffixes=(".obo", ".owl"),
    sniff=_is_obo,
    needs="pronto",
    example=("terms.obo", _TERMS),
)
