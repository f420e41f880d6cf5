"""Numbers that would mislead in silence: no better than a guess, one answer for all, no doubt at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted
from taxoloss.evaluation.scores import Evaluation
from taxoloss.report.numbers.baselines import Baseline
from taxoloss.report.numbers.gathered import Gathered
from taxoloss.report.numbers.words import are, joined, named, percent

__all__ = ["doubts", "warning"]

#: Texts of unknown answers, and levels, that a sentence shows; nodes that a warning points at.
_SHOWN, _NODES = 3, 200
#: From which share of rows on answers that say nothing are told.
_MOST_EMPTY = 0.5
#: From which share on it is told what rows that are all alike cannot show.
_UNSEEN = 0.01


def warning(kind: str, text: str, count: int, nodes: Sequence[int] = ()) -> dict[str, Any]:
    """A warning: its kind, the sentence, tree numbers (the first 200), and how many there are of it."""
    return {"kind": kind, "text": text, "nodes": list(nodes[:_NODES]), "count": count}


def doubts(gathered: Gathered, found: Evaluation, reached: Sequence[Baseline]) -> Iterator[dict[str, Any]]:
    """What makes the scores as a whole doubtful.

    Args:
        gathered: n rows.
        found: their scores.
        reached: what chance and the majority reach on each level.
    """
    yield from _no_better(gathered, found, reached)
    yield from _one_answer(gathered)
    yield from _unknown(gathered)
    yield from _empty_answers(gathered)
    yield from _one_probability(gathered)
    yield from _no_spread(gathered, found, reached)
    if found.left_out:
        rows = counted(found.left_out, "row")
        yield warning("left_out", f"{rows} of the file {are(found.left_out)} left out.", found.left_out)


def _no_better(
    gathered: Gathered, found: Evaluation, reached: Sequence[Baseline]
) -> Iterator[dict[str, Any]]:
    """Levels whose accuracy is not above that of chance or of the most frequent node, of 2 nodes or more.

    An answer above the truth says too little, not a wrong thing: here it is let pass as right.
    """
    told = []
    for place, (level, base) in enumerate(zip(gathered.taxonomy.levels, reached, strict=True)):
        if base.chance is None or base.majority is None or base.majority == 1:
            continue
        value, low, _ = found.scores[f"accuracy/{level}"]
        passed = _passed(gathered, place)
        best = max(base.chance, base.majority)
        if low + passed <= best:
            sure = "no better" if value + passed <= best else "not clearly better"
            name = "the most frequent node" if best == base.majority else "chance"
            told.append(f"at {level} {percent(value)} are right, {sure} than {name} ({percent(best)})")
    if told:
        text = "; ".join(told)
        yield warning("no_better", f"{text[0].upper()}{text[1:]}.", len(told))


def _passed(gathered: Gathered, level: int) -> float:
    """The share of a level's counted rows that are answered above it by a node above the truth."""
    counted_there = gathered.level_counted[:, level]
    passed = gathered.unspecific & ~gathered.level_right[:, level]
    return float(passed[counted_there].mean())


def _one_answer(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """One answer to all rows, whose truths differ."""
    answers = np.unique(gathered.node_answer)
    if len(answers) != 1 or gathered.unknown.any() or len(np.unique(gathered.target)) < 2:
        return
    node = int(answers[0])
    name = named(gathered.taxonomy.tree.names[node]) if node else "the root, which says nothing"
    yield warning("one_answer", f"All {len(gathered):,} answers are {name}.", len(gathered), [node])


def _unknown(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """Answers that are no node."""
    count = int(gathered.unknown.sum())
    if not count:
        return
    most = [named(text) for text, _ in Counter(gathered.said.values()).most_common(_SHOWN)]
    such = f", such as {joined(most)}" if most else ""
    verb = are(count, "counts", "count")
    text = f"{counted(count, 'answer')} {are(count)} no node of the tree and {verb} as wrong{such}."
    yield warning("unknown", text, count)


def _empty_answers(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """The root as the answer to most rows."""
    empty = int(((gathered.node_answer == 0) & ~gathered.unknown).sum())
    if len(gathered) and _MOST_EMPTY < empty / len(gathered) < 1:
        share = percent(empty / len(gathered))
        yield warning("empty", f"{share} of the answers are the root, which says nothing.", empty)


def _one_probability(gathered: Gathered) -> Iterator[dict[str, Any]]:
    """Probabilities that do not differ, or are all 1."""
    if gathered.probability is None:
        return
    stated = gathered.probability[~np.isnan(gathered.probability)]
    if len(stated) < 2 or stated.min() < stated.max():
        return
    text = (
        f"All {len(stated):,} stated probabilities are {stated[0]:.4g}: they do not tell sure answers from "
        "unsure ones."
    )
    yield warning("one_probability", text, len(stated))


def _no_spread(
    gathered: Gathered, found: Evaluation, reached: Sequence[Baseline]
) -> Iterator[dict[str, Any]]:
    """Accuracies of 0 or 1, whose intervals have no width, where a level has 2 nodes or more.

    Draws of rows that are all right are all right. Of a model that is right with probability p, R rows are
    all right with probability p^R: with p < 0.05^(1 / R) in less than 1 of 20 cases.
    """
    levels = zip(gathered.taxonomy.levels, reached, strict=True)
    same = {level: base.rows for level, base in levels if base.rows and base.chance != 1}
    same = {level: n for level, n in same.items() if found.scores[f"accuracy/{level}"].value in (0, 1)}
    least = min(same.values(), default=0)
    unseen = 1 - 0.05 ** (1 / least) if least else 0.0
    if unseen >= _UNSEEN:
        text = (
            f"At {joined(list(same))} all answers are right or all are wrong, so that intervals have no "
            f"width: with {counted(least, 'row')} up to {percent(unseen)} may be otherwise."
        )
        yield warning("no_spread", text, len(same))
