"""What decisions say where nodes have several parents, in plain Python on an `Oracle`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mpmath
from graph_oracle import Oracle

Row = Sequence[float]


def log_odds(oracle: Oracle, logits: Row, node: int) -> float:
    """log P - log(1 - P), both as sums of exponentials, to 50 digits."""
    inside = set(oracle.classes_below[node])
    with mpmath.workdps(50):
        one, other = (
            mpmath.fsum(mpmath.exp(z) for label, z in enumerate(logits) if (label in inside) == side)
            for side in (True, False)
        )
        return float(
            (mpmath.log(one) if one else -mpmath.inf) - (mpmath.log(other) if other else -mpmath.inf)
        )


def line(oracle: Oracle, number: int) -> list[int]:
    """The nodes of an id and above it, the most informative first, without the root."""
    level, nodes = oracle.case.level, oracle.above(number) - {0}
    return sorted(nodes, key=lambda node: (oracle.below(node), -level[node], oracle.ids[node]))


def climbed(oracle: Oracle, logits: Row, least: float) -> int:
    """The first node above on the line of the best class."""
    (best,) = oracle.best_classes(logits)
    sure = [node for node in line(oracle, best) if log_odds(oracle, logits, node) > least]
    return sure[0] if sure else 0


def candidates(oracle: Oracle) -> list[int]:
    """The root, then the nodes of each level, top level first; some stand on several."""
    return [0, *(node for level in oracle.levels for node in level)]


def last_of_best(oracle: Oracle, logits: Row, scores: dict[int, float]) -> int:
    """Of the nodes with the largest score the most probable; then the deepest level, then the first."""
    nodes = [node for node in candidates(oracle) if node in scores]
    best = max(scores.values())
    among = [node for node in nodes if scores[node] > best - 1e-12]
    most = max(oracle.probability(logits, node) for node in among)
    equal = {node for node in among if oracle.probability(logits, node) > most - 1e-12}
    for level in reversed(oracle.levels):
        if found := [node for node in level if node in equal]:
            return found[0]
    return 0


def most_specific(oracle: Oracle, logits: Row, least: float) -> int:
    """Of all nodes with log-odds above that with the most information."""
    nodes = [node for node in candidates(oracle) if not node or log_odds(oracle, logits, node) > least]
    return last_of_best(oracle, logits, {node: oracle.information(node) for node in nodes})


def hedged(oracle: Oracle, logits: Row, tradeoff: float) -> int:
    """The largest (information + tradeoff) P."""
    scores = {
        node: (oracle.information(node) + tradeoff) * oracle.probability(logits, node)
        for node in candidates(oracle)
    }
    return last_of_best(oracle, logits, scores)


def cost(oracle: Oracle, name: str, answer: int, truth: int) -> int:
    """Of two ids of classes."""
    if name == "lca_height":
        return oracle.height(oracle.lca(answer, truth))
    one, other = (oracle.ways[oracle.nodes[number]] for number in (answer, truth))
    return min(one[node] + other[node] for node in oracle.above(answer) & oracle.above(truth))


def expected_cost(oracle: Oracle, logits: Row, name: str, answer: int) -> float:
    """Of a class, over all classes."""
    return math.fsum(
        oracle.probability(logits, oracle.nodes[truth]) * cost(oracle, name, answer, truth)
        for truth in range(len(logits))
    )


def edges_up(oracle: Oracle, answer: int, target: int) -> int:
    """The edges of the shortest way from an id up to a node that it shares with another."""
    ways = oracle.ways[oracle.nodes[answer]]
    return min(ways[node] for node in oracle.above(answer) & oracle.above(target))


def loss(oracle: Oracle, name: str, answer: int, target: int) -> int:
    """What an answer costs a calibration: 1 where it is neither the target nor above it, or edges."""
    if name == "wrong":
        return int(oracle.nodes[answer] not in oracle.above(target))
    return edges_up(oracle, answer, target)
