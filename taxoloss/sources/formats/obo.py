"""OBO, OBO graphs and OWL, read by pronto."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, foreign, text_without_entities
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph

__all__ = ["FORMAT", "read_obo"]


def read_obo(path: Path, options: Options) -> Found:
    """Terms and their is_a, read by pronto; obsolete terms are left out, imports are not followed."""
    text = text_without_entities(path, options)
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
FORMAT = Format(
    "obo",
    read_obo,
    "OBO",
    suffixes=(".obo", ".owl"),
    sniff=lambda sample: sample.start.startswith("format-version:"),
    needs="pronto",
    example=("terms.obo", _TERMS),
)
