"""What is gathered of the rows is what the nodes above each truth and answer say, row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gathered_cases import Rows, rows_of, some_rows, species
from hypothesis import given
from hypothesis_settings import SETTINGS

from taxoloss import metrics
from taxoloss.evaluation.rows import answer_of
from taxoloss.evaluation.scores import answered
from taxoloss.report.numbers.gathered import Collector


def seen(rows: Rows, node: int) -> int:
    """The node as which a tree number is seen: of the leaf of a class above classes its node."""
    own = rows.taxonomy.tree.own
    return int(rows.taxonomy.tree.parent[node]) if own is not None and node in own else node


@SETTINGS
@given(rows=some_rows())
def test_each_row_is_right_unspecific_or_wrong(rows: Rows) -> None:
    """By the sets of nodes above truth and answer; what is no node is wrong."""
    found, t = rows.gathered, rows.taxonomy
    assert (found.right.astype(int) + found.unspecific + found.wrong == 1).all()
    for truth, answer, target, right, wrong, unknown in zip(
        found.node_target,
        found.node_answer,
        found.target,
        found.right,
        found.wrong,
        found.unknown,
        strict=True,
    ):
        below = truth in rows.above(answer) and (target >= len(t) or truth == answer)
        assert right == (below and not unknown)
        true = seen(rows, answer) in rows.above(truth)
        assert wrong == (unknown or not (right or true or truth in rows.above(answer)))


@SETTINGS
@given(rows=some_rows())
def test_rows_without_a_known_truth_are_left_out(rows: Rows) -> None:
    """All others are there, in order, with their numbers and names."""
    kept = [row for row, node in enumerate(rows.target.tolist()) if node != rows.taxonomy.num_nodes - 1]
    found = rows.gathered
    assert found.row.tolist() == [1000 * row + 1 for row in kept]
    assert found.ids == tuple(f"sample {row}" for row in kept)
    assert found.target.tolist() == [int(rows.target[row]) for row in kept]
    lost = {place: f"text {row}" for place, row in enumerate(kept) if rows.unknown[row]}
    assert found.said == lost
    assert found.unknown.tolist() == [bool(rows.unknown[row]) for row in kept]


@SETTINGS
@given(rows=some_rows())
def test_the_sums_are_those_of_the_metrics(rows: Rows) -> None:
    """Distance, severity of mistakes, and the accuracy of each level."""
    found, scores = rows.scored[0], rows.scored[1].scores
    assert found.height.mean() == pytest.approx(scores["distance"].value, abs=1e-6)
    for place, level in enumerate(rows.taxonomy.levels):
        counts = int(found.level_counted[:, place].sum())
        value = scores[f"accuracy/{level}"].value
        assert (
            math.isnan(value)
            if not counts
            else found.level_right[:, place].sum() / counts == pytest.approx(value)
        )
    assert not (found.level_right & ~found.level_counted).any()


@SETTINGS
@given(rows=some_rows())
def test_shared_is_above_both(rows: Rows) -> None:
    """No node that both have above them has fewer classes below it."""
    found, tree = rows.gathered, rows.taxonomy.tree
    for shared, truth, answer in zip(found.shared, found.node_target, found.node_answer, strict=True):
        both = rows.above(truth) & rows.above(answer)
        assert shared in both
        assert tree.num_leaves[shared] == min(tree.num_leaves[node] for node in both)


@SETTINGS
@given(rows=some_rows(("logits", "climb", "minimum_cost")))
def test_the_probability_of_an_answer_is_the_sum_over_its_classes(rows: Rows) -> None:
    """By a softmax in float64, over the classes that the node reaches."""
    found, t = rows.gathered, rows.taxonomy
    said = answer_of(answered(rows.preds, t, rows.settings))
    kept = (rows.target != t.num_nodes - 1).nonzero().squeeze(1)
    assert found.probability is not None
    for row, probability in zip(kept.tolist(), found.probability, strict=True):
        leaves = t.tree.leaves_below(int(t.nodes_by_id[said[row]]))
        softmax = rows.preds[row].double().softmax(0).numpy()
        assert probability == pytest.approx(softmax[t.class_of_leaf[leaves]].sum(), abs=1e-6)


@SETTINGS
@given(rows=some_rows(("logits", "climb")))
def test_bins_and_paths_are_those_of_all_rows_at_once(rows: Rows) -> None:
    """As the metric has them in one batch; the paths are those of the best classes of the kept rows."""
    found, error = rows.gathered, metrics.LevelCalibrationError(rows.taxonomy)
    error.update(rows.preds, rows.target)
    assert found.calibration is not None
    assert found.paths is not None
    for level, columns in error.reliability().items():
        for ours, theirs in zip(found.calibration[level], columns, strict=True):
            np.testing.assert_allclose(ours, theirs.double())
    assert found.paths.target.tolist() == found.target.tolist()
    best = rows.preds.argmax(1)[rows.target != rows.taxonomy.num_nodes - 1]
    assert found.paths.classes.tolist() == best.tolist()
    assert len(found.paths.log_odds) == len(found.paths.wrong) == len(found)


def test_what_a_file_does_not_state_is_none() -> None:
    """Neither probabilities, nor bins, nor paths of answers alone."""
    found = rows_of(species(), [0, 1], [0, 0])
    collector = Collector(found.taxonomy)
    for piece in found.pieces():
        bare = type(piece)(piece.first, piece.preds, piece.target)
        collector.take(bare, bare.preds)
    gathered = collector.gathered()
    nothing = gathered.probability, gathered.calibration, gathered.paths, gathered.ids
    assert nothing == (None, None, None, None)
    assert (gathered.row.tolist(), gathered.said) == ([1, 2], {})


def test_nothing_gathered_is_an_error() -> None:
    """There is no taxonomy's worth of rows in no piece."""
    with pytest.raises(ValueError, match="expected a piece of samples or more, got none"):
        Collector(species()).gathered()


def test_stated_probabilities_are_kept_as_they_stand() -> None:
    """Also where some rows state none."""
    found = rows_of(species(), [0, 1, 2, 3], [0, 0, 0, 35]).gathered
    assert found.probability is not None
    np.testing.assert_array_equal(found.probability, [math.nan, 0.5, 0.5, math.nan])
    assert torch.equal(torch.from_numpy(found.right), torch.tensor([True, False, False, False]))
