"""Renames between two trees, as a table of two columns or as the texts OLD=NEW."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path as File

from taxoloss.errors.faults import FaultLog
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.file.reader import decoded, read_bytes
from taxoloss.taxonomy.versions.nodes import (
    Compared,
    Said,
    node_called,
    nodes_called,
    said_of,
    text_of_node,
)

__all__ = ["Rename", "as_option", "pairs_of", "read_renames"]

Rename = tuple[Said, Said]
_HEADER = ("old", "new")


def read_renames(
    source: str | os.PathLike[str], old: Compared, new: Compared, limits: Limits | None = None
) -> tuple[dict[Said, Said], bool]:
    """What a CSV or TSV of old and new names says, and whether its first line was the header old,new.

    A cell is a name, a path a/b/c, or a path as a list of names in JSON, where names hold "/". Several old
    nodes may become one new one.

    Raises:
        TaxonomyError: with every fault, each with its line.
    """
    path, limits = File(source), limits or Limits()
    log = FaultLog(str(path), by_place=True)
    rows = list(_rows(path, limits, log))
    headed = bool(rows) and tuple(cell.strip().casefold() for cell in rows[0][1]) == _HEADER
    if headed and nodes_called(old, rows[0][1][0]) and nodes_called(new, rows[0][1][1]):
        message = "the first line may be a header, or a rename of the node `old`"
        help = 'for the rename write ["old"] and ["new"]; a header is not needed'
        log.note("T121", message, line=rows[0][0], expected="one of the two", help=help)
    found: dict[Said, Said] = {}
    lines: dict[int, tuple[int, int]] = {}  # old node -> its new one, and the line that says so
    for line, cells in rows[1:] if headed else rows:
        said = _said(line, cells, old, new, log)
        if said is None:
            continue
        (key, node), (value, other) = said
        if lines.setdefault(node, (other, line))[0] != other:
            before = text_of_node(new, lines[node][0])
            message = (
                f"{_shown(key)} is said to be {_shown(value)}, in line {lines[node][1]} to be `{before}`"
            )
            log.note("T303", message, line=line, found=cells[0], expected="one new node for an old one")
        found[key] = value
    log.raise_all()
    return found, headed


def _rows(path: File, limits: Limits, log: FaultLog) -> Iterator[tuple[int, list[str]]]:
    """The line and the two cells of each row that is not empty."""
    text = decoded(read_bytes(path, limits), str(path), limits).text
    delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    last = 0
    try:
        for cells in reader:
            line, last = last + 1, reader.line_num
            if len(cells) == 2 and all(cell.strip() for cell in cells):
                yield line, cells
            elif any(cell.strip() for cell in cells):
                count = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
                what = count if len(cells) != 2 else "an empty cell"
                expected = "two: old and new; quote a cell that holds the delimiter"
                log.note("T121", f"the row has {what}", line=line, expected=expected)
    except csv.Error:
        log.note("T121", "a quoted cell does not end, or goes on behind its quote", line=last + 1)


def _said(
    line: int, cells: list[str], old: Compared, new: Compared, log: FaultLog
) -> tuple[tuple[Said, int], tuple[Said, int]] | None:
    """Both sides of a row, with their nodes; None, and a fault, where one of them is none."""
    sides = []
    for text, tree, which in ((cells[0], old, "old"), (cells[1], new, "new")):
        said = said_of(text if nodes_called(tree, text) else text.strip(), tree)
        try:
            sides.append((said, node_called(tree, said, which)))
        except ValueError as error:
            code = "T304" if len(nodes_called(tree, said)) > 1 else "T302"
            help = "a first line of headers reads old,new" if line == 1 and code == "T302" else None
            log.note(code, str(error), line=line, found=text, help=help)
    return (sides[0], sides[1]) if len(sides) == 2 else None


def _shown(said: Said) -> str:
    return f"`{said if isinstance(said, str) else '/'.join(said)}`"


# -- OLD=NEW ---------------------------------------------------------------------------------------


def pairs_of(text: str, old: Compared, new: Compared) -> list[Rename]:
    """What OLD=NEW may say: at each sign that has a node on both sides; if none has, at the first sign.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": ["a", "a=b", "c"]})
    >>> pairs_of("a=b=c", t, t), pairs_of("a", t, t)
    ([('a=b', 'c')], [])
    """
    parts = text.split("=")
    texts = [("=".join(parts[:n]), "=".join(parts[n:])) for n in range(1, len(parts))]
    pairs = [(said_of(before, old), said_of(after, new)) for before, after in texts if before and after]
    known = [(a, b) for a, b in pairs if nodes_called(old, a) and nodes_called(new, b)]
    return known or pairs[:1]


def as_option(old: Compared, before: int, new: Compared, after: int) -> str:
    """The text OLD=NEW that says that two nodes are one, and nothing else."""
    text = f"{text_of_node(old, before)}={text_of_node(new, after)}"
    meant = [(nodes_called(old, a), nodes_called(new, b)) for a, b in pairs_of(text, old, new)]
    if meant == [([before], [after])]:
        return text
    paths = old.tree.path(before), new.tree.path(after)
    return "=".join(json.dumps(path, ensure_ascii=False) for path in paths)
