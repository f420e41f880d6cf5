"""Label files of SpeciesNet and MegaDetector: uuid;class;order;family;genus;species;common name."""

from __future__ import annotations

import re
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, listed, read_lines, refuse
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph

__all__ = ["FORMAT", "is_label_file", "read_labels"]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LEVELS = ("class", "order", "family", "genus", "species")


def is_label_file(lines: list[str]) -> bool:
    """Whether each of the first lines has seven fields, or six without the uuid."""
    first = [line for line in lines[:50] if line.strip()]
    return bool(first) and all(line.count(";") == 6 and _UUID.match(line) for line in first)


def read_labels(path: Path, options: Options) -> Found:
    """Each label is a class: of a species by its two names, of a genus or family by its common name.

    A label stands below the node that it names, so that "some kind of felid" and the lynx are two
    classes of one family. The whole label, its uuid and its common name are aliases.
    """
    nodes = SourceGraph(str(path), options)
    labels = 0
    inner: list[str] = []
    for number, line in enumerate(read_lines(path, options.limits), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(";")]
        if len(fields) != 7:
            raise refuse(
                str(path), f"a label has {len(fields)} fields", line=number, expected="7, split at `;`"
            )
        labels += 1
        inner += _add(nodes, fields, line.strip(), number)
    if inner:
        nodes.notes.append(f"labels of a higher rank are classes of their own below it: {listed(inner)}")
    taxonomy = nodes.taxonomy()
    return Found(taxonomy, "speciesnet", counted(labels, "label"), tuple(nodes.notes))


def _add(nodes: SourceGraph, fields: list[str], label: str, line: int) -> list[str]:
    """Adds a label and what is above it; its name where it names a higher rank."""
    uuid, *ranks, common = fields
    if len(set(ranks)) == 1 and ranks[0]:  # "no cv result" in every field
        ranks = [""] * 5
    above: str | None = None
    path: tuple[str, ...] = ()
    known = [(level, name) for level, name in zip(_LEVELS, ranks, strict=True) if name]
    for level, name in known if known and known[-1][0] != "species" else known[:-1]:
        path = (*path, f"{level}={name}")
        key = ";".join(path)
        nodes.add(key, name, line=line)
        if above is not None:
            nodes.link(key, above)
        above = key
    species = bool(known) and known[-1][0] == "species"
    genus = ranks[3]
    name = f"{genus} {ranks[4]}".strip() if species else (common or (known[-1][1] if known else uuid))
    nodes.add(label, name, aliases=[alias for alias in (label, uuid, common) if alias], line=line)
    if above is not None:
        nodes.link(label, above)
    return [name] if known and not species else []


_LABELS = """\
990ae9dd-7a59-4344-afcb-1b7b21368000;mammalia;primates;hominidae;homo;sapiens;human
f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank
990ae9dd-7a59-4344-afcb-1b7b21368001;mammalia;carnivora;felidae;;;felidae family
"""
FORMAT = Format(
    "speciesnet",
    read_labels,
    "SpeciesNet labels",
    sniff=lambda sample: is_label_file(sample.lines),
    example=("labels.txt", _LABELS),
)
