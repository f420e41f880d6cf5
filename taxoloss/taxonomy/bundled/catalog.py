"""The trees that come with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from taxoloss.taxonomy.bundled.icd10cm import BUILT
from taxoloss.taxonomy.file.reader import read_text
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["bundled_names"]


def bundled_names() -> tuple[str, ...]:
    """The names that `load` knows, in alphabetical order."""
    files = (file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))
    return tuple(sorted({*files, *BUILT}))


@cache
def bundled_file(name: str) -> Taxonomy:
    """The bundled taxonomy of a name, read or built once."""
    if name in BUILT:
        return BUILT[name].build()
    data = _folder().joinpath(f"{name}.yaml").read_bytes()
    return Taxonomy.from_values(*read_text(data, f"{name}.yaml"))


def _folder() -> Traversable:
    """The folder of bundled files: inside an installed package (a zip too), beside it in a checkout."""
    inside = files("taxoloss").joinpath("taxonomies")
    if inside.is_dir():
        return inside
    beside = Path(__file__).parents[3] / "taxonomies"
    if not beside.is_dir():
        raise FileNotFoundError("the bundled taxonomies are not installed: install taxoloss again")
    return beside
