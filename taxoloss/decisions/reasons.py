"""Why an answer is no more specific than it is."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.cut import ThresholdLike, above
from taxoloss.decisions.inputs import Allowed, Scores, prepared, tensor_of_scores
from taxoloss.decisions.on_path import ON_PATH, refuse_graph
from taxoloss.functional.graphs.log_odds import line_log_odds
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.log_probs import cached_log_probs
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.taxonomy.plan import graph_plan_of
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
    #: Above the threshold, and yet not answered: where nodes have several parents, one that says less.
    outdone: bool = False


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
    #: Where nodes have several parents the path of that node, which need not be below the answer.
    next_answer: tuple[str, ...] | None = None

    def __str__(self) -> str:
        lines = [f"answer: {' > '.join(self.answer) or 'the root'}"]
        for step in self.steps:
            mark = "answered" if step.answered else "not sure enough"
            mark = "sure enough, but says less" if step.outdone else mark
            name = " > ".join(step.path)
            odds = _odds(step.log_odds)
            lines.append(f"  {step.level}: {name}  P {step.probability:.4f}, odds {odds}, {mark}")
        if self.sibling is not None:
            name = " > ".join(self.sibling)
            lines.append(f"  beside it: {name} has P {self.sibling_probability:.4f}")
        if not math.isnan(self.next_threshold):
            nearer = _down(self.next_threshold)
            further = "gone one step further"
            if self.next_answer is not None:
                further = f"answered {' > '.join(self.next_answer)}"
            lines.append(f"  a threshold below {nearer} would have {further}")
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

    Where nodes have several parents the path is the best class and all nodes above it, the most informative
    last, and beside the next answer stand the other children of its parents.

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
    refuse_graph(decision, taxonomy)
    logits = tensor_of_scores(logits, taxonomy, probabilities)
    if logits.dim() > 2:
        raise ValueError(f"expected logits of shape (C,) or (N, C), got {tuple(logits.shape)}")
    with torch.no_grad():
        ready, tensors = prepared(logits, taxonomy, allowed, probabilities=probabilities)
        classes = ON_PATH[decision](ready, tensors)
        if isinstance(tensors, GraphNodes):
            return _of_lines(ready, classes, taxonomy, tensors, threshold)
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


def _of_lines(
    z: Tensor, classes: Tensor, taxonomy: Taxonomy, tensors: GraphNodes, threshold: ThresholdLike
) -> list[Reasons]:
    """What `_explain` tells, where nodes have several parents."""
    odds = line_log_odds(z, classes, taxonomy)
    taken = above(threshold, odds, classes, taxonomy, "climb")
    masses = tensors.masses(torch.softmax(z, 1)).cpu()
    found = []
    for row, line in enumerate(tensors.lines[classes].tolist()):
        nodes = line[: line.index(tensors.root)]
        found.append(
            _explain_line(taxonomy, tensors, nodes, odds[row].tolist(), taken[row].tolist(), masses[row])
        )
    return found


def _explain_line(
    taxonomy: Taxonomy,
    tensors: GraphNodes,
    nodes: list[int],
    odds: list[float],
    taken: list[bool],
    masses: Tensor,
) -> Reasons:
    at = next((at for at in range(len(nodes)) if taken[at]), len(nodes))
    answer = nodes[at] if at < len(nodes) else tensors.root
    said, steps = tensors.lines[answer].tolist(), []
    for node, o, yes in zip(nodes, odds, taken, strict=False):
        info, answered = taxonomy.describe([node])[0], node in said
        steps.append(Step(info.level or "", info.path, _sigmoid(o), o, answered, yes and not answered))
    path = taxonomy.path(answer)
    if at == 0:
        return Reasons(path, tuple(steps[::-1]), None, math.nan, math.nan)
    # A threshold that falls is first passed by the surest of those that say more.
    further = max(range(at), key=odds.__getitem__)
    sibling = _likely_sibling(taxonomy, nodes[further], nodes, masses)
    return Reasons(path, tuple(steps[::-1]), *sibling, _sigmoid(odds[further]), steps[further].path)


def _likely_sibling(
    taxonomy: Taxonomy, node: int, line: list[int], masses: Tensor
) -> tuple[tuple[str, ...] | None, float]:
    """The most probable other child of a parent of a node, none of a line; masses (V,)."""
    parents = graph_plan_of(taxonomy).parents
    children = parents.numbers[np.isin(parents.items, parents[node])]
    beside = torch.from_numpy(np.setdiff1d(children, line))
    if not len(beside):
        return None, math.nan
    best = int(beside[int(masses[beside].argmax())])
    return taxonomy.path(best), float(masses[best])


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
