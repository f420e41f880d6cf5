"""The metrics against other libraries, where their definitions meet."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from taxoloss import Taxonomy
from taxoloss.metrics import functional

PATHS = [(f"g{i}", f"s{i}{j}", f"c{i}{j}{k}") for i in range(3) for j in range(2) for k in range(3)]
TREE = Taxonomy.from_paths(PATHS, ["group", "subgroup", "class"]).bind()
FLAT = Taxonomy.from_paths([(name,) for name in "abcde"]).bind()


def draws(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets."""
    g = torch.Generator().manual_seed(0)
    return torch.randn(200, classes, generator=g), torch.randint(0, classes, (200,), generator=g)


def test_a_one_level_tree_is_torchmetrics() -> None:
    """Accuracy, calibration and confusion of a flat tree are those of the library."""
    classification = pytest.importorskip("torchmetrics.functional.classification")
    preds, target = draws(5)
    for k in (1, 3):
        accuracy = classification.multiclass_accuracy(preds, target, 5, average="micro", top_k=k)
        found = functional.level_accuracy(preds, target, FLAT, top_k=k)["depth_1"]
        assert float(found) == pytest.approx(float(accuracy))
    for bins in (5, 15):
        error = classification.multiclass_calibration_error(preds.softmax(1), target, 5, n_bins=bins)
        found = functional.level_calibration_error(preds, target, FLAT, n_bins=bins)["depth_1"]
        assert float(found) == pytest.approx(float(error), abs=1e-6)
    wanted = classification.multiclass_confusion_matrix(preds, target, 5)
    assert torch.equal(functional.level_confusion_matrix(preds, target, FLAT)["depth_1"], wanted)


def test_a_one_level_tree_is_scikit_learn() -> None:
    """F1 micro, and the confusion matrix of every level of a deeper tree."""
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    preds, target = draws(5)
    score = sklearn.f1_score(target, preds.argmax(1), average="micro")
    assert float(functional.hierarchical_f_score(preds, target, FLAT)["f1"]) == pytest.approx(score)
    preds, target = draws(18)
    matrices = functional.level_confusion_matrix(preds.argmax(1), target, TREE)
    for level in TREE.levels:
        index = TREE.ancestor_index(level)
        wanted = sklearn.confusion_matrix(index[target], index[preds.argmax(1)])
        np.testing.assert_array_equal(matrices[level], wanted)


def test_f_scores_are_those_of_hiclass() -> None:
    """Micro precision, recall and F1 over sets of ancestors."""
    hiclass = pytest.importorskip("hiclass.metrics", reason="hiclass is not installed")
    preds, target = draws(18)
    answers, truths = (np.array([TREE.path(int(i)) for i in ids]) for ids in (preds.argmax(1), target))
    found = functional.hierarchical_f_score(preds, target, TREE)
    for name in ("precision", "recall", "f1"):
        wanted = getattr(hiclass, name)(truths, answers, average="micro")
        assert float(found[name]) == pytest.approx(wanted)
