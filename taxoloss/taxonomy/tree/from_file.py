"""From the nodes of a file to a tree: every check that needs more than one line of the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.file.document import Document, Mark
from taxoloss.taxonomy.file.models import LevelSpec
from taxoloss.taxonomy.file.parser import NodeRow, ParsedFile
from taxoloss.taxonomy.spelling import lookalike
from taxoloss.taxonomy.tree.arrays import Tree

__all__ = ["build_tree"]


def build_tree(parsed: ParsedFile) -> Tree:
    """The tree of a parsed file; FormError or MeaningError with every fault of the file."""
    document, rows = parsed.document, parsed.rows
    specs = parsed.spec.levels if parsed.spec is not None else None
    if specs is not None:
        _check_levels(specs, parsed.level_marks, document)
    _check_siblings(rows, document)
    _check_aliases(rows, document)
    if parsed.spec is not None:
        names = [spec.name for spec in specs] if specs is not None else None
        level = _place(rows, names, document)
        _check_leaves(rows, document)
    if document.log.faults:
        _warn_of_lookalikes(rows, document)
    document.log.raise_all()
    depth = max(level)
    levels = tuple(names) if names is not None else tuple(f"depth_{i + 1}" for i in range(depth))
    # Row i of the file is node i + 1 of the tree: the file is read in depth-first order.
    parent = np.array([0, *(row.parent + 1 for row in rows)], np.int64)
    return Tree(("", *(row.name for row in rows)), parent, np.array([0, *level], np.int64), levels)


def _path(rows: Sequence[NodeRow], index: int) -> tuple[str, ...]:
    names: list[str] = []
    while index >= 0:
        names.append(rows[index].name)
        index = rows[index].parent
    return tuple(reversed(names))


def _check_levels(specs: Sequence[LevelSpec], marks: Sequence[Mark | None], document: Document) -> None:
    most = document.limits.levels
    if len(specs) > most:
        message = f"{len(specs)} levels; at most {most} levels are allowed"
        document.fault("T111", message, marks[most], path=("levels",))
    seen: dict[str, Mark | None] = {}
    for spec, mark in zip(specs, marks, strict=True):
        if spec.name in seen:
            message = f"the level {quoted(spec.name)} is named twice"
            notes = (document.note("first written here", seen[spec.name]),)
            path = ("levels", spec.name)
            document.fault("T209", message, mark, found=spec.name, notes=notes, path=path)
        seen.setdefault(spec.name, mark)
    weights = [spec.weight for spec in specs]
    missing = [spec.name for spec in specs if spec.weight is None]
    if missing and len(missing) < len(specs):
        mark = marks[weights.index(None)]
        message = "only some levels have a weight; none for " + ", ".join(map(quoted, missing))
        expected = "a weight for every level (0 leaves a level out), or for none"
        document.fault("T207", message, mark, path=("levels", missing[0]), expected=expected)
    elif weights and not missing and not any(weights):
        message = "all level weights are 0: nothing would be learned"
        document.fault("T208", message, marks[0], path=("levels",), expected="one weight above 0")


def _check_siblings(rows: Sequence[NodeRow], document: Document) -> None:
    seen: dict[tuple[int, str], NodeRow] = {}
    for index, row in enumerate(rows):
        if not row.name:
            continue  # already a fault of form
        first = seen.setdefault((row.parent, row.name), row)
        if first is not row:
            path = _path(rows, index)
            below = f"under {quoted(path[-2])}" if len(path) > 1 else "at the top"
            document.fault(
                "T201",
                f"{quoted(row.name)} stands twice {below}",
                row.mark,
                path=path,
                found=row.name,
                help="rename one, or give it another parent",
                notes=(document.note("first written here", first.mark),),
            )


def _warn_of_lookalikes(rows: Sequence[NodeRow], document: Document) -> None:
    """Beside other faults; of a sound file `taxoloss inspect` tells the same."""
    alike: dict[tuple[int, str], NodeRow] = {}
    for index, row in enumerate(rows):
        twin = alike.setdefault((row.parent, lookalike(row.name)), row)
        if twin.name != row.name and row.name:
            message = f"{quoted(row.name)} looks like its sibling {quoted(twin.name)}"
            notes = (document.note("this one", twin.mark),)
            document.fault("T408", message, row.mark, path=_path(rows, index), notes=notes)


def _check_aliases(rows: Sequence[NodeRow], document: Document) -> None:
    """An alias must not name two leaves: which of them would a dataset mean?"""
    if not any(row.aliases for row in rows):
        return
    parents = {row.parent for row in rows}
    leaves = [(index, row) for index, row in enumerate(rows) if index not in parents and row.name]
    owner = {row.name: index for index, row in leaves}
    for index, row in leaves:
        for alias in row.aliases:
            other = owner.setdefault(alias, index)
            if other != index:
                message = f"the alias {quoted(alias)} of {quoted(row.name)} also names another leaf"
                notes = (document.note("this one", rows[other].mark),)
                path = _path(rows, index)
                document.fault("T210", message, row.mark, path=path, found=alias, notes=notes)


def _place(rows: Sequence[NodeRow], names: list[str] | None, document: Document) -> list[int]:
    """The level of each node: the one it names, else one below its parent's."""
    number = {name: index + 1 for index, name in enumerate(names or ())}
    deepest = len(names) if names is not None else len(rows)
    level: list[int] = []
    for index, row in enumerate(rows):
        above = level[row.parent] if row.parent >= 0 else 0
        here = above + 1
        if row.level is not None:
            here = _named_level(rows, index, number, above, document)
        if here > deepest >= above:  # once for a branch: what is below it is too deep as well
            _too_deep(rows, index, names or [], document)
        level.append(here)
    return level


def _named_level(
    rows: Sequence[NodeRow], index: int, number: dict[str, int], above: int, document: Document
) -> int:
    row = rows[index]
    name = row.level or ""
    path = _path(rows, index)
    if name not in number:
        message = f"{quoted(row.name)} names the level {quoted(name)}, which is not in `levels`"
        expected = "one of " + ", ".join(number) if number else "a list `levels` at the top"
        help = did_you_mean(name, list(number))
        mark = row.level_mark  # the word that is wrong, not the node's name
        document.fault("T205", message, mark, path=path, found=name, expected=expected, help=help)
        return above + 1
    if number[name] <= above:
        message = f"{quoted(row.name)} is on level {quoted(name)}, not below its parent's level"
        expected = "one of " + ", ".join(key for key, value in number.items() if value > above)
        document.fault("T206", message, row.mark, path=path, found=name, expected=expected)
        return above + 1
    return number[name]


def _too_deep(rows: Sequence[NodeRow], index: int, names: list[str], document: Document) -> None:
    row, path = rows[index], _path(rows, index)
    listed = ", ".join(names) if names else "none"
    document.fault(
        "T204",
        f"{quoted(row.name)} is below the deepest level",
        row.mark,
        path=path,
        found=f"depth {len(path)}",
        expected=f"at most {len(names)} levels: {listed}",
        help="name one more level in `levels`, or take one out of the tree",
    )


def _check_leaves(rows: Sequence[NodeRow], document: Document) -> None:
    if document.log.faults:
        return  # a tree that is at fault may have leaves that were not read
    leaves = len(rows) - len({row.parent for row in rows if row.parent >= 0})
    if leaves < 2:
        message = f"the tree has {leaves} leaf, {quoted(rows[-1].name)}" if rows else "no leaves"
        mark = rows[-1].mark if rows else None
        document.fault("T202", message, mark, path=("tree",), expected="at least two leaves")
