"""A reader for each format that people have a tree in. A new one: its file, and its line below."""

from __future__ import annotations

from taxoloss.sources.formats import (
    codes,
    darwin_core,
    graphml,
    image_folders,
    inat,
    indented,
    json_trees,
    ncbi,
    newick_trees,
    obo,
    skos,
    speciesnet,
    tables,
    texts,
    wordnet,
)

__all__ = ["FORMATS"]

_FORMATS = (
    image_folders.FORMAT,
    *tables.FORMATS,
    indented.FORMAT,
    codes.FORMAT,
    texts.FORMAT,
    *json_trees.FORMATS,
    newick_trees.FORMAT,
    graphml.FORMAT,
    obo.FORMAT,
    skos.FORMAT,
    speciesnet.FORMAT,
    darwin_core.FORMAT,
    inat.FORMAT,
    ncbi.FORMAT,
    wordnet.FORMAT,
)
#: All formats by name, in the order in which they are asked whether a source is theirs.
FORMATS = {format.name: format for format in _FORMATS}
