"""What is kept of a graph in which nodes keep all of their parents: `--parent all`.

Each function takes the parents of each node by key, none of them for a node at the top, and gives others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from taxoloss.taxonomy.tree.reach import redundant_edges

__all__ = [
    "Parents",
    "at_or_above",
    "at_or_below",
    "irredundant",
    "numbered",
    "of_ranks",
    "rank_order",
    "without",
]

Parents = dict[str, list[str]]


def at_or_above(parents: Parents, keys: Collection[str]) -> Parents:
    """The nodes, and all above them.

    >>> at_or_above({"a": [], "b": [], "c": ["a"], "d": ["c", "b"], "e": ["b"]}, ["c", "e"])
    {'a': [], 'b': [], 'c': ['a'], 'e': ['b']}
    """
    kept: set[str] = set()
    waiting = [key for key in parents if key in keys]
    while waiting:
        key = waiting.pop()
        if key not in kept:
            kept.add(key)
            waiting += parents[key]
    return {key: above for key, above in parents.items() if key in kept}


def at_or_below(parents: Parents, top: str) -> Parents:
    """The node, now at the top, and all below it; their parents that are elsewhere are left out.

    >>> at_or_below({"a": [], "b": [], "c": ["a"], "d": ["c", "b"], "e": ["b"]}, "a")
    {'a': [], 'c': ['a'], 'd': ['c']}
    """
    below: dict[str, list[str]] = {}
    for key, above in parents.items():
        for parent in above:
            below.setdefault(parent, []).append(key)
    kept, waiting = {top}, [top]
    while waiting:
        new = [key for key in below.get(waiting.pop(), []) if key not in kept]
        kept.update(new)
        waiting += new
    found = {key: [one for one in above if one in kept] for key, above in parents.items() if key in kept}
    return {**found, top: []}


def without(parents: Parents, key: str) -> Parents:
    """The others; what stood below it alone is at the top.

    >>> without({"a": [], "b": ["a"], "c": ["a", "b"]}, "a")
    {'b': [], 'c': ['b']}
    """
    return {one: [up for up in above if up != key] for one, above in parents.items() if one != key}


def of_ranks(parents: Parents, kept: Collection[str]) -> Parents:
    """Only some of the nodes, each below the nearest of them on each way up.

    >>> of_ranks({"a": [], "b": ["a"], "c": [], "d": ["b", "c"]}, {"a", "c", "d"})
    {'a': [], 'c': [], 'd': ['a', 'c']}
    """
    nearest: dict[str, list[str]] = {}
    for key in TopologicalSorter(parents).static_order():
        found = [[one] if one in kept else nearest[one] for one in parents[key]]
        nearest[key] = list(dict.fromkeys(one for some in found for one in some))
    return {key: nearest[key] for key in parents if key in kept}


def irredundant(parents: Parents) -> tuple[Parents, list[tuple[str, str, str]]]:
    """Without edges that others say as well; and these: node, parent, a lower parent of the node.

    >>> irredundant({"a": [], "b": ["a"], "c": ["a", "b"]})
    ({'a': [], 'b': ['a'], 'c': ['b']}, [('c', 'a', 'b')])
    """
    keys = list(parents)
    number = {key: place for place, key in enumerate(keys)}
    found = redundant_edges({number[key]: [number[one] for one in above] for key, above in parents.items()})
    said = [(keys[node], keys[parent], keys[lower]) for node, parent, lower in found]
    left_out = {(node, parent) for node, parent, _ in said}
    return {k: [one for one in above if (k, one) not in left_out] for k, above in parents.items()}, said


def rank_order(parents: Parents, rank_of: Callable[[str], str | None]) -> tuple[str, ...] | None:
    """The ranks from top to leaf, where every node has one and no edge goes up or stays on one.

    >>> ranks = {"a": "order", "b": "genus", "c": "genus"}
    >>> rank_order({"a": [], "b": ["a"], "c": ["a"]}, ranks.get)
    ('order', 'genus')
    """
    order: TopologicalSorter[str] = TopologicalSorter()
    for key, above in parents.items():
        rank, ranks = rank_of(key), [rank_of(one) for one in above]
        if rank is None or rank in ranks:
            return None
        order.add(rank, *(one for one in ranks if one is not None))
    try:
        return tuple(order.static_order()) or None
    except CycleError:
        return None


def numbered(parents: Mapping[str, list[str]], number: Mapping[str, int]) -> dict[int, list[int]]:
    """The same by number, the root 0."""
    return {number[key]: [number[one] for one in above] or [0] for key, above in parents.items()}
