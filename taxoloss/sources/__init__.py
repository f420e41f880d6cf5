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

from taxoloss.sources.base import Choice, Found, Options
from taxoloss.sources.formats import FORMATS
from taxoloss.sources.formats.image_folders import SPLITS
from taxoloss.sources.kinds import KINDS, check_kind, kind_of
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.names import name_faults

__all__ = ["KINDS", "Choice", "Found", "Options", "read"]


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
    limits: Limits | None = None,
) -> Found:
    """The taxonomy of a source, the kind that it was taken for, and notes on what was left out.

    Args:
        source: a file or a folder.
        kind: one of `KINDS`; by default what the source shows.
        parent: "first" or "most-common", or a function of a node's name and its parents' names that
            returns the number of one; by default a node with several parents is a fault.
        columns: of a table: ranks top to leaf; one column of paths; child and parent; class and bin.
        separator: between the names of a path; by default the one that most paths hold.
        ranks: that become levels, where nodes have ranks (Darwin Core, iNaturalist, NCBI).
        under: the name of a node: only what is below it is read.
        header: of a table: whether its first line names the columns; by default what it looks like, and
            where that is not plain, a note says what it was taken for.
        missing: texts of a table that say that a rank is missing, beside the empty one.
        wordnet: the folder of WordNet's data.noun, for lists of ids.
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
    path = Path(source)
    if kind is not None:
        check_kind(kind)
    if parent not in (None, "first", "most-common") and not callable(parent):
        raise ValueError(f'expected parent "first", "most-common" or a function, got {parent!r:.40}')
    options = Options(
        parent=parent,
        columns=tuple(columns) if columns is not None else None,
        separator=separator,
        ranks=tuple(ranks) if ranks is not None else None,
        under=under,
        header=header,
        missing=tuple(missing),
        wordnet=Path(wordnet) if wordnet is not None else None,
        limits=limits or Limits(),
    )
    found = FORMATS[kind or kind_of(path)].read(path, options)
    if found.kind == "taxonomy":
        return found
    taxonomy = dataclasses.replace(
        found.taxonomy,
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
