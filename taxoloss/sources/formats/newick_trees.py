"""Newick, read by the package newick; what `taxoloss convert` writes comes back whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, listed, refuse, source_text
from taxoloss.sources.formats.format import HEAD, Format, Sample
from taxoloss.sources.graph import SourceGraph

__all__ = ["FORMAT", "read_newick"]

_LEVELS = re.compile(r"levels=(.*)", re.DOTALL)
_LEVEL = re.compile(r"level=(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
#: One support value, or several: 100, 0.98, 98.5/100.
_SUPPORT = re.compile(rf"{_NUMBER.pattern}(?:[/|]{_NUMBER.pattern})*")
#: What brackets and names are looked for in: quoted names and comments are whole.
_PARTS = re.compile(r"'(?:[^']|'')*'|\[[^\]]*\]|[(),;]")


def read_newick(path: Path, options: Options) -> Found:
    """Names in quotes or not; lengths are left out, comments too but for [level=NAME].

    Inner nodes without a name, or with a support value in its place, are dissolved: what is below them
    stands below the nearest node above that has a name.

    Raises:
        TaxonomyError: it is no Newick, or no inner node has a name.
    """
    file = str(path)
    text = source_text(path, options.limits)
    _check_depth(text, file, options)
    # The package ends a quoted name at a backslash: a character that the text has not stands for it.
    stand_in = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    with foreign("Newick", file):
        import newick

        trees = newick.loads(text.strip().replace("\\", stand_in))
    if len(trees) != 1:
        raise refuse(file, f"the file holds {counted(len(trees), 'tree')}", expected="one tree")
    return _Newick(trees[0], text, file, options, stand_in).found()


class _Newick:
    """A tree that the package read, on its way to nodes with names."""

    def __init__(self, tree: Any, text: str, file: str, options: Options, stand_in: str) -> None:
        self.text, self.file, self.stand_in = text, file, stand_in
        written = next((m[1] for c in tree.comments if (m := _LEVELS.fullmatch(c))), None)
        self.levels = None if written is None else tuple(map(unquote, written.split("/")))
        self.nodes = SourceGraph(file, options, self.levels)
        self.tree = tree
        #: All nodes from the root down, the number of each one's parent, and whether it is a leaf.
        self.all, self.parent = _walked(tree)
        self.names = [self._name(node) for node in self.all]
        self.support: dict[int, str] = {}

    def found(self) -> Found:
        self._take_support()
        self._check_names()
        kept, lengths = self._add()
        notes = self.nodes.notes
        if lengths:
            left = "left out: the tree's shape counts, not its lengths"
            notes.append(f"{counted(lengths, 'branch length')} {left}")
        return Found(self.nodes.taxonomy(), "newick", counted(kept, "node"), tuple(notes))

    def _name(self, node: Any) -> str:
        """The name as it was meant: quotes taken off."""
        name = node.name or ""
        if len(name) > 1 and name[0] == name[-1] == "'":
            name = name[1:-1].replace("''", "'")
        return name.replace(self.stand_in, "\\")

    def _is_inner(self, number: int) -> bool:
        return bool(self.all[number].descendants)

    def _take_support(self) -> None:
        """Takes support values from inner nodes; where the leaves are numbers too, these are names.

        Beside the names of levels, which `taxoloss convert` writes, every label is a name.
        """
        if self.levels is not None:
            return
        leaves = [name for i, name in enumerate(self.names) if not self._is_inner(i)]
        numbered = 2 * sum(_NUMBER.fullmatch(name) is not None for name in leaves) > len(leaves)
        for number, name in enumerate(self.names):
            if not self._is_inner(number) or numbered:
                continue
            value, rest = _without_support(name)
            if value and number:
                self.support[number], self.names[number] = value, rest
            elif value:
                self.names[number] = rest  # the root is no class, whatever its label

    def _check_names(self) -> None:
        """A leaf has a name; of the inner nodes one at least, where there are any but the root."""
        inner = [number for number in range(1, len(self.all)) if self._is_inner(number)]
        leaves = [number for number in range(len(self.all)) if not self._is_inner(number)]
        empty = [number for number in leaves if not self.names[number]]
        if empty:
            message = f"{counted(len(empty), 'leaf')} without a name".replace("leafs", "leaves")
            raise refuse(self.file, message, line=self._line("leaf"), expected="a name for each leaf")
        if inner and not any(self.names[number] for number in inner):
            those = (
                "the only inner node has no"
                if len(inner) == 1
                else f"none of {len(inner):,} inner nodes has a"
            )
            hold = f", {len(self.support):,} hold a support value" if self.support else ""
            message = f"{those} name{hold}: there is no class above the {len(leaves):,} leaves"
            help = "name the inner nodes; or give the leaves as a list: --kind names"
            raise refuse(
                self.file, message, line=self._line("inner"), expected="names of groups", help=help
            )
        self._tell(inner)

    def _tell(self, inner: Sequence[int]) -> None:
        unnamed = [number for number in inner if not self.names[number]]
        if unnamed:
            line = self._line("inner")
            said = (
                f"{counted(len(unnamed), 'inner node')} without a name dissolved, the first in line {line}"
            )
            self.nodes.notes.append(f"{said}: what is below stands below the nearest named one")
        if self.support:
            shown = listed(list(dict.fromkeys(self.support.values())))
            self.nodes.notes.append(f"{counted(len(self.support), 'support value')} left out: {shown}")

    def _add(self) -> tuple[int, int]:
        """Adds the nodes that have a name, each below the nearest of these; how many, and lengths."""
        levels, lengths = self.levels, 0
        numbers: list[int] = []
        up: list[int] = []
        for number, node in enumerate(self.all):
            above = self.parent[number]
            lengths += node._length is not None if hasattr(node, "_length") else bool(node.length)
            numbers.append(self._level(node, numbers[above] + 1 if number else 0))
            if number and not self.names[number]:
                up.append(up[above])
                continue
            rank = levels[numbers[-1] - 1] if levels and 0 < numbers[-1] <= len(levels) else None
            self.nodes.add(f"node {number}", self.names[number] or "root", rank=rank)
            if number:
                self.nodes.link(f"node {number}", f"node {up[above]}")
            up.append(number)
        return len(self.nodes.nodes), lengths

    def _level(self, node: Any, below: int) -> int:
        """The number of the level that a comment names, else the one below the parent's."""
        named = next((unquote(m[1]) for c in node.comments if (m := _LEVEL.fullmatch(c))), None)
        return self.levels.index(named) + 1 if self.levels is not None and named in self.levels else below

    def _line(self, what: str) -> int | None:
        """The line of the first node of a sort that has no name."""
        return next((line for sort, line in _nameless(self.text) if sort == what), None)


def _walked(tree: Any) -> tuple[list[Any], list[int]]:
    """The nodes, parents before children, siblings in their order; the number of each one's parent."""
    nodes: list[Any] = []
    parent: list[int] = []
    stack: list[tuple[Any, int]] = [(tree, 0)]
    while stack:
        node, above = stack.pop()
        stack += [(child, len(nodes)) for child in reversed(node.descendants)]
        nodes.append(node)
        parent.append(above)
    return nodes, parent


def _without_support(name: str) -> tuple[str, str]:
    """The support value in the label of an inner node, and the name beside it.

    >>> _without_support("0.98"), _without_support("100.0:Felidae"), _without_support("Felidae:97")
    (('0.98', ''), ('100.0', 'Felidae'), ('97', 'Felidae'))
    """
    if _SUPPORT.fullmatch(name):
        return name, ""
    first, _, rest = name.partition(":")
    if rest and _SUPPORT.fullmatch(first):
        return first, rest.strip()
    rest, _, last = name.rpartition(":")
    return (last, rest.strip()) if rest and _SUPPORT.fullmatch(last) else ("", name)


def _nameless(text: str) -> Iterator[tuple[str, int]]:
    """Nodes without a name, or with a number in its place: "leaf" or "inner", and the line."""
    marks = [match for match in _PARTS.finditer(text) if match.group()[0] != "["]
    for at, match in enumerate(marks):
        following = marks[at + 1] if at + 1 < len(marks) else None
        end = following.start() if following is not None else len(text)
        quoted = following is not None and following.group()[0] == "'"
        label = re.sub(r"\[[^\]]*\]", "", text[match.end() : end]).partition(":")[0].strip()
        line = text[: match.end()].count("\n") + 1
        mark = following.group() if following is not None else ""
        ends = mark in ("", "(", ")", ",", ";")
        if match.group() == ")" and not quoted and (not label or _SUPPORT.fullmatch(label)):
            if mark not in ("", ";"):  # the root's
                yield "inner", line
        elif match.group() in "(," and not label and ends and not quoted and mark != "(":
            yield "leaf", line


def _check_depth(text: str, file: str, options: Options) -> None:
    """The reader recurses: brackets are counted before it starts."""
    depth = 0
    for match in _PARTS.finditer(text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > options.limits.levels:
            line = text[: match.start()].count("\n") + 1
            raise_all([Fault("T111", f"brackets nest deeper than {options.limits.levels}", file, line)])


def _is_newick(sample: Sample) -> bool:
    """Brackets that close, behind comments maybe: a list of names may start with one too."""
    start = re.sub(r"^\s*(\[[^\]]*\]\s*)*", "", sample.text)
    if not start.startswith("("):
        return False
    if len(sample.text) >= HEAD:
        return True
    depth = 0
    for match in _PARTS.finditer(start):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if match.group() == ";":
            return depth == 0
        if depth == 0 and match.group() == ",":
            return False
    return depth == 0 and "\n" not in start.strip()


FORMAT = Format(
    "newick",
    read_newick,
    "Newick",
    suffixes=(".nwk", ".newick"),
    sniff=_is_newick,
    needs="newick",
    example=("tree.nwk", "((Bengal:1,'Sia''mese'[level=y])cat,(pug,beagle)dog)root[levels=x/y];"),
)
