"""Whose name is it: from the names of a dataset to the nodes of a tree, and what to say if it fails."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import BindingError, Fault
from taxoloss.errors.suggestions import as_question, nearest_of_each
from taxoloss.taxonomy.names import integer_of, nfc, require_order
from taxoloss.taxonomy.spelling import SPELLING_RULES, explained_pairs, pair_by_spelling
from taxoloss.taxonomy.tree.arrays import IntArray, Tree

__all__ = ["Name", "NameIndex", "class_list", "integer_of", "split_text"]

Name: TypeAlias = "str | tuple[str, ...]"


def class_list(names: Iterable[Name] | Mapping[Name, int] | Mapping[int, Name]) -> list[Name]:
    """Class names in index order, from a list, from `class_to_idx` or from `id2label`.

    Raises:
        TypeError: the names are no list, or a set, which has no order.
        ValueError: the numbers of a mapping are not 0 to C - 1, each once.

    >>> class_list({"dog": 1, "cat": 0})
    ['cat', 'dog']
    """
    if isinstance(names, (str, bytes)):
        raise TypeError(f"expected a list of class names, got the text {names!r:.60}")
    if isinstance(names, Mapping):
        return [_checked(name) for name in _by_number(names)]
    require_order(names, "class names")
    if hasattr(names, "columns") and hasattr(names, "shape"):
        raise TypeError(f"expected a list of class names, got {_kind(names)}: give one of its columns")
    if isinstance(names, os.PathLike):
        read = f"pathlib.Path({os.fspath(names)!r}).read_text().splitlines()"
        raise TypeError(f"expected a list of class names, got {_kind(names)}: its lines are {read}")
    if not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0:
        held = next((name for name in _HELD if getattr(names, name, None) is not None), None)
        more = f": give its .{held}" if held else ""
        raise TypeError(f"expected a list of class names, got {_kind(names)}{more}")
    return [_checked(name) for name in names]


def _kind(names: object) -> str:
    """The type of what is no list, and of an array of no dimension its value."""
    name = type(names).__name__
    return name if getattr(names, "ndim", None) != 0 else f"{name} {names!r:.60}, of no dimension"


def _refuse_two_orders(names: Any) -> None:
    """ValueError where a series has classes in one order, and class numbers, its index, in another."""
    index = getattr(names, "index", None)
    if isinstance(names, Mapping) or not hasattr(names, "to_dict") or not isinstance(index, Iterable):
        return
    numbers = [_index_number(value) for value in index]
    order = list(range(len(numbers)))
    if None in numbers or numbers == order or set(numbers) != set(order) or len(numbers) != len(order):
        return
    by_number = dict(zip(numbers, names, strict=True))
    raise ValueError(
        f"expected one order of the classes, got two: {_first(names)} as they stand, "
        f"{_first(by_number[number] for number in order)} by the numbers in the index: give "
        ".reset_index(drop=True) for the first, .to_dict() for the second"
    )


def _index_number(value: object) -> int | None:
    """The class number that an index may hold: an integer, its digits, or a whole float."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() else None
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else integer_of(value)  # type: ignore[call-overload]


def _first(names: Iterable[Any]) -> str:
    shown = [*islice(names, 4)]
    return ", ".join(map(repr, shown[:3])) + (", .." if len(shown) > 3 else "")


#: Where an object that is no list of names has one: datasets, torchvision, scikit-learn, pandas.
_HELD = ("names", "classes", "classes_", "categories")


def _by_number(names: Mapping[Any, Any]) -> list[Any]:
    """The names of `class_to_idx` (name -> number) or `id2label` (number, or digits, -> name)."""
    values = [integer_of(value) for value in names.values()]
    keys = [integer_of(key) for key in names]
    if all(value is not None for value in values):
        numbers, held = values, list(names)
    elif all(key is not None for key in keys):
        numbers, held = keys, list(names.values())
    elif all(isinstance(key, str) and key.isdecimal() for key in names):  # as JSON has it
        numbers, held = [int(key) for key in names], list(names.values())
    else:
        key, value = next(iter(names.items()))
        raise ValueError(
            "expected class_to_idx (name -> number) or id2label (number -> name), "
            f"got a mapping such as {key!r:.40} -> {value!r:.40}"
        )
    by_number = dict(zip(numbers, held, strict=True))
    if set(by_number) != set(range(len(names))):
        raise ValueError(
            f"expected the class numbers 0 to {len(names) - 1}, each once, got {numbers!r:.80}"
        )
    return [by_number[number] for number in range(len(names))]


def _checked(name: object) -> Name:
    if isinstance(name, str):
        return nfc(name)
    if isinstance(name, (tuple, list)) and all(isinstance(part, str) for part in name):
        return tuple(nfc(part) for part in name)
    expected = "expected a name, or a path as a tuple of names, got"
    if isinstance(name, (tuple, list)):
        place, part = next((n, part) for n, part in enumerate(name) if not isinstance(part, str))
        kind = f"{type(part).__name__} {part!r:.40}"
        raise TypeError(f"{expected} a {type(name).__name__} with {kind} in place {place}: {name!r:.60}")
    number = integer_of(name)
    help = "" if number is None else ": give the names, in the order of the numbers"
    raise TypeError(f"{expected} {type(name).__name__} {name!r:.60}{help}")


def split_text(text: str, index: NameIndex) -> Name:
    """A node as text files write it: a whole name where there is one, else a path a/b/c."""
    if "/" in text and not index.by_name(nfc(text)):
        return tuple(part.strip() for part in text.split("/"))
    return text


def _text(name: Name) -> str:
    return name if isinstance(name, str) else "/".join(name)


class NameIndex:
    """Finds nodes (depth-first numbers) by name, alias or path."""

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

    def by_name(self, name: str) -> list[int]:
        """The nodes of that name or alias."""
        return self._by_name.get(name, [])

    def by_path(self, path: tuple[str, ...]) -> list[int]:
        """The node of that path (the empty path is the root), as a list of one or none."""
        if self._child is None:
            names = self.tree.names
            self._child = {(parent, names[node]): node for parent, node in self.tree.edges()}
        node = 0
        for name in path:
            child = self._child.get((node, name))
            if child is None:
                return []
            node = child
        return [node]

    def find(self, name: Name) -> list[int]:
        """All nodes that the name may mean."""
        return self.by_name(name) if isinstance(name, str) else self.by_path(name)

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
            return -1, name
        depth = next(depth for depth in range(len(name)) if not self.by_path(name[: depth + 1]))
        return self.by_path(name[:depth])[0], name[depth]

    def _children(self, parent: int) -> list[str]:
        return [self.tree.names[node] for node in self.tree.children_of(parent).tolist()]

    def leaves(self, names: Iterable[Name], *, complete: bool) -> IntArray:
        """Depth-first leaf numbers of class names, in their order.

        BindingError names all that do not fit: unknown, ambiguous, inner, twice and, where the
        classes must be complete, missing.
        """
        _refuse_two_orders(names)
        return _LeafMatch(self, class_list(names), complete).leaves()

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


class _LeafMatch:
    """Matches class names to leaves, and sorts what does not match into faults."""

    def __init__(self, index: NameIndex, names: list[Name], complete: bool) -> None:
        self.index, self.tree = index, index.tree
        self.names, self.complete = names, complete
        self.class_of: dict[int, int] = {}  # leaf node -> class number
        self.extra: list[int] = []  # class numbers that match nothing
        self.faults: list[Fault] = []

    def leaves(self) -> IntArray:
        """For each class its leaf, numbered depth-first; BindingError with all that does not match."""
        for number, name in enumerate(self.names):
            self.match(number, name)
        missing = [node for node in self.tree.leaves.tolist() if node not in self.class_of]
        self.report_extra(missing)
        if self.complete:
            self.report_missing(missing)
        if not self.complete and len(self.class_of) < 2 and not self.faults:
            message = f"{len(self.class_of)} class is left"
            self.faults.append(Fault("T202", message, expected="at least two classes"))
        if self.faults:
            raise BindingError(self.faults)
        return self.tree.start[np.fromiter(self.class_of, np.int64, len(self.class_of))]

    def match(self, number: int, name: Name) -> None:
        """Finds the leaf of a class, or notes why there is none."""
        found = self.index.find(name)
        leaves = self.leaf(name)
        if len(leaves) == 1:
            first = self.class_of.setdefault(leaves[0], number)
            if first != number:
                self.twice(number, first)
        elif leaves:
            self.faults.append(self.index._ambiguous(name, leaves))
            for node in leaves:  # not missing: the name means one of them
                self.class_of.setdefault(node, number)
        elif found:
            self.inner(number, name, found[0])
        else:
            self.extra.append(number)

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
        below = int(self.tree.stop[node] - self.tree.start[node])
        message = f"class {number}, {quoted(_text(name))}, is an inner node with {below} leaves"
        help = (
            "bind the leaves only, with node_targets=True; an inner node is then a target: "
            "target = t.node_ids(labels)[label]"
        )
        if not self.complete:
            help = self.classes_below(node)
        path = (_text(name),)
        self.faults.append(Fault("T305", message, path=path, found=_text(name), help=help))

    def classes_below(self, node: int) -> str:
        """What `restrict` needs instead of an inner node, and what may be meant."""
        above = self.tree.path(node)
        chosen = f"t.restrict([path for path in t.paths() if path[:{len(above)}] == {above!r}])"
        return (
            "restrict takes classes, so leaves; those below this node are\n"
            f"{chosen}\n"
            "a model of all classes answers among them by allowed= of taxoloss.decisions (node ids)"
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
            fault = _unknown(name, message, help)
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
