"""Facts about a taxonomy that a person wants to know before training with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from taxoloss.names import nfc, quoted
from taxoloss.taxonomy import Taxonomy
from taxoloss.tree import IntArray

__all__ = ["Finding", "LevelFacts", "Summary", "summarize"]

_EXAMPLES = 3


@dataclass(frozen=True)
class LevelFacts:
    """One level: its nodes, how many classes they have, what it weighs, what chance costs there."""

    name: str
    nodes: int
    smallest_group: int
    largest_group: int
    #: Classes that end above this level, or whose rank is missing here: a node of another level stands in.
    stand_ins: int
    weight: float
    #: -log P of the target and accuracy of the marginal argmax, for equal logits and one sample a class.
    chance_loss: float
    chance_accuracy: float


@dataclass(frozen=True)
class Finding:
    """Something that is allowed and may still be a mistake: codes T4xx."""

    code: str
    message: str


@dataclass(frozen=True)
class Summary:
    """What `taxoloss inspect` prints and what `--json` writes."""

    name: str | None
    description: str | None
    source: str | None
    version: str | None
    licence: str | None
    classes: int
    inner_nodes: int
    smallest_depth: int
    largest_depth: int
    largest_branching: int
    weights_from: str
    digest: str
    levels: tuple[LevelFacts, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, text and numbers, for JSON."""
        return asdict(self)


def summarize(taxonomy: Taxonomy) -> Summary:
    """The facts of a taxonomy.

    >>> import taxoloss
    >>> facts = summarize(taxoloss.load("pets"))
    >>> facts.classes, facts.levels[0].nodes, facts.levels[0].largest_group
    (37, 2, 25)
    """
    tree = taxonomy.tree
    depth = tree.depth[tree.leaves]
    return Summary(
        name=taxonomy.name,
        description=taxonomy.description,
        source=taxonomy.source,
        version=taxonomy.version,
        licence=taxonomy.licence,
        classes=len(taxonomy),
        inner_nodes=len(tree) - len(taxonomy) - 1,
        smallest_depth=int(depth.min()),
        largest_depth=int(depth.max()),
        largest_branching=int(np.bincount(tree.parent[1:]).max()),
        weights_from="equal, 1 / levels" if taxonomy.level_weights is None else "the file",
        digest=taxonomy.digest,
        levels=tuple(_level(taxonomy, number + 1) for number in range(len(taxonomy.levels))),
        findings=tuple(_findings(taxonomy)),
    )


def _level(taxonomy: Taxonomy, number: int) -> LevelFacts:
    tree, name = taxonomy.tree, taxonomy.levels[number - 1]
    nodes = taxonomy.level_nodes(number)
    sizes = tree.stop[nodes] - tree.start[nodes]
    total = len(taxonomy)
    weights = taxonomy.level_weights
    return LevelFacts(
        name=name,
        nodes=len(nodes),
        smallest_group=int(sizes.min()),
        largest_group=int(sizes.max()),
        stand_ins=int(sizes[tree.level[nodes] != number].sum()),
        weight=1 / len(taxonomy.levels) if weights is None else weights[name],
        chance_loss=float(-(sizes / total * np.log(sizes / total)).sum()),
        chance_accuracy=float(sizes.max() / total),
    )


# -- findings --------------------------------------------------------------------------------------


def _findings(taxonomy: Taxonomy) -> Iterator[Finding]:
    yield from _empty_levels(taxonomy)
    yield from _equal_levels(taxonomy)
    yield from _missing_ranks(taxonomy)
    yield from _short_classes(taxonomy)
    yield from _chains(taxonomy)
    yield from _large_groups(taxonomy)
    yield from _lookalikes(taxonomy)
    yield from _repeated_names(taxonomy)


def _examples(taxonomy: Taxonomy, nodes: IntArray) -> str:
    shown = [quoted("/".join(taxonomy.tree.path(node))) for node in nodes[:_EXAMPLES].tolist()]
    more = len(nodes) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s" if noun[-1] != "s" else "es")


def _empty_levels(taxonomy: Taxonomy) -> Iterator[Finding]:
    for number, level in enumerate(taxonomy.levels, 1):
        if not (taxonomy.tree.level == number).any():
            yield Finding("T401", f"no node stands on the level {quoted(level)}")


def _equal_levels(taxonomy: Taxonomy) -> Iterator[Finding]:
    for number, (upper, lower) in enumerate(zip(taxonomy.levels, taxonomy.levels[1:], strict=False), 1):
        groups = (len(taxonomy.tree.at_level(n)) for n in (number, number + 1))
        if len(set(groups)) == 1:  # levels nest: as many nodes, the same groups
            message = f"the levels {quoted(upper)} and {quoted(lower)} make the same groups"
            yield Finding("T402", message + ": the second one adds weight, no information")


def _missing_ranks(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    skipping = np.flatnonzero(tree.level > tree.level[tree.parent] + 1)
    if len(skipping):
        what = f"{_counted(len(skipping), 'node')} with a rank missing above"
        yield Finding("T403", f"{what}: {_examples(taxonomy, skipping)}")


def _short_classes(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    short = tree.leaves[tree.level[tree.leaves] < len(taxonomy.levels)]
    if len(short):
        what = f"{_counted(len(short), 'class')} above the deepest level"
        yield Finding("T404", f"{what}: {_examples(taxonomy, short)}")


def _chains(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    children = np.bincount(tree.parent[1:], minlength=len(tree))
    single = np.flatnonzero(children == 1)
    single = single[single > 0]
    if len(single):
        what = f"{_counted(len(single), 'node')} with a single child"
        yield Finding("T405", f"{what}: {_examples(taxonomy, single)}")
    if children[0] == 1:
        message = "one node holds all classes: its level teaches nothing"
        yield Finding("T406", f"{message}: {_examples(taxonomy, np.array([1]))}")


def _large_groups(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree, total = taxonomy.tree, len(taxonomy)
    sizes = tree.stop - tree.start
    large = np.flatnonzero((sizes >= 0.9 * total) & (sizes < total) & ~tree.is_leaf)
    large = large[large > 0]
    if len(large) and total >= 10:
        share = math.floor(100 * sizes[large[0]] / total)
        yield Finding("T407", f"{_examples(taxonomy, large[:1])} holds {share} % of the classes")


def _lookalikes(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Siblings that differ only in case, spaces, "_" and "-": one thing, written twice?"""
    tree = taxonomy.tree
    seen: dict[tuple[int, str], int] = {}
    parents = tree.parent.tolist()
    for node in range(1, len(tree)):
        folded = "".join(c for c in nfc(tree.names[node]).casefold() if c.isalnum())
        first = seen.setdefault((parents[node], folded or tree.names[node]), node)
        if first != node:
            pair = _examples(taxonomy, np.array([first, node]))
            yield Finding("T408", f"two siblings differ only in case or punctuation: {pair}")


def _repeated_names(taxonomy: Taxonomy) -> Iterator[Finding]:
    tree = taxonomy.tree
    first: dict[str, int] = {}
    again = [node for node in range(1, len(tree)) if first.setdefault(tree.names[node], node) != node]
    if again:
        names = len({tree.names[node] for node in again})
        message = f"{_counted(names, 'name')} in more than one place (give the path to tell them apart)"
        yield Finding("T409", f"{message}: {_examples(taxonomy, np.array(again))}")
