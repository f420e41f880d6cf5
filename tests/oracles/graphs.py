"""Random graphs in which nodes have several parents, with what is above and below each by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import hypothesis.strategies as st
import numpy as np

import taxoloss
from taxoloss import Taxonomy

__all__ = ["GraphCase", "bound", "graphs", "wide_diamond"]


@dataclass(frozen=True, eq=False)
class GraphCase:
    """Nodes 1..n, parents before children, the root 0; node k is called n<k>.

    Diamonds, long shortcuts, several top nodes, classes alone at the top, chains; levels may be skipped.
    """

    #: Of each node its parents, the home first; none that a longer way says as well.
    parents: tuple[tuple[int, ...], ...]
    #: Of each node further parents that a file may name and that say nothing.
    redundant: tuple[tuple[int, ...], ...]
    #: How many levels a node skips.
    skipped: tuple[int, ...]

    @property
    def nodes(self) -> range:
        """All nodes but the root."""
        return range(1, len(self.parents))

    @cached_property
    def above(self) -> list[set[int]]:
        """Of each node all that are above it, the root too."""
        found: list[set[int]] = []
        for parents in self.parents:
            found.append({*parents}.union(*(found[parent] for parent in parents)))
        return found

    @cached_property
    def edges(self) -> set[tuple[int, int]]:
        """(parent, node)."""
        return {(parent, node) for node in self.nodes for parent in self.parents[node]}

    @cached_property
    def classes(self) -> list[int]:
        """Nodes with nothing below them."""
        inner = {parent for parent, _ in self.edges}
        return [node for node in self.nodes if node not in inner]

    @cached_property
    def level(self) -> list[int]:
        """One below the deepest parent, and below what is skipped."""
        found = [0]
        for node in self.nodes:
            found.append(1 + self.skipped[node] + max(found[parent] for parent in self.parents[node]))
        return found

    @property
    def depth(self) -> int:
        """L."""
        return max(self.level)

    def below(self, node: int) -> set[int]:
        """The classes at or below a node."""
        return {label for label in self.classes if label == node or node in self.above[label]}

    def stands(self, level: int) -> set[int]:
        """The nodes of a level: those on it; where a class has none, its highest ones below the level."""
        on_it = {node for node in self.nodes if self.level[node] == level}
        found = set(on_it)
        for label in self.classes:
            line = {label, *self.above[label]} - {0}
            if not line & on_it:
                deeper = {node for node in line if self.level[node] > level}
                found |= {node for node in deeper if not self.above[node] & deeper} or {label}
        return found

    def path(self, node: int) -> tuple[str, ...]:
        """The names along the homes."""
        return () if node == 0 else (*self.path(self.parents[node][0]), f"n{node}")

    def file(self, with_redundant: bool = True) -> dict[str, Any]:
        """What a file holds; parents are named by their names and by their paths in turn."""
        levels = [f"L{number + 1}" for number in range(self.depth)]
        return {"levels": levels, "tree": list(self._items(0, with_redundant))}

    def _items(self, parent: int, with_redundant: bool) -> Iterator[dict[str, Any]]:
        for node in self.nodes:
            if self.parents[node][0] != parent:
                continue
            further = [*self.parents[node][1:], *(self.redundant[node] if with_redundant else ())]
            named = [f"n{one}" if one % 2 else "/".join(self.path(one)) for one in further]
            item: dict[str, Any] = {"name": f"n{node}", **({"also_under": named} if named else {})}
            if self.skipped[node]:
                item["level"] = f"L{self.level[node]}"
            below = list(self._items(node, with_redundant))
            yield {**item, **({"children": below} if below else {})}

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """Not bound."""
        return taxoloss.load(self.file())


def bound(case: GraphCase, rng: np.random.Generator) -> tuple[Taxonomy, list[int], list[int]]:
    """Bound in a random order; for each class its node, and for each target id its node."""
    order = [int(node) for node in rng.permutation(case.classes)]
    t = case.taxonomy.bind([case.path(node) for node in order], node_targets=True)
    by_id = [0] * t.num_nodes
    for node in case.nodes:
        by_id[t.node_id(case.path(node))] = node
    return t, order, by_id


@st.composite
def graphs(draw: st.DrawFn, max_nodes: int = 14) -> GraphCase:
    """Graphs of at least two classes, some of them trees."""
    parents: list[tuple[int, ...]] = [()]
    redundant: list[tuple[int, ...]] = [()]
    above: list[set[int]] = [set()]
    for node in range(1, draw(st.integers(2, max_nodes)) + 1):
        home = draw(st.integers(max(0, node - draw(st.sampled_from((1, 3, 99)))), node - 1))
        # A further parent below the home would be the better home: that is a fault.
        free = [other for other in range(1, node) if home != other and home not in above[other]]
        more = draw(st.lists(st.sampled_from(free), unique=True, max_size=3)) if free else []
        listed = [home, *more]
        said = [one for one in more if any(one in above[other] for other in listed)]
        parents.append(tuple(one for one in listed if one not in said))
        redundant.append(tuple(said))
        above.append({*listed}.union(*(above[one] for one in listed)))
    skipped = [0, *(draw(st.sampled_from((0, 0, 0, 1))) for _ in parents[1:])]
    if len({*range(1, len(parents))}.difference(*parents)) < 2:
        parents, redundant, skipped = [*parents, (0,)], [*redundant, ()], [*skipped, 0]
    return GraphCase(tuple(parents), tuple(redundant), tuple(skipped))


def wide_diamond() -> Taxonomy:
    """Forty classes, bound: most below one group of four, a few below two; a group below two above it."""
    groups: list[dict[str, Any]] = [
        {"name": f"g{g}", "children": [
            {"name": f"c{g}_{c}", "also_under": [f"g{(g + 1) % 4}"]} if c < 4 else {"name": f"c{g}_{c}"}
            for c in range(10)
        ]} for g in range(4)
    ]  # fmt: skip
    groups[1]["also_under"] = ["bottom"]
    top = {"name": "top", "children": groups[:2]}
    tree = [top, {"name": "bottom", "children": groups[2:]}]
    return taxoloss.load({"tree": tree}).bind(node_targets=True)
