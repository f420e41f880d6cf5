"""Which node of an old tree is which of a new one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from taxoloss.errors.suggestions import likeness
from taxoloss.taxonomy.spelling import same_spelling, skeleton, spelling
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.versions.migration import Migration
from taxoloss.taxonomy.versions.nodes import Compared, Path, Said, node_called, text_of_node

__all__ = ["Change", "Comparison", "TreeDiff", "compare", "diff"]


@dataclass(frozen=True)
class TreeDiff:
    """What changed from one tree to another: see `Taxonomy.diff`."""

    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    moved: tuple[Change, ...]
    renamed: tuple[Change, ...]
    merged: tuple[Change, ...]
    split: tuple[Change, ...]
    #: Pairs that look alike and are told as removed and added.
    likely: tuple[Change, ...]
    old_levels: tuple[str, ...]
    new_levels: tuple[str, ...]
    migration: Migration
    reordered: int = field(default=0)

    @property
    def same(self) -> bool:
        """Whether the trees have the same nodes, parents and levels."""
        parts = (self.added, self.removed, self.moved, self.renamed, self.merged, self.split)
        return not any(parts) and self.old_levels == self.new_levels


def diff(old: Compared, new: Compared, renames: Mapping[Said, Said] | None = None) -> TreeDiff:
    """The changes from one taxonomy to another; see `Taxonomy.diff`."""
    found = compare(old, new, renames or {})
    number = {path: i for i, path in enumerate(old.paths())}
    new_paths = new.paths()
    sources = tuple(tuple(sorted(number[p] for p in found.sources.get(path, ()))) for path in new_paths)
    names = []
    unique = {name: len(old.index.find(name)) for name in old.classes}
    for path in old.paths():
        node = old.index.by_path(path)[0]
        texts = ["/".join(path), *([path[-1]] if unique[path[-1]] == 1 else []), *old.aliases.get(node, ())]
        names.append(tuple(dict.fromkeys(texts)))
    migration = Migration(
        old_classes=old.paths(),
        new_classes=new_paths,
        sources=sources,
        nodes=found.nodes,
        names=tuple(names),
        old_digest=old.binding_digest,
        new_digest=new.binding_digest,
    )
    moved = sum(len(of) == 1 and of[0] != i for i, of in enumerate(sources))
    return TreeDiff(
        **{kind: tuple(changes) for kind, changes in found.changes.items()},
        old_levels=old.levels,
        new_levels=new.levels,
        migration=migration,
        reordered=moved,
    )


_KINDS = ("added", "removed", "moved", "renamed", "merged", "split", "likely")
_LIKELY = 0.8
_MOST_GUESSES = 2_000


@dataclass(frozen=True)
class Change:
    """One change: the old paths and the new ones that it is about; whether they are classes."""

    old: tuple[Path, ...]
    new: tuple[Path, ...]
    is_class: bool


@dataclass
class Comparison:
    """Changes by kind, the old classes of each new class, the new path of each old node."""

    changes: dict[str, list[Change]] = field(default_factory=lambda: {kind: [] for kind in _KINDS})
    sources: dict[Path, list[Path]] = field(default_factory=dict)
    nodes: dict[Path, Path] = field(default_factory=dict)


def compare(old: Compared, new: Compared, renames: Mapping[Said, Said]) -> Comparison:
    """The comparison of two taxonomies; ValueError where a rename names a node that is not there."""
    return _Comparer(old, new, renames).compared()


class _Comparer:
    def __init__(self, old: Compared, new: Compared, renames: Mapping[Said, Said]) -> None:
        self.old, self.new = old, new
        self.to: dict[int, int] = {0: 0}  # old node -> new node
        self.back: dict[int, int] = {0: 0}
        self.merged: dict[int, int] = {}  # old leaf -> the new class that it became a part of
        self.doubtful: dict[int, list[int]] = {}  # old leaf -> the new classes that its aliases name
        self.below = [tree.children() for tree in (old.tree, new.tree)]
        self.named = [set(tree.names) for tree in (old.tree, new.tree)]
        #: Names that a tree has in several places: they do not say which node is meant.
        self.repeated = _repeated(old.tree) | _repeated(new.tree)
        self.wanted = self.with_children(_wanted(old, new, renames))

    def with_children(self, wanted: dict[int, int]) -> dict[int, int]:
        """The renames, and those of what has one name below branches that are said to become one.

        Only one of the children could be paired with the new child: classes of the others would be lost.
        """
        onto = Counter(wanted.values())
        onto.update(
            node for node in set(onto) if node and self.old.index.by_path(self.new.tree.path(node))
        )  # the branch that goes on under its own name
        found, waiting = dict(wanted), [old for old, new in wanted.items() if onto[new] > 1]
        while waiting:
            old = waiting.pop()
            theirs = {self.new.tree.names[node]: node for node in self.below[1][found[old]]}
            for child in self.below[0][old]:
                other = theirs.get(self.old.tree.names[child])
                if other is not None and child not in found:
                    found[child] = other
                    waiting.append(child)
        return found

    def compared(self) -> Comparison:
        """Pairs the nodes, surest first, and says what changed."""
        self.to.update(self.wanted)
        self.down([0])
        for old, new in self.wanted.items():  # but for a node that went on under its own name: a merge
            self.back.setdefault(new, old)
            self.pair_own(old, new)
        self.moves()
        self.aliases()
        self.down(list(self.to))
        self.merge()
        return self.comparison()

    def merge(self) -> None:
        """Classes that are said to be one new class, or one that went on, are parts of it."""
        parts = Counter(self.wanted.values())
        for old, new in self.wanted.items():
            both = self.old.tree.is_leaf[old] and self.new.tree.is_leaf[new]
            if both and (parts[new] > 1 or self.back[new] != old):
                del self.to[old]
                self.merged[old] = new

    def pair(self, old: int, new: int) -> None:
        """Notes that two nodes are the same."""
        self.to[old], self.back[new] = new, old
        self.pair_own(old, new)

    def pair_own(self, old: int, new: int) -> None:
        """Notes that the classes of two nodes above other classes are the same, where both have one."""
        if old in (own := self.old.tree.own_leaf) and new in (other := self.new.tree.own_leaf):
            self.to[own[old]], self.back[other[new]] = other[new], own[old]

    # -- pairs -------------------------------------------------------------------------------------

    def down(self, starts: list[int]) -> None:
        """Children of one name below a pair; then those of one spelling, or of the same classes."""
        waiting, seen = list(starts), set(starts)
        while waiting:
            old = waiting.pop()
            new = self.to[old]
            theirs = {self.new.tree.names[n]: n for n in self.below[1][new] if n not in self.back}
            ours = [n for n in self.below[0][old] if n not in self.to]
            for node in ours:
                other = theirs.get(self.old.tree.names[node])
                if other is not None:
                    self.pair(node, other)
            self.alike(
                [n for n in ours if n not in self.to], [n for n in theirs.values() if n not in self.back]
            )
            waiting += [n for n in self.below[0][old] if n in self.to and n not in seen]

    def alike(self, ours: list[int], theirs: list[int]) -> None:
        """Pairs nodes of one spelling, then those of the same classes, where only one can be meant."""
        old, new = self.old.tree, self.new.tree
        spelled: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for side, (tree, nodes) in enumerate(((old, ours), (new, theirs))):
            for node in nodes:
                spelled[spelling(tree.names[node])][side].append(node)
        for nodes, others in spelled.values():
            if len(nodes) == len(others) == 1 and self.respelt(nodes[0], others[0]):
                self.pair(nodes[0], others[0])
        if len(ours) * len(theirs) > _MOST_GUESSES:
            return
        for node in ours:
            if node not in self.to:
                others = [
                    other for other in theirs if other not in self.back and self.same_set(node, other)
                ]
                if len(others) == 1:
                    self.pair(node, others[0])

    def respelt(self, old: int, new: int) -> bool:
        """Whether two classes, or two inner nodes, have one name in two spellings."""
        both = bool(self.old.tree.is_leaf[old]) == bool(self.new.tree.is_leaf[new])
        return both and same_spelling(self.old.tree.names[old], self.new.tree.names[new])

    def same_set(self, old: int, new: int) -> bool:
        """Whether two inner nodes are the same classes, and neither tree has the name of the other's.

        As labels they mean the same, whatever they are called. With only some of the classes they do not:
        a label "benign" of x and y is no label "malignant" of x and z.
        """
        one, other = self.old.tree, self.new.tree
        if one.is_leaf[old] or other.is_leaf[new]:
            return False
        if one.names[old] in self.named[1] or other.names[new] in self.named[0]:
            return False
        ours, theirs = (
            [tree.names[n] for n in tree.leaves[tree.leaves_below(node)].tolist()]
            for tree, node in ((one, old), (other, new))
        )
        return len(ours) == len(theirs) and set(ours) == set(theirs) and self.repeated.isdisjoint(ours)

    def family(self, old: int, new: int) -> bool:
        """Whether half of the children are the same, by names that each tree has in one place only."""
        ours = {self.old.tree.names[n] for n in self.below[0][old]}
        theirs = {self.new.tree.names[n] for n in self.below[1][new]}
        same = (ours & theirs) - self.repeated
        return len(same) > 0 and 2 * len(same) >= len(ours | theirs)

    def moves(self) -> None:
        """A name that each tree has in one place, as a class or as an inner node, and that is left over."""
        old, new = self.old.tree, self.new.tree
        sides = []
        for tree, known in ((old, self.to), (new, self.back)):
            left: defaultdict[tuple[str, bool], list[int]] = defaultdict(list)
            for node in range(1, len(tree)):
                if node not in known:
                    left[tree.names[node], bool(tree.is_leaf[node])].append(node)
            sides.append(left)
        for key, nodes in sides[0].items():
            others = sides[1].get(key, [])
            if len(nodes) == len(others) == 1 and key[0] not in self.repeated:
                self.pair(nodes[0], others[0])

    def aliases(self) -> None:
        """An alias of a new class that is an old class's name, or the other way round."""
        old, new = self.old.tree, self.new.tree
        by_alias = {a: n for n, names in self.new.aliases.items() for a in names if new.is_leaf[n]}
        left = (n for n in new.leaves.tolist() if n not in self.back)
        by_name = {new.names[n]: n for n in left if new.names[n] not in self.repeated}
        meant: defaultdict[int, list[int]] = defaultdict(list)
        for node in old.leaves.tolist():
            if node in self.to:
                continue
            called = [old.names[node]] if old.names[node] not in self.repeated else []
            targets = {by_alias[name] for name in called if name in by_alias}
            targets |= {by_name[a] for a in self.old.aliases.get(node, ()) if a in by_name}
            if len(targets) > 1:  # the trees contradict each other: nothing is chosen
                self.doubtful[node] = sorted(targets)
            for target in targets if len(targets) == 1 else ():
                meant[target].append(node)
        for target, nodes in meant.items():
            if len(nodes) == 1 and target not in self.back:
                self.pair(nodes[0], target)
            else:
                self.merged |= dict.fromkeys(nodes, target)

    # -- what it means -----------------------------------------------------------------------------

    def comparison(self) -> Comparison:
        """What changed, from the pairs."""
        found = Comparison()
        old, new = self.old.tree, self.new.tree
        self.tell_pairs(found)
        sources: defaultdict[int, list[int]] = defaultdict(list)
        for node in old.leaves.tolist():
            for target in self.targets(node):
                sources[target].append(node)
        for target, nodes in sources.items():
            found.sources[new.path(target)] = [old.path(n) for n in nodes]
            if len(nodes) > 1:
                change = Change(tuple(old.path(n) for n in nodes), (new.path(target),), True)
                found.changes["merged"].append(change)
        gone = [n for n in range(1, len(old)) if n not in self.to and n not in self.merged]
        gone = [n for n in gone if not (old.is_leaf[n] and self.targets(n))]
        come = [n for n in range(1, len(new)) if n not in self.back and n not in sources]
        found.changes["removed"] += [Change((old.path(n),), (), bool(old.is_leaf[n])) for n in gone]
        found.changes["added"] += [Change((), (new.path(n),), bool(new.is_leaf[n])) for n in come]
        found.changes["likely"] += self.likely(gone, come)
        for node in range(1, len(old)):
            found.nodes[old.path(node)] = new.path(self.new_node(node))
        return found

    def tell_pairs(self, found: Comparison) -> None:
        """Adds what moved, was renamed or split."""
        old, new = self.old.tree, self.new.tree
        for node in range(1, len(old)):
            if node not in self.to:
                continue
            other = self.to[node]
            change = Change((old.path(node),), (new.path(other),), bool(old.is_leaf[node]))
            if {self.to.get(parent) for parent in old.parents_of(node)} != set(new.parents_of(other)):
                found.changes["moved"].append(change)
            if old.names[node] != new.names[other]:
                found.changes["renamed"].append(change)
            if old.is_leaf[node] and not new.is_leaf[other]:
                leaves = tuple(new.path(n) for n in self.targets(node))
                found.changes["split"].append(Change(change.old, leaves, True))

    def targets(self, leaf: int) -> list[int]:
        """The new classes that an old class became (a part of): itself, or all that is below it now."""
        new = self.new.tree
        if leaf in self.merged:
            return [self.merged[leaf]]
        if leaf in self.to:
            other = self.to[leaf]
            return [
                n for n in new.leaves[new.leaves_below(other)].tolist() if n == other or n not in self.back
            ]
        # Its parent, or one above, is a class now.
        above = int(self.old.tree.parent[leaf])
        while above and above not in self.to:
            above = int(self.old.tree.parent[above])
        other = self.to[above]
        return [other] if above and new.is_leaf[other] else []

    def new_node(self, node: int) -> int:
        """The new node of an old one, or of the nearest above it that there is."""
        if node in self.merged:
            return self.merged[node]
        while node not in self.to:
            node = int(self.old.tree.parent[node])
        return self.to[node]

    def likely(self, gone: list[int], come: list[int]) -> Iterable[Change]:
        """Pairs of siblings that look alike, or have half of their children: renamed, perhaps."""
        old, new = self.old.tree, self.new.tree
        for node, named in self.doubtful.items():
            yield from (Change((old.path(node),), (new.path(n),), True) for n in named)
        if len(gone) * len(come) > _MOST_GUESSES**2:
            return
        same = [{n: skeleton(tree.names[n]) for n in nodes} for tree, nodes in ((old, gone), (new, come))]
        by_parent: defaultdict[int, list[int]] = defaultdict(list)
        for node in come:
            by_parent[int(new.parent[node])].append(node)
        taken: Counter[int] = Counter()
        for node in (n for n in gone if n not in self.doubtful):
            parent = self.to.get(int(old.parent[node]))
            others = [n for n in by_parent.get(parent if parent is not None else -1, []) if not taken[n]]
            others = [n for n in others if new.is_leaf[n] == old.is_leaf[node]][:_MOST_GUESSES]
            alike = [
                1.0
                if same[0][node] == same[1][n]
                else max(likeness(old.names[node], new.names[n]), _LIKELY * self.family(node, n))
                for n in others
            ]
            if alike and max(alike) >= _LIKELY:
                best = others[alike.index(max(alike))]
                taken[best] += 1
                yield Change((old.path(node),), (new.path(best),), bool(old.is_leaf[node]))


def _wanted(old: Compared, new: Compared, renames: Mapping[Said, Said]) -> dict[int, int]:
    """Old node -> new node, as the renames say; ValueError where they contradict each other."""
    if not isinstance(renames, Mapping):
        raise TypeError(f"expected renames as a mapping, old -> new, got {type(renames).__name__}")
    found: dict[int, int] = {}
    for a, b in renames.items():
        node, other = node_called(old, a, "old"), node_called(new, b, "new")
        if found.setdefault(node, other) != other:
            ways = " and ".join(f"`{text_of_node(new, n)}`" for n in (found[node], other))
            raise ValueError(f"`{text_of_node(old, node)}` is said to be {ways}: an old node becomes one")
    return found


def _repeated(tree: Tree) -> set[str]:
    """Names of several classes, or of several inner nodes."""
    count = Counter(zip(tree.names[1:], tree.is_leaf[1:].tolist(), strict=True))
    return {name for (name, _), number in count.items() if number > 1}
