"""What a report says first, in words: how much is right at each level, and how far mistakes go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted
from taxoloss.evaluation.data import number
from taxoloss.evaluation.scores import Evaluation
from taxoloss.report.numbers.baselines import Baseline, baselines
from taxoloss.report.numbers.gathered import Gathered
from taxoloss.report.numbers.warnings import warnings
from taxoloss.report.numbers.words import are, joined, named, percent
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["first"]


def first(gathered: Gathered, found: Evaluation, confidence: float = 0.95) -> dict[str, Any]:
    """What a reader must know before all else.

    Args:
        gathered: n rows.
        found: their scores.
        confidence: of the intervals of these.

    Returns:
        A dict: sentences; levels, from the top: level, rows that count there, accuracy, low, high, chance,
        majority, and majority_name, the commonest node; mistakes: how many rows, and which of them are
        right, unspecific or wrong; shared: of the wrong rows how many share a node of a level with their
        truths, the deepest first, at last those that share the root alone (level None); warnings.

    >>> import pathlib, taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece, Samples
    >>> from taxoloss.evaluation.scores import Settings, evaluate
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> tree = {"cat": ["Bengal", "Manx"], "dog": ["pug"]}
    >>> t = taxoloss.load({"levels": ["species", "breed"], "tree": tree}).bind(node_targets=True)
    >>> piece = Piece(1, torch.tensor([0, 1, 2, 1]), torch.tensor([0, 0, 0, 1]))
    >>> samples = Samples(pathlib.Path("rows"), "node ids", lambda: iter([piece]), places=1)
    >>> rows = Collector(t)
    >>> found = evaluate(samples, t, Settings(), lambda rows: None, rows.take)
    >>> first(rows.gathered(), found)["sentences"][-1]
    'Of 2 mistakes 1 stays in the species and 1 leaves it.'
    """
    reached = baselines(gathered)
    levels = [
        _level(gathered, found, level, base)
        for level, base in zip(gathered.taxonomy.levels, reached, strict=True)
    ]
    mistakes = _mistakes(gathered)
    return {
        "sentences": [
            *(_of_level(level, len(gathered), confidence) for level in reversed(levels)),
            *_of_baselines(levels),
            *_of_mistakes(mistakes, gathered.taxonomy.levels[0]),
            *_left_out(found),
        ],
        "levels": levels,
        "mistakes": mistakes,
        "warnings": warnings(gathered, found, reached),
    }


def _level(gathered: Gathered, found: Evaluation, level: str, base: Baseline) -> dict[str, Any]:
    accuracy = found.scores[f"accuracy/{level}"]
    return {
        "level": level,
        "rows": base.rows,
        **dict(zip(("accuracy", "low", "high"), map(number, accuracy), strict=True)),
        "chance": base.chance,
        "majority": base.majority,
        "majority_name": None if base.node is None else _name(gathered.taxonomy, base.node),
    }


def _mistakes(gathered: Gathered) -> dict[str, Any]:
    levels, wrong = gathered.taxonomy.levels, int(gathered.wrong.sum())
    on = np.bincount(gathered.taxonomy.tree.level[gathered.shared[gathered.wrong]], minlength=len(levels))
    # What answer and truth share has both of them below: it stands above the deepest level.
    places = range(len(levels) - 1, -1, -1)
    return {
        "rows": len(gathered),
        "right": int(gathered.right.sum()),
        "unspecific": int(gathered.unspecific.sum()),
        "wrong": wrong,
        "shared": [
            {
                "level": levels[place - 1] if place else None,
                "count": int(on[place]),
                "share": int(on[place]) / wrong if wrong else None,
            }
            for place in places
        ],
    }


# -- sentences -------------------------------------------------------------------------------------


def _of_level(level: dict[str, Any], rows: int, confidence: float) -> str:
    """How much is right at a level, with its interval; of how many rows, where not all count."""
    name, counts, accuracy = level["level"], level["rows"], level["accuracy"]
    if accuracy is None:
        return f"At {name} nothing is counted: no truth is known there."
    others = rows - counts
    rest = f"; {counted(others, 'other truth')} {are(others, 'ends', 'end')} above it" if others else ""
    if counts == 1:
        return f"The one answer that counts at {name} is {'right' if accuracy else 'wrong'}{rest}."
    interval = ""
    if level["low"] is not None:
        ends = (percent(level[end]).removesuffix(" %") for end in ("low", "high"))
        interval = f" ({100 * confidence:g} %: {' to '.join(ends)})"
    return f"{percent(accuracy)} of {counts:,} answers are right at {name}{interval}{rest}."


def _of_baselines(levels: list[dict[str, Any]]) -> Iterator[str]:
    """What chance and the majority reach on the deepest level that counts."""
    counting = [level for level in levels if level["chance"] is not None]
    if not counting:
        return
    level = counting[-1]
    name, chance = level["level"], percent(level["chance"])
    yield (
        f"At {name} a class drawn at random would be right in {chance}, and always answering "
        f"{named(level['majority_name'])}, the most frequent, in {percent(level['majority'])}."
    )


def _of_mistakes(mistakes: dict[str, Any], top: str) -> Iterator[str]:
    """How far mistakes go, and how many answers say less than they might."""
    wrong, unspecific = mistakes["wrong"], mistakes["unspecific"]
    if mistakes["rows"]:
        yield _split(mistakes, top) if wrong else "No answer is wrong."
    if unspecific:
        share, verb = percent(unspecific / mistakes["rows"]), are(unspecific, "names", "name")
        yield (
            f"{counted(unspecific, 'answer')} ({share}) {verb} a node above the truth: true, but not all "
            "that is known."
        )


def _split(mistakes: dict[str, Any], top: str) -> str:
    """The mistakes by the level of what they share with their truths."""
    wrong, shared = mistakes["wrong"], mistakes["shared"]
    if len(shared) == 1:
        rows = mistakes["rows"]
        return (
            "The one answer is wrong."
            if rows == 1
            else f"{wrong:,} of {rows:,} answers {are(wrong)} wrong."
        )
    parts = [(one["count"], one["level"]) for one in shared if one["count"]]
    if len(parts) == 1:
        who = {1: "The one mistake", 2: "Both mistakes"}.get(wrong, f"All {wrong:,} mistakes")
        return f"{who} {' '.join(_goes(*parts[0], f'the {top}'))}."
    # After the last that stay in the top node, "it" is enough.
    out = "it" if parts[-2][1] == top else f"the {top}"
    told, said = [], ""
    for count, level in parts:
        verb, where = _goes(count, level, out)
        told.append(f"{count:,} {where}" if verb == said else f"{count:,} {verb} {where}")
        said = verb
    return f"Of {wrong:,} mistakes {joined(told)}."


def _goes(count: int, level: str | None, out: str) -> tuple[str, str]:
    """What some mistakes do, and where: they stay in the true node of a level, or leave that of the top."""
    if level is None:
        return are(count, "leaves", "leave"), out
    return are(count, "stays", "stay"), f"in the {level}"


def _left_out(found: Evaluation) -> Iterator[str]:
    """Rows that no number is of."""
    if found.uncounted:
        rows = found.uncounted
        verb = are(rows, "has", "have")
        yield f"{counted(rows, 'row')} {verb} the root as the truth, which tells nothing: left out."


def _name(taxonomy: Taxonomy, node: int) -> str:
    """The name of a node; where another has it too, the path."""
    name = taxonomy.tree.names[node]
    if taxonomy.tree.names.count(name) == 1:
        return name
    return "/".join(taxonomy.path(int(taxonomy.ids_of_nodes[node])))
