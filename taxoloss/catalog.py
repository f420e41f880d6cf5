"""The trees that come with the package, and `load`, which finds a tree wherever it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxoloss.built import BUILT
from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import Fault, FormError
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.python_values import from_python
from taxoloss.reader import read_file, read_text
from taxoloss.taxonomy import Taxonomy
from taxoloss.values import Document, Limits

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["bundled_names", "load", "load_document"]


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
        raise TypeError(f"expected a bundled name, a path or a mapping, got {type(source).__name__}")
    if isinstance(source, str) and source in bundled_names():
        return _bundled(source), None
    if isinstance(source, Mapping):
        if "taxoloss" in source and "tree" not in source:
            raise TypeError(
                "expected the keys of a taxonomy file; Taxonomy.from_dict takes what to_dict made"
            )
        value, document = from_python(source, limits)
    else:
        value, document = read_file(_existing(Path(source)), limits)
    return Taxonomy.from_values(value, document), document


def bundled_names() -> tuple[str, ...]:
    """The names that `load` knows, in alphabetical order."""
    files = (file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))
    return tuple(sorted({*files, *BUILT}))


@cache
def _bundled(name: str) -> Taxonomy:
    if name in BUILT:
        return BUILT[name].build()
    data = _folder().joinpath(f"{name}.yaml").read_bytes()
    return Taxonomy.from_values(*read_text(data, f"{name}.yaml"))


def _folder() -> Traversable:
    """The folder of bundled files: inside an installed package (a zip too), beside it in a checkout."""
    inside = files("taxoloss").joinpath("taxonomies")
    if inside.is_dir():
        return inside
    beside = Path(__file__).parent.parent / "taxonomies"
    if not beside.is_dir():
        raise FileNotFoundError("the bundled taxonomies are not installed: install taxoloss again")
    return beside


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
