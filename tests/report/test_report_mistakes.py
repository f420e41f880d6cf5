"""Mistakes of a report are those that plain Python counts, row by row."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis_settings import SETTINGS
from rows_by_hand import children, classes_below, gathered, line, random_answers, shared, wrong
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.report.numbers.chosen import chosen_rows
from taxoloss.report.numbers.gathered import Gathered
from taxoloss.report.numbers.mistakes import cross_pairs, label_errors, mistakes

NONE = np.zeros(0, np.int64)
PETS = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)


def part(found: Gathered, other: Gathered | None = None) -> dict[str, Any]:
    """Of all rows that are shown."""
    return mistakes(found, chosen_rows(found, [], label_errors(found)), other)


def wrong_rows(found: Gathered) -> list[tuple[int, int, int]]:
    """Place, truth and answer of those that are wrong, known answers alone."""
    pairs = zip(found.node_target.tolist(), found.node_answer.tolist(), found.unknown.tolist(), strict=True)
    return [
        (place, truth, answer)
        for place, (truth, answer, unknown) in enumerate(pairs)
        if not unknown and wrong(found.taxonomy, truth, answer)
    ]


@SETTINGS
@given(taxonomies(), seeds)
def test_pairs_are_counted_and_ordered(case: Case, rng: np.random.Generator) -> None:
    """Each pair with what it shares, how high that is, its rows and its reverse."""
    t = case.taxonomy
    found = random_answers(t, rng)
    pairs = Counter((truth, answer) for _, truth, answer in wrong_rows(found))
    rows = Counter(found.node_target.tolist())
    wanted = []
    for (truth, answer), count in pairs.items():
        both = shared(t, truth, answer)
        edges = int(t.tree.height[both])
        names = {"truth": truth, "answer": answer, "shared": both, "edges": edges, "count": count}
        wanted.append(names | {"of": rows[truth], "back": pairs[answer, truth]})
    level = t.tree.level
    wanted.sort(key=lambda p: (level[p["shared"]], -p["count"], p["truth"], p["answer"]))
    assert cross_pairs(found) == wanted
    assert part(found)["total"] == len(wanted)


@SETTINGS
@given(taxonomies(), seeds)
def test_severity_is_counted_and_chance_draws_every_wrong_class(
    case: Case, rng: np.random.Generator
) -> None:
    """For each wrong row each class that would have been wrong is drawn once."""
    t = case.taxonomy
    found, other = random_answers(t, rng), random_answers(t, rng)
    severity = part(found, other)["severity"]
    rows = wrong_rows(found) + [
        (place, int(found.node_target[place]), 0) for place in np.flatnonzero(found.unknown)
    ]
    chance: dict[int, list[float]] = {}
    heights = []
    for _, truth, _ in rows:
        drawn = [one for one in classes_below(t, 0) if wrong(t, truth, one)]
        both = [shared(t, truth, one) for one in drawn]
        if both:
            heights.append(fmean(int(t.tree.height[node]) for node in both))
            for level in range(len(t.levels)):
                share = sum(t.tree.level[node] == level for node in both) / len(both)
                chance.setdefault(level, []).append(share)
    counts = Counter(int(t.tree.level[shared(t, truth, answer)]) for _, truth, answer in rows)
    names = [None, *t.levels]
    assert [entry["level"] for entry in severity["shared"]] == names[-2::-1]
    for entry in severity["shared"]:
        level = names.index(entry["level"])
        assert entry["count"] == counts[level]
        assert entry["share"] == (pytest.approx(counts[level] / len(rows)) if rows else None)
        assert entry["chance"] == (pytest.approx(fmean(chance[level])) if chance else None)
    if heights:
        assert severity["chance"] == pytest.approx(fmean(heights))
    if rows:
        mean = fmean(int(t.tree.height[shared(t, truth, answer)]) for _, truth, answer in rows)
        assert severity["mean"] == pytest.approx(mean)
    seconds = part(other)["severity"]
    assert [entry["other"] for entry in severity["shared"]] == [
        entry["share"] for entry in seconds["shared"]
    ]
    assert severity["other"] == seconds["mean"]


@SETTINGS
@given(graphs(), seeds)
def test_mistakes_where_nodes_have_several_parents(case: GraphCase, rng: np.random.Generator) -> None:
    """What answer and truth share is said by sets of ancestors; chance draws every wrong class."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    target, answer = rng.integers(0, t.num_nodes - 1, 30), rng.integers(0, len(t), 30)
    found = gathered(t, answer, target)
    levels = [case.level[oracle.nodes[number]] for number in range(t.num_nodes)]

    def bad(one: int, truth: int) -> bool:
        return oracle.nodes[truth] not in oracle.above(one) and oracle.nodes[one] not in oracle.above(truth)

    rows = [(y, a) for y, a in zip(target.tolist(), answer.tolist(), strict=True) if bad(a, y)]
    pairs = Counter((int(t.nodes_by_id[y]), int(t.nodes_by_id[a])) for y, a in rows)
    assert {(p["truth"], p["answer"]): p["count"] for p in cross_pairs(found)} == pairs
    for pair in cross_pairs(found):
        y, a = (int(t.ids_of_nodes[pair[key]]) for key in ("truth", "answer"))
        assert pair["shared"] == t.nodes_by_id[oracle.ids[oracle.lca(a, y)]]
        assert pair["edges"] == oracle.height(oracle.lca(a, y))
    severity = part(found)["severity"]
    if not rows:
        assert severity["mean"] is None
        assert severity["chance"] is None
        return
    drawn = [[oracle.lca(c, y) for c in range(len(t)) if bad(c, y)] for y, _ in rows]
    assert severity["chance"] == pytest.approx(fmean(fmean(map(oracle.height, each)) for each in drawn))
    for entry in severity["shared"]:
        level = 0 if entry["level"] is None else t.level_number(entry["level"])
        shares = [sum(levels[oracle.ids[node]] == level for node in each) / len(each) for each in drawn]
        assert entry["chance"] == pytest.approx(fmean(shares))


def test_chance_leaves_out_a_class_above_the_truth() -> None:
    """ "cat" is true of a Bengal, though it says less: of a Bengal only Sphynx and pug are wrong."""
    tree = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}})
    t = tree.bind(["cat", "Bengal", "Sphynx", "pug"], inner_classes=True, node_targets=True)
    severity = part(gathered(t, [3], [1]))["severity"]
    assert [entry["chance"] for entry in severity["shared"]] == [0.5, 0.5]
    # Of the class "cat" all others are wrong, of which two are in it.
    severity = part(gathered(t, [3], [0]))["severity"]
    assert [entry["chance"] for entry in severity["shared"]] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]


@SETTINGS
@given(taxonomies(), seeds)
def test_label_errors_are_as_sure_as_right_answers(case: Case, rng: np.random.Generator) -> None:
    """Those that part at the top, and their answered node's mean over true answers."""
    t = case.taxonomy
    found = random_answers(t, rng)
    assert found.probability is not None
    stated, answers, truths = (
        found.probability.tolist(),
        found.node_answer.tolist(),
        found.node_target.tolist(),
    )
    places = {place for place, *_ in wrong_rows(found)}
    true = [p for p in range(len(found)) if p not in places and not found.unknown[p]]
    top, tops = 0, {0}
    while True:
        some = [c for c in children(t, top) if any(c in line(t, truth) for truth in truths)]
        if len(some) != 1:
            break
        top = some[0]
        tops.add(top)
    wanted = []
    for place, truth, answer in wrong_rows(found):
        right = [stated[p] for p in true if answers[p] == answer and not math.isnan(stated[p])]
        sure = bool(right) and stated[place] >= fmean(right) - 1e-12
        if sure and shared(t, truth, answer) in tops:
            wanted.append(place)
    wanted.sort(key=lambda place: (-stated[place], place))
    assert label_errors(found).tolist() == wanted
    labels = part(found)["labels"]
    shown = chosen_rows(found, [], label_errors(found))
    assert shown[labels["rows"]].tolist() == wanted
    assert (labels["why_none"] is None) == bool(wanted)


def test_chance_on_a_graph_leaves_out_a_class_above_the_truth() -> None:
    """The same where a liger is a lion and a tiger: of it only the cat is wrong, which shares nothing."""
    both = {"name": "liger", "also_under": ["tiger"]}
    tree = taxoloss.load(
        {"tree": [{"name": "lion", "children": [both]}, {"name": "tiger", "children": ["cub"]}, "cat"]}
    )
    t = tree.bind(["lion", "liger", "tiger", "cub", "cat"], inner_classes=True, node_targets=True)
    severity = part(gathered(t, [4], [1]))["severity"]
    # The cub shares the tiger with it.
    assert [entry["chance"] for entry in severity["shared"]] == [0.5, 0.5]


def test_in_a_tree_below_one_node_branches_are_those_that_split() -> None:
    """All pets are animals: to take a cat for a dog is to take it for another branch."""
    t = taxoloss.load({"tree": {"animal": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}}).bind(
        node_targets=True
    )
    preds, probability = torch.tensor([2, 2, 1, 1]), torch.tensor([0.9, 0.8, 0.9, 0.8])
    found = gathered(t, preds, [0, 2, 0, 1], probability=probability)
    assert label_errors(found).tolist() == [0]


@pytest.mark.parametrize("probability", [None, [0.9, 0.8, 0.7]])
def test_without_mistakes_there_is_nothing_to_list(probability: list[float] | None) -> None:
    """All right: no shares, no means, and words for why no label is listed."""
    stated = None if probability is None else torch.tensor(probability)
    found = part(gathered(PETS, torch.tensor([0, 1, 2]), [0, 1, 2], probability=stated))
    assert found["pairs"] == []
    assert found["total"] == 0
    assert [entry["share"] for entry in found["severity"]["shared"]] == [None, None]
    assert (found["severity"]["mean"], found["severity"]["chance"]) == (None, None)
    assert "probabilities" in found["labels"]["why_none"] or probability is not None


def test_one_wrong_row() -> None:
    """Of logits, in a flat tree: every mistake is in another branch."""
    t = Taxonomy.from_paths([("a",), ("b",), ("c",)]).bind(node_targets=True)
    found = gathered(t, torch.tensor([[0.0, 5.0, 0.0], [0.0, 2.0, 0.0]]), [0, 1])
    assert label_errors(found).tolist() == [0]
    assert part(found)["severity"]["shared"] == [
        {"level": None, "count": 1, "share": 1.0, "chance": 1.0, "other": None}
    ]


def test_long_lists_say_how_long_they_were() -> None:
    """300 pairs, and as many label errors."""
    t = Taxonomy.from_paths([(f"c{number}",) for number in range(300)]).bind(node_targets=True)
    own = torch.arange(300)
    preds, target = torch.cat([own, own]), torch.cat([own, own.roll(1)])
    found = part(gathered(t, preds, target, probability=torch.full((600,), 0.5)))
    assert (len(found["pairs"]), found["total"]) == (200, 300)
    assert (len(found["labels"]["rows"]), found["labels"]["total"]) == (100, 300)
