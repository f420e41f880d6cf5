"""Trees that are built from an installed package, whose tables may not be passed on."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["BUILT", "Built"]

_PACKAGE = "simple-icd-10-cm"
_CODES = ("4 characters", "5 characters", "6 characters", "7 characters")


@dataclass(frozen=True)
class Built:
    """A tree that is built: by what, from which package, and its size for the version that is pinned."""

    build: Callable[[], Taxonomy]
    package: str
    classes: int
    levels: tuple[str, ...]
    source: str
    licence: str

    @property
    def installed(self) -> bool:
        """Whether the package is there."""
        try:
            return bool(version(self.package))
        except PackageNotFoundError:
            return False


def _codes(name: str) -> Any:
    try:
        import simple_icd_10_cm
    except ImportError as error:
        raise ImportError(
            f'the tree "{name}" is built from the package {_PACKAGE}: pip install "taxoloss[icd10cm]"'
        ) from error
    return simple_icd_10_cm


def _described(tree: Taxonomy, description: str) -> Taxonomy:
    return tree.replace(
        description=f"{description} Not medical software.",
        source=_SOURCE,
        version=f"{_PACKAGE} {version(_PACKAGE)}",
        licence=_LICENCE,
    )


_SOURCE = f"the package {_PACKAGE}, whose tables are the CDC's"
_LICENCE = "the package is MIT; a licence of the tables is not stated, so they are not bundled"


def _icd10cm() -> Taxonomy:
    """Chapter > block > category of ICD-10-CM, from the package simple-icd-10-cm.

    Blocks may stand in blocks: the innermost is taken. 39 blocks hold one category of the block's own
    name: only the path tells them apart.
    """
    icd = _codes("icd10cm")
    codes = icd.get_all_codes(True)
    categories = [code for code in dict.fromkeys(codes) if icd.is_category(code)]
    rows = []
    for code in categories:
        block, *_, chapter = icd.get_ancestors(code, prioritize_blocks=False)
        rows.append((chapter, block, code))
    tree = Taxonomy.from_paths(rows, ("chapter", "block", "category"), name="icd10cm")
    return _described(tree, "ICD-10-CM: chapter, innermost block, category.")


# -- all codes -------------------------------------------------------------------------------------


def _icd10cm_full() -> Taxonomy:
    """Chapter > block > category > the codes of 4 to 7 characters, from a cache where there is one."""
    cached = _read_cache() if BUILT["icd10cm_full"].installed else None
    if cached is None:
        icd = _codes("icd10cm_full")
        tree = Taxonomy.from_paths(_rows(icd), ("chapter", "block", "category", *_CODES))
        names, level = tree.tree.names, tree.tree.level.tolist()
        texts = {n: icd.get_description(names[n], level[n] < 3) for n in range(1, len(names))}
        _write_cache(tree.tree, texts)
        cached = tree.tree, texts
    tree = Taxonomy(tree=cached[0], name="icd10cm_full", descriptions=cached[1])
    return _described(tree, "ICD-10-CM, every code: a code stands on the level of its length.")


def _rows(icd: Any) -> Iterator[tuple[str, ...]]:
    """For each code without codes below it what is above it; a rank that no code has stays empty."""
    for code in dict.fromkeys(icd.get_all_codes(True)):
        if not icd.is_category_or_subcategory(code) or not icd.is_leaf(code, prioritize_blocks=False):
            continue
        above = [code, *icd.get_ancestors(code, prioritize_blocks=False)]
        lengths = [len(one.replace(".", "")) for one in above]
        category = lengths.index(3)  # a block may have its category's name: the category comes first
        block, *_, chapter = above[category + 1 :]
        cells = [chapter, block, *[""] * (1 + len(_CODES))]
        for one, length in zip(above[: category + 1], lengths, strict=False):
            cells[length - 1] = one
        yield tuple(cells)


def _cache() -> Path:
    """The file of the cache: in $TAXOLOSS_CACHE, $XDG_CACHE_HOME/taxoloss or ~/.cache/taxoloss."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taxoloss"
    return Path(os.environ.get("TAXOLOSS_CACHE") or home) / f"icd10cm_full-{version(_PACKAGE)}-1.zip"


def _write_cache(tree: Tree, texts: dict[int, str]) -> None:
    """Names, parents, levels, descriptions and their checksum; nothing where nothing can be written."""
    numbers = io.BytesIO()
    np.savez_compressed(numbers, parent=tree.parent.astype(np.int32), level=tree.level.astype(np.int8))
    lines = {
        "names": tree.names,
        "texts": [texts.get(node, "").replace("\n", " ") for node in range(len(tree))],
        "levels": tree.levels,
    }
    parts = {name: "\n".join(those).encode() for name, those in lines.items()}
    parts["tree.npz"] = numbers.getvalue()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    try:
        _cache().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_cache(), hashlib.sha256(data.getvalue()).digest() + data.getvalue())
    except OSError:
        return


def _read_cache() -> tuple[Tree, dict[int, str]] | None:
    """What `_write_cache` wrote; None where there is none, or where it is damaged."""
    try:
        content = _cache().read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return None
    with zipfile.ZipFile(io.BytesIO(content[32:])) as archive:
        texts = {part: archive.read(part).decode().split("\n") for part in ("names", "texts", "levels")}
        numbers = np.load(io.BytesIO(archive.read("tree.npz")), allow_pickle=False)
        parent, level = numbers["parent"].astype(np.int64), numbers["level"].astype(np.int64)
    tree = Tree(tuple(texts["names"]), parent, level, tuple(texts["levels"]))
    return tree, {node: text for node, text in enumerate(texts["texts"]) if text}


#: The trees that are built, by name.
BUILT: dict[str, Built] = {
    "icd10cm": Built(_icd10cm, _PACKAGE, 1_918, ("chapter", "block", "category"), _SOURCE, _LICENCE),
    "icd10cm_full": Built(
        _icd10cm_full, _PACKAGE, 74_719, ("chapter", "block", "category", *_CODES), _SOURCE, _LICENCE
    ),
}
