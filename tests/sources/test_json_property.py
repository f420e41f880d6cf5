"""A random tree in every form of JSON comes back as the same tree or is refused: never as another tree."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

#: A tree: for each node its number in the list, its name and the number of its parent; -1 at the top.
Tree: TypeAlias = "list[tuple[str, int]]"
Paths: TypeAlias = "frozenset[tuple[str, ...]]"

_WORDS = tuple(
    word
    for line in (
        "cat dog oak Felis Canis Bengal pug rose beech wolf Quercus red_fox lynx mouse Rosa tulip pike",
        "perch trout salmon raven crow robin finch heron stork swan goose duck teal",
    )
    for word in line.split()
)
_NAME_KEYS = (
    "name",
    "label",
    "title",
    "text",
    "displayName",
    "class_name",
    "nodeName",
    "LabelName",
    "what",
    "Bezeichnung",
)
_CHILD_KEYS = (
    "children",
    "subcategories",
    "nodes",
    "items",
    "Subcategory",
    "kids",
    "members",
    "below",
    "_children",
)
_ID_KEYS = ("id", "ID", "key", "uid", "nodeId", "category_id", "nr")
_PARENT_KEYS = ("parent", "parent_id", "parentId", "Parent_ID", "above")
_LIST_KEYS = ("child_ids", "children", "narrower", "contains", "subs")
_JUNK_KEYS = (
    "color",
    "count",
    "score",
    "created",
    "note",
    "url",
    "tags",
    "meta",
    "enabled",
    "x",
    "images",
    "level",
    "n",
)


@st.composite
def trees(draw: Any) -> Tree:
    """Trees of two leaves or more, three levels or so, names different everywhere."""
    names = draw(st.permutations(_WORDS))[: draw(st.integers(4, 16))]
    tree: Tree = []
    depths: list[int] = []
    for number, name in enumerate(names):
        above = draw(st.integers(-1, number - 1))
        if above >= 0 and depths[above] >= 3:
            above = tree[above][1]
        tree.append((name, above))
        depths.append(0 if above < 0 else depths[above] + 1)
    return tree


def path_to(tree: Tree, node: int) -> tuple[str, ...]:
    path: list[str] = []
    while node >= 0:
        path.insert(0, tree[node][0])
        node = tree[node][1]
    return tuple(path)


def below(tree: Tree, node: int) -> list[int]:
    return [number for number, (_, above) in enumerate(tree) if above == node]


def wanted(tree: Tree) -> set[Paths]:
    """The paths of the leaves, also without a root that holds them all."""
    paths = frozenset(path_to(tree, node) for node in range(len(tree)) if not below(tree, node))
    found = {paths}
    while len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
        paths = frozenset(path[1:] for path in paths)
        found.add(paths)
    return found


class Writer:
    """Writes a tree, with keys renamed, shuffled, and junk beside them."""

    def __init__(self, tree: Tree, seed: int) -> None:
        self.tree, self.random = tree, random.Random(seed)
        pick = self.random.choice
        self.name, self.child, self.id = pick(_NAME_KEYS), pick(_CHILD_KEYS), pick(_ID_KEYS)
        self.parent, self.list = pick(_PARENT_KEYS), pick(_LIST_KEYS)
        self.junk = self.random.sample(_JUNK_KEYS, self.random.randint(0, 4))
        self.order = list(range(len(tree)))
        self.random.shuffle(self.order)
        shift = pick((0, 1, 100))
        self.ids = [pick((number + shift, str(number + shift))) for number in range(len(tree))]
        self.ids = list(map(str, self.ids)) if pick((True, False)) else [int(own) for own in self.ids]

    def beside(self, node: int) -> dict[str, Any]:
        """Junk: colours, counts, dates, free text, lists, mappings, constants."""
        pick, values = self.random.choice, self.random
        made: dict[str, Callable[[], Any]] = {
            "color": lambda: pick(("#f00", "#0f0", "#00f")),
            "count": lambda: values.randint(0, 20),
            "score": lambda: values.random(),
            "created": lambda: f"2024-0{values.randint(1, 9)}-11",
            "note": lambda: f"seen near the old {pick(_WORDS)} by {node}, not sure",
            "url": lambda: f"https://a.org/{node}",
            "tags": lambda: [f"t{values.randint(0, 3)}"],
            "meta": lambda: {"by": "me", "n": node},
            "enabled": lambda: pick((True, False)),
            "x": lambda: None,
            "images": lambda: [{"name": f"{node}.jpg"}],
            "level": lambda: len(path_to(self.tree, node)),
            "n": lambda: 7,
        }
        return {key: made[key]() for key in self.junk}

    def shuffled(self, node: int, facts: dict[str, Any]) -> dict[str, Any]:
        pairs = list({**self.beside(node), **facts}.items())
        self.random.shuffle(pairs)
        return dict(pairs)

    def placed(self, value: Any) -> Any:
        """At the top, or below a key of a larger document."""
        pick = self.random.choice
        if pick((True, True, False)):
            return value
        document = {"version": "1.0", pick(("categories", "taxonomy", "data", "stuff")): value}
        return {**document, "info": {"year": 2024}} if pick((True, False)) else document

    # -- the forms ---------------------------------------------------------------------------------

    def nested(self, node: int = -1) -> Any:
        children = below(self.tree, node)
        if not children:
            return self.random.choice((None, {}, []))
        if all(not below(self.tree, child) for child in children) and self.random.random() < 0.5:
            return [self.tree[child][0] for child in children]
        return {self.tree[child][0]: self.nested(child) for child in children}

    def named(self, node: int = -1) -> Any:
        children = [self.named(child) for child in below(self.tree, node)]
        if node < 0:
            return self.placed(
                children if self.random.random() < 0.7 else {self.name: "root", self.child: children}
            )
        facts = {self.name: self.tree[node][0]}
        return self.shuffled(node, {**facts, self.child: children} if children else facts)

    def with_parents(self) -> Any:
        above = [self.ids[up] if up >= 0 else None for _, up in self.tree]
        facts = [{self.id: self.ids[node], self.name: name} for node, (name, _) in enumerate(self.tree)]
        return self.placed([
            self.shuffled(node, {**facts[node], self.parent: above[node]}) for node in self.order
        ])  # fmt: skip

    def with_children(self) -> Any:
        lists = [[self.ids[child] for child in below(self.tree, node)] for node in range(len(self.tree))]
        facts = [{self.id: self.ids[node], self.name: name} for node, (name, _) in enumerate(self.tree)]
        return self.placed([
            self.shuffled(node, {**facts[node], self.list: lists[node]}) for node in self.order
        ])  # fmt: skip

    def graph(self) -> Any:
        nodes = [
            self.shuffled(node, {"id": self.ids[node], self.name: self.tree[node][0]})
            for node in self.order
        ]
        ends = self.random.choice((("source", "target"), ("from", "to"), ("parent", "child")))
        links = [dict(zip(ends, (self.ids[above], self.ids[node]), strict=True))
                 for node in self.order if (above := self.tree[node][1]) >= 0]  # fmt: skip
        return {"nodes": nodes, self.random.choice(("links", "edges")): links, "directed": True}

    def ranks(self) -> Any:
        columns = self.random.choice((("kingdom", "order", "family", "species"), ("l1", "l2", "l3", "l4"),
                                      ("top", "middle", "low", "bottom")))  # fmt: skip
        leaves = [node for node in self.order if not below(self.tree, node)]
        rows = [
            dict(zip(columns, [*path_to(self.tree, node), None, None, None], strict=False))
            for node in leaves
        ]
        return self.placed([self.shuffled(node, row) for node, row in zip(leaves, rows, strict=True)])

    def groups(self) -> Any:
        """Class to group: of a tree of two levels."""
        return {
            self.tree[node][0]: self.tree[self.tree[node][1]][0]
            for node in self.order
            if self.tree[node][1] >= 0
        }

    def parents(self) -> Any:
        return {self.tree[node][0]: self.tree[above][0] if (above := self.tree[node][1]) >= 0 else None
                for node in self.order}  # fmt: skip

    def paths(self) -> Any:
        mark = self.random.choice(("/", " > ", ";", "|", "::", " -> "))
        return self.placed(
            [mark.join(path_to(self.tree, node)) for node in self.order if not below(self.tree, node)]
        )

    def rows(self) -> Any:
        return [list(path_to(self.tree, node)) for node in self.order if not below(self.tree, node)]

    def keyed(self) -> Any:
        return {self.tree[node][0]: self.shuffled(node,
        {self.list: [self.tree[child][0] for child in below(self.tree, node)]})
                for node in self.order}  # fmt: skip

    def adjacency(self) -> Any:
        return {self.tree[node][0]: [self.tree[child][0] for child in children]
                for node in self.order if (children := below(self.tree, node))}  # fmt: skip


def _two_levels(tree: Tree) -> Tree:
    """The tree cut to tops, of which each has classes below it."""
    tops = [node for node, (_, above) in enumerate(tree) if above < 0]
    return [(name, above if above < 0 or above in tops else tops[0]) for name, above in tree]


FORMS = [name for name, made in vars(Writer).items() if callable(made) and not name.startswith("_")]
FORMS = [name for name in FORMS if name not in ("beside", "shuffled", "placed")]
#: Forms whose keys are known: most of them are read, not refused.
_READ = {"nested": 0.9, "graph": 0.9, "rows": 0.9, "paths": 0.6}


def _columns(paths: Paths) -> list[tuple[str, ...]]:
    rows = sorted(paths)
    return list(zip_longest(*rows, fillvalue=""))


def outcome(form: str, tree: Tree, seed: int, folder: Path) -> str:
    """ "read" or "refused"; AssertionError where another tree is read."""
    tree = _two_levels(tree) if form == "groups" else tree
    value = getattr(Writer(tree, seed), form)()
    path = folder / "a.json"
    path.write_text(json.dumps(value, ensure_ascii=False))
    expected = wanted(tree)
    whole = frozenset(path_to(tree, node) for node in range(len(tree)) if not below(tree, node))
    if form in ("groups", "adjacency", "graph", "parents"):
        # What has neither a parent nor children is no part of these forms.
        alone = {(name,) for node, (name, above) in enumerate(tree) if above < 0 and not below(tree, node)}
        expected |= {frozenset(path for path in paths if path not in alone) for paths in expected}
        roots = {node for node, (_, above) in enumerate(tree) if above < 0 and below(tree, node)}
        if len(roots) == 1:
            expected |= {frozenset(path[1:] for path in paths if len(path) > 1) for paths in expected}
    if form == "paths" and 3 * sum(len(path) > 1 for path in next(iter(expected))) < sum(1 for _ in tree):
        return "read"  # a list of names, in a few of which a separator stands
    if form == "ranks" and any(len(set(column) - {""}) == 1 for column in _columns(whole)):
        return "read"  # a column that holds one name alone is taken for no rank
    if form == "adjacency" and min(map(len, expected)) < 2:
        return "read"  # one leaf is no tree
    try:
        found = sources.read(path)
    except TaxonomyError:
        return "refused"
    made = frozenset(found.taxonomy.paths())
    assert made in expected, (json.dumps(value, ensure_ascii=False), found.kind, found.how, sorted(made))
    return "read"


@pytest.mark.parametrize("form", FORMS)
@settings(CALM, max_examples=examples(100))
@given(tree=trees(), seed=st.integers(0, 10**6))
def test_the_same_tree_or_a_refusal(form: str, tree: Tree, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome(form, tree, seed, Path(folder))


@pytest.mark.parametrize("form", sorted(_READ))
def test_most_are_read(form: str, tmp_path: Path) -> None:
    """So that the property above is no list of refusals."""
    made = random.Random(1)
    done = []
    for seed in range(40):
        names = made.sample(_WORDS, 12)
        tree = [(name, made.randint(0, 3) if number > 3 else -1) for number, name in enumerate(names)]
        done.append(outcome(form, tree, seed, tmp_path))
    assert done.count("read") >= _READ[form] * len(done)
