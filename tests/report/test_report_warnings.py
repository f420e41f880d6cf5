"""Warnings come where they should, with the right counts, and not where all is well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gathered_cases import Rows, flat, rows_of, some_rows, species
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

from taxoloss import Taxonomy
from taxoloss.report.numbers.baselines import baselines
from taxoloss.report.numbers.orders import better_order, orders
from taxoloss.report.numbers.warnings import FEW, warnings


def told(rows: Rows) -> dict[str, dict[str, Any]]:
    """The warnings by kind, one of each."""
    gathered, found = rows.scored
    listed = warnings(gathered, found, baselines(gathered))
    by_kind = {one["kind"]: one for one in listed}
    assert len(by_kind) == len(listed)
    return by_kind


def good(
    t: Taxonomy, rows: int = 600, seed: int = 0, doubt: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a model that is mostly right, and whose mistakes are mostly near; and the truths."""
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, len(t), (rows,), generator=g)
    near = sum(t.aggregation_matrix(level) @ t.aggregation_matrix(level).T for level in t.levels)
    assert isinstance(near, torch.Tensor)
    return 1.5 * near[target] + doubt * torch.randn(rows, len(t), generator=g), target


# -- the order of the classes ----------------------------------------------------------------------


@pytest.mark.parametrize("name", list(orders(species())))
def test_a_shifted_order_is_found(name: str) -> None:
    """Columns that stand in each of the orders are told by its name; right ones are not."""
    t = species()
    logits, target = good(t)
    order = orders(t)[name]
    shifted = torch.full_like(logits, -9.0)
    known = np.flatnonzero(order >= 0)
    shifted[:, known] = logits[:, order[known]]  # column j holds class order[j]
    found = better_order(rows_of(t, shifted, target).gathered)
    assert found is not None
    assert (found.order, found.labels) == (name, False)
    right = logits.argmax(1) == target
    assert found.other == pytest.approx(float(right.float().mean()), abs=0.05)
    assert name in told(rows_of(t, shifted, target))["order"]["text"]
    assert better_order(rows_of(t, logits, target).gathered) is None


def test_labels_in_the_wrong_order_too_are_found() -> None:
    """Accuracy is as it should be; mistakes fall all over the tree."""
    t = species()
    logits, target = good(t, 2000, doubt=2.0)
    name = "the sorted names"
    order = torch.from_numpy(orders(t)[name])
    both = rows_of(t, logits[:, order], order.argsort()[target])
    found = better_order(both.gathered)
    assert found is not None
    assert (found.order, found.labels) == (name, True)
    assert found.other > found.given
    assert "that of the labels too" in told(both)["order"]["text"]


@pytest.mark.parametrize("seed", range(20))
def test_a_model_that_guesses_has_no_better_order(seed: int) -> None:
    """Nor one that always says one class, or takes each class for its sibling now and then."""
    t, r = species(), np.random.default_rng(seed)
    target = r.integers(0, 36, 400)
    assert better_order(rows_of(t, r.integers(0, 36, 400), target).gathered) is None
    assert better_order(rows_of(t, np.full(400, seed), target).gathered) is None
    sibling = np.where(r.random(400) < 0.4, target // 4 * 4 + (target + 1) % 4, target)
    assert better_order(rows_of(t, sibling, target).gathered) is None


def test_two_classes_taken_for_each_other_are_no_shifted_order() -> None:
    """However many rows they have, where others are right."""
    t = species()
    target = np.repeat([0, 1, 8, 20, 30], [100, 100, 5, 5, 5])
    answer = np.where(target < 2, 1 - target, target)
    assert better_order(rows_of(t, answer, target).gathered) is None


def test_few_rows_tell_no_order() -> None:
    """Nineteen rows are too few, twenty are enough."""
    t = species()
    for rows, is_told in ((19, False), (20, True)):
        target = np.arange(1, rows + 1)
        assert (better_order(rows_of(t, target - 1, target).gathered) is not None) == is_told


@SETTINGS
@given(rows=some_rows(), seed=st.integers(0, 99))
def test_orders_are_orders(rows: Rows, seed: int) -> None:
    """Each class at most once, none twice the same, and never the given one."""
    found = [tuple(order) for order in orders(rows.taxonomy).values()]
    assert len(set(found)) == len(found)
    assert tuple(range(len(rows.taxonomy))) not in found
    for order in found:
        known = [label for label in order if label >= 0]
        assert len(set(known)) == len(known) >= len(order) - 1
    assert told(rows) is not None


def test_numbers_are_sorted_by_size() -> None:
    """As texts, 10 comes before 2; capitals before small letters."""
    t = Taxonomy.from_paths([("b10",), ("B2",), ("a1",)]).bind(["a1", "b10", "B2"], node_targets=True)
    found = {
        name: [t.classes[label] for label in order] for name, order in orders(t).items() if -1 not in order
    }
    assert found["the sorted names"] == ["B2", "a1", "b10"]
    assert found["the sorted names (numbers by size, capitals as small letters)"] == ["a1", "B2", "b10"]
    assert found["the order of the taxonomy file"] == ["b10", "B2", "a1"]


# -- classes and labels ----------------------------------------------------------------------------


@SETTINGS
@given(rows=some_rows())
def test_classes_are_counted_one_by_one(rows: Rows) -> None:
    """Never answered, without a row, with few."""
    g, t, found = rows.gathered, rows.taxonomy, told(rows)
    target, answer = g.target.tolist(), g.answer.tolist()
    leaves = t.class_of_leaf.tolist()
    wanted = {
        "never_answered": [label for label in leaves if label in target and label not in answer],
        "no_rows": [label for label in leaves if label not in target],
        "few_rows": [label for label in leaves if 0 < target.count(label) < FEW],
    }
    for kind, classes in wanted.items():
        assert found.get(kind, {"count": 0})["count"] == len(classes)
        if classes:
            assert found[kind]["nodes"] == t.nodes_by_id[classes].tolist()


@SETTINGS
@given(rows=some_rows())
def test_labels_that_stop_early_and_unknown_answers_are_counted(rows: Rows) -> None:
    """Each once; the nodes of such labels with the most rows come first."""
    g, t, found = rows.gathered, rows.taxonomy, told(rows)
    early = g.node_target[g.target >= len(t)].tolist()
    assert found.get("early_labels", {"count": 0})["count"] == len(early)
    if early:
        nodes = found["early_labels"]["nodes"]
        assert sorted(nodes) == sorted(set(early))
        assert [early.count(node) for node in nodes] == sorted(map(early.count, set(early)), reverse=True)
    assert found.get("unknown", {"count": 0})["count"] == int(g.unknown.sum())


def test_sentences_on_classes() -> None:
    """One class, and several, of how many."""
    t = flat(12)
    target = [*range(11)] * 10 + [11]
    answer = [*range(10), 0] * 10 + [11]
    found = told(rows_of(t, answer, target))
    assert found["never_answered"]["text"] == 'Of 12 classes with rows 1 is never answered: "c10".'
    assert found["few_rows"]["text"] == 'Of 12 classes 1 has fewer than 10 rows: "c11".'
    more = told(rows_of(t, [0, 1] * 20, [0, 1] * 20))
    assert more["no_rows"]["text"] == 'Of 12 classes 10 have no row: "c2", "c3", "c4" and 7 more.'


def test_sentences_on_labels() -> None:
    """At which levels they stop."""
    t = species()
    target = [0, 1, t.node_id("G00"), t.node_id("F1"), t.node_id("G01")]
    text = told(rows_of(t, [0] * 5, target))["early_labels"]["text"]
    assert text.startswith("3 of 5 labels (60.0 %) stop above the classes: 1 at family and 2 at genus.")


# -- scores as a whole -----------------------------------------------------------------------------


def test_a_good_model_is_not_doubted() -> None:
    """Nothing is said of a model that is well above chance on many rows."""
    t = species()
    assert told(rows_of(t, *good(t, 2000))) == {}


def test_no_better_than_a_guess() -> None:
    """At each level against the better of chance and the most frequent node."""
    t, r = species(), np.random.default_rng(0)
    target = np.where(r.random(400) < 0.9, 0, r.integers(0, 36, 400))
    found = told(rows_of(t, r.integers(0, 36, 400), target))["no_better"]
    assert found["count"] == 3
    assert found["text"].startswith("At family ")
    assert "no better than the most frequent node" in found["text"]


def test_answers_above_the_truth_are_no_guesses() -> None:
    """A decision that stops early is not told to be worse than one that says anything."""
    t = species()
    logits, target = good(t, 400)
    careful = rows_of(t, logits, target, decision="climb", threshold=0.999)
    assert careful.gathered.unspecific.mean() > 0.5
    assert "no_better" not in told(careful)


def test_one_answer_for_all() -> None:
    """A class, or the root; not where all truths are one too."""
    t = species()
    node = int(t.nodes_by_id[5])
    found = told(rows_of(t, [5] * 40, [*range(20)] * 2))["one_answer"]
    assert (found["text"], found["nodes"]) == (f'All 40 answers are "{t.classes[5]}".', [node])
    root = told(rows_of(t, [t.num_nodes - 1] * 4, [0, 1, 2, 3]))
    assert root["one_answer"]["text"] == "All 4 answers are the root, which says nothing."
    assert "one_answer" not in told(rows_of(t, [5] * 40, [5] * 40))


def test_mostly_the_root() -> None:
    """More than half of the answers say nothing."""
    t = species()
    root = t.num_nodes - 1
    found = told(rows_of(t, [root] * 3 + [0], [0] * 4))["empty"]
    assert (found["text"], found["count"]) == ("75.0 % of the answers are the root, which says nothing.", 3)
    assert "empty" not in told(rows_of(t, [root, 0], [0, 0]))


def test_unknown_answers_are_shown() -> None:
    """The most frequent texts, in one sentence."""
    t = species()
    found = told(rows_of(t, [t.num_nodes - 1, 0], [0, 0], [True, False]))["unknown"]
    assert found["text"] == '1 answer is no node of the tree and counts as wrong, such as "text 0".'


def test_probabilities_that_do_not_differ() -> None:
    """Stated ones, and those of logits without any doubt."""
    t = species()
    found = told(rows_of(t, [0, 0, 1, 1, 0], [0, 0, 1, 1, 1]))["one_probability"]
    assert found["text"].startswith("All 3 stated probabilities are 0.5: ")
    logits = torch.full((4, 36), -2000.0)
    logits[:, :2] = torch.tensor([[0.0, -2000.0], [-2000.0, 0.0]] * 2)
    sure = told(rows_of(t, logits, [0, 1, 0, 1]))["one_probability"]
    assert sure["text"].startswith("All 4 stated probabilities are 1: ")
    assert "one_probability" not in told(rows_of(t, *good(t)))


def test_intervals_without_width_are_told() -> None:
    """Twenty of twenty right may be 86 % of all."""
    t = species()
    found = told(rows_of(t, list(range(20)), list(range(20))))["no_spread"]
    assert found["text"].startswith("At family, genus and species all answers are right or all are wrong")
    assert found["text"].endswith("with 20 rows up to 13.9 % may be otherwise.")
    assert pytest.approx(0.05, abs=0.001) == 0.861**20
