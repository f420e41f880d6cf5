"""Nodes that a source lists with their parents, in any order, and the tree that they make.

Sources are graphs as often as trees: a node may have several parents, ranks may be missing, there may
be a cycle. Everything that is no tree is a fault, all of them at once; what is left out is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FaultLog
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.all_parents import (
    Parents,
    at_or_above,
    at_or_below,
    irredundant,
    of_ranks,
    rank_order,
    without,
)
from taxoloss.sources.base import Options, listed
from taxoloss.sources.graph_tree import GraphTree
from taxoloss.taxonomy.names import name_faults, nfc
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder

__all__ = ["RANKS", "SourceGraph", "clear_aliases"]

#: The ranks that become levels where a source does not say which.
RANKS = ("domain", "superkingdom", "kingdom", "phylum", "class", "order", "family", "genus", "species")


@dataclass
class _Node:
    name: str
    rank: str | None = None
    aliases: tuple[str, ...] = ()
    description: str | None = None
    line: int | None = None
    parents: Counter[str] = field(default_factory=Counter)


class SourceGraph:
    """Nodes by key, in order of first appearance, each with the parents that the source gives it."""

    def __init__(self, file: str, options: Options, levels: tuple[str, ...] | None = None) -> None:
        self.file = file
        self.options = options
        #: The levels, where the source names them: all are kept, those too on which no node stands.
        self.levels = levels
        self.nodes: dict[str, _Node] = {}
        self.classes: set[str] | None = None
        self.notes: list[str] = []
        self.log = FaultLog(file)

    # -- filling it --------------------------------------------------------------------------------

    def add(
        self,
        key: str,
        name: str | None = None,
        *,
        rank: str | None = None,
        aliases: Iterable[str] = (),
        description: str | None = None,
        line: int | None = None,
    ) -> None:
        """A node; what is said of it later adds to what was said first."""
        node = self.nodes.get(key)
        if node is None:
            if len(self.nodes) >= self.options.limits.nodes:
                self.fault("T112", f"more than {self.options.limits.nodes:,} nodes", line)
                self.log.raise_all()
            node = self.nodes[key] = _Node(nfc(name if name is not None else key), line=line)
        elif name is not None:
            node.name = nfc(name)
        node.rank = rank or node.rank
        node.aliases = tuple(dict.fromkeys((*node.aliases, *map(nfc, aliases))))
        node.description = description or node.description

    def link(self, child: str, parent: str, line: int | None = None) -> None:
        """An edge; nodes that are not known yet are called by their keys."""
        self.add(parent, line=line)
        self.add(child, line=line)
        self.nodes[child].parents[parent] += 1

    def fault(self, code: str, message: str, line: int | None = None, **details: object) -> None:
        """Notes what is wrong in a line of the file."""
        self.log.note(code, message, line=line, **details)

    # -- the tree of it ----------------------------------------------------------------------------

    def taxonomy(self, name: str | None = None) -> Taxonomy:
        """The taxonomy; TaxonomyError with every fault."""
        builder = GraphTree(self)
        if self.options.parent == "all":
            return self._of_all_parents(builder, name)
        parent = self._parents(builder)
        self.log.raise_all()
        builder.check_cycles({key: () if up is None else (up,) for key, up in parent.items()})
        self.log.raise_all()
        parent = self._below(parent)
        parent = self._of_classes(parent)
        parent = self._without_root(parent)
        parent, ranks = self._of_ranks(parent)
        self._check_any(parent)
        return self._built(builder, parent, ranks, name)

    def _of_all_parents(self, builder: GraphTree, name: str | None) -> Taxonomy:
        """The same where each node keeps all of its parents."""
        parents: Parents = {}
        for key, node in self.nodes.items():
            self._without_itself(node, key)
            parents[key] = list(node.parents)
        builder.check_cycles(parents)
        self.log.raise_all()
        if self.options.under is not None:
            parents = at_or_below(parents, self._found(self.options.under))
        if self.classes is not None:
            parents = at_or_above(parents, self.classes)
            both = [key for key in {up: 0 for of in parents.values() for up in of} if key in self.classes]
            parents |= {own: [key] for key, own in self._own_leaves(both).items()}
        roots = [key for key, above in parents.items() if not above]
        ranks = self.options.ranks or self.levels or rank_order(parents, lambda key: self.nodes[key].rank)
        if len(roots) == 1 < len(parents) and not self._is_level(roots[0], ranks):
            parents = without(parents, roots[0])
        if ranks is not None:
            kept, ranks = self._kept_of_ranks(parents, ranks)
            parents = of_ranks(parents, kept)
        self._check_any(parents)
        parents, said = irredundant(parents)
        if said:
            below, above, lower = (self.nodes[key].name for key in said[0])
            shown = f"{below} is under {lower}, which is below {above} already"
            self.notes.append(f"{counted(len(said), 'edge')} left out that others say as well: {shown}")
        several = [self.nodes[key].name for key, above in parents.items() if len(above) > 1]
        if several:
            self.notes.append(
                f"{counted(len(several), 'node')} with several parents, all: {listed(several)}"
            )
        homes = {key: above[0] if above else None for key, above in parents.items()}
        return self._built(builder, homes, ranks, name, parents)

    def _without_itself(self, node: _Node, key: str) -> None:
        if node.parents.pop(key, 0) and not node.parents:
            self.notes.append(f"{quoted(node.name)} is its own parent: taken as a root")

    def _parents(self, builder: TreeBuilder) -> dict[str, str | None]:
        """One parent for each node, None for roots."""
        degree = Counter(parent for node in self.nodes.values() for parent in node.parents)
        chosen: dict[str, str | None] = {}
        several: list[str] = []
        for key, node in self.nodes.items():
            self._without_itself(node, key)
            parents = list(node.parents)
            if len(parents) > 1:
                several.append(key)
                chosen[key] = self._choose(key, parents, degree)
            else:
                chosen[key] = parents[0] if parents else None
        if self.options.parent is None:
            builder.check_parents({key: list(self.nodes[key].parents) for key in several})
        if several and not self.log.faults:
            how = self.options.parent if isinstance(self.options.parent, str) else "asked"
            shown = [f"{self.nodes[k].name} (under {self.nodes[chosen[k] or k].name})" for k in several]
            self.notes.append(
                f"{counted(len(several), 'node')} with several parents, {how}: {listed(shown)}"
            )
        return chosen

    def _choose(self, key: str, parents: list[str], degree: Counter[str]) -> str | None:
        node, how = self.nodes[key], self.options.parent
        if how is None:
            return None
        if callable(how):
            return parents[how(self.called(key), [self.called(parent) for parent in parents])]
        if how == "first":
            return parents[0]
        # The one written most often; of these the one with most children; of these the first.
        best = max(range(len(parents)), key=lambda i: (node.parents[parents[i]], degree[parents[i]], -i))
        return parents[best]

    def called(self, key: str) -> str:
        """A name for people: a number with what it means."""
        node = self.nodes[key]
        words = node.description or ""
        short = words if len(words) <= 40 else words[:37] + "..."
        return f"{node.name} ({short})" if words and not node.name.isalpha() else node.name

    def _below(self, parent: dict[str, str | None]) -> dict[str, str | None]:
        """Only what is below the node that `under` names."""
        if self.options.under is None:
            return parent
        found = self._found(self.options.under)
        kept: dict[str, bool] = {found: True}
        for start in parent:
            path = []
            key: str | None = start
            while key is not None and key not in kept:
                path.append(key)
                key = parent[key]
            kept.update(dict.fromkeys(path, key is not None and kept[key]))
        return {key: up if key != found else None for key, up in parent.items() if kept[key]}

    def _found(self, wanted: str) -> str:
        """The key of the one node of a name; T302."""
        wanted = nfc(wanted)
        found = [key for key, node in self.nodes.items() if wanted in (node.name, key)]
        if len(found) != 1:
            names = [node.name for node in self.nodes.values()]
            several = f"{counted(len(found), 'node')} are called {quoted(wanted)}"
            message = several if found else f"no node is called {quoted(wanted)}"
            help = did_you_mean(wanted, names) if not found else "give its key: " + listed(found)
            self.fault("T302", message, found=wanted, expected="one node", help=help)
            self.log.raise_all()
        return found[0]

    def _of_classes(self, parent: dict[str, str | None]) -> dict[str, str | None]:
        """Only the classes and what is above them; a class above others gets a leaf of its own name."""
        if self.classes is None:
            return parent
        kept: dict[str, None] = {}
        for key in (key for key in parent if key in self.classes):
            up: str | None = key
            while up is not None and up not in kept:
                kept[up] = None
                up = parent[up]
        inner = {parent[key] for key in kept} & self.classes
        result = {key: up for key, up in parent.items() if key in kept}
        both = [key for key in result if key in inner]
        return {**result, **{own: key for key, own in self._own_leaves(both).items()}}

    def _own_leaves(self, both: list[str]) -> dict[str, str]:
        """The keys of new leaves, one below each class above other classes; told."""
        leaves = {key: f"{key} (itself)" for key in both}
        for key, own in leaves.items():
            self.nodes[own] = _Node(**{**vars(self.nodes[key]), "parents": Counter({key: 1})})
        if both:
            names = listed([self.nodes[key].name for key in both])
            count = counted(len(both), "class")
            self.notes.append(f"{count} above other classes: a leaf of its name stands below: {names}")
        return leaves

    def _of_ranks(
        self, parent: dict[str, str | None]
    ) -> tuple[dict[str, str | None], tuple[str, ...] | None]:
        """Only nodes of the ranks that become levels; the others are taken out of their paths."""
        wanted = self.options.ranks or self.levels or self._ordered_ranks(parent)
        if wanted is None:
            return parent, None
        keep, levels = self._kept_of_ranks(parent, wanted)
        memo: dict[str, str | None] = {}

        def kept_above(start: str) -> str | None:
            path, key = [], parent[start]
            while key is not None and key not in keep and key not in memo:
                path.append(key)
                key = parent[key]
            top = key if key is None or key in keep else memo[key]
            memo.update(dict.fromkeys(path, top))
            return top

        return {key: kept_above(key) for key in parent if key in keep}, levels

    def _kept_of_ranks(
        self, keys: Iterable[str], wanted: tuple[str, ...]
    ) -> tuple[set[str], tuple[str, ...]]:
        """Those of the nodes that are of ranks that become levels, and these; the others are told."""
        number = {rank.casefold(): index for index, rank in enumerate(wanted)}
        if len(number) < len(wanted):
            self.fault("T209", f"a level is named twice: {', '.join(map(quoted, wanted))}")
            self.log.raise_all()
        keep = {key for key in keys if (self.nodes[key].rank or "").casefold() in number}
        dropped = Counter(self.nodes[key].rank or "no rank" for key in keys if key not in keep)
        if dropped:
            shown = ", ".join(f"{rank} {count:,}" for rank, count in dropped.most_common(6))
            self.notes.append(f"nodes of other ranks are left out: {shown}")
        used = {(self.nodes[key].rank or "").casefold() for key in keep}
        return keep, tuple(rank for rank in wanted if rank.casefold() in used or wanted is self.levels)

    def _ordered_ranks(self, parent: dict[str, str | None]) -> tuple[str, ...] | None:
        """The ranks from top to leaf, where every node has one and no path has two in another order."""
        order: TopologicalSorter[str] = TopologicalSorter()
        for key, up in parent.items():
            rank = self.nodes[key].rank
            above = self.nodes[up].rank if up is not None else None
            if rank is None or rank == above:
                return None
            order.add(rank, *([above] if above is not None else []))
        try:
            return tuple(order.static_order()) or None
        except CycleError:
            return None

    def _check_any(self, parent: Collection[str]) -> None:
        if not parent:
            self.fault("T202", "the source holds no node", expected="at least two leaves")
            self.log.raise_all()

    def _without_root(self, parent: dict[str, str | None]) -> dict[str, str | None]:
        """A single root is not a class, nor a level."""
        roots = [key for key, up in parent.items() if up is None]
        if len(roots) != 1 or len(parent) == 1:
            return parent
        wanted = self.options.ranks or self.levels or self._ordered_ranks(parent)
        if self._is_level(roots[0], wanted):
            return parent
        return {key: up if up != roots[0] else None for key, up in parent.items() if key != roots[0]}

    def _is_level(self, root: str, ranks: tuple[str, ...] | None) -> bool:
        """Whether a single root stays: a kingdom is a level, though it is alone; else it is told."""
        rank = (self.nodes[root].rank or "").casefold()
        if rank and rank in {name.casefold() for name in ranks or ()}:
            return True
        self.notes.append(f"the root {quoted(self.nodes[root].name)} is left out: it holds all classes")
        return False

    def _built(
        self,
        builder: GraphTree,
        parent: dict[str, str | None],
        ranks: Sequence[str] | None,
        title: str | None,
        all_parents: Parents | None = None,
    ) -> Taxonomy:
        """Depth first, each node checked when it is reached."""
        below: dict[str | None, list[str]] = {}
        for key, up in parent.items():
            below.setdefault(up, []).append(key)
        builder.number = {rank.casefold(): number for number, rank in enumerate(ranks or (), 1)}
        parents: list[int] = []
        stack = [(key, 0) for key in reversed(below[None])]
        while stack:
            key, above = stack.pop()
            builder.keys.append(key)
            if all_parents is None:
                builder.place_next(key, above)
            parents.append(above)
            here = len(parents)
            stack += [(child, here) for child in reversed(below.get(key, []))]
        nodes = [self.nodes[key] for key in builder.keys[1:]]
        for number, (node, above) in enumerate(zip(nodes, parents, strict=True), 1):
            builder.check_name(number, node.name)
            builder.add(above, node.name)
        further = [] if all_parents is None else builder.place_all(all_parents)
        builder.join(further)
        builder.check_leaves(up for _, up in further)
        self.log.raise_all()
        levels = tuple(ranks or (f"depth_{i + 1}" for i in range(max(builder.level))))
        tree = builder.tree(levels, arranged=True, also_under=further)
        return Taxonomy(
            tree=tree,
            name=title,
            aliases=self._aliases(nodes, tree),
            descriptions={i: node.description for i, node in enumerate(nodes, 1) if node.description},
        )

    def _aliases(self, nodes: list[_Node], tree: Tree) -> dict[int, tuple[str, ...]]:
        taken, dropped = clear_aliases(tree, {i: node.aliases for i, node in enumerate(nodes, 1)})
        if dropped:
            self.notes.append(f"aliases of more than one class are left out: {listed(dropped)}")
        return taken


def clear_aliases(
    tree: Tree, given: Mapping[int, Sequence[str]]
) -> tuple[dict[int, tuple[str, ...]], list[str]]:
    """Aliases that name one leaf, by node, and the others, which would make a dataset's names ambiguous."""
    owner = {tree.names[i]: i for i in range(1, len(tree)) if tree.is_leaf[i]}
    taken: dict[int, tuple[str, ...]] = {}
    dropped: list[str] = []
    for i, aliases in given.items():
        good = [a for a in aliases if a != tree.names[i] and not list(name_faults(a))]
        if tree.is_leaf[i]:
            unique = [alias for alias in good if owner.setdefault(alias, i) == i]
            dropped += [alias for alias in good if alias not in unique]
            good = unique
        if good:
            taken[i] = tuple(good)
    return taken, dropped
