"""Which kind a source is: by its folder, its suffix, its first lines; and who reads it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.formats import image_folders as folders
from taxoloss.sources.formats import json_trees, wordnet
from taxoloss.sources.formats import newick_trees as newick_files
from taxoloss.sources.formats import ontologies as xml_trees
from taxoloss.sources.formats import speciesnet as label_files
from taxoloss.sources.formats import tables as table_kinds
from taxoloss.sources.formats import taxa as darwin_core
from taxoloss.sources.formats.table_files import table_of_text

__all__ = ["KINDS", "kind_of", "reader_of"]

_Reader = Callable[[Path, Options, "str | None"], Found]
_READERS: dict[str, _Reader] = {
    "image-folder": folders.read_folder,
    "ranks": table_kinds.read_table,
    "paths": table_kinds.read_table,
    "edges": table_kinds.read_table,
    "bins": table_kinds.read_table,
    "names": table_kinds.read_table,
    "table": table_kinds.read_table,
    "nested": json_trees.read_json,
    "node-link": json_trees.read_json,
    "taxonomy": json_trees.read_json,
    "json": json_trees.read_json,
    "newick": newick_files.read_newick,
    "graphml": xml_trees.read_graphml,
    "obo": xml_trees.read_obo,
    "skos": xml_trees.read_skos,
    "speciesnet": label_files.read_labels,
    "darwin-core": darwin_core.read_archive,
    "inat": darwin_core.read_inat,
    "ncbi": darwin_core.read_ncbi,
    "wordnet-ids": wordnet.read_ids,
}
#: What `kind` may be.
KINDS = tuple(_READERS)
_BY_SUFFIX = {
    ".nwk": "newick", ".newick": "newick", ".tree": "newick", ".tre": "newick",
    ".graphml": "graphml", ".obo": "obo", ".owl": "obo",
    ".ttl": "skos", ".nt": "skos", ".rdf": "skos", ".skos": "skos",
    ".json": "json", ".yaml": "json", ".yml": "json", ".parquet": "table", ".dmp": "ncbi",
}  # fmt: skip
_HEAD = 65_536


def reader_of(kind: str, path: Path) -> _Reader:
    """The function that reads a kind."""
    if kind == "darwin-core" and path.is_file() and not zipfile.is_zipfile(path):
        return darwin_core.read_taxon_table
    return _READERS[kind]


def kind_of(path: Path) -> str:
    """The kind of a source; FormError where it shows none."""
    if path.is_dir():
        if (path / "nodes.dmp").is_file():
            return "ncbi"
        return "darwin-core" if (path / "meta.xml").is_file() else "image-folder"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise_all([Fault("T101", f"the source cannot be read: {error.strerror}", str(path))])
        raise
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    if head[:2] == b"PK":
        return "darwin-core"
    return _kind_of_text(head.decode("utf-8-sig", "replace"), path)


def _kind_of_text(text: str, path: Path) -> str:
    start = text.lstrip()[:200]
    lines = text.splitlines()
    if len(text) >= _HEAD:
        lines = lines[:-1]  # the last one may be cut
    if not start:
        raise refuse(str(path), "the source is empty")
    if start[0] in "{[":
        return "json"
    if start.startswith("("):
        return "newick"
    if start.startswith(("format-version:", "[Term]")):
        return "obo"
    if start.startswith("<"):
        return "graphml" if "<graphml" in text else "skos"
    if start.startswith(("@prefix", "@base", "PREFIX")):
        return "skos"
    if label_files.is_label_file(lines):
        return "speciesnet"
    if wordnet.is_id_list(lines):
        return "wordnet-ids"
    header = table_of_text(lines[0] + "\n", str(path), Options()).header
    return darwin_core.is_taxon_table(header) or "table"


def check_kind(kind: str) -> None:
    """ValueError with the nearest name where there is no such kind."""
    if kind not in _READERS:
        help = did_you_mean(kind, KINDS) or "one of " + ", ".join(KINDS)
        raise ValueError(f"expected a kind of source, got {kind!r}; {help}")
