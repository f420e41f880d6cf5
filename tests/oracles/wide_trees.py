"""Irregular random trees of any number of classes, and what stands below their nodes, read off the rows.

Ranks are missing, nodes have a single child, classes end early, names are unique. Nothing is taken from
the package but the tree's own numbers of its nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count, pairwise

import numpy as np

from taxoloss import Taxonomy
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.taxonomy.plan import plan_of
from taxoloss.weighting.table import weight_table

Names = list[str | None]
Path = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Wide:
    """A bound taxonomy whose nodes may all be targets, and the row of names of each class."""

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
