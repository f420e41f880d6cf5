"""Thresholds where nodes have several parents: a search, leaving one out, 1,000 splits, reports."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import graph_decisions as oracle_of
import networkx as nx
import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.decisions import (
    Threshold,
    calibrate_levels,
    calibrate_threshold,
    climb,
    inputs,
    report,
    risk_curve,
    why,
)
from taxoloss.decisions.calibration.paths import most_edges, paths_of, staircase
from taxoloss.functional.graphs.nodes import graph_nodes

Rng = np.random.Generator
GRAPH = wide_diamond()
pytestmark = pytest.mark.one_form("graphs have no kernel")


def rows(count: int, seed: int, sureness: float = 1.0) -> tuple[Tensor, Tensor]:
    """A model of forty classes, right about half of the time, whose errors share a group more often."""
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 40, (count,), generator=g)
    near = GRAPH.aggregation_matrix("depth_2")
    near = (near @ near.T).clamp(max=1)[target]
    noise = 1.5 * torch.randn(count, 40, generator=g)
    return sureness * (2.5 * torch.eye(40)[target] + 1.2 * near + noise), target


def losses_of(made: Threshold, logits: Tensor, target: Tensor) -> Tensor:
    """Of the answers that `climb` gives: wrong, or edges too far down."""
    nodes, answer = graph_nodes(GRAPH), climb(logits, GRAPH, made)
    assert isinstance(answer, Tensor)
    if made.loss == "wrong":
        return (~nodes.at_or_above(answer, target)).double()
    return nodes.edges_up(answer, target).double()


# -- against a search ------------------------------------------------------------------------------


@SETTINGS
@given(graphs(), seeds, st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from(["wrong", "height"]))
def test_the_lowest_threshold_from_which_on_the_promise_is_kept(
    case: GraphCase, rng: Rng, risk: float, loss: str
) -> None:
    """Every log-odds there is tried: at each the worst loss of every row there and above."""
    oracle, n = Oracle(case), 12
    t = oracle.taxonomy
    logits, target = rng.normal(size=(n, len(t))) * 2, rng.choice(t.num_nodes - 1, n)  # not the root
    made = calibrate_threshold(torch.from_numpy(logits), torch.from_numpy(target), t, risk, loss=loss)
    bound = 1 if loss == "wrong" else max(ways[0] for ways in oracle.ways.values() if 0 in ways)
    steps = {-math.inf, *(oracle_of.log_odds(oracle, z, node) for z in logits for node in case.nodes)}
    worst, wanted = np.zeros(n), math.inf
    for least in sorted(steps, reverse=True):
        answers = [oracle.ids[oracle_of.climbed(oracle, z.tolist(), least)] for z in logits]
        losses = [oracle_of.loss(oracle, loss, a, y) for a, y in zip(answers, target.tolist(), strict=True)]
        worst = np.maximum(worst, losses)
        if worst.sum() + bound > risk * (n + 1) + 1e-9:
            break
        wanted = least
    assert made.log_odds == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert most_edges(graph_nodes(t)) == max(ways[0] for ways in oracle.ways.values() if 0 in ways)


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from(["wrong", "height"]))
def test_a_tree_rises_as_a_tree(case: Case, rng: Rng, loss: str) -> None:
    """Its steps by the worst so far are those of its paths."""
    t = case.taxonomy
    logits, target = rng.normal(size=(10, len(t))) * 2, rng.choice(t.num_nodes - 1, 10)
    given_rows = torch.from_numpy(logits), torch.from_numpy(target)
    tree = paths_of(*given_rows, t, "climb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "nodes_of", graph_nodes)
        graph = paths_of(*given_rows, t, "climb")
    for row in range(10):
        steps = []
        for paths in (graph, tree):
            rise, at = (part[row].tolist() for part in staircase(paths, paths.log_odds, loss))
            steps.append(Counter[float]())
            for least, more in zip(at, rise, strict=True):
                steps[-1][round(least, 9)] += more
        assert +steps[0] == +steps[1]


def liger() -> Taxonomy:
    """A class that is below lion and tiger; lion has a further class, tiger four."""
    class_of_two = {"name": "liger", "also_under": ["tiger"]}
    tree = [
        {"name": "lion", "children": [class_of_two, "simba"]},
        {"name": "tiger", "children": ["a", "b", "c", "d"]},
    ]
    return taxoloss.load({"tree": tree}).bind(node_targets=True)


def test_right_again_below_the_threshold() -> None:
    """tiger is right, then lion is wrong, then liger is right: the row counts as wrong from lion on."""
    t = liger()
    names = ("liger", "simba", "a", "b", "c", "d")
    chance = dict(zip(names, (0.34, 0.26, 0.1, 0.1, 0.1, 0.1), strict=True))
    z = torch.tensor([[math.log(chance[name]) for name in t.classes]], dtype=torch.float64)
    answers = {p: t.path(int(climb(z, t, p)))[-1:] for p in (0.9, 0.7, 0.5, 0.3)}  # type: ignore[arg-type]
    assert answers == {0.9: (), 0.7: ("tiger",), 0.5: ("lion",), 0.3: ("liger",)}
    target = torch.tensor([t.node_id("tiger")])
    made = calibrate_threshold(z.expand(3, -1), target.expand(3), t, 0.3)
    assert made.probability == pytest.approx(0.6)  # of lion
    coarse = report(made, z, target, t)
    assert (coarse.overall.wrong, coarse.overall.unjudged) == (0, 0)


# -- by simulation ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "risk", "loss"), [(9, 0.1, "wrong"), (99, 0.05, "wrong"), (60, 0.3, "height")]
)
def test_the_promise_holds_on_average(n: int, risk: float, loss: str) -> None:
    """1,000 splits of one pool: the mean loss of the others is at most the risk."""
    logits, target = rows(3000, seed=n)
    paths = paths_of(logits, target, GRAPH, "climb")
    g, means = torch.Generator().manual_seed(0), []
    of_answer = torch.where(paths.wrong, 1.0, 0.0)
    if loss == "height":
        pairs = paths.line.reshape(-1), paths.target.repeat_interleave(paths.line.shape[1])
        of_answer = graph_nodes(GRAPH).edges_up(*pairs).view(paths.line.shape).double()
    for _ in range(1000):
        order = torch.randperm(3000, generator=g)
        mine, others = order[:n], order[n:]
        made = calibrate_threshold(logits[mine], target[mine], GRAPH, risk, loss=loss)
        taken = made.above(paths.log_odds[others], paths.classes[others], GRAPH)
        first = taken.long().argmax(1)
        losses = of_answer[others].gather(1, first[:, None])[:, 0] * taken.any(1)
        means.append(float(losses.mean()))
        if len(means) == 1:  # what is counted here is what climb answers
            assert float(losses_of(made, logits[others], target[others]).mean()) == pytest.approx(means[0])
    error = 3 * np.std(means) / math.sqrt(1000)
    assert risk / 4 <= fmean(means) <= risk + error


@pytest.mark.sample(3)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{"risk": 0.1}, {"risk": 0.3, "loss": "height"}, {"risk": 0.05}])
def test_each_row_in_turn(seed: int, options: dict[str, Any]) -> None:
    """Of any rows: each answered with the threshold of the others, the mean loss is at most the risk."""
    logits, target = rows(80, seed)
    losses = []
    for row in range(80):
        others = torch.arange(80) != row
        made = calibrate_threshold(logits[others], target[others], GRAPH, **options)
        losses.append(losses_of(made, logits[row : row + 1], target[row : row + 1]))
    assert float(torch.cat(losses).mean()) <= options["risk"] + 1e-9


def test_sure_to_excess() -> None:
    """Logits x 100 in float32: P is 1.0 of wrong answers too, and the promise is kept all the same."""
    logits, target = rows(3000, seed=3)
    for scale in (1.0, 100.0):
        made = calibrate_threshold(scale * logits[:1500], target[:1500], GRAPH, 0.1)
        losses = losses_of(made, scale * logits[1500:], target[1500:])
        assert 0.05 < float(losses.mean()) < 0.13
        assert float((climb(scale * logits, GRAPH, made) == GRAPH.node_id(())).double().mean()) < 0.5  # type: ignore[union-attr]


def test_groups_and_confidence() -> None:
    """One row a group is no grouping; confidence asks for more; a sentence tells what is not known."""
    logits, target = rows(1000, seed=4)
    alone = calibrate_threshold(logits, target, GRAPH, 0.1)
    single = calibrate_threshold(logits, target, GRAPH, 0.1, groups=torch.arange(1000) * 7)
    assert (single.log_odds, single.unit) == (alone.log_odds, "groups")
    sure = calibrate_threshold(logits, target, GRAPH, 0.1, confidence=0.9)
    assert sure.log_odds > alone.log_odds
    assert str(alone) == (
        "With 1,000 calibration samples: wrong on at most 10 % on average; 19 times in 20 the true rate is "
        "at most 11.6 %."
    )


# -- what stands beside ----------------------------------------------------------------------------


def test_a_report_counts_answers(tmp_path: Path) -> None:
    """Of the same rows as `climb` answers; a row counts in each branch of its target; after a file too."""
    logits, target = rows(800, seed=5)
    made = calibrate_threshold(logits[:400], target[:400], GRAPH, 0.1)
    made.save(tmp_path / "t.json")
    assert Threshold.load(tmp_path / "t.json") == made
    found = report(made, logits[400:], target[400:], GRAPH)
    assert found.overall.wrong == int(losses_of(made, logits[400:], target[400:]).sum())
    assert sum(share.rows for share in found.by_level) == 400
    answer: Any = climb(logits[400:], GRAPH, made)
    levels = [info.level for info in GRAPH.describe(answer)]
    assert [share.rows for share in found.by_level] == [
        levels.count(level) for level in (None, *GRAPH.levels)
    ]
    nodes = graph_nodes(GRAPH)
    for share in found.by_branch:
        above = nodes.at_or_above(torch.tensor(GRAPH.node_id(share.name)), target[400:])
        assert share.rows == int(above.sum())
    assert sum(share.rows for share in found.by_branch) > 400
    assert len(str(risk_curve(logits, target, GRAPH, [0.05, 0.2])).splitlines()) == 3


@pytest.mark.parametrize("coarse", ["wrong", "skip"])
def test_labels_above_the_classes(coarse: str) -> None:
    """Deeper answers than the label count as wrong, or the rows do not count at all."""
    logits, target = rows(1500, seed=6)
    coarser = target.clone()
    coarser[::5] = GRAPH.node_id("g1")
    made = calibrate_threshold(logits, coarser, GRAPH, 0.1, coarse=coarse)
    assert made.coarse == 300
    kept = coarser < 40
    if coarse == "skip":
        assert made.log_odds == calibrate_threshold(logits[kept], coarser[kept], GRAPH, 0.1).log_odds
    found = report(made, logits, coarser, GRAPH)
    assert found.coarse.rows == 300
    assert found.overall.rate_at_most <= 0.1


def test_an_answer_beside_its_label_is_not_judged() -> None:
    """Wrong is what shares no class with its label; what shares one and is not above it may be right."""
    logits, target = rows(600, seed=7)
    target = torch.tensor([GRAPH.node_id(f"g{label % 4}") for label in target.tolist()])
    made = calibrate_threshold(logits, target, GRAPH, 0.3)
    answers: Any = climb(logits, GRAPH, made)
    pairs = list(zip(answers.tolist(), target.tolist(), strict=True))
    lines = [{node, *GRAPH.ancestors(node)} for node in range(GRAPH.num_nodes)]
    below = [{c for c in range(40) if node in lines[c]} for node in range(GRAPH.num_nodes)]
    found = report(made, logits, target, GRAPH)
    assert found.overall.wrong == sum(not below[answer] & below[label] for answer, label in pairs)
    unknown = [answer not in lines[label] and bool(below[answer] & below[label]) for answer, label in pairs]
    assert found.overall.unjudged == sum(unknown)
    assert "deeper than the label or share classes with it" in str(found)


def test_a_threshold_for_each_clade() -> None:
    """A level with one node a class, as all levels above it have; others are refused."""
    pairs = [
        {"name": "x", "children": ["x1", {"name": "xy", "also_under": ["a/y"]}]},
        {"name": "y", "children": ["y1"]},
    ]
    t = taxoloss.load(
        {"tree": [{"name": "a", "children": pairs}, {"name": "b", "children": ["b1", "b2"]}]}
    ).bind()
    g = torch.Generator().manual_seed(0)
    target = torch.randint(0, 5, (900,), generator=g)
    logits = 2 * torch.eye(5)[target] + 1.5 * torch.randn(900, 5, generator=g)
    made = calibrate_threshold(logits, target, t, 0.1, per="depth_1")
    top = t.aggregation_matrix("depth_1").argmax(1)[logits.argmax(1)]
    for clade in range(2):
        mine = top == clade
        assert made.clades[clade] == calibrate_threshold(logits[mine], target[mine], t, 0.1).log_odds
    answer: Any = climb(logits, t, made)
    one_by_one: list[Any] = [climb(z[None], t, made) for z in logits[:20]]
    assert torch.equal(answer[:20], torch.cat(one_by_one))
    with pytest.raises(ValueError, match=r"per='depth_2'.*needs a tree.*one threshold for all"):
        calibrate_threshold(logits, target, t, 0.1, per="depth_2")


def test_levels_and_top_down_are_refused() -> None:
    """With what takes a graph."""
    logits, target = rows(50, seed=7)
    with pytest.raises(ValueError, match=r"calibrate_levels needs a tree.*without levels"):
        calibrate_levels(logits, target, GRAPH)
    for call in (
        lambda: calibrate_threshold(logits, target, GRAPH, 0.1, "top_down"),
        lambda: why(logits, GRAPH, 0.5, "top_down"),
    ):
        with pytest.raises(ValueError, match=r"top_down needs a tree.*climb takes it"):
            call()


def mass(row: Tensor, path: Any) -> float:
    """P of a node by the graph of networkx."""
    node = GRAPH.node_id(path)
    below = [one for one in {node, *nx.descendants(GRAPH.graph, node)} if one < 40]
    return float(row.softmax(0)[below].sum())


@pytest.mark.parametrize("threshold", [0.2, 0.6, 0.9])
def test_why(threshold: float) -> None:
    """The line with its probabilities, what stood beside it, and the threshold below which more is said."""
    logits, graph = rows(40, seed=8)[0].double(), GRAPH.graph
    for row, reason in zip(logits, why(logits, GRAPH, threshold), strict=True):
        answer: Any = climb(row, GRAPH, threshold)
        assert reason.answer == GRAPH.path(int(answer))
        said = {GRAPH.path(node) for node in {int(answer), *nx.ancestors(graph, int(answer))}} - {()}
        assert {step.path for step in reason.steps if step.answered} == said
        for step in reason.steps:
            assert step.probability == pytest.approx(mass(row, step.path))
            assert (step.answered or step.outdone) or step.probability <= threshold
        if reason.next_answer is None:
            assert int(answer) < 40
            continue
        for nudge, wanted in ((-1e-9, reason.next_answer), (1e-9, reason.answer)):
            moved: Any = climb(row, GRAPH, reason.next_threshold + nudge)
            assert GRAPH.path(int(moved)) == wanted
        assert "would have answered" in str(reason)
        parents = graph.predecessors(GRAPH.node_id(reason.next_answer))
        beside = {GRAPH.path(child) for parent in parents for child in graph.successors(parent)}
        beside -= {step.path for step in reason.steps}
        most = max((mass(row, child), child) for child in beside) if beside else (math.nan, None)
        assert reason.sibling == most[1]
        assert reason.sibling_probability == pytest.approx(most[0], nan_ok=True)
