"""Facts about a taxonomy that a person wants to know before training with it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from taxoloss.taxonomy.findings import Finding, find
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LevelFacts", "Summary", "summarize"]


@dataclass(frozen=True)
class LevelFacts:
    """One level: its nodes, how many classes they have, what it weighs, what chance costs there."""

    name: str
    nodes: int
    smallest_group: int
    largest_group: int
    #: Classes that end above this level, or whose rank is missing here: a node of another level stands in.
    stand_ins: int
    #: Of these the classes that end above this level.
    ended_above: int
    #: Of the level's groups, one sample a class: log2 of as many groups of equal size as are as hard.
    entropy_bits: float
    weight: float
    #: -log P of the target and accuracy of the marginal argmax, for equal logits and one sample a class.
    chance_loss: float
    chance_accuracy: float


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
    #: Of each node with several parents these, all as paths a/b/c.
    several_parents: dict[str, tuple[str, ...]]
    weights_from: str
    #: What the loss is at first: the sum of weight x chance loss over the levels.
    chance_loss: float
    digest: str
    levels: tuple[LevelFacts, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, text and numbers, for JSON."""
        data = asdict(self)
        for finding in data["findings"]:
            del finding["example"]
        return data


def summarize(taxonomy: Taxonomy) -> Summary:
    """The facts of a taxonomy.

    >>> import taxoloss
    >>> facts = summarize(taxoloss.load("pets"))
    >>> facts.classes, facts.levels[0].nodes, facts.levels[0].largest_group
    (37, 2, 25)
    """
    tree = taxonomy.tree
    depth = tree.depth[tree.leaves]
    levels = tuple(_level(taxonomy, number + 1) for number in range(len(taxonomy.levels)))
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
        largest_branching=int(tree.num_children.max()),
        several_parents={
            "/".join(tree.path(node)): tuple("/".join(tree.path(one)) for one in tree.parents_of(node))
            for node in tree.several_parents.tolist()
        },
        weights_from="equal, 1 / levels" if taxonomy.level_weights is None else "the file",
        digest=taxonomy.digest,
        chance_loss=sum(level.weight * level.chance_loss for level in levels),
        levels=levels,
        findings=tuple(find(taxonomy)),
    )


def _level(taxonomy: Taxonomy, number: int) -> LevelFacts:
    tree, name = taxonomy.tree, taxonomy.levels[number - 1]
    nodes = taxonomy.level_nodes(number)
    sizes = tree.num_leaves[nodes]
    total = len(taxonomy)
    classes, places = taxonomy.classes_of_nodes(number)
    costs = np.bincount(classes, -np.log(sizes / total)[places]) / np.bincount(classes)
    chance = abs(float(costs.mean()))
    on_it = np.bincount(classes, tree.level[nodes][places] == number)
    weights = taxonomy.level_weights
    return LevelFacts(
        name=name,
        nodes=len(nodes),
        smallest_group=int(sizes.min()),
        largest_group=int(sizes.max()),
        stand_ins=int((on_it == 0).sum()),
        ended_above=int((tree.level[nodes] < number).sum()),
        entropy_bits=chance / math.log(2),
        weight=1 / len(taxonomy.levels) if weights is None else weights[name],
        chance_loss=chance,
        chance_accuracy=float(sizes.max() / total),
    )
