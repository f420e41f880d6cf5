"""Each metric against its definition in plain Python: random trees, targets of any depth, node ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import metric_oracles as oracle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from loss_oracle import Array, probability, random_logits
from trees import Case, seeds, taxonomies

from taxoloss import metrics
from taxoloss.metrics import functional

Rng = np.random.Generator


def any_node(case: Case, rng: Rng, rows: int) -> Array:
    """Targets of any depth, the root and the ignored -100 among them."""
    return rng.choice([*range(len(case.ids)), -100], rows)


def counted(case: Case, target: Array) -> list[tuple[int, int]]:
    """(row, node) of the rows that count."""
    rows = enumerate(target.tolist())
    return [(row, case.by_id[label]) for row, label in rows if label != -100 and case.by_id[label] != 0]


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return fmean(values) if values else math.nan


def close(found: Any, wanted: Any) -> None:
    """A number or a dict of numbers, NaN for NaN."""
    if isinstance(wanted, dict):
        assert dict.fromkeys(wanted) == {key: None for key in found if key in wanted}
        for key, value in wanted.items():
            close(found[key], value)
        return
    np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(wanted), rtol=2e-6, atol=2e-6)


def of_answers(case: Case, logits: Array, answers: Array | None, target: Array) -> list[tuple[int, int]]:
    """(answer, target) of the rows that count; the best class of logits."""
    return [
        (oracle.best_class(case, logits[row]) if answers is None else case.by_id[answers[row]], node)
        for row, node in counted(case, target)
    ]


def f_scores(case: Case, pairs: list[tuple[int, int]], average: str) -> dict[str, float]:
    """Precision, recall and F1 of sets of nodes."""
    sets = [
        (oracle.ancestors(case, oracle.cut(case, answer, target)), oracle.ancestors(case, target))
        for answer, target in pairs
    ]

    def ratios(both: float, one: float, other: float) -> list[float]:
        return [both / one if one else 1.0, both / other, 2 * both / (one + other)]

    if not sets:
        scores = [math.nan] * 3
    elif average == "micro":
        scores = ratios(*map(sum, zip(*((len(a & b), len(a), len(b)) for a, b in sets), strict=True)))
    else:
        rows = [ratios(len(a & b), len(a), len(b)) for a, b in sets]
        scores = [fmean(column) for column in zip(*rows, strict=True)]
    return dict(zip(("precision", "recall", "f1"), scores, strict=True))


@SETTINGS
@given(taxonomies(), seeds, st.booleans())
def test_distances_and_f_scores(case: Case, rng: Rng, nodes: bool) -> None:
    """Of logits and of answers that are any node."""
    logits, target = random_logits(case, rng, 14), any_node(case, rng, 14)
    answers: Any = rng.choice(len(case.ids), 14) if nodes else None
    pairs = of_answers(case, logits, answers, target)
    preds = torch.from_numpy(logits if answers is None else answers)
    args = preds, torch.from_numpy(target), case.taxonomy
    heights = [oracle.distance(case, *pair) for pair in pairs]
    wrong = [h for h, pair in zip(heights, pairs, strict=True) if oracle.is_mistake(case, *pair)]
    close(functional.hierarchical_distance(*args), mean(heights))
    close(functional.mistake_severity(*args), mean(wrong))
    close(functional.tree_induced_error(*args), mean([oracle.edges(case, *pair) for pair in pairs]))
    for average in ("micro", "samples"):
        close(functional.hierarchical_f_score(*args, average=average), f_scores(case, pairs, average))


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from([1, 2, 3, 99]))
def test_the_best_k(case: Case, rng: Rng, k: int) -> None:
    """HD@k and HOPS@k, of logits and of the ranking itself."""
    logits, target = random_logits(case, rng, 10), any_node(case, rng, 10)
    rows = counted(case, target)
    order = {row: oracle.classes_in_order(case, logits[row]) for row, _ in rows}
    places = min(k, case.num_classes)
    heights = [fmean(oracle.distance(case, n, node) for n in order[row][:places]) for row, node in rows]
    scores = [oracle.hops(case, order[row], node, places) for row, node in rows]
    ranking = np.argsort(-logits, axis=1, kind="stable")
    for preds in (torch.from_numpy(logits), torch.from_numpy(ranking)):
        args = preds, torch.from_numpy(target), case.taxonomy
        close(functional.hierarchical_distance(*args, top_k=k), mean(heights))
        close(functional.hops(*args, top_k=k), mean(scores))
        if places == case.num_classes:
            close(functional.hops(*args), mean(scores))


@SETTINGS
@given(taxonomies(), seeds)
def test_whole_paths(case: Case, rng: Rng) -> None:
    """Of logits each level by itself; of node ids the target or below."""
    logits, target = random_logits(case, rng, 12), any_node(case, rng, 12)
    rows = counted(case, target)
    wanted = mean([oracle.path_is_right(case, logits[row], node) for row, node in rows])
    labels = torch.from_numpy(target)
    close(functional.full_path_accuracy(torch.from_numpy(logits), labels, case.taxonomy), wanted)
    answers = rng.choice(len(case.ids), 12)
    right = [not oracle.is_mistake(case, case.by_id[answers[row]], node) for row, node in rows]
    found = functional.full_path_accuracy(torch.from_numpy(answers), labels, case.taxonomy)
    close(found, mean(right))


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from([1, 5, 15]))
def test_calibration_and_confusion(case: Case, rng: Rng, n_bins: int) -> None:
    """Bins of the stated probability; counts by node."""
    logits, target = random_logits(case, rng, 25), any_node(case, rng, 25)
    args = torch.from_numpy(logits), torch.from_numpy(target), case.taxonomy
    errors: dict[str, float] = {}
    matrices = functional.level_confusion_matrix(*args)
    for level, name in enumerate(case.level_names, 1):
        nodes = case.at_level[level - 1]
        bins: dict[int, list[tuple[float, bool]]] = {}
        counts = np.zeros((len(nodes), len(nodes)))
        for row, node in counted(case, target):
            wanted = case.counted(node, level)
            if wanted is not None:
                answer = oracle.best_on_level(case, logits[row], level)
                stated = probability(case, logits[row], answer)
                number = min(int(stated * n_bins), n_bins - 1)
                bins.setdefault(number, []).append((stated, answer == wanted))
                counts[nodes.index(wanted), nodes.index(answer)] += 1
        total = sum(map(len, bins.values()))
        gaps = [abs(sum(r for _, r in b) - math.fsum(p for p, _ in b)) for b in bins.values()]
        errors[name] = math.fsum(gaps) / total if total else math.nan
        np.testing.assert_array_equal(matrices[name].numpy(), counts)
    close(functional.level_calibration_error(*args, n_bins=n_bins), errors)


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from(["depth", "information"]))
def test_the_operating_curve(case: Case, rng: Rng, value: str) -> None:
    """Every threshold, one after the other."""
    logits, target = random_logits(case, rng, 6), any_node(case, rng, 6)
    rows = counted(case, target)
    measure: Callable[[Case, int], float] = oracle.depth if value == "depth" else oracle.information
    turns = {row: oracle.answers_in_turn(case, logits[row]) for row, _ in rows}
    points = []
    for least in sorted({odds for turn in turns.values() for odds, _ in turn}, reverse=True):
        triples = []
        for row, node in rows:
            answer = [n for odds, n in turns[row] if odds >= least or odds == turns[row][0][0]][-1]
            shared = oracle.lca(case, answer, node)
            said = oracle.cut(case, answer, node)
            whole, part, claim = (measure(case, n) for n in (node, shared, said))
            recall = part / whole if whole else 1.0
            precision = part / claim if claim else 1.0
            triples.append((recall, precision, float(shared in (answer, node))))
        points.append([fmean(column) for column in zip(*triples, strict=True)])
    found = functional.operating_curve(
        torch.from_numpy(logits), torch.from_numpy(target), case.taxonomy, value=value
    )
    if not rows:
        assert all(math.isnan(float(score)) for score in found.values())
        return
    close(found["average_correct"], oracle.staircase([(r, c) for r, _, c in points]))
    close(found["average_precision"], oracle.staircase([(r, p) for r, p, _ in points]))
    for share in (90, 95):
        close(found[f"recall_at_{share}_correct"], max(r for r, _, c in points if c >= share / 100 - 1e-9))


@SETTINGS
@given(taxonomies(), seeds)
def test_risk_over_coverage(case: Case, rng: Rng) -> None:
    """The trapezoids below the points of all thresholds."""
    logits, target = random_logits(case, rng, 8), any_node(case, rng, 8)
    rows = counted(case, target)
    starts = {row: oracle.best_class(case, logits[row]) for row, _ in rows}
    steps = {
        oracle.log_odds(case, logits[row], node) for row, best in starts.items() for node in case.line(best)
    }
    points = []
    for least in [math.inf, *sorted(steps, reverse=True)]:
        below = np.nextafter(least, -math.inf) if least < math.inf else math.inf
        answers = [oracle.climbed(case, logits[row], starts[row], below) for row, _ in rows]
        wrong = [oracle.is_wrong(case, a, node) for a, (_, node) in zip(answers, rows, strict=True)]
        points.append((mean([oracle.information(case, a) for a in answers]), mean(wrong)))
    found = functional.risk_coverage(torch.from_numpy(logits), torch.from_numpy(target), case.taxonomy)
    if not rows:
        assert math.isnan(float(found["aurc"]))
        return
    coverage, risk = zip(*points, strict=True)
    between = zip(pairwise(coverage), pairwise(risk), strict=True)
    close(
        found["aurc"],
        sum((below + above) / 2 * (stop - start) for (start, stop), (below, above) in between),
    )
    close([found["coverage"][-1], found["risk"][-1]], [coverage[-1], risk[-1]])


@pytest.mark.parametrize("value", ["depth", "information"])
@SETTINGS
@given(case=taxonomies(), rng=seeds)
def test_bins_are_as_near_as_they_say(value: str, case: Case, rng: Rng) -> None:
    """With exact=False the averages differ from the exact ones by at most bin_error."""
    logits, target = random_logits(case, rng, 20), any_node(case, rng, 20)
    args = torch.from_numpy(logits), torch.from_numpy(target), case.taxonomy
    exact = functional.risk_coverage(*args)
    binned = functional.risk_coverage(*args, exact=False)
    if not math.isnan(float(exact["aurc"])):
        assert abs(float(exact["aurc"] - binned["aurc"])) <= float(binned["bin_error"]) + 1e-6
    exact = functional.operating_curve(*args, value=value)
    binned = functional.operating_curve(*args, value=value, exact=False)
    for name in ("average_correct", "average_precision"):
        if not math.isnan(float(exact[name])):
            assert abs(float(exact[name] - binned[name])) <= float(binned["bin_error"]) + 1e-6


def test_the_root_is_left_out() -> None:
    """A target that says nothing changes no score."""
    t = metrics_tree()
    logits = torch.tensor([[2.0, 1.0, 0.0, 0.5], [0.0, 0.0, 3.0, 1.0]])
    two = metrics.collection(t, ranking=True, curves=True)
    two.update(logits, torch.tensor([0, t.node_id(())]))
    one = metrics.collection(t, ranking=True, curves=True)
    one.update(logits[:1], torch.tensor([0]))
    close(two.compute(), {k: float(v) for k, v in one.compute().items()})


def metrics_tree() -> Any:
    """Two groups of two."""
    from taxoloss import Taxonomy

    rows = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
    return Taxonomy.from_paths(rows, ["top", "leaf"]).bind(node_targets=True)
