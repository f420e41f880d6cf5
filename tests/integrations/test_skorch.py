"""skorch's nets with TaxonomyLoss: against a plain loop of torch, in searches, copies and files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import taxoloss
from taxoloss import TaxonomyLoss, decisions, metrics, weighting

skorch = pytest.importorskip("skorch", reason="skorch is an extra")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from skorch.callbacks import EpochScoring  # noqa: E402
from skorch.dataset import Dataset  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402

from taxoloss.integrations.sklearn import TaxonomyClassifier, scorer  # noqa: E402
from taxoloss.weighting.text import parse_schedule  # noqa: E402

NAMES = ["pug", "Bengal", "beagle", "Sphynx"]
TREE = taxoloss.load(
    {"levels": ["species", "breed"], "tree": {"dog": ["pug", "beagle"], "cat": ["Sphynx", "Bengal"]}}
).bind(NAMES, node_targets=True)
WEIGHTS = {"species": 0.5, "breed": 1.0}


def animals(rows: int = 60) -> tuple[Any, Any]:
    """Features (N, 3), float32, and classes in the bound order."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, rows)
    centre = np.array([[0, 0, 1], [3, 0, 0], [0, 1, 0], [3, 1, 1]])[y]
    return (centre + rng.normal(size=(rows, 3))).astype(np.float32), y


X, Y = animals()


def module() -> torch.nn.Module:
    """A linear head, the same each time."""
    torch.manual_seed(0)
    return torch.nn.Linear(3, 4)


def net(**options: Any) -> Any:
    """A net that trains without chance."""
    asked: dict[str, Any] = {
        "module": module,
        "criterion": TaxonomyLoss,
        "criterion__taxonomy": TREE,
        "criterion__level_weights": WEIGHTS,
        "lr": 0.1,
        "max_epochs": 3,
        "batch_size": 25,
        "iterator_train__shuffle": False,
        "train_split": None,
        "verbose": 0,
    }
    return NeuralNetClassifier(**{**asked, **options})


def test_a_net_trains_as_a_plain_loop() -> None:
    """The same weights, the same losses; probabilities are the softmax of the logits."""
    found = net().fit(X, Y)
    plain, loss = module(), TaxonomyLoss(TREE, WEIGHTS)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(3):
        for x, y in zip(torch.from_numpy(X).split(25), torch.from_numpy(Y).split(25), strict=True):
            optimizer.zero_grad()
            loss(plain(x), y).backward()
            optimizer.step()
    torch.testing.assert_close(found.module_.weight, plain.weight)
    logits = plain(torch.from_numpy(X))
    np.testing.assert_allclose(found.predict_proba(X), logits.softmax(1).detach().numpy(), atol=1e-6)
    assert found.predict(X).tolist() == logits.argmax(1).tolist()


def test_a_search_over_level_weights() -> None:
    """Tables, schedules and none, scored by the tree; the best is trained again."""
    grid = {"criterion__level_weights": [None, WEIGHTS, weighting.hxe(0.5), weighting.geometric(0.7)]}
    scoring = {"species": scorer("accuracy/species", TREE), "distance": scorer("distance", TREE)}
    search = GridSearchCV(net(), grid, scoring=scoring, refit="distance", cv=2, error_score="raise")
    search.fit(X, Y)
    assert len(search.cv_results_["params"]) == 4
    assert not np.isnan(search.cv_results_["mean_test_distance"]).any()
    best = search.best_params_["criterion__level_weights"]
    again = net(criterion__level_weights=best).fit(X, Y)
    torch.testing.assert_close(search.best_estimator_.module_.weight, again.module_.weight)


@pytest.mark.parametrize("text", ["hxe:0.5", "geometric:0.7", "uniform", "by_level:species=1,breed=3"])
def test_the_text_of_a_schedule(text: str) -> None:
    """What the sweep and the command line take is what the schedule is; a search and a clone keep it."""
    found = clone(net(criterion__level_weights=text)).fit(X, Y)
    wanted = net(criterion__level_weights=parse_schedule(text)).fit(X, Y)
    torch.testing.assert_close(found.module_.weight, wanted.module_.weight, rtol=0, atol=0)
    grid = {"criterion__level_weights": [text, "deepest"]}
    search = GridSearchCV(net(), grid, scoring=scorer("distance", TREE), cv=2, error_score="raise")
    assert search.fit(X, Y).best_params_["criterion__level_weights"] in grid["criterion__level_weights"]
    assert text in repr(pickle.loads(pickle.dumps(found)).criterion_)


def test_a_text_that_is_no_schedule() -> None:
    """With the nearest, before anything is trained."""
    with pytest.raises(ValueError, match="did you mean `hxe`"):
        net(criterion__level_weights="hxee:0.5").fit(X, Y)


def test_copies_and_files(tmp_path: Path) -> None:
    """clone shares the tree, pickle keeps it, saved parameters go into a net of the same tree."""
    found = net().fit(X, Y)
    fresh = clone(found)
    assert fresh.get_params()["criterion__taxonomy"] is TREE
    assert not fresh.initialized_
    copy = pickle.loads(pickle.dumps(found))
    assert copy.criterion_.taxonomy == TREE
    np.testing.assert_array_equal(copy.predict_proba(X), found.predict_proba(X))
    names = {
        "f_params": tmp_path / "p.pt",
        "f_optimizer": tmp_path / "o.pt",
        "f_history": tmp_path / "h.json",
    }
    found.save_params(**names)
    loaded = net().initialize()
    loaded.load_params(**names)
    np.testing.assert_array_equal(loaded.predict_proba(X), found.predict_proba(X))
    found.save_params(f_criterion=tmp_path / "c.pt")
    loaded.load_params(f_criterion=tmp_path / "c.pt")


def test_scores_of_each_epoch_are_those_of_all_rows() -> None:
    """EpochScoring takes our scorer: no mean over batches, and the sign of scikit-learn."""
    rows = predefined_split(Dataset(X[:33], Y[:33]))
    callbacks = [
        ("distance", EpochScoring(scorer("distance", TREE), name="distance", lower_is_better=False)),
        ("aurc", EpochScoring(scorer("aurc", TREE), name="aurc", lower_is_better=False)),
    ]
    found = net(callbacks=callbacks, train_split=rows, batch_size=10).fit(X, Y)
    last = found.history[-1]
    p, target = torch.from_numpy(found.predict_proba(X[:33])), torch.from_numpy(Y[:33])
    wanted = metrics.functional.hierarchical_distance(p.argmax(1), target, TREE)
    assert last["distance"] == pytest.approx(-float(wanted))
    area = metrics.functional.risk_coverage(p, target, TREE, exact=False, probabilities=True)["aurc"]
    assert last["aurc"] == pytest.approx(-float(area), abs=1e-6)


def test_columns_are_the_classes_of_the_tree_whatever_y_holds() -> None:
    """A class that y lacks and an inner node that it has: skorch's classes_ are as many, and others."""
    y = np.where(Y == 1, TREE.node_id("cat"), Y)
    found = net().fit(X, y)
    assert len(found.classes_) == 4
    assert found.classes_.tolist() != [0, 1, 2, 3]
    p = torch.from_numpy(found.predict_proba(X))
    target = torch.from_numpy(y)
    area = metrics.functional.risk_coverage(p, target, TREE, exact=False, probabilities=True)["aurc"]
    assert scorer("aurc", TREE)(found, X, y) == pytest.approx(-float(area), abs=1e-6)
    model = TaxonomyClassifier(net(), TREE, "climb:0.6").fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2, 3]
    wanted = decisions.climb(p, TREE, 0.6, probabilities=True)
    assert isinstance(wanted, torch.Tensor)
    named = model.predict(X)
    assert named[named < TREE.num_nodes - 1].tolist() == wanted[wanted < TREE.num_nodes - 1].tolist()
    piped = make_pipeline(StandardScaler(), net()).fit(X, y)
    assert scorer("aurc", TREE)(piped, X, y) < 0


def test_ignored_rows_are_told() -> None:
    """-100 trains nothing; a scorer counts it only as it is told."""
    y = np.where(np.arange(len(Y)) % 3 == 0, -100, Y)
    found = net(criterion__reduction="sum", lr=0.01, batch_size=len(y)).fit(X, y)
    kept = y != -100
    some = net(criterion__reduction="sum", lr=0.01, batch_size=len(y)).fit(X[kept], y[kept])
    torch.testing.assert_close(found.module_.weight, some.module_.weight)
    wanted = scorer("accuracy/breed", TREE)(found, X[kept], y[kept])
    assert scorer("accuracy/breed", TREE, ignore_index=-100)(found, X, y) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="-100"):
        scorer("accuracy/breed", TREE)(found, X, y)


def test_names_of_columns() -> None:
    """`classes` says what they are called; probabilities then bind by name, in any order of the tree."""
    found = net(classes=NAMES).fit(X, Y)
    table = pd.DataFrame(found.predict_proba(X), columns=found.classes_)
    other = TREE.bind(sorted(NAMES), node_targets=True)
    by_name = decisions.climb(table, other, 0.6, probabilities=True)
    straight = decisions.climb(table.to_numpy(), TREE, 0.6, probabilities=True)
    assert [info.path for info in other.describe(by_name)] == [
        info.path for info in TREE.describe(straight)
    ]


def test_what_y_must_be() -> None:
    """Integers of any width that holds them; names are no tensors."""
    for kind in (np.int8, np.int32, np.uint8):
        found = net().fit(X, Y.astype(kind))
        torch.testing.assert_close(found.module_.weight, net().fit(X, Y).module_.weight)
    with pytest.raises(RuntimeError, match=r"expected target as integer node ids.*torch\.float32"):
        net().fit(X, Y.astype(np.float32))
    with pytest.raises(TypeError):
        net().fit(X, np.array(NAMES)[Y])
    with pytest.raises(ValueError, match="needs a bound taxonomy"):
        net(criterion__taxonomy=taxoloss.load("pets")).fit(X, Y)
