"""Rebuilds imagenet1k_dag.yaml, in which nodes keep all of their parents, from what imagenet1k.py takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from _wordnet import LICENCE, Noun, all_above, file_text, ids_of_imagenet, nouns, taxonomy
from imagenet1k import SOURCE, main

from taxoloss.taxonomy.taxonomy import Taxonomy

HEAD = """\
The 1,000 classes of ImageNet (ILSVRC 2012) below all that WordNet 3.0 has above them. Names are its ids;
ImageNet numbers its classes in the order of the sorted ids: bind(sorted(t.classes)).
A node stands below the first of its parents, and names the others. Edges that others say as well are left
out: they are told at the end.
Rebuilt by taxonomies/sources/imagenet1k_dag.py."""


def build(synsets: Path, wordnet: Path) -> str:
    """The text of imagenet1k_dag.yaml."""
    known = nouns(wordnet)
    classes = ids_of_imagenet(synsets, known)
    parents = all_above(classes, known)
    tree = taxonomy(classes, parents, known, named=False).replace(
        name="imagenet1k_dag",
        description="The 1,000 classes of ImageNet (ILSVRC 2012) in WordNet 3.0, with all parents.",
        source=SOURCE,
        version="WordNet 3.0",
        licence=LICENCE,
    )
    return file_text(tree, HEAD, left_out(tree, parents, known))


def left_out(tree: Taxonomy, parents: Mapping[str, list[str]], known: Mapping[str, Noun]) -> Iterator[str]:
    """A line for each edge of WordNet that the graph does not have, since a longer way says the same."""
    names = tree.tree.names
    kept = {(names[child], names[up]) for up, child in tree.tree.all_edges()}
    for key in sorted(parents):
        for up in parents[key]:
            if (key, up) not in kept and up in names:
                yield f"{key} ({known[key][0][0]}) is below {up} ({known[up][0][0]}) by a longer way too"


if __name__ == "__main__":
    main(build, __doc__)
