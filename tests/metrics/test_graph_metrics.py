"""Metrics of classes with several parents, against their definitions by brute force over random graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import seeds

import taxoloss
from taxoloss import metrics
from taxoloss.metrics import functional

Rng = np.random.Generator
#: A sample that counts: its row, its target.
Rows = list[tuple[int, int]]


def data(oracle: Oracle, rng: Rng, rows: int) -> tuple[Tensor, Tensor, Tensor, Rows]:
    """Logits, answers and targets that are any node, some of them ignored; the rows that count."""
    t = oracle.taxonomy
    logits = torch.from_numpy(rng.normal(0, 2.0, (rows, len(t))))
    answers, target = rng.choice(t.num_nodes, rows), rng.choice([*range(t.num_nodes), -100], rows)
    answers = np.where(rng.random(rows) < 0.3, target.clip(0), answers)
    counted = [(row, y) for row, y in enumerate(target.tolist()) if y not in (-100, t.num_nodes - 1)]
    return logits, torch.from_numpy(answers), torch.from_numpy(target), counted


def mean(values: Iterable[float]) -> float:
    """NaN of nothing."""
    listed = list(values)
    return fmean(listed) if listed else math.nan


def close(found: Any, wanted: Any) -> None:
    """A number, an array or a dict of them, NaN for NaN."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            close(found[key], value)
        return
    np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(wanted), rtol=2e-6, atol=2e-6)


def by_level(oracle: Oracle, rows: Rows, is_right: Any) -> dict[str, float]:
    """level -> the share of the rows that count there which is right."""
    scores = {}
    for level, name in enumerate(oracle.taxonomy.levels):
        found = [is_right(row, y, level) for row, y in rows if oracle.on_level(y, level)]
        scores[name] = mean(found)
    return scores


@given(graphs(), seeds)
@SETTINGS
def test_levels_of_logits(case: GraphCase, rng: Rng) -> None:
    """Right where the most probable node of the level, or one of the best class's, is above the target."""
    oracle = Oracle(case)
    z, _, y, rows = data(oracle, rng, 12)
    listed = z.tolist()

    def most_probable(row: int, target: int, level: int) -> bool:
        return oracle.best(listed[row], level)[0] in oracle.above(target)

    def best_class(row: int, target: int, level: int, k: int = 1) -> bool:
        wanted = oracle.on_level(target, level)
        return any(oracle.on_level(one, level) & wanted for one in oracle.best_classes(listed[row], k))

    t = oracle.taxonomy
    close(functional.level_accuracy(z, y, t), by_level(oracle, rows, most_probable))
    close(functional.level_accuracy(z, y, t, decision="leaf"), by_level(oracle, rows, best_class))
    of_two = by_level(oracle, rows, lambda row, n, level: best_class(row, n, level, 2))
    for preds in (z, z.argsort(dim=1, descending=True)):
        close(functional.level_accuracy(preds, y, t, decision="leaf", top_k=2), of_two)
    paths = [
        all(most_probable(row, n, level) for level in range(case.depth) if oracle.on_level(n, level))
        for row, n in rows
    ]
    close(functional.full_path_accuracy(z, y, t), mean(paths))


@given(graphs(), seeds, st.sampled_from([2, 3, 99]))
@SETTINGS
def test_the_most_probable_nodes_of_a_level(case: GraphCase, rng: Rng, k: int) -> None:
    """Right where one of the k best is above the target, the first of nodes with the same classes."""
    oracle = Oracle(case)
    z, _, y, rows = data(oracle, rng, 8)
    best = by_level(
        oracle,
        rows,
        lambda row, n, level: bool({*oracle.best(z[row].tolist(), level, k)} & oracle.above(n)),
    )
    close(functional.level_accuracy(z, y, oracle.taxonomy, top_k=k), best)


def test_more_places_never_lose_a_right_answer() -> None:
    """Where four nodes hold the same classes the best one is also among the two, three and four best."""
    shared = [{"name": name, "also_under": ["b", "c", "d"]} for name in ("x", "y")]
    t = taxoloss.load({"tree": [{"name": "a", "children": shared}, "b", "c", "d"]}).bind(node_targets=True)
    z, target = torch.tensor([[3.0, 2.0]] * 4), t.node_ids(["a", "b", "c", "d"])
    found = [float(functional.level_accuracy(z, target, t, top_k=k)["depth_1"]) for k in (1, 2, 3, 4)]
    assert found == [0.25, 0.5, 0.75, 1.0]


@given(graphs(), seeds)
@SETTINGS
def test_levels_of_answers(case: GraphCase, rng: Rng) -> None:
    """Right where answer and target have a node of the level in common; the path at the target or below."""
    oracle = Oracle(case)
    _, answers, y, rows = data(oracle, rng, 30)

    def shared(row: int, target: int, level: int) -> bool:
        return bool(oracle.on_level(int(answers[row]), level) & oracle.on_level(target, level))

    close(functional.level_accuracy(answers, y, oracle.taxonomy), by_level(oracle, rows, shared))
    below = [oracle.nodes[n] in oracle.above(int(answers[row])) for row, n in rows]
    close(functional.full_path_accuracy(answers, y, oracle.taxonomy), mean(below))


@given(graphs(), seeds, st.booleans())
@SETTINGS
def test_distances_and_f_scores(case: GraphCase, rng: Rng, nodes: bool) -> None:
    """By sets of ancestors, the most informative common one, and shortest ways."""
    oracle = Oracle(case)
    z, answers, y, rows = data(oracle, rng, 14)
    given = answers if nodes else z.argmax(1)
    args = answers if nodes else z, y, oracle.taxonomy
    facts = [oracle.facts(int(given[row]), n) for row, n in rows]
    close(functional.hierarchical_distance(*args), mean(one[2] for one in facts))
    close(functional.mistake_severity(*args), mean(one[0] for one in facts if one[1]))
    close(functional.tree_induced_error(*args), mean(one[4] for one in facts))
    ratios = [(b / s if s else 1.0, b / t, 2 * b / (s + t)) for b, s, t in (one[6:9] for one in facts)]
    by_sample = [mean(column) for column in zip(*ratios, strict=True)] if ratios else [math.nan] * 3
    names = ("precision", "recall", "f1")
    found = functional.hierarchical_f_score(*args, average="samples")
    close(found, dict(zip(names, by_sample, strict=True)))
    both, said, true = (sum(one[at] for one in facts) for at in (6, 7, 8))
    wanted = [both / said if said else 1.0, both / true, 2 * both / (said + true)] if rows else by_sample
    close(functional.hierarchical_f_score(*args), dict(zip(names, wanted, strict=True)))


@given(graphs(), seeds, st.sampled_from([2, 3, 99]))
@SETTINGS
def test_distances_of_the_best_classes(case: GraphCase, rng: Rng, k: int) -> None:
    """Of logits and of the ranking itself."""
    oracle = Oracle(case)
    z, _, y, rows = data(oracle, rng, 8)
    best = [oracle.best_classes(row, k) for row in z.tolist()]
    wanted = mean(fmean(oracle.facts(one, n)[2] for one in best[row]) for row, n in rows)
    for preds in (z, z.argsort(dim=1, descending=True)):
        close(functional.hierarchical_distance(preds, y, oracle.taxonomy, top_k=k), wanted)


@given(graphs(), seeds)
@SETTINGS
def test_mistakes_by_height_and_by_chance(case: GraphCase, rng: Rng) -> None:
    """Chance takes every answer that was given for every target."""
    oracle = Oracle(case)
    _, answers, y, rows = data(oracle, rng, 20)
    metric = metrics.MistakeSeverity(oracle.taxonomy)
    metric.update(answers, y)
    mistakes, chance = metric.by_height()
    said = [int(answers[row]) for row, _ in rows]
    made = [oracle.facts(a, n)[0] for a, (_, n) in zip(said, rows, strict=True)]
    assert mistakes.tolist() == [made.count(height) for height in range(1, oracle.height(0) + 1)]
    by_chance = [oracle.facts(a, n)[0] for a, (_, n) in product(said, rows)]
    counts = np.array([by_chance.count(height) for height in range(1, oracle.height(0) + 1)], float)
    total = counts.sum() if mistakes.sum() else math.nan
    close(chance, counts / total * int(mistakes.sum()) if mistakes.sum() else counts * math.nan)


@given(graphs(), seeds, st.sampled_from([1, 5, 15]))
@SETTINGS
def test_calibration(case: GraphCase, rng: Rng, n_bins: int) -> None:
    """Bins of what the most probable node of each level states; a level's may sum to more than 1."""
    oracle = Oracle(case)
    z, _, y, rows = data(oracle, rng, 25)
    errors: dict[str, float] = {}
    for level, name in enumerate(oracle.taxonomy.levels):
        bins: dict[int, list[tuple[float, bool]]] = {}
        counted = [(row, n) for row, n in rows if oracle.on_level(n, level)]
        for row, n in counted:
            answer = oracle.best(z[row].tolist(), level)[0]
            stated = oracle.probability(z[row].tolist(), answer)
            inside = bins.setdefault(min(int(stated * n_bins * (1 + 1e-12)), n_bins - 1), [])
            inside.append((stated, answer in oracle.above(n)))
        gaps = [abs(sum(r for _, r in b) - math.fsum(p for p, _ in b)) for b in bins.values()]
        errors[name] = math.fsum(gaps) / len(counted) if counted else math.nan
    close(functional.level_calibration_error(z, y, oracle.taxonomy, n_bins=n_bins), errors)


@given(graphs(), seeds)
@SETTINGS
def test_confusion_where_each_class_has_one_node(case: GraphCase, rng: Rng) -> None:
    """Counts by node; a level on which a class has several is refused with these."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    z, answers, y, rows = data(oracle, rng, 20)
    for level, name in enumerate(t.levels):
        if any(len(oracle.on_level(label, level)) > 1 for label in range(len(t))):
            with pytest.raises(ValueError, match=f"each class has one node, of .*; got {name}, on which `"):
                metrics.LevelConfusionMatrix(t, [name])
            continue
        nodes = oracle.levels[level]
        for preds, answer in (
            (z, [oracle.best(row, level)[0] for row in z.tolist()]),
            (answers, [min(oracle.on_level(a, level), default=None) for a in answers.tolist()]),
        ):
            metric, counts = metrics.LevelConfusionMatrix(t, [name]), np.zeros((len(nodes), len(nodes)))
            metric.update(preds, y)
            for row, n in rows:
                wanted, given = oracle.on_level(n, level), answer[row]
                if wanted and given is not None:
                    counts[nodes.index(min(wanted)), nodes.index(given)] += 1
            np.testing.assert_array_equal(metric.compute()[name].numpy(), counts)


# -- one diamond, by hand ---------------------------------------------------------------------------


def cells() -> taxoloss.Taxonomy:
    """A natural killer T cell is a T cell and a killer cell."""
    return taxoloss.load(
        {"levels": ["lineage", "kind", "cell"], "tree": [
            {"name": "lymphocyte", "children": [
                {"name": "T cell", "children": [{"name": "NKT", "also_under": ["killer cell"]}, "helper"]},
                {"name": "killer cell", "children": ["NK"]},
            ]},
            {"name": "monocyte", "children": ["classical", "intermediate"]},
        ]}
    ).bind()  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "target", "edges", "height", "both", "said", "true"),
    [
        ("NKT", "NKT", 0, 0, 4, 4, 4),
        ("NK", "NKT", 2, 1, 2, 3, 4),  # through "killer cell", not through its other parent
        ("helper", "NKT", 2, 1, 2, 3, 4),
        ("helper", "NK", 4, 2, 1, 3, 3),
        ("T cell", "NKT", 1, 1, 2, 2, 4),
        ("classical", "NKT", 5, 3, 0, 2, 4),
    ],
)
def test_hops_on_a_diamond(
    answer: str, target: str, edges: int, height: int, both: int, said: int, true: int
) -> None:
    """Edges, heights, and the ancestors that answer and target share."""
    t = cells()
    args = torch.tensor([t.node_id(answer)]), torch.tensor([t.node_id(target)]), t
    assert functional.tree_induced_error(*args) == edges
    assert functional.hierarchical_distance(*args) == height
    f1 = functional.hierarchical_f_score(*args)
    close(f1, {"precision": both / said, "recall": both / true, "f1": 2 * both / (said + true)})


def test_hops_is_refused_with_what_there_is() -> None:
    """It ranks by heights along one line."""
    with pytest.raises(ValueError, match=r"HOPS.*TreeInducedError.*needs a tree"):
        metrics.HOPS(cells())
    with pytest.raises(ValueError, match="needs a tree"):
        metrics.collection(cells(), ranking=True)
    keys = [str(key) for key in metrics.collection(cells(), top_k=2)]
    assert {"top_2_accuracy/kind", "top_2_distance"} <= {*keys}
    assert not any("hops" in key for key in keys)
