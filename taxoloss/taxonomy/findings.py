"""What is allowed in a tree and may still be a mistake: codes T4xx.

Findings come in the order of what they cost if they are mistakes, the dearest first:

1. One thing may be two nodes, so its labels are divided: T409 (a genus in two families), T410, T408.
2. A name, or all of them, may stand on a wrong level: T411.
3. A level teaches little or nothing and takes its share of the weight: T406, T407, T402, T401.
4. The tree is ragged, as many are: T403, T404, T405.
5. An edge that says nothing more was left out: T412.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.suggestions import likeness, may_be_slip
from taxoloss.taxonomy.spelling import lookalike
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray, Tree
from taxoloss.taxonomy.tree.reach import REDUNDANT

__all__ = ["Finding", "find", "summaries"]

_EXAMPLES = 3
#: Pairs of parents that are compared: of a million repeated names the first tell enough.
_MOST_PAIRS = 2_000


@dataclass(frozen=True)
class Finding:
    """Something to look at: its code, what it is, the paths of some of the nodes that it is about."""

    code: str
    message: str
    paths: tuple[tuple[str, ...], ...] = ()
    #: The part of the message that is an example among others of its code.
    example: str = ""


def find(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Every finding, those that cost most first.

    >>> import taxoloss
    >>> [f.code for f in find(taxoloss.load({"tree": {"cat": ["a", "A"], "dog": ["b"]}}))]
    ['T408', 'T405']
    """
    yield from _repeated_names(taxonomy)
    yield from _lookalikes(taxonomy)
    yield from _wrong_ranks(taxonomy)
    yield from _one_for_all(taxonomy)
    yield from _large_groups(taxonomy)
    yield from _equal_levels(taxonomy)
    yield from _empty_levels(taxonomy)
    yield from _missing_ranks(taxonomy)
    yield from _short_classes(taxonomy)
    yield from _chains(taxonomy)
    yield from _left_out(taxonomy)


def summaries(findings: Iterable[Finding]) -> list[Finding]:
    """Each code once, in the same order: of several findings how many there are, and three examples.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["a", "A", "b_c", "B C"], "dog": ["d", "e"]}})
    >>> [finding.message for finding in summaries(find(t))]
    ['2 pairs of siblings or classes differ only in case, punctuation or look-alike letters: \
`cat/a` and `cat/A`; `cat/b_c` and `cat/B C`']
    """
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    return [group[0] if len(group) == 1 else _summary(group) for group in by_code.values()]


#: What several findings of one code are: the noun that is counted, and what is said of them.
_SEVERAL = {
    "T401": ("level", "without a node"),
    "T402": ("pair", "of levels that make the same groups: the second one adds weight, no information"),
    "T408": ("pair", "of siblings or classes differ only in case, punctuation or look-alike letters"),
    "T410": ("pair", "of nodes have one name and parents that are alike"),
    "T412": ("edge", "to further parents left out: other edges say the same"),
    "T411": ("kind", "of names on a level end as names of another rank do"),
}


def _summary(group: list[Finding]) -> Finding:
    noun, words = _SEVERAL[group[0].code]
    shown = "; ".join(finding.example for finding in group[:_EXAMPLES])
    more = f" and {len(group) - _EXAMPLES:,} more" if len(group) > _EXAMPLES else ""
    message = f"{counted(len(group), noun)} {words}: {shown}{more}"
    return Finding(
        group[0].code, message, tuple(finding.paths[0] for finding in group if finding.paths)[:3]
    )


def _about(taxonomy: Taxonomy, code: str, message: str, nodes: IntArray | Iterable[int]) -> Finding:
    """The finding, with the first of its nodes by name."""
    numbers = [int(node) for node in nodes]
    paths = tuple(taxonomy.tree.path(node) for node in numbers[:_EXAMPLES])
    more = len(numbers) - len(paths)
    shown = ", ".join(quoted("/".join(path)) for path in paths)
    return Finding(code, f"{message}: {shown}" + (f" and {more:,} more" if more else ""), paths)


def _pair(taxonomy: Taxonomy, code: str, message: str, first: int, second: int) -> Finding:
    """The finding of two nodes, one of many perhaps."""
    paths = taxonomy.tree.path(first), taxonomy.tree.path(second)
    shown = [quoted("/".join(path)) for path in paths]
    return Finding(code, f"{message}: {', '.join(shown)}", paths, " and ".join(shown))


def _empty_levels(taxonomy: Taxonomy) -> Iterator[Finding]:
    for number, level in enumerate(taxonomy.levels, 1):
        if not (taxonomy.tree.level == number).any():
            yield Finding("T401", f"no node stands on the level {quoted(level)}", example=quoted(level))


def _equal_levels(taxonomy: Taxonomy) -> Iterator[Finding]:
    for number, (upper, lower) in enumerate(zip(taxonomy.levels, taxonomy.levels[1:], strict=False), 1):
        if _same_groups(taxonomy.tree, number):
            both = f"{quoted(upper)} and {quoted(lower)}"
            message = f"the levels {both} make the same groups: the second one adds weight, no information"
            yield Finding("T402", message, example=both)


def _same_groups(tree: Tree, level: int) -> bool:
    """Whether a level makes the same groups as the one below it."""
    upper, lower = tree.at_level(level), tree.at_level(level + 1)
    if tree.is_tree or len(upper) != len(lower):  # levels of a tree nest: as many nodes, the same groups
        return len(upper) == len(lower)
    groups = ({tree.reach.leaves[n].tobytes() for n in nodes.tolist()} for nodes in (upper, lower))
    return next(groups) == next(groups)


def _missing_ranks(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    skipping = np.flatnonzero(tree.level > tree.level_above + 1)
    if len(skipping):
        message = f"{counted(len(skipping), 'node')} with a rank missing above"
        yield _about(taxonomy, "T403", message, skipping)


def _short_classes(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    short = tree.leaves[tree.level[tree.leaves] < len(taxonomy.levels)]
    if len(short):
        ends = "class ends" if len(short) == 1 else "classes end"
        message = f"{len(short):,} {ends} above the deepest level"
        yield _about(taxonomy, "T404", message, short)


def _chains(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    single = np.flatnonzero(tree.num_children == 1)
    single = single[single > 0]
    if len(single):
        message = f"{counted(len(single), 'node')} with a single child"
        yield _about(taxonomy, "T405", message, single)


def _left_out(taxonomy: Taxonomy) -> Iterator[Finding]:
    for note in taxonomy.notes:
        if note.startswith(REDUNDANT):
            yield Finding("T412", note, example=note.removeprefix(REDUNDANT))


def _one_for_all(taxonomy: Taxonomy) -> Iterator[Finding]:
    if taxonomy.tree.num_children[0] == 1:
        yield _about(taxonomy, "T406", "one node holds all classes: its level teaches nothing", [1])


def _large_groups(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree, total = taxonomy.tree, len(taxonomy)
    sizes = tree.num_leaves
    large = np.flatnonzero((sizes >= 0.9 * total) & (sizes < total) & ~tree.is_leaf)
    large = large[large > 0]
    if len(large) and total >= 10:
        share = math.floor(100 * sizes[large[0]] / total)
        yield _about(taxonomy, "T407", f"one node holds {share} % of the classes", large[:1])


def _lookalikes(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Siblings that differ only in case, spaces, "_" and "-", or by letters of another alphabet."""
    tree = taxonomy.tree
    seen: dict[tuple[int, str], int] = {}
    parents, alike = tree.parent.tolist(), [lookalike(name) for name in tree.names]
    for parent, node in tree.edges():
        first = seen.setdefault((parent, alike[node]), node)
        if first != node:
            message = "two siblings differ only in case, punctuation or look-alike letters"
            yield _pair(taxonomy, "T408", message, first, node)
    classes: dict[str, int] = {}
    for node in tree.leaves.tolist():
        first = classes.setdefault(alike[node], node)
        if tree.names[first] != tree.names[node] and parents[first] != parents[node]:
            message = "two classes differ only in case, punctuation or look-alike letters"
            yield _pair(taxonomy, "T408", message, first, node)


def _repeated_names(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Names in several places; and those whose parents are so alike that one is likely a slip."""
    tree = taxonomy.tree
    places: defaultdict[str, list[int]] = defaultdict(list)
    for node in range(1, len(tree)):
        places[tree.names[node]].append(node)
    several = [nodes for nodes in places.values() if len(nodes) > 1]
    if not several:
        return
    yield _several_places(taxonomy, several)
    alike = _Likeness(taxonomy)
    pairs = ((nodes[0], other) for nodes in several for other in nodes[1:])
    for _, (first, second) in zip(range(_MOST_PAIRS), pairs, strict=False):
        if alike.parents(first, second):
            message = f"{quoted(tree.names[first])} stands under two parents that are alike"
            yield _pair(taxonomy, "T410", message, first, second)


def _several_places(taxonomy: Taxonomy, several: list[list[int]]) -> Finding:
    """T409, with both places of each: first what is likely a slip, a group that stands in two places."""
    tree = taxonomy.tree
    # A name in 25 places is a word such as `other`; a class twice is told when it is bound.
    rarest = sorted(several, key=lambda nodes: (len(nodes), bool(tree.is_leaf[nodes[0]]), nodes[1]))
    shown = []
    for nodes in rarest[:_EXAMPLES]:
        places = " and ".join(quoted("/".join(tree.path(node))) for node in nodes[:2])
        shown.append(places + (f" and {len(nodes) - 2:,} more places" if len(nodes) > 2 else ""))
    more = f" and {len(several) - _EXAMPLES:,} more" if len(several) > _EXAMPLES else ""
    message = f"{counted(len(several), 'name')} in more than one place (the path tells them apart)"
    paths = tuple(tree.path(nodes[1]) for nodes in rarest[:_EXAMPLES])
    return Finding("T409", f"{message}: {'; '.join(shown)}{more}", paths)


class _Likeness:
    """Whether the parents of two nodes of one name may be one thing, written twice."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.tree = taxonomy.tree
        names = self.tree.names
        below = enumerate(self.tree.children())
        self.children = {node: {names[child] for child in nodes} for node, nodes in below if nodes}

    def parents(self, first: int, second: int) -> bool:
        """Whether two nodes of one level have parents with like names, or like children."""
        one, two = int(self.tree.parent[first]), int(self.tree.parent[second])
        if (
            self.tree.level[first] != self.tree.level[second]
            or self.tree.names[one] == self.tree.names[two]
        ):
            return False
        names = self.tree.names[one], self.tree.names[two]
        if likeness(*names) >= 0.75 and may_be_slip(*names):
            return True
        ours, theirs = self.children[one], self.children[two]
        shared = len(ours & theirs)
        return shared >= 2 and shared >= len(ours | theirs) / 2


# Endings that the codes of nomenclature reserve: ICZN article 29.2, ICN articles 16 to 19.
_ENDINGS = (
    (re.compile(r"[A-Z][a-z]+(idae|aceae)"), "family"),
    (re.compile(r"[A-Z][a-z]{3,}(iformes|ineae)"), "order"),
)
_ABOVE_GENUS = ("kingdom", "phylum", "division", "class", "order", "family")


def _wrong_ranks(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Names whose ending says another rank; one name on two levels of one path's tree."""
    tree, levels = taxonomy.tree, [level.casefold() for level in taxonomy.levels]
    wrong: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for rank, number in ((r, n) for n, r in enumerate(levels, 1) if r in _ABOVE_GENUS):
        for node in np.flatnonzero(tree.level == number).tolist():
            for ending, proper in _ENDINGS:
                if proper in levels and proper != rank and ending.fullmatch(tree.names[node]):
                    wrong[rank, proper].append(node)
    for (rank, proper), nodes in wrong.items():
        message = f"{counted(len(nodes), 'name')} of the level {quoted(rank)} end as names of a {proper} do"
        found = _about(taxonomy, "T411", message, nodes)
        first = quoted("/".join(tree.path(nodes[0])))
        yield replace(found, example=f"{len(nodes):,} of {quoted(rank)} as of a {proper}, such as {first}")
