"""Classes above other classes: metrics and costs against networkx on the tree without extra leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis_settings import SETTINGS
from inner_cases import CLASSES, SEA, InnerCase, inner_cases
from metric_oracles import hops_of_distances
from torch import Tensor
from trees import seeds

from taxoloss import Taxonomy, metrics
from taxoloss.decisions import climb, hedge, leaf, minimum_cost, most_specific, ranking
from taxoloss.decisions.calibration.paths import paths_of
from taxoloss.decisions.expected_cost import expected_costs
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.metrics import functional
from taxoloss.metrics.base.batch import batch_of
from taxoloss.metrics.base.sum_metric import SumMetric


def sea() -> Taxonomy:
    """The contest's classes: five species, a family and a genus above some of them."""
    t = Taxonomy.from_paths(SEA, ["family", "genus", "species"])
    return t.bind(CLASSES, node_targets=True, inner_classes=True)


def one(name: str, answer: int, target: int, t: Taxonomy) -> float:
    """A metric of one answer."""
    return float(getattr(functional, name)(torch.tensor([answer]), torch.tensor([target]), t))


# -- a contest -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "target", "edges", "height"),
    [
        ("Octopodidae", "Octopus rubescens", 2, 2),
        ("Octopus rubescens", "Octopodidae", 2, 2),
        ("Octopodidae", "Octopodidae", 0, 0),
        ("Sebastes", "Sebastes diploproa", 1, 1),
        ("Sebastes diploproa", "Sebastes", 1, 1),
        ("Sebastes", "Sebastolobus alascanus", 3, 2),
        ("Sebastes", "Octopodidae", 3, 3),
        ("Octopus rubescens", "Octopus cyanea", 2, 1),
    ],
)
def test_hops_of_a_contest(answer: str, target: str, edges: int, height: int) -> None:
    """Edges of the tree as people draw it: a family and its species are two apart, both ways."""
    t = sea()
    a, b = t.node_id(answer), t.node_id(target)
    assert one("tree_induced_error", a, b, t) == edges
    assert one("hierarchical_distance", a, b, t) == height
    severity = one("mistake_severity", a, b, t)
    assert severity == height if edges else np.isnan(severity)


def test_a_class_is_no_coarse_label() -> None:
    """An answer below it is a mistake; below the inner node as a label it is right."""
    t = sea()
    species, family = t.node_id("Octopus cyanea"), t.node_id("Octopodidae")
    as_label = t.node_id("Octopodidae", inner=True)
    assert family == 0
    assert as_label >= len(t)
    assert one("full_path_accuracy", species, family, t) == 0
    assert one("full_path_accuracy", species, as_label, t) == 1
    assert one("full_path_accuracy", family, as_label, t) == 1
    assert one("tree_induced_error", species, as_label, t) == 0
    assert one("tree_induced_error", species, family, t) == 2


def test_the_node_as_an_answer_is_the_class() -> None:
    """What climbs to the family is right where the label is the family, on every level."""
    t = sea()
    family, as_answer = t.node_id("Octopodidae"), t.node_id("Octopodidae", inner=True)
    for name in ("full_path_accuracy", "tree_induced_error", "hierarchical_distance"):
        assert one(name, as_answer, family, t) == one(name, family, family, t)
    pair = torch.tensor([as_answer]), torch.tensor([family])
    assert set(map(float, functional.level_accuracy(*pair, t).values())) == {1.0}
    counts = functional.level_confusion_matrix(*pair, t)
    assert counts["species"][0, 0] == 1
    assert counts["family"][0, 0] == 1


# -- all pairs of random trees ---------------------------------------------------------------------


@given(case=inner_cases())
@SETTINGS
def test_every_pair_of_answer_and_target(case: InnerCase) -> None:
    """Distances, mistakes, F-score and levels, of all answers and all targets in one batch each."""
    t, pairs = case.taxonomy, list(case.pairs())
    preds, target = torch.tensor([a for a, _ in pairs]), torch.tensor([b for _, b in pairs])

    def rows(metric: SumMetric) -> Tensor:
        return metric.rows(preds, target).values

    assert rows(metrics.TreeInducedError(t))[:, 0].tolist() == [case.edges(*pair) for pair in pairs]
    distances = [case.distance(*pair) for pair in pairs]
    assert rows(metrics.HierarchicalDistance(t))[:, 0].tolist() == distances
    severity = rows(metrics.MistakeSeverity(t))
    assert severity[:, 0].tolist() == distances
    assert severity[:, 1].tolist() == [not case.is_right(*pair) for pair in pairs]
    found = rows(metrics.HierarchicalFScore(t))[:, :3].tolist()
    for (answer, label), scores in zip(pairs, found, strict=True):
        b = case.ancestors(case.node_of[label])
        a = b if case.is_right(answer, label) else case.ancestors(case.node_of[answer])
        assert scores == [len(a & b), len(a), len(b)]


@given(case=inner_cases())
@SETTINGS
def test_levels_of_every_pair(case: InnerCase) -> None:
    """On a level a class above others stands for itself, and a node answered in its place too."""
    t, pairs = case.taxonomy, list(case.pairs())
    preds, target = torch.tensor([a for a, _ in pairs]), torch.tensor([b for _, b in pairs])
    found = metrics.LevelAccuracy(t).rows(preds, target).values.tolist()
    levels = range(1, case.case.depth + 1)
    for (answer, label), row in zip(pairs, found, strict=True):
        wanted = [case.on_level(label, level) for level in levels]
        if label >= len(case.nodes):  # an inner node, also one that is a class, says nothing below itself
            top = case.case.level[case.node_of[label]]
            wanted = [node if level <= top else None for level, node in zip(levels, wanted, strict=True)]
        said = [case.on_level(answer, level) for level in levels]
        counted = [node is not None for node in wanted]
        right = [n is not None and n == s for n, s in zip(wanted, said, strict=True)]
        assert row == [*map(int, right), *map(int, counted)], (answer, label)


@given(case=inner_cases())
@SETTINGS
def test_distances_are_symmetric_and_whatever_the_order(case: InnerCase) -> None:
    """Between classes: d(a, b) = d(b, a); another order of the classes changes numbers, not distances."""
    t, count = case.taxonomy, len(case.nodes)
    a, b = torch.arange(count).repeat_interleave(count), torch.arange(count).repeat(count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count))
    other = case.unbound.bind([case.paths[i] for i in order], inner_classes=True)
    place = torch.argsort(order)
    for kind in (metrics.TreeInducedError, metrics.HierarchicalDistance):
        there = kind(t).rows(a, b).values[:, 0]
        assert there.equal(kind(t).rows(b, a).values[:, 0])
        assert there.equal(kind(other).rows(place[a], place[b]).values[:, 0])


# -- costs, rankings, curves -----------------------------------------------------------------------


@given(case=inner_cases(), rng=seeds)
@SETTINGS
def test_expected_cost(case: InnerCase, rng: np.random.Generator) -> None:
    """minimum_cost: against the matrix of LCA heights of the tree."""
    t, count = case.taxonomy, len(case.nodes)
    z = torch.tensor(rng.normal(size=(3, count)) * 3)
    cost = torch.tensor([[case.distance(i, j) for j in range(count)] for i in range(count)]).double()
    wanted = torch.softmax(z, 1) @ cost.T
    torch.testing.assert_close(expected_costs(z, t, node_tensors(t), "lca_height")[0], wanted)
    torch.testing.assert_close(minimum_cost(z, t), minimum_cost(z, t, cost))


@given(case=inner_cases(), rng=seeds)
@SETTINGS
def test_hops_score(case: InnerCase, rng: np.random.Generator) -> None:
    """HOPS by its definition, with the distances of the tree."""
    t, count = case.taxonomy, len(case.nodes)
    order, places = rng.permutation(count), int(rng.integers(1, count + 1))
    target = int(rng.integers(t.num_nodes - 1))
    found = functional.hops(torch.tensor(order)[None], torch.tensor([target]), t, top_k=places)
    of_all = [case.distance(label, target) for label in range(count)]
    wanted = hops_of_distances([of_all[label] for label in order], of_all, places)
    assert float(found) == pytest.approx(wanted, abs=1e-6)


@given(case=inner_cases())
@SETTINGS
def test_curves_and_promises(case: InnerCase) -> None:
    """An answer at or above the truth is true, a class above it too; one below a class is wrong."""
    t, count = case.taxonomy, len(case.nodes)
    targets = range(t.num_nodes - 1)
    best = torch.arange(count).repeat_interleave(len(targets))
    target = torch.tensor([*targets]).repeat(count)
    logits = 5 * torch.nn.functional.one_hot(best, count).float()
    paths = paths_of(logits, target, t, "climb")
    true = [
        [case.is_true(node, b) for node in line]
        for line, b in zip(paths.line.tolist(), target.tolist(), strict=True)
    ]
    assert (~paths.wrong).tolist() == true
    curve = metrics.RiskCoverage(t)._steps_of(batch_of(t, logits, target, -100))
    risk = curve.first[:, 1:] + curve.change[:, :, 1].cumsum(1)
    assert (risk == 0).tolist() == true
    said = curve.first[:, 0] + curve.change[:, :, 0].sum(1)
    below = [
        len(case.case.below[case.node_of[a]])
        + sum(n in case.nodes for n in inner_at_or_below(case, case.node_of[a]))
        for a in range(count)
    ]
    wanted = 1 - torch.tensor(below).double().log() / torch.tensor(count).double().log()
    torch.testing.assert_close(said.double(), wanted[best])


def inner_at_or_below(case: InnerCase, node: int) -> list[int]:
    """The inner nodes at or below a node."""
    return [n for n in range(1, len(case.case.parent)) if node in case.line(n) and n not in case.case.order]


@given(case=inner_cases())
@SETTINGS
def test_points_of_an_operating_curve(case: InnerCase) -> None:
    """Recall, precision and correctness of every answer for every target, by sets of ancestors."""
    t, pairs = case.taxonomy, list(case.pairs())
    nodes, target = (
        torch.tensor([a for a, _ in pairs])[:, None],
        torch.tensor([b for _, b in pairs])[:, None],
    )
    fields = metrics.OperatingCurve(t, "depth")._fields_of(nodes, target, node_tensors(t))
    for (answer, label), found in zip(pairs, fields[:, 0].tolist(), strict=True):
        b = case.ancestors(case.node_of[label])
        a = b if case.is_right(answer, label) else case.ancestors(case.node_of[answer])
        correct = float(case.is_right(answer, label) or case.is_true(answer, label))
        assert found == pytest.approx([len(a & b) / len(b), len(a & b) / len(a) if a else 1.0, correct])


def test_decisions_of_a_contest() -> None:
    """Answers are classes or nodes; what is allowed is the class alone, or with inner=True all below."""
    t = sea()
    family = t.node_id("Octopodidae")
    logits = torch.zeros(1, len(t))
    logits[0, family] = 4.0
    node = t.node_id("Octopodidae", inner=True)
    answers = {
        "class": [leaf(logits, t), minimum_cost(logits, t), climb(logits, t, 0.5)],
        "node": [climb(logits, t, 0.93), most_specific(logits, t), hedge(logits, t, 1.0)],
    }  # at 0.93 the class is not sure enough, with its species it is
    for wanted, found in zip((family, node), answers.values(), strict=True):
        torch.testing.assert_close(found, [torch.tensor([wanted])] * 3)
    sure = leaf(logits, t, allowed=[family], return_probability=True)[1]
    torch.testing.assert_close(sure, torch.ones(1))
    below = [family, *(t.node_id(row[-1]) for row in SEA[:3])]
    order = ranking(logits, t, allowed=[node])
    torch.testing.assert_close(torch.sort(torch.as_tensor(order)).values, torch.tensor([sorted(below)]))
    assert [info[:2] for info in t.describe([family, node])] == [("Octopodidae", "family")] * 2
