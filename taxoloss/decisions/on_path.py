"""Answers as deep on one path as a threshold allows.

Where nodes have several parents a class is reached by several ways, and its path is its line: all of its
ancestors-or-self, the most informative first. Along it log-odds need not rise: the answer at a threshold is
the first node above it, and as the threshold rises the answer moves along the line, now and then to a node
that is not above the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from taxoloss.decisions.cut import ThresholdLike, above, deepest_above, first_above
from taxoloss.decisions.inputs import Allowed, Answer, Nodes, Scores, decide
from taxoloss.functional.graphs.log_odds import line_log_odds
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.masses import argmax, greedy_class, level_masses
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["ON_PATH", "climb", "line_of", "refuse_graph", "top_down"]

#: Of logits (N, C, d1..dk) the class (N, d1..dk) whose path is answered from.
PathClass: TypeAlias = Callable[[Tensor, Nodes], Tensor]


def climb(
    logits: Scores,
    taxonomy: Taxonomy,
    threshold: ThresholdLike,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """From the best class upwards, the first node that is surer than a threshold; else the root.

    A node n is taken where log P(n) - log(1 - P(n)) is strictly above the threshold's log-odds, computed
    from the logits: so an over-confident model whose P is 1.0 in float32 can still be cut. Of nodes with
    the same classes the deepest is answered. A higher threshold never answers a deeper node.

    Where nodes have several parents, it is the most informative of the best class and all nodes above it
    that is surer than the threshold: the one with the fewest classes, of equals the deepest. A higher
    threshold never answers a more informative node, but the answer need not be above the one before.

    Args:
        logits, taxonomy, allowed, return_probability, probabilities: as in `leaf`.
        threshold: a probability in [0, 1], or a `Threshold` (`calibrate_threshold`). With `allowed`,
            calibrate with the same classes allowed.

    Raises:
        ValueError, TypeError: a threshold that is none, or one of another taxonomy; and as `leaf`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> logits = torch.tensor([[2.0, 1.9, -1.0], [5.0, 0.0, 0.0], [1.0, 1.0, 1.1]])
    >>> [info.name for info in t.describe(climb(logits, t, 0.9))]
    ['cat', 'Bengal', '']

    Source: Goren et al., NeurIPS 2024 (climbing), on log-odds.
    """
    return _on_path(logits, taxonomy, threshold, "climb", allowed, return_probability, probabilities)


def top_down(
    logits: Scores,
    taxonomy: Taxonomy,
    threshold: ThresholdLike = 0.0,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """From the root to the most probable child, again and again, while it is surer than a threshold.

    P(n) is compared, not P(n | parent), and as in `climb`. With the threshold 0 it goes down to a class,
    which need not be the best one. Of equally probable children the first in `nodes(level)` is taken.

    Args and errors: as `climb`; ValueError where nodes have several parents, since no child is the one that
    a class is in.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> top_down(torch.tensor([[2.0, 1.9, 2.1]]), t)  # cat, then Bengal, though beagle is the best class
    tensor([0])
    """
    return _on_path(logits, taxonomy, threshold, "top_down", allowed, return_probability, probabilities)


def refuse_graph(decision: str, taxonomy: Taxonomy) -> None:
    """ValueError where a decision goes down one way to each class, and nodes have several parents."""
    if decision == "top_down" and isinstance(taxonomy, Taxonomy):
        taxonomy.require_tree("top_down", instead="climb takes it as it is")


def line_of(classes: Tensor, tensors: GraphNodes) -> Tensor:
    """(N, K, d1..dk): the lines of classes (N, d1..dk), filled up with the root."""
    line = tensors.lines[classes].movedim(-1, 1)
    return torch.where(line < 0, tensors.root, line)


def _best_class(logits: Tensor, tensors: Nodes) -> Tensor:
    return argmax(logits)


def _greedy_class(logits: Tensor, tensors: Nodes) -> Tensor:
    assert isinstance(tensors, NodeTensors)  # refuse_graph
    # The chosen child has at least its share of its parent's mass, so that nothing underflows.
    return greedy_class(level_masses(logits, tensors), tensors)


#: The decisions whose answers stay on one path as the threshold rises: for these a promise can be made.
ON_PATH: Mapping[str, PathClass] = {"climb": _best_class, "top_down": _greedy_class}


def _on_path(
    logits: Scores,
    taxonomy: Taxonomy,
    threshold: ThresholdLike,
    decision: str,
    allowed: Allowed,
    return_probability: bool,
    probabilities: bool,
) -> Answer:
    """The deepest node above a threshold on the path of a decision's class."""
    refuse_graph(decision, taxonomy)

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        chosen = ON_PATH[decision](z, tensors)
        if isinstance(tensors, GraphNodes):
            return of_line(z, chosen, tensors)
        odds = path_log_odds(z, chosen, taxonomy)
        ids, level = deepest_above(
            above(threshold, odds, chosen, taxonomy, decision), chosen, tensors.lines
        )
        if not return_probability:
            return ids, odds[:, 0]
        certain = torch.full_like(odds[:, :1], torch.inf)  # the root
        found = torch.cat([certain, odds], 1).gather(1, level.unsqueeze(1)).squeeze(1)
        return ids, torch.sigmoid(found)

    def of_line(z: Tensor, chosen: Tensor, tensors: GraphNodes) -> tuple[Tensor, Tensor]:
        odds = line_log_odds(z, chosen, taxonomy)
        taken = above(threshold, odds, chosen, taxonomy, decision)
        ids, place = first_above(taken, line_of(chosen, tensors), tensors.root)
        certain = torch.full_like(odds[:, :1], torch.inf)  # the root
        found = torch.cat([odds, certain], 1).gather(1, place.unsqueeze(1)).squeeze(1)
        return ids, torch.sigmoid(found)

    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)
