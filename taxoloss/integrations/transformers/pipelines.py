"""What a classification pipeline answers, rolled up to every level of a taxonomy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from taxoloss.functional.rounding import ROUNDED, rounding
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["rollup"]

#: Of one input: level -> {"label", "score"} of its nodes, the most probable first.
Levels: TypeAlias = dict[str, list[dict[str, Any]]]


def rollup(answers: Any, taxonomy: Taxonomy) -> Any:
    """The answers of a pipeline at every level: P(node) = sum over the classes below it.

    Takes what image, text, audio, video and zero-shot classification give when they are asked for all
    classes, `pipe(inputs, top_k=len(t.classes))` (top_k=None is 5 for images). Classes keep their scores;
    nodes of one score stand in the order of the tree. Where nodes have several parents a class counts in
    each node that reaches it, so that the scores of a level may sum to more than 1.

    Args:
        answers: of one input, a list of {"label", "score"}; of several, a list or an iterator of such.
        taxonomy: need not be bound: the answers name their classes.

    Returns:
        Of one input a dict level -> list of {"label", "score"}, the most probable first; of a list a list
        of them; of an iterator an iterator. A node is labelled by its name, or by its path a/b where the
        level has that name twice.

    Raises:
        ValueError: not all classes are there (a smaller top_k); the scores are logits
            (function_to_apply="none") or those of a sigmoid, and do not sum to 1.
        BindingError: labels are unknown, or there twice; or the classes have no names (LABEL_0).
        TypeError: these are no answers of a pipeline.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}})
    >>> scores = {"beagle": 0.4, "Bengal": 0.35, "Sphynx": 0.25}
    >>> rollup([{"label": name, "score": p} for name, p in scores.items()], t)["depth_1"]
    [{'label': 'cat', 'score': 0.6}, {'label': 'dog', 'score': 0.4}]
    """
    if not isinstance(taxonomy, Taxonomy):
        raise TypeError(f"expected a Taxonomy beside the answers, got {type(taxonomy).__name__}")
    roller = _Roller(taxonomy)
    if isinstance(answers, Mapping) or (_is_list(answers) and answers and _is_score(answers[0])):
        return roller(answers)
    if _is_list(answers):
        return [roller(answer) for answer in answers]
    if not isinstance(answers, Iterable) or isinstance(answers, (str, bytes)):
        raise TypeError(f"expected the answers of a pipeline, got {type(answers).__name__}")
    return map(roller, answers)


class _Roller:
    """One answer after another; a tree is bound once to the classes that they name."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._sums: dict[tuple[str, ...], _Sums] = {}

    def __call__(self, answer: Any) -> Levels:
        pairs, zero_shot = _pairs(answer), _is_zero_shot(answer)
        labels = [label for label, _ in pairs]
        known = len(self.taxonomy.classes)
        if len(pairs) < known:
            ask = "candidate_labels=list(t.classes)" if zero_shot else f"top_k={known}"
            raise ValueError(
                f"expected the scores of all {known} classes, got {len(pairs)}: ask the pipeline with "
                f"{ask}, since what a level sums must be there"
            )
        order = tuple(sorted(labels))
        if order not in self._sums:
            self._sums[order] = _Sums(self.taxonomy, order)
        _check_scores([score for _, score in pairs], zero_shot)
        return self._sums[order](pairs)


class _Sums:
    """The sums of scores at each level, for one set of labels."""

    def __init__(self, taxonomy: Taxonomy, labels: tuple[str, ...]) -> None:
        bound = taxonomy.bind(labels)
        self.number = {label: number for number, label in enumerate(labels)}
        *above, self.deepest = bound.levels
        self.nodes = {
            level: (_names(bound, level), *_members(bound, number)) for number, level in enumerate(above, 1)
        }

    def __call__(self, pairs: list[tuple[str, float]]) -> Levels:
        scores = np.empty(len(pairs))
        scores[[self.number[label] for label, _ in pairs]] = [score for _, score in pairs]
        # Sums of positive terms: no digits are lost, and a class keeps its own score.
        found = {
            level: _sorted(
                zip(
                    names, np.bincount(nodes, scores[classes], len(names)).clip(max=1).tolist(), strict=True
                )
            )
            for level, (names, classes, nodes) in self.nodes.items()
        }
        return {**found, self.deepest: _sorted(pairs)}


def _members(taxonomy: Taxonomy, level: int) -> tuple[IntArray, IntArray]:
    """Classes, and for each a node of a level that it is below: each class once for each such node."""
    if taxonomy.is_tree:
        return np.arange(len(taxonomy)), taxonomy.class_to_node(level)
    plan = graph_plan_of(taxonomy)
    return plan.classes.listed(plan.nodes[level - 1])


def _names(taxonomy: Taxonomy, level: str) -> list[str]:
    names = list(taxonomy.nodes(level))
    twice = len(set(names)) < len(names)
    return ["/".join(path) for path in taxonomy.paths(level)] if twice else names


def _sorted(pairs: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    ranked = sorted(pairs, key=lambda pair: -pair[1])  # stable: equal ones stay as they stand
    return [{"label": label, "score": score} for label, score in ranked]


# -- the forms that pipelines answer in ------------------------------------------------------------

_is_list: Callable[[Any], bool] = lambda value: isinstance(value, (list, tuple))  # noqa: E731


def _is_score(value: Any) -> bool:
    return isinstance(value, Mapping) and "label" in value and "score" in value


def _pairs(answer: Any) -> list[tuple[str, float]]:
    """Labels and scores of one input."""
    if _is_zero_shot(answer):
        answer = [{"label": a, "score": b} for a, b in zip(answer["labels"], answer["scores"], strict=True)]
    if isinstance(answer, Mapping):
        answer = [answer]
    if not _is_list(answer) or not all(_is_score(one) for one in answer):
        nested = _is_list(answer) and answer and _is_list(answer[0]) and answer[0]
        help = ", one list too many: roll up each of its lists" if nested and _is_score(nested[0]) else ""
        raise TypeError(
            "expected the answer of a classification pipeline, a list of {'label': .., 'score': ..}, got "
            f"{answer!r:.80}{help}"
        )
    return [(str(one["label"]), _number(one["score"])) for one in answer]


def _is_zero_shot(answer: Any) -> bool:
    """Whether it is the form of zero-shot classification of texts, which has no top_k."""
    return isinstance(answer, Mapping) and {"labels", "scores"} <= set(answer)


def _number(score: Any) -> float:
    try:
        return float(score)
    except (TypeError, ValueError):
        raise TypeError(
            f"expected scores as numbers, got {score!r:.40}: this is no answer of a classification pipeline"
        ) from None


def _check_scores(scores: list[float], zero_shot: bool) -> None:
    """ValueError where scores are no probabilities of one distribution."""
    if any(math.isnan(score) for score in scores):
        raise ValueError("expected probabilities as scores, got NaN")
    low, high = min(scores), max(scores)
    if low < 0 or high > 1:
        raise ValueError(
            f"expected probabilities as scores, got {low:.4g} to {high:.4g}: these are logits; call the "
            "pipeline without function_to_apply='none'"
        )
    values = np.array([scores])
    if abs(math.fsum(scores) - 1) > ROUNDED + rounding(values, "probs")[0]:
        ask = "multi_label=False" if zero_shot else "function_to_apply='softmax'"
        raise ValueError(
            f"expected scores that sum to 1, got {math.fsum(scores):.4g}: these are of a sigmoid (a "
            f"model of several labels a sample); a tree of classes needs {ask}"
        )
