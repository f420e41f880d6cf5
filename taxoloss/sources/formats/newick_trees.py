"""Newick, read by the package newick; what `taxoloss convert` writes comes back whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.reader import decoded, read_bytes

__all__ = ["FORMAT", "read_newick"]

_LEVELS = re.compile(r"levels=(.*)", re.DOTALL)
_LEVEL = re.compile(r"level=(.*)", re.DOTALL)


def read_newick(path: Path, options: Options) -> Found:
    """Names in quotes or not; lengths are left out, comments too but for [level=NAME]."""
    text = decoded(read_bytes(path, options.limits), str(path), options.limits).text
    _check_depth(text, str(path), options)
    # The package ends a quoted name at a backslash: a character that the text has not stands for it.
    stand_in = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    with foreign("Newick", str(path)):
        import newick

        trees = newick.loads(text.strip().replace("\\", stand_in))
    if len(trees) != 1:
        raise refuse(str(path), f"the file holds {counted(len(trees), 'tree')}", expected="one tree")
    written = next((m[1] for c in trees[0].comments if (m := _LEVELS.fullmatch(c))), None)
    levels = None if written is None else tuple(map(unquote, written.split("/")))
    nodes = SourceGraph(str(path), options, levels)
    numbers: dict[str | None, int] = {}
    stack: list[tuple[Any, str | None]] = [(trees[0], None)]
    lengths = 0
    while stack:
        node, parent = stack.pop()
        key = str(len(nodes.nodes))
        number = numbers[key] = _level(node, levels, numbers.get(parent, -1) + 1)
        rank = levels[number - 1] if levels and 0 < number <= len(levels) else None
        nodes.add(key, _name(node, stand_in) or ("root" if parent is None else ""), rank=rank)
        if parent is not None:
            nodes.link(key, parent)
        lengths += node._length is not None if hasattr(node, "_length") else bool(node.length)
        stack += [(child, key) for child in reversed(node.descendants)]
    if lengths:
        nodes.notes.append(
            f"{counted(lengths, 'branch length')} left out: the tree's shape counts, not its lengths"
        )
    return Found(nodes.taxonomy(), "newick", counted(len(nodes.nodes), "node"), tuple(nodes.notes))


def _name(node: Any, stand_in: str) -> str:
    """The name as it was meant: quotes taken off, "_" for a space where there were none."""
    name = node.name or ""
    if len(name) > 1 and name[0] == name[-1] == "'":
        name = name[1:-1].replace("''", "'")
    return name.replace(stand_in, "\\")


def _level(node: Any, levels: tuple[str, ...] | None, below: int) -> int:
    """The number of the level that a comment names, else the one below the parent's."""
    named = next((unquote(m[1]) for c in node.comments if (m := _LEVEL.fullmatch(c))), None)
    return levels.index(named) + 1 if levels is not None and named in levels else below


def _check_depth(text: str, file: str, options: Options) -> None:
    """The reader recurses: brackets are counted before it starts."""
    depth = 0
    for match in re.finditer(r"'(?:[^']|'')*'|\[[^\]]*\]|[()]", text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > options.limits.levels:
            line = text[: match.start()].count("\n") + 1
            raise_all([Fault("T111", f"brackets nest deeper than {options.limits.levels}", file, line)])


FORMAT = Format(
    "newick",
    read_newick,
    "Newick",
    suffixes=(".nwk", ".newick", ".tree", ".tre"),
    sniff=lambda sample: sample.start.startswith("("),
    needs="newick",
    example=("tree.nwk", "((Bengal:1,'Sia''mese'[level=y])cat,(pug,beagle)dog)root[levels=x/y];"),
)
