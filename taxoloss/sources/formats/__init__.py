"""A reader for each format that people have a tree in. A new one: its file, and its line below."""

from __future__ import annotations

from taxoloss.sources.formats import (
    image_folders,
    json_trees,
    newick_trees,
    ontologies,
    speciesnet,
    tables,
    taxa,
    wordnet,
)

__all__ = ["FORMATS"]

_FORMATS = (
    image_folders.FORMAT,
    *tables.FORMATS,
    *json_trees.FORMATS,
    newick_trees.FORMAT,
    *ontologies.FORMATS,
    speciesnet.FORMAT,
    *taxa.FORMATS,
    wordnet.FORMAT,
)
#: All formats by name, in the order in which they are asked whether a source is theirs.
FORMATS = {format.name: format for format in _FORMATS}
