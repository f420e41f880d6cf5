"""`taxoloss inspect --weighting`: what a class and an inner node pay under a weight schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import typer

from taxoloss.taxonomy.plan import GraphPlan, graph_plan_of, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable
from taxoloss.weighting.graphs import level_totals, shared_by_level
from taxoloss.weighting.schedules import Schedule
from taxoloss.weighting.table import weight_table
from taxoloss.weighting.text import parse_schedule

__all__ = ["LevelShare", "TargetShares", "WeightingFacts", "schedule_option", "weighting_facts"]


@dataclass(frozen=True)
class LevelShare:
    """One level of a target: its node there, the weight of -log P(node), and that at equal logits."""

    level: str
    node: tuple[str, ...]
    weight: float
    chance_loss: float


@dataclass(frozen=True)
class TargetShares:
    """What one target pays: the sum over its levels of weight times -log P(node)."""

    kind: str
    path: tuple[str, ...]
    levels: tuple[LevelShare, ...]

    @property
    def weight(self) -> float:
        """The sum of the row."""
        return sum(share.weight for share in self.levels)

    @property
    def chance_loss(self) -> float:
        """The loss at equal logits."""
        return sum(share.weight * share.chance_loss for share in self.levels)


@dataclass(frozen=True)
class WeightingFacts:
    """A schedule on a tree: whether all classes have one row, and the rows of some targets."""

    schedule: str
    classes_alike: bool
    targets: tuple[TargetShares, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, text and numbers, for JSON."""
        targets = [
            {**asdict(target), "weight": target.weight, "chance_loss": target.chance_loss}
            for target in self.targets
        ]
        return {**asdict(self), "targets": targets}


def _refused(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--weighting")


def schedule_option(text: str) -> Schedule:
    """The schedule of a text such as geometric:0.7; BadParameter says what was expected."""
    try:
        return parse_schedule(text)
    except ValueError as error:
        raise _refused(str(error)) from None


def weighting_facts(taxonomy: Taxonomy, schedule: Schedule) -> WeightingFacts:
    """The rows of some classes and of an inner node; BadParameter where the schedule does not fit."""
    bound = taxonomy.bind(node_targets=True)
    try:
        table = weight_table(bound, schedule)
    except ValueError as error:
        raise _refused(str(error)) from None
    if not bound.is_tree:
        return _facts_of_graph(bound, repr(schedule), table)
    classes = table[: len(bound)]
    return WeightingFacts(
        schedule=repr(schedule),
        classes_alike=bool((classes == classes[0]).all()),
        targets=tuple(_shares(bound, table, *example) for example in _examples(bound, classes)),
    )


def _examples(taxonomy: Taxonomy, classes: WeightTable) -> Iterator[tuple[str, int]]:
    """A class; where classes pay differently, the shallowest and the deepest; an inner node."""
    tree = taxonomy.tree
    depth = tree.depth[tree.leaves]
    shown = int(depth.argmin())
    differs = (classes != classes[shown]).any(axis=1)
    other = int(np.where(differs, depth, -1).argmax())
    alike, equal = not differs.any(), depth[shown] == depth[other]
    yield "class" if alike or equal else "shallowest class", shown
    if not alike:
        yield "another class" if equal else "deepest class", other
        shown = other
    above = int(plan_of(taxonomy).parent[shown])
    root = taxonomy.num_nodes - 1
    above = len(taxonomy) if above == root else above  # the first inner node: the root if it is alone
    if above < root:
        yield "inner node", above


def _shares(taxonomy: Taxonomy, table: WeightTable, kind: str, target: int) -> TargetShares:
    plan = plan_of(taxonomy)
    levels = []
    for number in np.flatnonzero(plan.counted[target]).tolist():
        node = int(plan.nodes[number][plan.ancestors[target, number]])
        size = int(plan.stop[node] - plan.start[node])
        chance = float(np.log(len(taxonomy) / size))
        weight = float(table[target, number])
        levels.append(LevelShare(plan.levels[number], taxonomy.path(node), weight, chance))
    return TargetShares(kind, taxonomy.path(target), tuple(levels))


# -- nodes with several parents --------------------------------------------------------------------


def _facts_of_graph(taxonomy: Taxonomy, schedule: str, table: WeightTable) -> WeightingFacts:
    """The classes of the fewest and of the most ancestors, and an inner node above the latter."""
    plan = graph_plan_of(taxonomy)
    pairs, levels = (
        (shared_by_level(plan, table), table) if table.ndim == 2 else (table, level_totals(plan, table))
    )
    above = plan.ancestors.sizes[: len(taxonomy)]
    fewest, most = int(above.argmin()), int(above.argmax())
    shown = [("class of fewest ancestors", fewest), ("class of most ancestors", most)]
    parent = int(plan.parents[most][0])
    shown += [("inner node", parent)] if parent < taxonomy.num_nodes - 1 else []
    return WeightingFacts(
        schedule=schedule,
        classes_alike=bool((levels[: len(taxonomy)] == levels[0]).all()),
        targets=tuple(
            TargetShares(kind, taxonomy.path(target), tuple(_ancestors(taxonomy, plan, pairs, target)))
            for kind, target in shown
        ),
    )


def _ancestors(
    taxonomy: Taxonomy, plan: GraphPlan, pairs: WeightTable, target: int
) -> Iterator[LevelShare]:
    """The ancestors of a target and itself, from the top."""
    weights = pairs[slice(*plan.ancestors.starts[target : target + 2])]
    line = zip(plan.ancestors[target].tolist(), weights.tolist(), strict=True)
    for node, weight in sorted(line, key=lambda one: (int(plan.level[one[0]]), one[0])):
        chance = float(np.log(len(taxonomy) / plan.classes.sizes[node]))
        level = plan.levels[min(int(plan.level[node]), len(plan.levels)) - 1]
        yield LevelShare(level, taxonomy.path(node), weight, chance)
