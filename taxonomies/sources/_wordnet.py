"""What the scripts of WordNet trees share: the nouns above some classes, as a taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def ids_of_imagenet(synsets: Path, known: Mapping[str, Noun]) -> dict[str, str]:
    """The 1,000 ids that stand first on the lines of a file, each of which is its own name."""
    lines = synsets.read_text(encoding="utf-8").splitlines()
    ids = [line.split()[0] for line in lines if line.strip()]
    if len(set(ids)) != 1000:
        raise ValueError(f"expected 1,000 ids in {synsets}, got {len(set(ids))}")
    unknown = sorted(set(ids) - set(known))
    if unknown:
        raise ValueError(f"{', '.join(unknown[:5])} are no nouns of data.noun: is it WordNet 3.0?")
    return {key: key for key in ids}


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


def all_above(classes: Mapping[str, str], known: Mapping[str, Noun]) -> dict[str, list[str]]:
    """For each class, and each noun above one, all of its hypernyms; entity has none."""
    parents: dict[str, list[str]] = {}
    waiting = list(classes)
    while waiting:
        key = waiting.pop()
        if key not in parents and known[key][1]:
            parents[key] = known[key][1]
            waiting += parents[key]
    return parents


def each_alone(parent: Mapping[str, str]) -> dict[str, list[str]]:
    """The same as lists of parents of one each."""
    return {key: [up] for key, up in parent.items()}


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
    classes: Mapping[str, str],
    parents: Mapping[str, Sequence[str]],
    known: Mapping[str, Noun],
    *,
    named: bool,
) -> Taxonomy:
    """The taxonomy of the nodes and their parents.

    Args:
        classes: id -> name of the class.
        parents: id -> ids of the nodes above, the home first.
        known: words of each id.
        named: whether inner nodes are called by their first word (the id is then an alias), or by their ids
            (the words are then their description).
    """
    table = SourceGraph("WordNet 3.0", Options(parent="all"))
    for key in sorted({*parents, *(up for above in parents.values() for up in above)}):
        words = known[key][0]
        name = classes.get(key, words[0] if named else key)
        told = None if named else ", ".join(words)
        table.add(key, name, aliases=[key] if named else [], description=told)
    for key in sorted(parents):
        for up in parents[key]:
            table.link(key, up)
    return table.taxonomy()


def file_text(tree: Taxonomy, head: str, choices: Iterable[str]) -> str:
    """The file: its head, the tree, and at the end what was chosen and WordNet's notice."""
    notes = "".join(f"# {line}".rstrip() + "\n" for line in (*choices, "", *NOTICE.splitlines()))
    return yaml_text(tree, (MODELINE[2:-1], *head.splitlines())) + notes
