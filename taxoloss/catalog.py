"""The trees that come with the package, and `load`, which finds a tree wherever it is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from taxoloss.errors import Fault, FormError
from taxoloss.names import did_you_mean, quoted
from taxoloss.reader import from_python, read_file
from taxoloss.taxonomy import Taxonomy
from taxoloss.values import Document, Limits

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
        value, document = from_python(source, limits)
    else:
        value, document = read_file(_existing(Path(source)), limits)
    return Taxonomy.from_values(value, document), document


def bundled_names() -> tuple[str, ...]:
    """The names that `load` knows, in alphabetical order."""
    files = (path.stem for path in _folder().glob("*.yaml"))
    return tuple(sorted({*files, *_BUILT}))


@cache
def _bundled(name: str) -> Taxonomy:
    build = _BUILT.get(name)
    return build() if build else Taxonomy.from_values(*read_file(_folder() / f"{name}.yaml"))


def _folder() -> Path:
    """The folder of bundled files: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "taxonomies"
    return inside if inside.is_dir() else package.parent / "taxonomies"


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


def _icd10cm() -> Taxonomy:
    """Chapter > block > category of ICD-10-CM, from the package simple-icd-10-cm.

    Blocks may stand in blocks: the innermost is taken. 39 blocks hold one category of the block's own
    name: only the path tells them apart.
    """
    try:
        import simple_icd_10_cm as icd
    except ImportError as error:
        raise ImportError(
            'the tree "icd10cm" is built from the package simple-icd-10-cm: pip install "taxoloss[icd10cm]"'
        ) from error
    codes = icd.get_all_codes(True)
    categories = [code for code in dict.fromkeys(codes) if icd.is_category(code)]
    rows = []
    for code in categories:
        block, *_, chapter = icd.get_ancestors(code, prioritize_blocks=False)
        rows.append((chapter, block, code))
    tree = Taxonomy.from_paths(rows, ("chapter", "block", "category"), name="icd10cm")
    return dataclasses.replace(
        tree,
        description="ICD-10-CM: chapter, innermost block, category. Not medical software.",
        source="the package simple-icd-10-cm, whose tables are the CDC's",
        version=f"simple-icd-10-cm {version('simple-icd-10-cm')}",
        licence="the package is MIT; a licence of the tables is not stated, so they are not bundled",
    )


_BUILT: dict[str, Callable[[], Taxonomy]] = {"icd10cm": _icd10cm}
