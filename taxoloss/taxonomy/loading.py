"""The trees that come with the package, and `load`, which finds a tree wherever it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import Fault, FormError
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.bundled.catalog import bundled_file, bundled_names
from taxoloss.taxonomy.file.document import Document
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.file.python_reader import from_python
from taxoloss.taxonomy.file.reader import read_file
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["load", "load_document"]


def load(source: str | os.PathLike[str] | Mapping[str, Any], *, limits: Limits | None = None) -> Taxonomy:
    """The taxonomy of a bundled name, a file or a mapping; not yet bound to a dataset's classes.

    Args:
        source: a bundled name such as "pets"; the path of a YAML or JSON file (a file that has a
            bundled name is written "./pets"); or a mapping with the keys of such a file.
        limits: how large a file or mapping may be; by default 64 levels, 2 million nodes, 256 MB, 1 MB
            a text.

    Raises:
        TaxonomyError: with every fault, each with its file, line and column.
        TypeError: the source is none of these.
        ImportError: the tree is built from a package that is not installed.

    >>> import taxoloss
    >>> taxoloss.load("pets")
    Taxonomy('pets', 37 classes, species 2 > breed 37, not bound)
    """
    return load_document(source, limits)[0]


def load_document(
    source: str | os.PathLike[str] | Mapping[str, Any], limits: Limits | None = None
) -> tuple[Taxonomy, Document | None]:
    """What `load` loads, and the document that knows where its nodes stand (None: bundled)."""
    if not isinstance(source, (str, os.PathLike, Mapping)):
        table = hasattr(source, "columns") and hasattr(source, "shape")
        help = ": Taxonomy.from_paths(table, levels=[...]) takes one" if table else ""
        raise TypeError(f"expected a bundled name, a path or a mapping, got {type(source).__name__}{help}")
    if isinstance(source, str) and source in bundled_names():
        return bundled_file(source), None
    if isinstance(source, Mapping):
        if "taxoloss" in source and "tree" not in source:
            raise TypeError(
                "expected the keys of a taxonomy file; Taxonomy.from_dict takes what to_dict made"
            )
        value, document = from_python(source, limits)
    else:
        value, document = read_file(_existing(Path(source)), limits)
    return Taxonomy.from_values(value, document), document


def _existing(path: Path) -> Path:
    if path.exists():
        return path
    names = bundled_names()
    message = f"there is no file {quoted(str(path))}"
    if path.suffix == "" and path.name == str(path):
        message = f"there is no bundled taxonomy and no file {quoted(str(path))}"
    help = did_you_mean(str(path), names)
    expected = "a file, or one of " + ", ".join(names)
    fault = Fault("T101", message, found=str(path), expected=expected, help=help)
    raise FormError([fault])
