"""What stands around a model whose classes have several parents keeps all edges, or refuses them."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from graphs import GraphCase, bound, graphs, wide_diamond
from hypothesis import given
from hypothesis_settings import SETTINGS
from torch import Tensor, nn
from torch.testing import assert_close
from trees import seeds

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, controls, decisions, metrics, sweep
from taxoloss.functional import level_log_probs
from taxoloss.heads import Flat, PathSum
from taxoloss.integrations.onnx import load_onnx

GRAPH = wide_diamond()
NAMES = list(GRAPH.classes)
#: The same classes in the same order, each below its home alone.
TREE = Taxonomy.from_paths(GRAPH.paths()).bind(GRAPH.paths())


def logits(rows: int = 6) -> Tensor:
    """The same every time."""
    return torch.randn(rows, 40, generator=torch.Generator().manual_seed(0))


def tree_only(z: Tensor, taxonomy: Taxonomy) -> Tensor:
    """A decision that needs a tree."""
    taxonomy.require_tree("this decision")
    return z.argmax(1)


def best(z: Tensor, taxonomy: Taxonomy) -> Tensor:
    """A decision of classes alone."""
    return z.argmax(1)


# -- transformers ----------------------------------------------------------------------------------


def test_configurations_hold_the_names_of_classes() -> None:
    """Written and compared as those of trees."""
    hub = pytest.importorskip("taxoloss.integrations.transformers")
    maps = hub.label_maps(GRAPH)
    config = SimpleNamespace(num_labels=40, **maps)
    hub.check_config(config, GRAPH)
    with pytest.raises(ValueError, match="in the taxonomy's order"):
        hub.check_config(config, GRAPH.bind(NAMES[::-1]))


def test_a_card_says_that_nodes_have_several_parents(tmp_path: Path) -> None:
    """And its files load to the same graph in the same order."""
    hub = pytest.importorskip("taxoloss.integrations.transformers")
    card = hub.model_card(GRAPH, {"accuracy": 0.5}, 0.9)
    assert "40 classes in a graph of 3 levels: depth_1 (2)" in card
    assert "Several parents: 17 nodes." in card
    found = dict(re.findall(r"```(yaml|json)\n(.*?)\n```", card, re.DOTALL))
    file = tmp_path / "taxonomy.yaml"
    file.write_text(found["yaml"])
    again = taxoloss.load(file).bind(json.loads(found["json"]))
    assert again.binding_digest == GRAPH.binding_digest


@given(graphs(), seeds)
@SETTINGS
def test_answers_of_a_pipeline_are_the_sums_of_all_that_reach(
    case: GraphCase, rng: np.random.Generator
) -> None:
    """As softmax and the matrix of each level have them."""
    hub = pytest.importorskip("taxoloss.integrations.transformers")
    t, _, _ = bound(case, rng)
    z = torch.from_numpy(rng.normal(0, 2, (1, len(t))))
    scores = zip(t.classes, z.softmax(1)[0].tolist(), strict=True)
    found = hub.rollup([{"label": name, "score": score} for name, score in scores], case.taxonomy)
    for level, logs in level_log_probs(z, t).items():
        by_name = {one["label"]: one["score"] for one in found[level]}
        assert_close([by_name[name] for name in t.nodes(level)], logs[0].exp().tolist())


def test_metrics_of_a_trainer_and_columns_of_fastai() -> None:
    """Those of the collection."""
    hub = pytest.importorskip("taxoloss.integrations.transformers")
    evaluated = SimpleNamespace(predictions=logits().numpy(), label_ids=np.array([0, 41, -100, 3, 42, 9]))
    scores = hub.compute_metrics(GRAPH, loss=TaxonomyLoss(GRAPH))(evaluated)
    made = metrics.collection(GRAPH)
    made.update(logits(), torch.from_numpy(evaluated.label_ids))
    assert scores.pop("loss") > 0
    assert_close(scores, {name: float(value) for name, value in made.compute().items()}, equal_nan=True)
    fastai = pytest.importorskip("taxoloss.integrations.fastai")
    assert [column.name for column in fastai.level_metrics(GRAPH)] == [
        *(f"accuracy/{level}" for level in GRAPH.levels), "severity",
    ]  # fmt: skip


def test_the_loss_of_a_trainer_is_the_mean() -> None:
    """Of the labels of all pieces."""
    hub = pytest.importorskip("taxoloss.integrations.transformers")
    loss, labels = TaxonomyLoss(GRAPH), torch.tensor([0, 41, -100, 3, 42, 9])
    computed = hub.compute_loss_func(loss)
    assert_close(computed({"logits": logits()}, labels, num_items_in_batch=5), loss(logits(), labels))


# -- Lightning and fastai --------------------------------------------------------------------------


def test_checkpoints_of_lightning_keep_all_edges() -> None:
    """The same graph is taken; another order, and the tree of homes, are refused."""
    lightning = pytest.importorskip("taxoloss.integrations.lightning")

    class Lesson(lightning.TaxonomyCheckpoint):  # type: ignore[misc,name-defined]
        """A module that holds a taxonomy."""

        def __init__(self, taxonomy: Taxonomy) -> None:
            super().__init__()
            self.taxonomy = taxonomy

    checkpoint: dict[str, Any] = {}
    Lesson(GRAPH).on_save_checkpoint(checkpoint)
    Lesson(GRAPH.bind(NAMES)).on_load_checkpoint(json.loads(json.dumps(checkpoint)))
    with pytest.raises(ValueError, match="another order of the classes"):
        Lesson(GRAPH.bind(NAMES[::-1])).on_load_checkpoint(checkpoint)
    with pytest.raises(ValueError, match="another tree"):
        Lesson(TREE).on_load_checkpoint(checkpoint)


def test_fastai_compares_the_vocab() -> None:
    """By the names of classes."""
    fastai = pytest.importorskip("taxoloss.integrations.fastai")
    dls = SimpleNamespace(vocab=NAMES)
    fastai.check_vocab(dls, GRAPH)
    fastai.TaxonomyCallback(GRAPH)
    with pytest.raises(ValueError, match="class 0 is `c0_0` in the vocab"):
        fastai.check_vocab(dls, GRAPH.bind(NAMES[::-1]))


# -- ONNX and checkpoints --------------------------------------------------------------------------


DECISIONS: dict[str, Any] = {
    "leaf": decisions.leaf,
    "climb": partial(decisions.climb, threshold=0.6),
    "most_specific": partial(decisions.most_specific, threshold=0.6),
    "hedge": partial(decisions.hedge, tradeoff=0.2),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "decision"), [(Flat, "leaf"), *((PathSum, name) for name in DECISIONS)])
def test_exported_models_give_the_same_numbers(make: Any, decision: str, tmp_path: Path) -> None:
    """Log-probabilities of all levels and answers, for any number of rows; another taxonomy is refused."""
    decide = DECISIONS[decision]
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    head = make(3, GRAPH)
    for parameter in head.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    taxoloss.export_onnx(head, GRAPH, tmp_path / "m.onnx", decision=decide)
    model = load_onnx(tmp_path / "m.onnx", GRAPH)
    for rows in (5, 2):
        x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(rows))
        logs, answer = model(x)
        for level, wanted in level_log_probs(head(x), GRAPH).items():
            np.testing.assert_allclose(logs[level], wanted.detach(), atol=1e-5)
        assert answer.tolist() == decide(head(x), GRAPH).tolist()
    for other in (TREE, GRAPH.bind(NAMES[::-1])):
        with pytest.raises(ValueError, match="another"):
            load_onnx(tmp_path / "m.onnx", other)


def test_checkpoints_of_the_tree_of_homes_are_refused(tmp_path: Path) -> None:
    """The classes are the same, in the same order; the edges are not."""
    pytest.importorskip("safetensors")
    taxoloss.save(tmp_path / "m.safetensors", nn.Linear(3, 40), GRAPH)
    with pytest.raises(ValueError, match="another tree"):
        taxoloss.load_checkpoint(tmp_path / "m.safetensors", nn.Linear(3, 40), TREE)
    found = taxoloss.load_checkpoint(tmp_path / "m.safetensors", None)
    assert found.taxonomy == GRAPH


# -- scikit-learn ----------------------------------------------------------------------------------


def test_a_classifier_sums_along_all_edges() -> None:
    """Probabilities of levels, names of inner labels; a decision that needs a tree is refused in fit."""
    sklearn = pytest.importorskip("taxoloss.integrations.sklearn")
    neighbors = pytest.importorskip("sklearn.neighbors")
    x, y = np.arange(120.0)[:, None], np.array(NAMES * 3, dtype=object)
    y[:4] = ["g1", "bottom", "c0_2", "c0_3"]
    model = sklearn.TaxonomyClassifier(neighbors.KNeighborsClassifier(5), GRAPH, best).fit(x, y)
    assert set(model.predict(x)) <= set(y)
    t = model.taxonomy_
    wide = model._labels_of_fit().columns(model.predict_proba(x))
    for level, p in model.predict_level_proba(x).items():
        matrix = t.aggregation_matrix(level).numpy()
        np.testing.assert_allclose(p, wide @ matrix, atol=1e-12)
    assert [len(names) for names in model.predict_levels(x).values()] == [120, 120, 120]
    with pytest.raises(ValueError, match="this decision needs a tree"):
        sklearn.TaxonomyClassifier(neighbors.KNeighborsClassifier(5), GRAPH, tree_only).fit(x, y)
    with pytest.raises(ValueError, match="needs a tree"):
        sklearn.scorer("hops", GRAPH)


def test_a_classifier_answers_nodes_and_is_scored() -> None:
    """By text, with integer labels as node ids; scores are those of the metrics."""
    sklearn = pytest.importorskip("taxoloss.integrations.sklearn")
    neighbors = pytest.importorskip("sklearn.neighbors")
    x, y = np.arange(120.0)[:, None], np.arange(120) % 40
    y[::9] = GRAPH.node_id("g1")
    model = sklearn.TaxonomyClassifier(neighbors.KNeighborsClassifier(5), GRAPH, "climb:0.7").fit(x, y)
    answers = model.predict(x)
    labels = model._labels_of_fit()
    z = torch.from_numpy(labels.columns(model.predict_proba(x))).log()
    wanted: Any = decisions.climb(z, model.taxonomy_, 0.7)
    assert model.predict_nodes(x).tolist() == wanted.tolist()
    assert (answers >= 40).any()
    metric = metrics.HierarchicalDistance(model.taxonomy_)
    metric.update(wanted, torch.from_numpy(labels.ids(y)))
    assert model.scores(x, y)["distance"] == pytest.approx(float(metric.compute()))
    assert sklearn.scorer("distance")(model, x, y) == pytest.approx(-float(metric.compute()))


# -- sweeps and controls ---------------------------------------------------------------------------


def test_sweeps_run_and_refuse_weights_of_trees(tmp_path: Path) -> None:
    """A cell of each weighting; hxe needs a tree, and nothing is trained."""

    def train(cell: Any) -> Any:
        loss = TaxonomyLoss(GRAPH, cell["weights"])(logits(), torch.arange(6)).item()
        scores = {f"accuracy_{level}": 0.5 for level in GRAPH.levels}
        yield {"train_loss": loss, "valid_loss": loss, **scores}

    cells = sweep.grid(weights=["uniform", "geometric:0.5", "deepest"])
    results = sweep.run(train, cells, tmp_path / "a", taxonomy=GRAPH, progress=False)
    assert len(results.rows) == 3
    assert not results.failures
    with pytest.raises(ValueError, match=r"hxe.*needs a tree"):
        sweep.run(train, sweep.grid(weights=["hxe:0.5"]), tmp_path / "b", taxonomy=GRAPH, progress=False)
    with pytest.raises(ValueError, match=r"binding"):
        sweep.run(train, cells, tmp_path / "a", taxonomy=TREE, progress=False)


@pytest.mark.parametrize("name", controls.ARMS)
def test_arms_train_or_refuse(name: str) -> None:
    """Those with a head of one way down refuse."""
    weights = {"depth_1": 1.0, "depth_2": 1.0, "depth_3": 2.0} if name == "flat_scaled" else None
    if name in ("conditional", "level_heads"):
        with pytest.raises(ValueError, match="needs a tree"):
            controls.arm(name, 3, GRAPH, weights)
        return
    one, target = controls.arm(name, 3, GRAPH, weights), torch.tensor([0, 41, -100, 3, 42, 9])
    one.loss(torch.ones(6, 3), target).backward()
    assert one.head.weight.grad is not None
    assert one.usable(target).tolist() == ([0, 1, 3, 4, 5] if one.coarse else [0, 3, 5])


def test_readings_are_scores_of_three_answers() -> None:
    """Each level by itself, the best class, the class of least expected cost."""
    head, x, target = PathSum(3, GRAPH), torch.randn(30, 3), torch.arange(30)
    nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(0))
    z = head(x).detach()
    answers = {"marginal": z, "leaf": z.argmax(1), "crm": decisions.minimum_cost(z, GRAPH)}
    for row in controls.readings(head, x, target, GRAPH):
        metric = metrics.LevelAccuracy(GRAPH)
        metric.update(answers.pop(str(row["reading"])), target)
        for level, share in metric.compute().items():
            assert row[f"accuracy_{level}"] == float(share)
    assert not answers


@given(graphs(), seeds)
@SETTINGS
def test_pseudo_labels_are_of_what_a_target_reaches(case: GraphCase, rng: np.random.Generator) -> None:
    """The best of these classes; labels of one path down are refused."""
    t, order, by_id = bound(case, rng)
    z, target = torch.from_numpy(rng.normal(0, 1, (t.num_nodes, len(t)))), torch.arange(t.num_nodes)
    found = controls.pseudo_labels(z, target, t)
    for row, node in enumerate(by_id):
        below = [c for c, one in enumerate(order) if not node or one in case.below(node)]
        assert int(found[row]) == max(below, key=z[row].__getitem__)
    if not t.is_tree:
        for make in (controls.coarsen, controls.swap_siblings):
            with pytest.raises(ValueError, match=f"{make.__name__} needs a tree"):
                make(target[: len(t)], t, 0.5, 0)
