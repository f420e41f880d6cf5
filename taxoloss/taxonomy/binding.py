"""Whose name is it: from the names of a dataset to the nodes of a tree, and what to say if it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import BindingError, Fault
from taxoloss.errors.suggestions import as_question, nearest_of_each
from taxoloss.taxonomy.class_names import Name, class_list, refuse_two_orders
from taxoloss.taxonomy.other_names import missing_given, numbers_given, rows_given
from taxoloss.taxonomy.spelling import SPELLING_RULES, explained_pairs, pair_by_spelling
from taxoloss.taxonomy.tree.arrays import IntArray, Tree

__all__ = ["NameIndex"]


def _text(name: Name) -> str:
    return name if isinstance(name, str) else "/".join(name)


#: Between the names of a path in text, beside a slash.
_ARROW = " > "


class NameIndex:
    """Finds nodes (depth-first numbers) by name, alias or path.

    A path may be a tuple, or text a/b/c or a > b > c where no node has the whole text as its name. Where
    a node is a class itself, with a leaf of its own, its name and path mean that leaf.
    """

    def __init__(self, tree: Tree, aliases: Mapping[int, tuple[str, ...]]) -> None:
        self.tree = tree
        self._by_name: dict[str, list[int]] = {}
        for node, name in enumerate(tree.names[1:], 1):
            self._by_name.setdefault(name, []).append(node)
        for node, names in aliases.items():
            for alias in names:
                nodes = self._by_name.setdefault(alias, [])
                if node not in nodes:
                    nodes.append(node)
        self._child: dict[tuple[int, str], int] | None = None
        self._also: dict[tuple[int, str], list[int]] = {}

    def by_name(self, name: str) -> list[int]:
        """The nodes of that name or alias."""
        return self._by_name.get(name, [])

    def by_path(self, path: tuple[str, ...]) -> list[int]:
        """The node of that path (the empty path is the root), as a list of one or none.

        Where nodes have several parents, a path may go along any of them; those of homes come first, and
        others may lead to several nodes.
        """
        nodes = [0]
        for name in path:
            if len(nodes) == 1:
                nodes = self._children_called(nodes[0], name)
            else:
                found = (child for node in nodes for child in self._children_called(node, name))
                nodes = list(dict.fromkeys(found))
        return nodes

    def _children_called(self, parent: int, name: str) -> list[int]:
        """The child of that name; where none has its home there, those that are also under the node."""
        if self._child is None:
            names = self.tree.names
            self._child = {(above, names[node]): node for above, node in self.tree.edges()}
            for node, above in [] if self.tree.also_under is None else self.tree.also_under.tolist():
                self._also.setdefault((above, names[node]), []).append(node)
        child = self._child.get((parent, name))
        return self._also.get((parent, name), []) if child is None else [child]

    def by_text(self, text: str) -> list[int]:
        """The nodes of a path that is written a/b/c, wherever names have slashes themselves.

        >>> import taxoloss
        >>> t = taxoloss.load({"tree": {"a": ["b/c", "d"], "a/b": ["c", "e"]}})
        >>> [t.tree.path(node) for node in t.index.by_text("a/b/c")]
        [('a', 'b/c'), ('a/b', 'c')]
        """
        return sorted(set(self._along(text.split("/"))[-1]))

    def _along(self, parts: Sequence[str]) -> list[list[int]]:
        """For each number of parts, 0 to all, the nodes whose paths are so many of them."""
        ends: list[list[int]] = [[0], *([] for _ in parts)]
        for start, nodes in enumerate(ends):
            for stop in range(start + 1, len(parts) + 1) if nodes else ():
                name = "/".join(parts[start:stop]).strip()
                ends[stop] += [child for node in nodes for child in self._children_called(node, name)]
        return ends

    def find(self, name: Name) -> list[int]:
        """All nodes that the name may mean."""
        if not isinstance(name, str):
            found = self.by_path(name)
        else:
            found = self.by_name(name) or (self.by_text(name) if "/" in name else [])
            if not found and _ARROW in name:
                found = self.by_path(tuple(part.strip() for part in name.split(_ARROW)))
        if self.tree.own is None:
            return found
        own = self.tree.own_leaf
        return list(dict.fromkeys(own.get(node, node) for node in found))

    def node(self, name: Name) -> int:
        """The one node of that name; BindingError where there is none or more than one."""
        return int(self.nodes([name])[0])

    def nodes(self, names: Iterable[Name]) -> IntArray:
        """The nodes of these names; BindingError with every name that is unknown or ambiguous."""
        checked = class_list(names)
        found = [self.find(name) for name in checked]
        unknown = [name for name, nodes in zip(checked, found, strict=True) if not nodes]
        hints = iter(self.hints(unknown, list(self._by_name)))
        faults: list[Fault] = []
        for name, nodes in zip(checked, found, strict=True):
            if len(nodes) > 1:
                faults.append(self._ambiguous(name, nodes))
            elif not nodes:
                message = f"{quoted(_text(name))} is no node of the tree"
                faults.append(_unknown(name, message, next(hints)))
        if faults:
            raise BindingError(faults)
        return np.array([nodes[0] for nodes in found], np.int64)

    def hints(
        self, names: Sequence[Name], candidates: Sequence[str], taken: Sequence[str] = ()
    ) -> list[str | None]:
        """Of each name the nearest; of a path the nearest sibling of the first part that is not there.

        A name whose nearest is one of `taken`, the right name of another class, has none.
        """
        hints: list[str | None] = [None] * len(names)
        missing = [self._missing_part(name) for name in names]
        groups: dict[int, list[int]] = {}  # places by the parent of the part that is missing, -1: names
        for place, (parent, _) in enumerate(missing):
            groups.setdefault(parent, []).append(place)
        for parent, places in groups.items():
            near = [*candidates, *taken] if parent < 0 else self._children(parent)
            words = [missing[place][1] for place in places]
            others = set(taken) - set(candidates) if parent < 0 else set()
            guesses = zip(places, words, nearest_of_each(words, near), strict=True)
            for place, word, guess in guesses:
                help = as_question(word, None if guess in others else guess)
                above = f" under {quoted(self.tree.names[parent])}?" if parent > 0 else None
                hints[place] = f"{help[:-1]}{above}" if help and above else help
        return hints

    def _missing_part(self, name: Name) -> tuple[int, str]:
        """The node below which a path leaves the tree, and the part that is not there; -1 for a name."""
        if isinstance(name, str):
            return self._missing_text(name)
        depth = next(depth for depth in range(len(name)) if not self.by_path(name[: depth + 1]))
        return self.by_path(name[:depth])[0], name[depth]

    def _missing_text(self, text: str) -> tuple[int, str]:
        """As `_missing_part`; text is a path only where its first part, or no name in the tree, says so."""
        parts = text.split("/")
        ends = self._along(parts) if len(parts) > 1 else [[0]]
        depth = max(depth for depth, nodes in enumerate(ends) if nodes)
        if depth == 0 and (len(parts) == 1 or any("/" in name for name in self._by_name)):
            return -1, text
        return ends[depth][0], parts[depth].strip()

    def _children(self, parent: int) -> list[str]:
        return [self.tree.names[node] for node in self.tree.children_of(parent).tolist()]

    def classes(self, names: Iterable[Name], *, complete: bool, inner: bool = False) -> IntArray:
        """The nodes of class names, in their order: leaves, and where `inner` says so inner nodes.

        BindingError names all that do not fit: unknown, ambiguous, inner, twice and, where the
        classes must be complete, missing.
        """
        refuse_two_orders(names)
        return _ClassMatch(self, class_list(names), complete, inner).nodes()

    def _ambiguous(self, name: Name, nodes: Sequence[int]) -> Fault:
        paths = [self.tree.path(node) for node in nodes[:4]]
        more = f" and {len(nodes) - 4} more" if len(nodes) > 4 else ""
        return Fault(
            "T304",
            f"{quoted(_text(name))} names {len(nodes)} nodes: "
            + ", ".join(quoted("/".join(path)) for path in paths)
            + more,
            path=(_text(name),),
            found=_text(name),
            help=f"give the path, such as {paths[0]!r}",
        )


def _unknown(name: Name, message: str, help: str | None) -> Fault:
    return Fault("T302", message, path=(_text(name),), found=_text(name), help=help)


def _with_rule(fault: Fault, call: str, mended: int, count: int) -> Fault:
    """The fault, with the one line that mends all, or most, of the names that differ in spelling only."""
    what = f"the {count} names differ" if count > 1 else "the name differs"
    which = f"{mended} of them" if mended < count else ("them" if count > 1 else "it")
    text = f"{what} in spelling only; this mends {which}:"
    return replace(fault, help="\n".join(filter(None, (fault.help, text, call))))


class _ClassMatch:
    """Matches class names to leaves or any nodes, and sorts what does not match into faults."""

    def __init__(self, index: NameIndex, names: list[Name], complete: bool, inner: bool) -> None:
        self.index, self.tree = index, index.tree
        self.names, self.complete, self.inner_too = names, complete, inner
        self.class_of: dict[int, int] = {}  # node -> class number
        self.extra: list[int] = []  # class numbers that match nothing
        self.faults: list[Fault] = []

    def nodes(self) -> IntArray:
        """For each class its node; BindingError with all that does not match."""
        for number, name in enumerate(self.names):
            self.match(number, name)
        if len(self.extra) == len(self.names) and (said := numbers_given(self.names)):
            raise BindingError([Fault("T302", said, path=(_text(self.names[0]),))])
        if said := rows_given(self.names):
            raise BindingError([Fault("T303", said, path=(_text(self.names[0]),), expected="once")])
        missing = [node for node in self.tree.leaves.tolist() if node not in self.class_of]
        self.report_extra(missing)
        if self.complete:
            self.report_missing(missing)
        if not self.complete and len(self.class_of) < 2 and not self.faults:
            message = f"{len(self.class_of)} class is left"
            self.faults.append(Fault("T202", message, expected="at least two classes"))
        if self.faults:
            raise BindingError(self.faults)
        return np.fromiter(self.class_of, np.int64, len(self.class_of))

    def match(self, number: int, name: Name) -> None:
        """Finds the node of a class, or notes why there is none."""
        found = self.candidates(name)
        if len(found) == 1 and not self.tree.is_leaf[found[0]] and not self.may_be_class(found[0]):
            self.inner(number, name, found[0])
        elif len(found) == 1:
            first = self.class_of.setdefault(found[0], number)
            if first != number:
                self.twice(number, first)
        elif found:
            self.faults.append(self.index._ambiguous(name, found))
            for node in found:  # not missing: the name means one of them
                self.class_of.setdefault(node, number)
        else:
            self.extra.append(number)

    def candidates(self, name: Name) -> list[int]:
        """The nodes that a name may mean: leaves before inner nodes, where these can be no classes."""
        found = self.index.find(name)
        if not self.inner_too:
            return self.leaf(name) or found[:1]
        if not found and isinstance(name, tuple) and name[:-1] and name[-1] == name[-2]:
            found = self.index.find(name[:-1])  # as `paths` has a class above others
        return found

    def may_be_class(self, node: int) -> bool:
        """Whether an inner node may get a leaf of its own: not the root, nor one with a child so called."""
        name = self.tree.names[node]
        return self.inner_too and node > 0 and not self.index.by_path((*self.tree.path(node), name))

    def leaf(self, name: Name) -> list[int]:
        """The leaves that a name may mean."""
        return [node for node in self.index.find(name) if self.tree.is_leaf[node]]

    def twice(self, number: int, first: int) -> None:
        """Notes a class that is the leaf of another class too."""
        name, other = _text(self.names[number]), _text(self.names[first])
        same = "" if name == other else f", as {quoted(other)}"
        message = f"class {number}, {quoted(name)}, is class {first} already{same}"
        self.faults.append(Fault("T303", message, path=(name,), found=name, expected="once"))

    def inner(self, number: int, name: Name, node: int) -> None:
        """Notes a class that is an inner node."""
        below = int(self.tree.num_leaves[node])
        message = f"class {number}, {quoted(_text(name))}, is an inner node with {below} leaves"
        help = (
            "if the model has an output for it, say inner_classes=True: it gets a leaf of its own; if it "
            "is only a label, bind the leaves, with node_targets=True: target = t.node_ids(labels)[label]"
        )
        if not self.complete:
            help = self.classes_below(node)
        if node == 0:
            message, help = f"class {number} is the root", "a class has a name"
        elif self.inner_too:
            message += ", and a child of it is called so too: no leaf of its own can be"
            child = (*self.tree.path(node), self.tree.names[node])
            help = f"if the child is what is meant, give its path: {child!r}"
        path = (_text(name),)
        self.faults.append(Fault("T305", message, path=path, found=_text(name), help=help))

    def classes_below(self, node: int) -> str:
        """What `restrict` needs instead of an inner node, and what may be meant."""
        above = self.tree.path(node)
        chosen = f"t.restrict([path for path in t.paths() if path[:{len(above)}] == {above!r}])"
        return (
            "restrict takes classes, so leaves; those below this node are\n"
            f"{chosen}\n"
            "a model of all classes answers among them by allowed= of taxoloss.decisions (node ids);\n"
            "where the model has an output for the node itself: inner_classes=True"
        )

    def report_extra(self, missing: list[int]) -> None:
        """Unknown classes, each with the leaf that it is likely meant to be."""
        free = [self.tree.names[node] for node in missing]
        taken = [self.tree.names[node] for node in self.class_of]
        extra = {number: self.names[number] for number in self.extra}
        texts = [name for name in extra.values() if isinstance(name, str)]
        pairs = pair_by_spelling(texts, free, taken)
        likely = {name: other for name, (other, _) in explained_pairs(texts, free, taken).items()} | pairs
        rule, mended = self.best_rule(pairs)
        first = next(iter(pairs), None)  # what mends all must not be among the faults that are only counted
        hints = self.index.hints(list(extra.values()), free, taken)
        for (number, name), help in zip(extra.items(), hints, strict=True):
            message = f"class {number}, {quoted(_text(name))}, is no leaf of the tree"
            if (
                isinstance(name, str) and name in likely
            ):  # even where a measure of likeness would not see it
                help = f"did you mean {quoted(likely[name])}?"
            fault = _unknown(name, message, missing_given(name) or help)
            if rule and name == first:
                fault = _with_rule(fault, rule, mended, len(pairs))
                first = None
            self.faults.append(fault)
        # A leaf that a misspelt class stands for is not missing too; `pairs` names leaves of one name only.
        claimed = set(pairs.values())
        missing[:] = [node for node in missing if self.tree.names[node] not in claimed]

    def best_rule(self, pairs: Mapping[str, str]) -> tuple[str | None, int]:
        """The call with the rule that mends most of the pairs, and how many; None where not even half."""
        best, most = None, len(pairs) // 2
        for expression, rule in SPELLING_RULES:
            if (mended := self.mended(rule, pairs)) > most:
                best, most = expression, mended
        if best is None:
            return None, 0
        paths = any(not isinstance(name, str) for name in self.names)
        spelt = f"name if isinstance(name, tuple) else {best}" if paths else best
        return f"t.{'bind' if self.complete else 'restrict'}([{spelt} for name in class_names])", most

    def mended(self, rule: Callable[[str], str], pairs: Mapping[str, str]) -> int:
        """How many of the pairs a rule mends; 0 where it takes another name to another leaf, or to any."""
        right: Counter[str] = Counter()
        for name in (name for name in self.names if isinstance(name, str)):
            spelt = rule(name)
            if name in pairs:
                right[spelt] += spelt == pairs[name]
            elif self.leaf(spelt) != self.leaf(name):
                return 0
        return sum(count == 1 for count in right.values())

    def report_missing(self, missing: list[int]) -> None:
        """Notes the leaves that no class matches."""
        for node in missing:
            path = self.tree.path(node)
            message = f"the leaf {quoted('/'.join(path))} is missing from the classes"
            self.faults.append(Fault("T301", message, path=path))
        if missing and len(missing) == len(self.faults):
            last = self.faults[-1]
            help = "t.restrict(class_names) is the tree of the classes given alone"
            self.faults[-1] = replace(last, help=help)
