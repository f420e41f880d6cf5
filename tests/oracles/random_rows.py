"""Random trees for hypothesis: nested mappings, rows of names, and orders of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from taxoloss import Taxonomy

# Few names, so that they repeat in different branches; odd ones, so that writing has to quote them.
NAMES = (
    "a", "b", "c", "no", "null", "~", "1.10", "12:30", "2024-01-01", "a b", " a", "a: b", "#x",
    "\u732b", "\U0001f431", "\u00e9", "it's", 'say "x"', "[a]", "<<", "a/b", "name", "%", "- a",
)  # fmt: skip
_VISIBLE = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Cf", "Zl", "Zp"))
ANY_TEXT = st.text(_VISIBLE, min_size=1, max_size=9).filter(str.strip)
Path = tuple[str, ...]


def names(count: int) -> st.SearchStrategy[list[str]]:
    """Up to `count` different names."""
    one = st.sampled_from(NAMES) | ANY_TEXT
    return st.lists(one, min_size=1, max_size=count, unique_by=_nfc)


def _nfc(name: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", name)


@st.composite
def trees(draw: Any, depth: int = 4) -> dict[str, Any]:
    """A mapping of names to None or to such a mapping, with at least two leaves."""
    tree = draw(_below(depth))
    if sum(1 for _ in leaves(tree)) < 2:
        tree = {"one": tree, "two": None}
    return tree


@st.composite
def _below(draw: Any, depth: int) -> dict[str, Any]:
    found = draw(names(4))
    inner = [depth > 1 and draw(st.booleans()) for _ in found]
    return {name: draw(_below(depth - 1)) if has else None for name, has in zip(found, inner, strict=True)}


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
    if sum("children" not in node for node in _walk(tree)) < 2:
        tree = [*tree, {"name": "second"}, {"name": "third"}]
    described = draw(st.none() | ANY_TEXT)
    extra = {} if described is None else {"description": described, "version": "1.10"}
    return {"name": "random", **extra, "levels": head, "tree": tree}


def _walk(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in tree:
        yield node
        yield from _walk(node.get("children", []))


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
def bound(draw: Any) -> Taxonomy:
    """A random taxonomy, with or without missing ranks, bound in a random order."""
    import taxoloss

    source = draw(trees().map(lambda tree: {"tree": tree}) | ranked())
    t = taxoloss.load(source)
    return t.bind(draw(st.permutations(t.paths())), node_targets=draw(st.booleans()))
