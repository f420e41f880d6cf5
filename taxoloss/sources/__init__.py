"""From whatever people have to a taxonomy: tables, folders, JSON, Newick, ontologies, dumps, id lists.

    sources.read("species.csv").taxonomy

A reader makes rows of names (`rows`) or nodes with parents (`graph`); these make the tree, and tell
every fault at once. Formats that have a kept reader are read by it: pip install "taxoloss[sources]".

Imports errors, taxonomy.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from taxoloss.sources.base import Choice, Found, Options, without_collector
from taxoloss.sources.formats.codes import check_rule
from taxoloss.sources.formats.file_lists import files_as_classes
from taxoloss.sources.formats.image_folders import SPLITS
from taxoloss.sources.reading import Grade, Look, Reading, choose
from taxoloss.sources.survey import KINDS, check_kind, found_by, look_at
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.names import name_faults

__all__ = [
    "KINDS",
    "Choice",
    "Found",
    "Grade",
    "Look",
    "Options",
    "Reading",
    "look",
    "options_of",
    "read",
    "read_with",
]


def read(
    source: str | os.PathLike[str],
    *,
    kind: str | None = None,
    parent: Choice = None,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    ranks: Sequence[str] | None = None,
    under: str | None = None,
    header: bool | None = None,
    missing: Sequence[str] = (),
    wordnet: str | os.PathLike[str] | None = None,
    node_name: str | None = None,
    missing_parent: str | None = None,
    limits: Limits | None = None,
) -> Found:
    """The taxonomy of a source, by the reading that explains it best, and notes on what was left out.

    Args:
        source: a file or a folder.
        kind: one of `KINDS`; by default what the source shows.
        parent: "all" keeps several parents of a node; "first", "most-common" or a function of its name
            and its parents' names that returns the number of one, keeps one; by default they are a fault.
        columns: of a table: ranks top to leaf; one column of paths; child and parent; class and bin.
        separator: between the names of a path; by default the one that most paths hold.
        ranks: that become levels, where nodes have ranks (Darwin Core, iNaturalist, NCBI).
        under: the name of a node: only what is below it is read.
        header: of a table: whether its first line names the columns; by default what it looks like, and
            where that is not plain, a note says what it was taken for.
        missing: texts of a table that say that a rank is missing, beside the empty one.
        wordnet: the folder of WordNet's data.noun, for lists of ids.
        node_name: of codes: "code" or "title" is what a node is called; the other is its description.
        missing_parent: "top" or "drop" a row whose parent has no row; by default that is a fault.
        limits: how large the source may be.

    Raises:
        TaxonomyError: with every fault, each with its file and line.
        ImportError: the package that reads this kind is not installed.
        ValueError: there is no such kind, or no such rule for parents.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "pets.csv"
    >>> _ = file.write_text("species,breed\\ncat,Bengal\\ndog,pug\\ndog,beagle\\n")
    >>> found = read(file)
    >>> found.kind, found.taxonomy
    ('ranks', Taxonomy('pets', 3 classes, species 2 > breed 3, not bound))
    """
    options = options_of(
        kind=kind,
        parent=parent,
        columns=columns,
        separator=separator,
        ranks=ranks,
        under=under,
        header=header,
        missing=missing,
        wordnet=wordnet,
        node_name=node_name,
        missing_parent=missing_parent,
        limits=limits,
    )
    return read_with(source, options)


def read_with(source: str | os.PathLike[str], options: Options) -> Found:
    """The same as `read`, with options that were checked."""
    path = Path(source)
    with without_collector():
        seen = look_at(path, options)
        found = found_by(choose(seen, str(path)), seen)
    if options.kind is None and (refused := files_as_classes(found, str(path))):
        raise refused
    return _titled(found, path)


def look(source: str | os.PathLike[str], options: Options | None = None) -> Look:
    """Every reading of a source, each with what speaks for it: what `read` chooses from.

    Raises:
        TaxonomyError: the source cannot be opened.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "pets.csv"
    >>> _ = file.write_text("species,breed\\ncat,Bengal\\ndog,pug\\ndog,beagle\\n")
    >>> [(reading.kind, reading.example) for reading in look(file).readings]
    [('ranks', ('cat', 'Bengal'))]
    """
    with without_collector():
        return look_at(Path(source), options or Options())


def options_of(**given: Any) -> Options:
    """Options, checked.

    Raises:
        ValueError: there is no such kind, no such rule for parents, names or codes; a separator is
            empty, or columns or ranks are none.
    """
    if given["kind"] is not None:
        check_kind(given["kind"])
    parent = given["parent"]
    if parent not in (None, "all", "first", "most-common") and not callable(parent):
        raise ValueError(f'expected parent "all", "first", "most-common" or a function, got {parent!r:.40}')
    for name, rules in _RULES.items():
        if given[name] not in (None, *rules):
            expected = " or ".join(f'"{rule}"' for rule in rules)
            raise ValueError(f"expected {name} {expected}, got {given[name]!r:.40}")
    if given["separator"] == "":
        raise ValueError("expected a separator between names, got an empty text")
    if given["kind"] == "codes":
        check_rule(given["separator"])
    for name in ("columns", "ranks"):
        given[name] = tuple(given[name]) if given[name] is not None else None
        if given[name] == ():
            raise ValueError(f"expected names of {name} with commas between them, got none")
    wordnet = given["wordnet"]
    given["wordnet"] = Path(wordnet) if wordnet is not None else None
    return Options(**{**given, "missing": tuple(given["missing"]), "limits": given["limits"] or Limits()})


_RULES = {"node_name": ("code", "title"), "missing_parent": ("top", "drop")}


def _titled(found: Found, path: Path) -> Found:
    """With the name of the source, where the taxonomy has none of its own."""
    if found.kind == "taxonomy":
        return found
    taxonomy = found.taxonomy.replace(
        name=found.taxonomy.name or _title(path),
        source=f"{path.name}, read as {found.kind}",
        version=date.today().isoformat(),
    )
    return dataclasses.replace(found, taxonomy=taxonomy)


def _title(path: Path) -> str | None:
    """The source's own name, where it is a name."""
    whole = path.resolve()
    if path.is_dir() and whole.name.casefold() in SPLITS:
        whole = whole.parent
    stem = whole.name if path.is_dir() else whole.name.partition(".")[0]
    return stem if stem and not list(name_faults(stem)) else None
