"""What the columns of a table mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from taxoloss.errors.characters import quoted
from taxoloss.sources.base import Options, refuse
from taxoloss.sources.tables.table import Table, folded

__all__ = ["WORDS", "Layout", "layout_of"]

#: Ranks as columns are called, from top to leaf; nothing else is guessed from names.
_RANKS = (
    "domain", "superkingdom", "kingdom", "subkingdom", "superphylum", "phylum", "division", "subphylum",
    "superclass", "class", "subclass", "infraclass", "superorder", "order", "suborder", "infraorder",
    "superfamily", "family", "subfamily", "tribe", "subtribe", "genus", "subgenus", "species", "subspecies",
    "variety", "breed", "cultivar", "strain",
)  # fmt: skip
_CHILD = ("child", "node", "id", "name", "label", "target", "taxonid", "taxon_id", "concept")
_PARENT = ("parent", "parent_id", "parentid", "parent_name", "source", "parentnameusageid", "broader")
_PATH = ("path", "paths", "taxonomy", "lineage", "hierarchy", "taxonomy_string", "category_path")
_CLASS = ("class", "label", "leaf", "fine", "fine_label", "name", "species", "category", "subcategory")
_BIN = ("bin", "group", "superclass", "coarse", "coarse_label", "parent", "supercategory")


#: Names of columns that leave no doubt that a line names columns.
WORDS = frozenset(
    {*_RANKS, *_CHILD, *_PARENT, *_PATH, *_CLASS, *_BIN, "classes", "labels", "names", "class_name"}
)
_IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".npy", ".wav", ".flac")
_SAMPLE = 20_000


@dataclass(frozen=True)
class Layout:
    """What the columns of a table mean: the kind, and the numbers of its columns in the kind's order."""

    kind: str
    columns: tuple[int, ...]


# -- what the columns mean -------------------------------------------------------------------------


def layout_of(table: Table, kind: str | None, options: Options) -> Layout | None:
    """The layout that was asked for, or the one that the names and cells of the columns show."""
    if options.columns is not None:
        numbers = tuple(table.column(name) for name in options.columns)
        return Layout(kind or _kind_of(table, numbers), numbers)
    guesses = [_edges(table), _path(table), _ranks(table), _bins(table), _nested(table)]
    for guess in guesses:
        if guess is not None and kind in (None, guess.kind):
            return guess
    columns = ", ".join(map(quoted, table.header[:12]))
    wanted = f"as {kind}" if kind else "as ranks, paths, edges or bins"
    help = (
        "say which: --columns order,family,species (ranks, top to leaf), --kind edges --columns "
        "CHILD,PARENT, --kind bins --columns CLASS,BIN, --kind paths --columns PATH"
    )
    raise refuse(table.file, f"the columns cannot be read {wanted}: {columns}", help=help)


def _kind_of(table: Table, numbers: Sequence[int]) -> str:
    """Several named columns are ranks; one is a column of paths."""
    guess = _edges(table)
    if guess is not None and guess.columns == tuple(numbers):
        return "edges"
    return "paths" if len(numbers) == 1 else "ranks"


def _named(table: Table, names: Sequence[str]) -> int | None:
    header = [folded(name) for name in table.header]
    return next((header.index(name) for name in names if name in header), None)


def _edges(table: Table) -> Layout | None:
    parent = _named(table, _PARENT)
    child = _named(table, _CHILD)
    if parent is None or child is None or parent == child:
        return None
    if (
        len(table.header) == 2
        and folded(table.header[parent]) in _BIN
        and not _is_chained(table, child, parent)
    ):
        return None  # two columns whose parents are no children: bins
    return Layout("edges", (child, parent))


def _is_chained(table: Table, child: int, parent: int) -> bool:
    """Whether some parent is a child too, or the names of the columns leave no doubt."""
    if folded(table.header[child]) == "child":
        return True
    children = {row[child] for row in table.rows}
    return any(row[parent] in children for row in table.rows)


def _path(table: Table) -> Layout | None:
    column = _named(table, _PATH)
    if column is None and len(table.header) == 1:
        column = 0
    elif column is None:
        levels = [i for i, name in enumerate(table.header) if re.fullmatch(r"\w[\w ]*(/\w[\w ]*)+", name)]
        column = levels[0] if len(levels) == 1 else None
    return None if column is None else Layout("paths", (column,))


def _ranks(table: Table) -> Layout | None:
    header = [folded(name) for name in table.header]
    known = sorted(
        (_RANKS.index(name), i)
        for i, name in enumerate(header)
        if name in _RANKS and any(r[i] for r in table.rows)
    )
    if len(known) >= 2:
        return Layout("ranks", tuple(i for _, i in known))
    numbered = [
        (int(m[1]), i)
        for i, n in enumerate(header)
        if (m := re.fullmatch(r"(?:level|depth|l|tier)_?(\d+)", n))
    ]
    if len(numbered) >= 2:
        return Layout("ranks", tuple(i for _, i in sorted(numbered)))
    return None


def _bins(table: Table) -> Layout | None:
    if len(table.header) != 2 or any(
        cell.casefold().endswith(_IMAGES) for row in table.rows[:20] for cell in row
    ):
        return None
    fine, coarse = _named(table, _CLASS), _named(table, _BIN)
    if fine is None or coarse is None or fine == coarse:
        fine, coarse = 0, 1
        if not _determines(table, 0, 1):
            fine, coarse = 1, 0
            if not _determines(table, 1, 0):
                if any(table.header):
                    return None
                # Without a header, and with a name below two others: the finer column has more names.
                fine = max((0, 1), key=lambda i: len({row[i] for row in table.rows}))
                coarse = 1 - fine
    return Layout("bins", (fine, coarse))


def _nested(table: Table) -> Layout | None:
    """All columns, coarse to fine, where each finer one determines the coarser ones."""
    if any(cell.casefold().endswith(_IMAGES) for row in table.rows[:20] for cell in row):
        return None
    distinct = {i: len({row[i] for row in table.rows[:_SAMPLE]}) for i in range(len(table.header))}
    order = sorted(distinct, key=lambda i: distinct[i])
    if len(order) < 2 or len(set(distinct.values())) < len(order):
        return None
    if all(_determines(table, low, high) for high, low in pairwise(order)):
        return Layout("ranks", tuple(order))
    return None


def _determines(table: Table, fine: int, coarse: int) -> bool:
    """Whether a name in one column always stands beside one name in the other, and some share it."""
    above: dict[str, str] = {}
    same = all(above.setdefault(row[fine], row[coarse]) == row[coarse] for row in table.rows[:_SAMPLE])
    return same and len(set(above.values())) < len(above)
