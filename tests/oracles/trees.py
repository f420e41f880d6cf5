"""Random trees for all tests, of four kinds.

`Case`: small bound trees that keep their own parents and levels, from which it is told where each class
stands. `Wide`: irregular bound trees of any number of classes, and what stands below their nodes, read
off the rows. `nested` and `ranked`: what a file holds, with names that have to be quoted. `ragged_rows`
and `grouped_rows`: a row of names for each of many leaves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import count, pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

import taxoloss
from taxoloss import Taxonomy
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.taxonomy.plan import plan_of
from taxoloss.weighting.table import weight_table

Names = list[str | None]
Path = tuple[str, ...]

MAX_LEAVES = 25

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


# -- small bound trees ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A bound taxonomy, and the table of nodes and the order of classes that it was made from.

    The nodes are numbers of a small table, 0 the root; `ids` says which target id the design gives each.
    """

    taxonomy: Taxonomy
    parent: tuple[int, ...]
    level: tuple[int, ...]
    names: tuple[str, ...]
    #: Number of levels; they are called L1 .. Ln.
    depth: int
    #: For each class its node.
    order: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Case(parent={self.parent}, level={self.level}, order={self.order})"

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.order)

    @property
    def level_names(self) -> list[str]:
        """The names of the levels, top to bottom."""
        return [f"L{level}" for level in range(1, self.depth + 1)]

    def by_name(self, values: Sequence[float]) -> dict[str, float]:
        """One value a level as the dict that the loss takes."""
        return dict(zip(self.level_names, values, strict=True))

    def children(self, node: int) -> list[int]:
        """The nodes below a node, in the order of the tree."""
        return [n for n in range(1, len(self.parent)) if self.parent[n] == node]

    def line(self, node: int) -> list[int]:
        """The node and its ancestors, top down, the root left out."""
        line: list[int] = []
        while node:
            line.insert(0, node)
            node = self.parent[node]
        return line

    def path(self, node: int) -> tuple[str, ...]:
        """The names from the top down to a node."""
        return tuple(self.names[n] for n in self.line(node))

    def classes_below(self, node: int) -> list[int]:
        """The classes whose path holds the node; all of them for the root."""
        lines = [self.line(leaf) for leaf in self.order]
        return [c for c, line in enumerate(lines) if node == 0 or node in line]

    @cached_property
    def preorder(self) -> list[int]:
        """The nodes in the order of the tree, the root first."""
        return list(_walk(self, 0, after=False))

    @cached_property
    def ids(self) -> dict[int, int]:
        """Node -> target id: classes first, inner nodes in post-order, the root last."""
        inner = [n for n in _walk(self, 0, after=True) if n not in self.order]
        return {node: number for number, node in enumerate([*self.order, *inner])}

    @cached_property
    def by_id(self) -> list[int]:
        """Target id -> node."""
        return sorted(self.ids, key=self.ids.__getitem__)

    @cached_property
    def below(self) -> dict[int, list[int]]:
        """Node -> the classes below it."""
        return {node: self.classes_below(node) for node in range(len(self.parent))}

    def stands(self, label: int, level: int) -> int:
        """The node that a class has on a level: its own ancestor there, or what stands for it."""
        line = self.line(self.order[label])
        deeper = [node for node in line if self.level[node] >= level]
        return deeper[0] if deeper else line[-1]

    @cached_property
    def at_level(self) -> list[list[int]]:
        """For each level its nodes in index order: the tree's, on the deepest the classes'."""
        found = []
        for level in range(1, self.depth):
            here = {self.stands(label, level) for label in range(self.num_classes)}
            found.append([node for node in self.preorder if node in here])
        return [*found, list(self.order)]

    def counted(self, node: int, level: int) -> int | None:
        """The node on a level that a target counts for; None where the target stands above it."""
        here = {self.stands(label, level) for label in self.below[node]}
        known = here <= set(self.line(node))
        return here.pop() if known else None


def _walk(case: Case, node: int, after: bool) -> Iterator[int]:
    if not after:
        yield node
    for child in case.children(node):
        yield from _walk(case, child, after)
    if after:
        yield node


@st.composite
def taxonomies(draw: st.DrawFn, min_depth: int = 1, max_nodes: int = 34) -> Case:
    """Bound trees of 2..25 classes: ragged, with missing ranks, chains and repeated names."""
    depth = draw(st.integers(min_depth, 5))
    parent, level = [0], [0]
    for _ in range(draw(st.integers(1, max_nodes))):
        above = draw(st.sampled_from([n for n in range(len(level)) if level[n] < depth]))
        parent.append(above)
        level.append(min(depth, level[above] + draw(st.sampled_from((1, 1, 1, 2, 3)))))
        if len(_leaves(parent)) == MAX_LEAVES:
            break
    if len(_leaves(parent)) < 2:
        parent.append(0)
        level.append(1)
    order = draw(st.permutations(_leaves(parent)))
    return bound(parent, level, depth, order, as_rows=draw(st.booleans()))


def _leaves(parent: Sequence[int]) -> list[int]:
    return [node for node in range(1, len(parent)) if node not in parent[1:]]


def bound(
    parent: Sequence[int],
    level: Sequence[int],
    depth: int,
    order: Sequence[int],
    as_rows: bool = False,
    node_targets: bool = True,
) -> Case:
    """The case of a table of nodes; siblings are called n0, n1, ... in every branch."""
    earlier = [list(parent[1:node]).count(parent[node]) for node in range(len(parent))]
    names = tuple(f"n{rank}" for rank in earlier)
    unmade: Any = None
    case = Case(unmade, tuple(parent), tuple(level), names, depth, tuple(order))
    taxonomy = from_rows(case) if as_rows else from_mapping(case)
    paths = [case.path(leaf) for leaf in order]
    return replace(case, taxonomy=taxonomy.bind(paths, node_targets=node_targets))


def from_rows(case: Case) -> Taxonomy:
    """The tree through rows of names, None where a rank is missing."""
    rows = []
    for leaf in (node for node in case.preorder if node in case.order):
        row: list[str | None] = [None] * case.depth
        for node in case.line(leaf):
            row[case.level[node] - 1] = case.names[node]
        rows.append(row)
    return Taxonomy.from_paths(rows, case.level_names)


def from_mapping(case: Case) -> Taxonomy:
    """The tree through what a file holds, levels named where ranks are missing."""
    return taxoloss.load({"levels": case.level_names, "tree": _items(case, 0)})


def _items(case: Case, node: int) -> list[Any]:
    items: list[Any] = []
    for child in case.children(node):
        item: dict[str, Any] = {"name": case.names[child]}
        if case.level[child] != case.level[node] + 1:
            item["level"] = f"L{case.level[child]}"
        if child not in case.order:
            item["children"] = _items(case, child)
        items.append(item if len(item) > 1 else case.names[child])
    return items


# -- bound trees of any number of classes -----------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Wide:
    """A bound taxonomy whose nodes may all be targets, and the row of names of each class.

    Ranks are missing, nodes have a single child, classes end early, names are unique. Nothing is taken
    from the package but the tree's own numbers of its nodes.
    """

    taxonomy: Taxonomy
    rows: tuple[tuple[str | None, ...], ...]

    @property
    def classes(self) -> int:
        """C."""
        return len(self.rows)

    @cached_property
    def level_weights(self) -> dict[str, float]:
        """A weight for each level, no two alike."""
        return {level: 0.3 + 0.37 * number for number, level in enumerate(self.taxonomy.levels)}

    @cached_property
    def lines(self) -> list[list[list[int]]]:
        """For each target id the classes below its ancestor on each level, down to its own level."""
        below: dict[Path, list[int]] = {}
        level_of: dict[Path, int] = {}
        for number, row in enumerate(self.rows):
            for path, level in _prefixes(row):
                below.setdefault(path, []).append(number)
                level_of[path] = level
        paths = [self.taxonomy.path(node) for node in range(self.taxonomy.num_nodes)]
        last = len(self.rows[0]) - 1
        own = [last if node < self.classes else level_of.get(paths[node], -1) for node in range(len(paths))]
        lines = []
        for path, deepest in zip(paths, own, strict=True):
            line = [path[: end + 1] for end in range(len(path))]
            stands = [[p for p in line if level_of[p] >= level] for level in range(deepest + 1)]
            lines.append([below[found[0] if found else path] for found in stands])
        return lines

    def targets(self, rng: np.random.Generator, number: int) -> list[int]:
        """Targets: classes and inner nodes in turn, the root left out."""
        nodes = (self.classes, self.taxonomy.num_nodes - 1 - self.classes)
        return [
            int(rng.integers(nodes[turn % 2])) + (self.classes if turn % 2 else 0) for turn in range(number)
        ]

    def tables(self) -> LossTensors:
        """New tables for its level weights."""
        return LossTensors(plan_of(self.taxonomy), weight_table(self.taxonomy, self.level_weights))


@cache
def wide_tree(classes: int, levels: int = 4, seed: int = 0, shuffled: bool = False) -> Wide:
    """A tree of so many classes, in its own order or in a random one."""
    rng = np.random.default_rng([classes, levels, seed])
    rows: list[Names] = [[None] * levels for _ in range(classes)]
    _name(rows, 0, rng, count())
    tree = Taxonomy.from_paths(rows, [f"rank {level}" for level in range(levels)])
    order = rng.permutation(classes).tolist() if shuffled else range(classes)
    ordered = tuple(tuple(rows[number]) for number in order)
    paths = [tuple(name for name in row if name is not None) for row in ordered]
    return Wide(tree.bind(paths, node_targets=True), ordered)


def _name(rows: list[Names], level: int, rng: np.random.Generator, numbers: Iterator[int]) -> None:
    """Names a group of rows from a level down, where they split at random."""
    if level == len(rows[0]) - 1:
        for row in rows:
            row[level] = f"class {next(numbers)}"
        return
    for part in _parts(rows, rng):
        if rng.random() < 0.2:  # no name on this level
            _name(part, level + 1, rng, numbers)
            continue
        name = f"node {next(numbers)}"
        for row in part:
            row[level] = name
        if len(part) > 1 or rng.random() < 0.6:  # else the class ends here
            _name(part, level + 1, rng, numbers)


def _parts(rows: list[Names], rng: np.random.Generator) -> list[list[Names]]:
    """A single child, a few uneven ones, or many."""
    most = min(len(rows), int(rng.choice([1, 2, 3, 5, 1 + int(len(rows) ** 0.5)])))
    cuts = sorted(rng.choice(np.arange(1, len(rows)), most - 1, replace=False).tolist()) if most > 1 else []
    return [rows[start:stop] for start, stop in pairwise([0, *cuts, len(rows)])]


def _prefixes(row: tuple[str | None, ...]) -> Iterator[tuple[Path, int]]:
    """The paths of a class and of its ancestors, with the level of each."""
    path: Path = ()
    for level, name in enumerate(row):
        if name is not None:
            path = (*path, name)
            yield path, level


# -- what files hold --------------------------------------------------------------------------------

# Few names, so that they repeat in different branches; odd ones, so that writing has to quote them.
NAMES = (
    "a", "b", "c", "no", "null", "~", "1.10", "12:30", "2024-01-01", "a b", " a", "a: b", "#x",
    "\u732b", "\U0001f431", "\u00e9", "it's", 'say "x"', "[a]", "<<", "a/b", "name", "%", "- a",
)  # fmt: skip
_VISIBLE = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Cf", "Zl", "Zp"))
ANY_TEXT = st.text(_VISIBLE, min_size=1, max_size=9).filter(str.strip)


def names(count: int) -> st.SearchStrategy[list[str]]:
    """Up to `count` different names."""
    one = st.sampled_from(NAMES) | ANY_TEXT
    return st.lists(one, min_size=1, max_size=count, unique_by=_nfc)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


@st.composite
def nested(draw: Any, depth: int = 4) -> dict[str, Any]:
    """A mapping of names to None or to such a mapping, with at least two leaves."""
    tree = draw(_nested_below(depth))
    if sum(1 for _ in leaves(tree)) < 2:
        tree = {"one": tree, "two": None}
    return tree


@st.composite
def _nested_below(draw: Any, depth: int) -> dict[str, Any]:
    found = draw(names(4))
    inner = [depth > 1 and draw(st.booleans()) for _ in found]
    return {
        name: draw(_nested_below(depth - 1)) if has else None
        for name, has in zip(found, inner, strict=True)
    }


def leaves(tree: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths of the leaves, in the order of the mapping."""
    for name, below in tree.items():
        if below is None:
            yield (*path, name)
        else:
            yield from leaves(below, (*path, name))


def nodes(tree: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, bool]]:
    """The path of every node in post-order, and whether it is a leaf."""
    for name, below in tree.items():
        if below is not None:
            yield from nodes(below, (*path, name))
        yield (*path, name), below is None


@st.composite
def ranked(draw: Any) -> dict[str, Any]:
    """A file with named levels, missing ranks, weights, aliases and descriptions."""
    count = draw(st.integers(2, 5))
    levels = [f"rank {i}" for i in range(count)]
    weights = draw(st.none() | st.lists(st.floats(0, 9), min_size=count, max_size=count))
    head = [
        {"name": level, **({} if weights is None else {"weight": weights[i]})}
        for i, level in enumerate(levels)
    ]
    if weights is not None and not any(weights):
        head[0]["weight"] = 1.0
    made: list[str] = []
    tree = draw(_ranked_below(levels, 0, made))
    if sum("children" not in node for node in _described(tree)) < 2:
        tree = [*tree, {"name": "second"}, {"name": "third"}]
    described = draw(st.none() | ANY_TEXT)
    extra = {} if described is None else {"description": described, "version": "1.10"}
    return {"name": "random", **extra, "levels": head, "tree": tree}


def _described(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in tree:
        yield node
        yield from _described(node.get("children", []))


@st.composite
def _ranked_below(draw: Any, levels: list[str], above: int, made: list[str]) -> list[Any]:
    nodes = []
    for name in draw(names(3)):
        level = draw(st.integers(above, len(levels) - 1))
        node: dict[str, Any] = {"name": name, "level": levels[level]}
        if draw(st.integers(0, 3)) == 0:
            made.append(f"alias {len(made)}")
            node["aliases"] = [made[-1]]
        if draw(st.integers(0, 3)) == 0:
            node["description"] = draw(ANY_TEXT)
        if level + 1 < len(levels) and draw(st.booleans()):
            node["children"] = draw(_ranked_below(levels, level + 1, made))
        nodes.append(node)
    return nodes


@st.composite
def bound_taxonomies(draw: Any) -> Taxonomy:
    """A random taxonomy, with or without missing ranks, bound in a random order."""
    source = draw(nested().map(lambda tree: {"tree": tree}) | ranked())
    t = taxoloss.load(source)
    return t.bind(draw(st.permutations(t.paths())), node_targets=draw(st.booleans()))


# -- rows of names for large trees ------------------------------------------------------------------


def ragged_rows(count: int) -> list[tuple[str | None, ...]]:
    """Rows of six ranks in no order; ranks are missing, names repeat in other branches."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, [3, 5, 7, 20, 60], (count, 5))
    missing = rng.random((count, 5)) < 0.1
    rows = []
    for number, (row, gone) in enumerate(zip(codes.tolist(), missing.tolist(), strict=True)):
        names = (f"{rank}{code}" for rank, code in zip("kpcog", row, strict=True))
        rows.append((*(None if no else name for name, no in zip(names, gone, strict=True)), f"s{number}"))
    return rows


def grouped_rows(count: int, *groups: int) -> list[tuple[str, ...]]:
    """One row a leaf; the number of groups of each level above."""
    widths = (*groups, count)
    return [tuple(f"{width}_{leaf * width // count}" for width in widths) for leaf in range(count)]
