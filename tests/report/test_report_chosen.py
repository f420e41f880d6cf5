"""The rows that a page shows are the worst: found by sorting in plain Python."""

from __future__ import annotations

import json

import numpy as np
import torch
from hypothesis import given
from hypothesis_settings import SETTINGS
from rows_by_hand import gathered, random_answers
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.report.numbers.chosen import chosen_rows, samples
from taxoloss.report.numbers.gathered import Gathered
from taxoloss.report.numbers.mistakes import cross_pairs, label_errors

NONE = np.zeros(0, np.int64)
PETS = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)


def worst(found: Gathered) -> list[int]:
    """Places of wrong rows by height, then by probability."""
    assert found.probability is not None
    sure = np.nan_to_num(found.probability).tolist()
    rows = np.flatnonzero(found.wrong).tolist()
    return sorted(rows, key=lambda place: (-int(found.height[place]), -sure[place], place))


@SETTINGS
@given(taxonomies(), seeds)
def test_rows_of_labels_of_pairs_and_of_truths(case: Case, rng: np.random.Generator) -> None:
    """Few rows: all that have a reason are shown."""
    found = random_answers(case.taxonomy, rng, 80)
    labels = label_errors(found)
    pairs = [(pair["truth"], pair["answer"]) for pair in cross_pairs(found)]
    truths, answers = found.node_target.tolist(), found.node_answer.tolist()
    wanted = set(labels.tolist())
    for truth in {*truths}:
        wanted.update([place for place in worst(found) if truths[place] == truth][:3])
    for pair in pairs[:50]:
        known = [place for place in worst(found) if not found.unknown[place]]
        wanted.update([place for place in known if (truths[place], answers[place]) == pair][:5])
    assert chosen_rows(found, pairs, labels).tolist() == sorted(wanted)


@SETTINGS
@given(taxonomies(), seeds)
def test_columns_say_what_the_rows_say(case: Case, rng: np.random.Generator) -> None:
    """The columns are plain values, all of one length, and unknown answers stand in their words."""
    found = random_answers(case.taxonomy, rng)
    rows = chosen_rows(found, [], NONE)
    shown = json.loads(json.dumps(samples(found, rows), allow_nan=False))
    assert {len(shown[name]) for name in ("row", "truth", "answer", "probability", "height", "image")} == {
        len(rows)
    }
    for index, place in enumerate(rows.tolist()):
        assert shown["truth"][index] == found.node_target[place]
        assert shown["height"][index] == found.height[place]
        unknown = bool(found.unknown[place])
        assert (str(index) in shown["said"]) == unknown
        if unknown:
            assert shown["said"][str(index)] == f"text {found.row[place] - 1}"


def test_most_rows_are_of_many_truths() -> None:
    """5,000 classes with two mistakes each: the worse one of 3,000 is shown, and the label errors are."""
    t = Taxonomy.from_paths([(f"g{c // 2}", f"c{c}") for c in range(5000)]).bind(node_targets=True)
    own = torch.arange(5000)
    sibling, far = own ^ 1, (own + 2) % 5000
    preds, target = torch.cat([sibling, far]), torch.cat([own, own])
    labels = np.arange(200)
    rows = chosen_rows(gathered(t, preds, target), [], labels)
    assert len(rows) == 3000
    assert rows[:100].tolist() == list(range(100))  # label errors, though siblings
    assert (rows[100:] >= 5000).all()


def test_the_worst_of_every_truth_before_the_second_worst_of_any() -> None:
    """2,000 truths with two far mistakes each, 900 with a near one: all 2,900 have one, 100 a second."""
    t = Taxonomy.from_paths([(f"g{c // 2}", f"c{c}") for c in range(5000)]).bind(node_targets=True)
    far, near = torch.arange(2000), torch.arange(2000, 2900)
    target = torch.cat([far, far, near])
    preds = torch.cat([far + 2, far + 4, near ^ 1])
    found = gathered(t, preds, target)
    rows = chosen_rows(found, [], NONE)
    assert len(rows) == 3000
    assert len(np.unique(found.target[rows])) == 2900


def test_names_of_samples_and_no_probabilities() -> None:
    """Samples are called as in the file; where it states no probability there is no column."""
    found = gathered(PETS, torch.tensor([0, 1, 0]), [0, 0, 2], ids=["a", "b", "</script>"])
    shown = samples(found, chosen_rows(found, [], NONE))
    assert shown["id"] == ["b", "</script>"]
    assert shown["row"] == [2, 3]
    assert shown["probability"] is None
    assert shown["image"] == [None, None]


def test_no_mistake_no_row() -> None:
    """All right: every column is empty."""
    found = gathered(PETS, torch.tensor([0]), [0])
    shown = samples(found, chosen_rows(found, [], NONE))
    assert shown["row"] == []
    assert shown["id"] is None
    assert shown["said"] == {}
