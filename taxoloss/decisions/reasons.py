"""Why an answer is no more specific than it is."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.cut import ThresholdLike, above
from taxoloss.decisions.inputs import Allowed, Scores, prepared, tensor_of_scores
from taxoloss.decisions.on_path import ON_PATH
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.log_probs import cached_log_probs
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Reasons", "Step", "why"]


@dataclass(frozen=True)
class Step:
    """A node on the path of an answer."""

    level: str
    path: tuple[str, ...]
    probability: float
    log_odds: float
    answered: bool


@dataclass(frozen=True)
class Reasons:
    """Why a row's answer is what it is; print it to read."""

    #: The path of the answer; () for the root.
    answer: tuple[str, ...]
    #: From the top level to the class.
    steps: tuple[Step, ...]
    #: Where the path goes on but the answer does not: the most probable sibling of its next node.
    sibling: tuple[str, ...] | None
    sibling_probability: float
    #: Thresholds below this probability answer the next node; NaN where a class is answered.
    next_threshold: float

    def __str__(self) -> str:
        lines = [f"answer: {' > '.join(self.answer) or 'the root'}"]
        for step in self.steps:
            mark = "answered" if step.answered else "not sure enough"
            name = " > ".join(step.path)
            odds = _odds(step.log_odds)
            lines.append(f"  {step.level}: {name}  P {step.probability:.4f}, odds {odds}, {mark}")
        if self.sibling is not None:
            name = " > ".join(self.sibling)
            lines.append(f"  beside it: {name} has P {self.sibling_probability:.4f}")
        if not math.isnan(self.next_threshold):
            nearer = _down(self.next_threshold)
            lines.append(f"  a threshold below {nearer} would have gone one step further")
        return "\n".join(lines)


def why(
    logits: Scores,
    taxonomy: Taxonomy,
    threshold: ThresholdLike,
    decision: str = "climb",
    *,
    allowed: Allowed = None,
    probabilities: bool = False,
) -> list[Reasons]:
    """For each row the path with its probabilities, what stood beside it, and how far it was from more.

    Args:
        logits: (C,) or (N, C).
        taxonomy, threshold, allowed, probabilities: as in `climb`.
        decision: "climb" or "top_down".

    Raises:
        ValueError: logits of another shape, another decision; and as `climb`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> print(why(torch.tensor([2.0, 1.9, -1.0]), t, 0.9)[0])
    answer: cat
      depth_1: cat  P 0.9745, odds 38.3, answered
      depth_2: cat > Bengal  P 0.5116, odds 1.05, not sure enough
      beside it: cat > Sphynx has P 0.4629
      a threshold below 0.5116 would have gone one step further
    """
    if decision not in ON_PATH:
        raise ValueError(f"expected decision as {' or '.join(map(repr, ON_PATH))}, got {decision!r}")
    logits = tensor_of_scores(logits, taxonomy, probabilities)
    if logits.dim() > 2:
        raise ValueError(f"expected logits of shape (C,) or (N, C), got {tuple(logits.shape)}")
    with torch.no_grad():
        ready, tensors = prepared(logits, taxonomy, allowed, probabilities=probabilities)
        classes = ON_PATH[decision](ready, tensors)
        odds = path_log_odds(ready, classes, taxonomy)
        taken = above(threshold, odds, classes, taxonomy, decision)
        if isinstance(threshold, Threshold) and threshold.levels is not None:
            odds = threshold.levels(odds)
        log_probs = cached_log_probs(taxonomy, ready.device)(ready)
        levels = [log_probs[level].all() for level in range(len(tensors.levels))]
    return [
        _explain(
            taxonomy,
            tensors.lines[classes[row]].tolist(),
            odds[row].tolist(),
            taken[row].tolist(),
            [level[row] for level in levels],
        )
        for row in range(len(ready))
    ]


def _explain(
    taxonomy: Taxonomy, line: list[int], odds: list[float], taken: list[bool], logs: list[Tensor]
) -> Reasons:
    deepest = max((at for at, yes in enumerate(taken, 1) if yes), default=0)
    steps, seen = [], line[0]
    for at, (node, o) in enumerate(zip(line[1:], odds, strict=True), 1):
        if node != seen:  # a node that stands for missing ranks is one step
            info = taxonomy.describe([node])[0]
            answered = at <= deepest
            steps.append(Step(info.level or "", info.path, _sigmoid(o), o, answered))
        seen = node
    further = [at for at in range(deepest + 1, len(line)) if line[at] != line[deepest]]
    sibling, mass, nearer = None, math.nan, math.nan
    if further:
        at = further[0]
        nearer = _sigmoid(odds[at - 1])
        sibling, mass = _sibling(taxonomy, line, at, logs[at - 1])
    return Reasons(taxonomy.path(line[deepest]), tuple(steps), sibling, mass, nearer)


def _sibling(
    taxonomy: Taxonomy, line: list[int], at: int, logs: Tensor
) -> tuple[tuple[str, ...] | None, float]:
    """The most probable other node of a level below the node before on the path."""
    tensors = node_tensors(taxonomy, logs.device)
    nodes = tensors.nodes[at - 1]
    beside = (tensors.lines[nodes, at - 1] == line[at - 1]) & (nodes != line[at])
    if not bool(beside.any()):
        return None, math.nan
    best = int(logs.masked_fill(~beside, -torch.inf).argmax())
    return taxonomy.path(int(nodes[best])), float(logs[best].exp())


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _down(probability: float) -> str:
    """With four digits, never above: what is said of a lower threshold stays true. Near 1 with more."""
    digits = 4 if probability < 0.999 else 16
    steps = decimal.Context(prec=digits, rounding=decimal.ROUND_DOWN)
    return f"{float(steps.create_decimal_from_float(probability)):.{digits}g}"


def _odds(log_odds: float) -> str:
    return f"{math.exp(log_odds):.3g}" if log_odds < 50 else f"e^{log_odds:.0f}"
