"""The definitions of metrics and decisions in plain Python over explicit trees: no code of the package."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loss_oracle import probability
from trees import Case

Row = Sequence[float]


def line(case: Case, node: int) -> list[int]:
    """The root (0), then the ancestors of a node, then the node."""
    return [0, *case.line(node)]


def lca(case: Case, one: int, other: int) -> int:
    """The deepest node that is on both paths."""
    return [node for node in line(case, one) if node in line(case, other)][-1]


def depth(case: Case, node: int) -> int:
    """Edges from the root."""
    return len(case.line(node))


def height(case: Case, node: int) -> int:
    """Edges to the deepest leaf below."""
    return max((1 + height(case, child) for child in case.children(node)), default=0)


def information(case: Case, node: int) -> float:
    """1 - log(classes below) / log(classes)."""
    return 1 - math.log(len(case.below[node])) / math.log(case.num_classes)


def cut(case: Case, answer: int, target: int) -> int:
    """An answer below its target is the target."""
    return target if target in line(case, answer) else answer


def distance(case: Case, answer: int, target: int) -> int:
    """0 for the (cut) target, else the height of the LCA."""
    answer = cut(case, answer, target)
    return 0 if answer == target else height(case, lca(case, answer, target))


def edges(case: Case, answer: int, target: int) -> int:
    """Edges between the cut answer and the target."""
    answer = cut(case, answer, target)
    shared = depth(case, lca(case, answer, target))
    return depth(case, answer) + depth(case, target) - 2 * shared


def is_mistake(case: Case, answer: int, target: int) -> bool:
    """Neither the target nor below it."""
    return target not in line(case, answer)


def is_wrong(case: Case, answer: int, target: int) -> bool:
    """Neither the target nor above it."""
    return answer not in line(case, target)


def best_class(case: Case, logits: Row) -> int:
    """The node of the class with the largest logit, the first of equals."""
    return case.order[max(range(case.num_classes), key=lambda label: (logits[label], -label))]


def classes_in_order(case: Case, logits: Row) -> list[int]:
    """Nodes of the classes, the largest logit first."""
    return [case.order[label] for label in sorted(range(case.num_classes), key=lambda c: -logits[c])]


def best_on_level(case: Case, logits: Row, level: int) -> int:
    """The most probable node of a level."""
    return max(case.at_level[level - 1], key=lambda node: probability(case, logits, node))


def path_is_right(case: Case, logits: Row, target: int) -> bool:
    """Every level above or at the target right."""
    wanted = [(level, case.counted(target, level)) for level in range(1, case.depth + 1)]
    return all(best_on_level(case, logits, level) == node for level, node in wanted if node is not None)


def ancestors(case: Case, node: int) -> set[int]:
    """Ancestors-or-self, without the root."""
    return set(case.line(node))


def hops(case: Case, ranking: Sequence[int], target: int, places: int) -> float:
    """Of nodes of classes in order."""
    found = [distance(case, node, target) for node in ranking]
    return hops_of_distances(found, [distance(case, node, target) for node in case.order], places)


def hops_of_distances(ranked: Sequence[int], of_all: Sequence[int], places: int) -> float:
    """Of the distances of classes in order, and of all: the definition of evidence, step by step."""
    distances = sorted(set(of_all))
    rank = [distances.index(d) for d in ranked]
    best = sorted(map(distances.index, of_all))
    weights = []
    for place, k in enumerate(best):
        first, size = best.index(k), best.count(k)
        low = 0.0 if k == best[-1] else 2.0 ** -(k + 1)
        weights.append(2.0**-k + (low - 2.0**-k) * (place - first) / size)
    top = range(places)
    cost = sum(weights[i] * abs(best[i] - rank[i]) for i in top)
    worst = sum(weights[i] * abs(best[i] - best[places - 1 - i]) for i in top)
    if worst == 0:
        return float(cost == 0)
    return min(1.0, max(0.0, 1 - cost / worst))


def log_odds(case: Case, logits: Row, node: int) -> float:
    """log P - log(1 - P), each a sum of exponentials from its own peak."""

    def log_sum(labels: list[int]) -> float:
        if not labels:
            return -math.inf
        top = max(logits[label] for label in labels)
        if top == -math.inf:
            return -math.inf
        return top + math.log(math.fsum(math.exp(logits[label] - top) for label in labels))

    inside = case.below[node]
    return log_sum(inside) - log_sum([c for c in range(case.num_classes) if c not in inside])


def climbed(case: Case, logits: Row, start: int, least: float) -> int:
    """The deepest node on the path of a class with log-odds above."""
    above = [node for node in case.line(start) if log_odds(case, logits, node) > least]
    return above[-1] if above else 0


def top_down_class(case: Case, logits: Row) -> int:
    """The class reached by the most probable child each time."""
    node = 0
    while case.children(node):
        node = max(case.children(node), key=lambda child: probability(case, logits, child))
    return node


def expected_height(case: Case, logits: Row, answer: int) -> float:
    """Of a class: the sum over all classes."""
    return math.fsum(
        probability(case, logits, truth) * height(case, lca(case, answer, truth))
        for truth in case.order
        if truth != answer
    )


def ranked_by_levels(case: Case, logits: Row, node: int = 0) -> list[int]:
    """Nodes of the classes: the best child first, all of it before the next."""
    if not case.children(node):
        return [node]
    children = sorted(case.children(node), key=lambda child: -probability(case, logits, child))
    return [leaf for child in children for leaf in ranked_by_levels(case, logits, child)]


def answers_in_turn(case: Case, logits: Row) -> list[tuple[float, int]]:
    """(log-odds, node) of the nodes that say more than every surer node, the surest first."""
    nodes = [(log_odds(case, logits, n), information(case, n), depth(case, n), n) for n in case.ids]
    found: list[tuple[float, int]] = []
    most = -math.inf
    for odds, says, _, node in sorted(nodes, key=lambda entry: (-entry[0], -entry[1], -entry[2])):
        if says > most + 1e-12:
            found.append((odds, node))
            most = says
    return found


def staircase(points: Sequence[tuple[float, float]]) -> float:
    """The integral over r in [0, 1] of the best score among points with recall >= r."""
    area, before = 0.0, 0.0
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(score for r, score in points if r >= recall)
        before = recall
    return area
