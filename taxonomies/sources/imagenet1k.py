"""Rebuilds imagenet1k.yaml from a list of the 1,000 ids and WordNet 3.0's database.

The list is imagenet_synsets.txt of the package timm (Apache-2.0), or any with an id first on each line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from _common import parser, write
from _wordnet import LICENCE, above, each_alone, file_text, ids_of_imagenet, nouns, others, taxonomy

HEAD = """\
The 1,000 classes of ImageNet (ILSVRC 2012) below the nouns of WordNet 3.0. Names are WordNet's ids;
ImageNet numbers its classes in the order of the sorted ids: bind(sorted(t.classes)).
Where WordNet has a node below several, it stands below the first; which, is told at the end.
Rebuilt by taxonomies/sources/imagenet1k.py."""

SOURCE = (
    "WordNet 3.0 (Fellbaum 1998), the database files; the ids of ILSVRC 2012 (Russakovsky et al. 2015)."
)


def build(synsets: Path, wordnet: Path) -> str:
    """The text of imagenet1k.yaml."""
    known = nouns(wordnet)
    classes = ids_of_imagenet(synsets, known)
    parent = above(classes, known)
    tree = taxonomy(classes, each_alone(parent), known, named=False).replace(
        name="imagenet1k",
        description="The 1,000 classes of ImageNet (ILSVRC 2012) in the hierarchy of WordNet 3.0.",
        source=SOURCE,
        version="WordNet 3.0",
        licence=LICENCE,
    )
    return file_text(tree, HEAD, others(parent, known))


def main(build: Callable[[Path, Path], str], description: str | None) -> None:
    """The command line, of the trees that are made of the ids of ImageNet."""
    arguments = parser(description)
    arguments.add_argument("synsets", type=Path, help="a file with an id first on each line")
    arguments.add_argument("wordnet", type=Path, help="the folder that holds data.noun")
    given = arguments.parse_args()
    write(build(given.synsets, given.wordnet), given.output)


if __name__ == "__main__":
    main(build, __doc__)
