"""What a reader of a report must see before trusting its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted
from taxoloss.evaluation.scores import Evaluation
from taxoloss.report.numbers.baselines import Baseline
from taxoloss.report.numbers.doubts import doubts, warning
from taxoloss.report.numbers.gathered import BoolArray, Gathered, IntArray
from taxoloss.report.numbers.orders import better_order
from taxoloss.report.numbers.words import are, joined, percent, shown

__all__ = ["FEW", "warnings"]

#: A class with fewer rows has few.
FEW = 10


def warnings(gathered: Gathered, found: Evaluation, reached: Sequence[Baseline]) -> list[dict[str, Any]]:
    """The warnings, the worst first.

    Args:
        gathered: n rows.
        found: their scores.
        reached: what chance and the majority reach on each level (`baselines`).

    Returns:
        Dicts: kind, text, nodes (tree numbers, the first 200), and count, of all that the text is of.

    >>> import pathlib, taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece, Samples
    >>> from taxoloss.evaluation.scores import Settings, evaluate
    >>> from taxoloss.report.numbers.baselines import baselines
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> piece = Piece(1, torch.tensor([0, 1] * 20), torch.tensor([0, 1, 1, 2] * 10))
    >>> samples = Samples(pathlib.Path("rows"), "node ids", lambda: iter([piece]), places=1)
    >>> rows = Collector(t)
    >>> found = evaluate(samples, t, Settings(), lambda rows: None, rows.take)
    >>> warnings(rows.gathered(), found, baselines(rows.gathered()))[-1]["text"]
    'Of 3 classes with rows 1 is never answered: "pug".'
    """
    if not len(gathered):
        return [warning("nothing", "No row has a truth below the root: nothing is counted.", 0)]
    return [*_order(gathered), *doubts(gathered, found, reached), *_labels(gathered), *_classes(gathered)]


def _order(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """A class order that looks shifted."""
    better = better_order(gathered)
    if better is None:
        return
    looks = "The order of the classes looks shifted"
    given, other, order = percent(better.given), percent(better.other), better.order
    if better.labels:
        text = (
            f"{looks}, that of the labels too: {given} of the mistakes stay below one top node, "
            f"and {other} where labels and answers are read in {order}."
        )
    else:
        text = f"{looks}: {given} of the answers are right, {other} where they are read in {order}."
    yield warning("order", text, better.gain)


def _labels(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """Truths above the classes."""
    taxonomy = gathered.taxonomy
    early = gathered.node_target[gathered.target >= len(taxonomy)]
    if not len(early):
        return
    rows = np.bincount(early, minlength=taxonomy.num_nodes)
    nodes = _by_rows(rows)
    on = np.bincount(taxonomy.tree.level, rows, len(taxonomy.levels) + 1).astype(np.int64).tolist()
    split = [f"{count:,} at {level}" for level, count in zip(taxonomy.levels, on[1:], strict=True) if count]
    share, verb = percent(len(early) / len(gathered)), are(len(early), "stops", "stop")
    text = (
        f"{len(early):,} of {counted(len(gathered), 'label')} ({share}) {verb} above the classes: "
        f"{joined(split)}. Nothing is counted below them."
    )
    yield warning("early_labels", text, len(early), nodes)


def _by_rows(rows: IntArray) -> list[int]:
    """The nodes that have rows, those with most first."""
    order = np.argsort(-rows, kind="stable")
    found: list[int] = order[rows[order] > 0].tolist()
    return found


# -- classes ---------------------------------------------------------------------------------------


def _classes(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """Classes that are never answered, have no row, or have few; in the order of the tree."""
    tree = gathered.taxonomy.tree
    rows = np.bincount(gathered.node_target, minlength=len(tree))[tree.leaves]
    answered = np.bincount(gathered.node_answer, minlength=len(tree))[tree.leaves]
    seen, every = int((rows > 0).sum()), counted(len(rows), "class")
    never, few = (rows > 0) & (answered == 0), (rows > 0) & (rows < FEW)
    yield from _some(
        gathered,
        "never_answered",
        never,
        f"Of {counted(seen, 'class')} with rows",
        ("is", "are"),
        "never answered",
    )
    yield from _some(gathered, "no_rows", rows == 0, f"Of {every}", ("has", "have"), "no row")
    yield from _some(gathered, "few_rows", few, f"Of {every}", ("has", "have"), f"fewer than {FEW} rows")


def _some(
    gathered: Gathered, kind: str, chosen: BoolArray, of: str, verbs: tuple[str, str], what: str
) -> Iterator[dict[str, Any]]:
    """A warning of some of the classes (C,), in the order of the tree; none of none.

    Args:
        gathered: n rows.
        kind: of the warning.
        chosen: (C,).
        of: of which classes they are some.
        verbs: of one class, and of several.
        what: the rest of the sentence.
    """
    tree = gathered.taxonomy.tree
    nodes = tree.leaves[chosen].tolist()
    if nodes:
        names = shown([tree.names[node] for node in nodes[:3]], len(nodes))
        text = f"{of} {len(nodes):,} {are(len(nodes), *verbs)} {what}: {names}."
        yield warning(kind, text, len(nodes), nodes)
