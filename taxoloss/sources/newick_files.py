"""Newick, read by the package newick; what `taxoloss convert` writes comes back whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from taxoloss.errors import Fault
from taxoloss.paths import raise_all
from taxoloss.reader import decoded, read_bytes
from taxoloss.sources.found import Found, Options, counted, foreign, refuse
from taxoloss.sources.node_table import NodeTable

__all__ = ["read_newick"]

_SKIPPED = re.compile(r"'(?:[^']|'')*'|\[[^\]]*\]")
_LEVEL = re.compile(r"level=(.*)", re.DOTALL)


def read_newick(path: Path, options: Options, kind: str | None = None) -> Found:
    """Names in quotes or not; lengths are left out, comments too but for [level=NAME]."""
    text = decoded(read_bytes(path, options.limits), str(path), options.limits).text
    _check_depth(text, str(path), options)
    with foreign("Newick", str(path)):
        import newick

        trees = newick.loads(text)
    if len(trees) != 1:
        raise refuse(str(path), f"the file holds {counted(len(trees), 'tree')}", expected="one tree")
    nodes = NodeTable(str(path), options)
    stack: list[tuple[Any, str | None]] = [(trees[0], None)]
    lengths = 0
    while stack:
        node, parent = stack.pop()
        key = str(len(nodes.nodes))
        level = next((m[1] for c in node.comments if (m := _LEVEL.fullmatch(c))), None)
        root = parent is None
        nodes.add(
            key, _name(node) or ("root" if root else ""), rank=None if level is None else _plain(level)
        )
        if parent is not None:
            nodes.link(key, parent)
        lengths += node._length is not None if hasattr(node, "_length") else bool(node.length)
        stack += [(child, key) for child in reversed(node.descendants)]
    if lengths:
        nodes.notes.append(
            f"{counted(lengths, 'branch length')} left out: the tree's shape counts, not its lengths"
        )
    return Found(nodes.taxonomy(), "newick", counted(len(nodes.nodes), "node"), tuple(nodes.notes))


def _name(node: Any) -> str:
    """The name as it was meant: quotes taken off, "_" for a space where there were none."""
    name = node.name or ""
    if len(name) > 1 and name[0] == name[-1] == "'":
        return name[1:-1].replace("''", "'")
    return name


def _plain(text: str) -> str:
    """A level's name: brackets would end a comment, so they are written by their numbers."""
    return re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


def _check_depth(text: str, file: str, options: Options) -> None:
    """The reader recurses: brackets are counted before it starts."""
    depth = 0
    for match in re.finditer(r"'(?:[^']|'')*'|\[[^\]]*\]|[()]", text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > options.limits.levels:
            line = text[: match.start()].count("\n") + 1
            raise_all([Fault("T111", f"brackets nest deeper than {options.limits.levels}", file, line)])
