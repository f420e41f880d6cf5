"""What the scripts of WordNet trees share: the nouns above some classes, as a taxonomy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from _common import MODELINE

from taxoloss.sources.base import Options
from taxoloss.sources.formats.wordnet import wordnet_nouns
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.yaml_writer import yaml_text
from taxoloss.taxonomy.taxonomy import Taxonomy

LICENCE = (
    "WordNet 3.0, copyright 2006 by Princeton University, may be used, copied, modified and distributed "
    "for any purpose without fee if its notice stands in every copy: it stands at the end of this file."
)
NOTICE = """\
WordNet Release 3.0

This software and database is being provided to you, the LICENSEE, by Princeton University under the
following license. By obtaining, using and/or copying this software and database, you agree that you have
read, understood, and will comply with these terms and conditions.:

Permission to use, copy, modify and distribute this software and database and its documentation for any
purpose and without fee or royalty is hereby granted, provided that you agree to comply with the following
copyright notice and statements, including the disclaimer, and that the same appear on ALL copies of the
software, database and documentation, including modifications that you make for internal use or for
distribution.

WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.

THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR
WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO
REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF
THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS,
TRADEMARKS OR OTHER RIGHTS.

The name of Princeton University or Princeton may not be used in advertising or publicity pertaining to
distribution of the software and/or database. Title to copyright in this software, database and any
associated documentation shall at all times remain with Princeton University and LICENSEE agrees to
preserve same.
"""

Noun = tuple[list[str], list[str]]


def nouns(folder: Path) -> dict[str, Noun]:
    """Words, and ids of the hypernyms in WordNet's order, of every noun in a folder's data.noun."""
    return {key: (words, above) for key, words, above, _ in wordnet_nouns(folder, Options())}


def above(classes: Mapping[str, str], known: Mapping[str, Noun]) -> dict[str, str]:
    """For each class, and each noun above one, the first of its hypernyms; entity has none."""
    parent: dict[str, str] = {}
    waiting = list(classes)
    while waiting:
        key = waiting.pop()
        if key not in parent and known[key][1]:
            parent[key] = known[key][1][0]
            waiting.append(parent[key])
    return parent


def others(parent: Mapping[str, str], known: Mapping[str, Noun]) -> Iterator[str]:
    """A line for each node that WordNet has below several: which was taken, which were not."""
    for key in sorted(parent):
        first, *rest = known[key][1]
        if rest:
            names = ", ".join(f"{one} ({known[one][0][0]})" for one in rest)
            yield f"{key} ({known[key][0][0]}) stands below {first} ({known[first][0][0]}), not {names}"


def without_chains(classes: Mapping[str, str], parent: Mapping[str, str]) -> dict[str, str]:
    """The same tree without the inner nodes that have a single child."""
    children: dict[str, int] = {}
    for up in parent.values():
        children[up] = children.get(up, 0) + 1
    result = {}
    for key in parent:
        if key in classes or children[key] > 1:
            up = parent[key]
            while children[up] == 1 and up in parent:
                up = parent[up]
            result[key] = up
    tops = [key for key, up in result.items() if up not in result]
    while len(tops) == 1:  # what holds all classes tells nothing
        del result[tops[0]]
        tops = [key for key, up in result.items() if up == tops[0]]
    return result


def taxonomy(
    classes: Mapping[str, str], parent: Mapping[str, str], known: Mapping[str, Noun], *, named: bool
) -> Taxonomy:
    """The taxonomy of the nodes and their parents.

    Args:
        classes: id -> name of the class.
        parent: id -> id of the one node above.
        known: words of each id.
        named: whether inner nodes are called by their first word (the id is then an alias), or by their ids
            (the words are then their description).
    """
    table = SourceGraph("WordNet 3.0", Options())
    for key in sorted({*parent, *parent.values()}):
        words = known[key][0]
        name = classes.get(key, words[0] if named else key)
        told = None if named else ", ".join(words)
        table.add(key, name, aliases=[key] if named else [], description=told)
    for key in sorted(parent):
        table.link(key, parent[key])
    return table.taxonomy()


def file_text(tree: Taxonomy, head: str, parent: Mapping[str, str], known: Mapping[str, Noun]) -> str:
    """The file: its head, the tree, and at the end the choices of a parent and WordNet's notice."""
    end = [*others(parent, known), "", *NOTICE.splitlines()]
    notes = "".join(f"# {line}".rstrip() + "\n" for line in end)
    return yaml_text(tree, (MODELINE[2:-1], *head.splitlines())) + notes
