"""The comments of a taxonomy file, by the nodes that they belong to, so that a rewrite keeps them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxoloss.taxonomy.file.document import Document
from taxoloss.taxonomy.file.metadata import Described
from taxoloss.taxonomy.file.yaml_writer import Comments

__all__ = ["KeptComments", "comments_of"]

_BEHIND = re.compile(r"\s#(.*)$")
_LINE = re.compile(r"^\s*#(.*)$")


@dataclass(frozen=True)
class KeptComments:
    """Comment lines at the head of a file, those of its nodes, and those that belong to neither."""

    head: tuple[str, ...]
    nodes: Comments
    others: tuple[str, ...]


def comments_of(taxonomy: Described, document: Document) -> KeptComments:
    """The comments of the file that a taxonomy was read from.

    A comment above a line, or behind it, belongs to the first node that stands on the line.
    """
    lines = document.text.splitlines()
    first_of: dict[int, list[int]] = {}
    for node, mark in enumerate(document.node_marks):
        if mark is not None:
            first_of.setdefault(mark.line, []).append(node)
    head = _run(lines, 0)
    nodes: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}
    taken = set(range(len(head)))
    for line, on_it in first_of.items():
        last = document.node_marks[on_it[-1]]
        above = _above(lines, line - 2, taken)
        behind = _behind(lines[line - 1], last.column - 1 + last.width if last is not None else 0)
        taken |= set(range(line - 1 - len(above), line - 1)) | ({line - 1} if behind else set())
        if above or behind:
            nodes[taxonomy.tree.path(on_it[0])] = (above, behind)
    others = [
        lines[i].strip()
        for i in range(len(lines))
        if i not in taken and (_LINE.match(lines[i]) or _behind(lines[i], 0))
    ]
    return KeptComments(head, nodes, tuple(others))


def _run(lines: list[str], start: int) -> tuple[str, ...]:
    """Comment lines that follow each other."""
    found = []
    for line in lines[start:]:
        match = _LINE.match(line)
        if match is None:
            break
        found.append(match[1].strip())
    return tuple(found)


def _above(lines: list[str], at: int, taken: set[int]) -> tuple[str, ...]:
    found: list[str] = []
    while at >= 0 and at not in taken and (match := _LINE.match(lines[at])):
        found.insert(0, match[1].strip())
        at -= 1
    return tuple(found)


def _behind(line: str, start: int) -> str:
    """The comment at the end of a line; "" where quotes leave it in doubt what is one."""
    rest = line[start:]
    match = _BEHIND.search(rest)
    return "" if match is None or "'" in rest or '"' in rest else match[1].strip()
