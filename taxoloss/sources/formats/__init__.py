"""A reader for each format that people have a tree in. A new one: its file, and its line below."""

from __future__ import annotations

from taxoloss.sources.formats import (
    codes,
    coldp,
    darwin_core,
    excel,
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
    worms,
)

__all__ = ["FORMATS"]

_FORMATS = (
    image_folders.FORMAT,
    *tables.FORMATS,
    excel.FORMAT,
    indented.FORMAT,
    codes.FORMAT,
    texts.FORMAT,
    newick_trees.FORMAT,
    *json_trees.FORMATS,
    graphml.FORMAT,
    obo.FORMAT,
    skos.FORMAT,
    speciesnet.FORMAT,
    darwin_core.FORMAT,
    coldp.FORMAT,
    worms.FORMAT,
    inat.FORMAT,
    ncbi.FORMAT,
    wordnet.FORMAT,
)
#: All formats by name, in the order in which they are asked whether a source is theirs.
FORMATS = {format.name: format for format in _FORMATS}
