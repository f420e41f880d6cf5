"""What computes with a tree refuses a graph in words: each public thing that takes a taxonomy."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import taxoloss
from taxoloss import TaxonomyLoss, sources
from taxoloss.taxonomy.plan import plan_of

GRAPH = taxoloss.load({"tree": [
    {"name": "lion", "children": [{"name": "liger", "also_under": ["tiger"]}, "simba"]},
    {"name": "tiger", "children": ["sher"]},
    "cat",
]}).bind(node_targets=True)  # fmt: skip
MODULES = (
    "taxoloss", "taxoloss.controls", "taxoloss.decisions", "taxoloss.evaluation", "taxoloss.functional",
    "taxoloss.heads", "taxoloss.metrics", "taxoloss.metrics.functional", "taxoloss.plot", "taxoloss.sweep",
    "taxoloss.weighting", "taxoloss.integrations.lightning", "taxoloss.integrations.onnx",
    "taxoloss.integrations.sklearn", "taxoloss.integrations.transformers",
)  # fmt: skip
#: What keeps a taxonomy as it is, and reads nothing of its tree.
KEEPERS = {"load_checkpoint", "save", "suggest_weights"}
#: What computes along all edges of a graph.
SERVED = {
    "arm", "at_level", "calibrate_threshold", "check_config", "climb", "collection", "compute_metrics",
    "evaluate_file", "export_onnx", "Flat", "full_path_accuracy", "FullPathAccuracy", "hedge",
    "hierarchical_distance", "hierarchical_f_score", "HierarchicalDistance", "HierarchicalFScore",
    "label_maps", "leaf", "level_accuracy", "level_calibration_error", "level_confusion_matrix",
    "level_log_probs", "LevelAccuracy", "LevelCalibrationError", "LevelConfusionMatrix", "load_onnx",
    "minimum_cost", "mistake_severity", "MistakeSeverity", "model_card", "most_specific",
    "operating_curve", "OperatingCurve", "PathSum", "pseudo_labels", "readings", "report",
    "risk_coverage", "risk_curve", "RiskCoverage", "rollup", "run", "scorer", "search",
    "taxonomy_cross_entropy", "TaxonomyLoss", "TaxonomyOutput", "tree", "tree_induced_error",
    "TreeInducedError", "weight_table", "why",
}  # fmt: skip
WORDS = r"needs a tree, and `lion/liger` has several parents: `lion`, `tiger`"


def public() -> Iterator[tuple[str, Any]]:
    """Everything public that has a parameter `taxonomy`, once, by its module and name."""
    seen: set[int] = set()
    for module in MODULES:
        try:
            loaded = importlib.import_module(module)
        except ImportError:  # of an extra that is not installed
            continue
        for name in loaded.__all__:
            thing = getattr(loaded, name)
            if callable(thing) and id(thing) not in seen:
                seen.add(id(thing))
                if "taxonomy" in _parameters(thing):
                    yield f"{module}.{name}", thing


def _parameters(thing: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(thing).parameters)
    except ValueError:  # of what is no Python
        return {}


#: A right value of each parameter that has no default.
VALUES: dict[str, Any] = {
    "alpha": 0.5,
    "answers": [{"label": name, "score": 0.25} for name in GRAPH.classes],
    "cells": [], "counts": [1.0] * 7, "d": 0.5,
    "config": SimpleNamespace(num_labels=4, id2label={}), "features": torch.ones(3, 5), "in_features": 5,
    "head": torch.nn.Linear(5, 4), "input": torch.ones(3, 4), "keep": 0.5, "level": "depth_1",
    "level_weights": None, "logits": torch.ones(3, 4), "model": torch.nn.Linear(2, 4),
    "name": "flat", "preds": torch.ones(3, 4), "risk": 0.1, "seed": 0, "share": 0.5,
    "suggest": dict, "target": torch.tensor([0, 1, 2]), "tradeoff": 0.5, "train": iter, "trials": 1,
    "threshold": 0.5, "weights": {"depth_1": 1.0},
}  # fmt: skip


def call(name: str, thing: Any, folder: Path) -> Any:
    """Calls it with a graph and right values."""
    required = [
        one.name
        for one in _parameters(thing).values()
        if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]
    values = {**VALUES, "folder": folder, "path": folder / "x.csv", "taxonomy": GRAPH}
    return thing(**{key: values[key] for key in {*required, "taxonomy"}})


ALL = dict(public())
PUBLIC = {name: thing for name, thing in ALL.items() if name.rpartition(".")[2] not in KEEPERS | SERVED}


def test_many_things_take_a_taxonomy() -> None:
    """The search above finds the loss, a metric of each file, decisions, heads, weights."""
    assert len(ALL) > 60
    assert {"taxoloss.metrics.HOPS", "taxoloss.plot.tree", "taxoloss.heads.LevelHeads"} <= ALL.keys()


@pytest.mark.parametrize("name", [name for name in PUBLIC if not name.endswith("TaxonomyClassifier")])
def test_it_refuses_a_graph(name: str, tmp_path: Path) -> None:
    """At construction, or when it is called: no silent tree."""
    try:
        with pytest.raises(ValueError, match=WORDS):
            call(name, PUBLIC[name], tmp_path)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def test_a_classifier_refuses_one_way_down() -> None:
    """When it is fitted: scikit-learn's estimators check nothing before."""
    dummy = pytest.importorskip("sklearn.dummy").DummyClassifier()
    from taxoloss.integrations.sklearn import TaxonomyClassifier

    with pytest.raises(ValueError, match=WORDS):
        TaxonomyClassifier(dummy, GRAPH, decision="top_down").fit([[0], [1]], ["liger", "cat"])


@pytest.mark.parametrize("schedule", ["hxe", "balanced"])
def test_schedules_of_one_way_down_refuse_it(schedule: str) -> None:
    """Also where a loss is handed them."""
    made = getattr(taxoloss.weighting, schedule)
    weights = made(0.5) if schedule == "hxe" else made()
    for use in (weights, lambda graph: TaxonomyLoss(graph, weights)):
        with pytest.raises(ValueError, match=f"{schedule}.*{WORDS}"):
            use(GRAPH)


def test_questions_of_one_ancestor_are_refused() -> None:
    """A class may have several nodes on a level; the plan of trees is none of a graph."""
    for ask in (
        lambda: GRAPH.ancestor_index("depth_1"),
        lambda: GRAPH.class_to_node(1),
        lambda: plan_of(GRAPH),
    ):
        with pytest.raises(ValueError, match=WORDS):
            ask()


@pytest.mark.parametrize(
    ("nodes", "words"), [("a", ":"), ("ab", ", as 1 other node does:"), ("abc", ", as 2 other nodes do:")]
)
def test_it_counts_the_others(nodes: str, words: str) -> None:
    """One other node does, two do."""
    below = [{"name": name, "also_under": ["y"]} for name in nodes]
    graph = taxoloss.load({"tree": [{"name": "x", "children": [*below, "z"]}, "y"]}).bind()
    with pytest.raises(ValueError, match=f"`x/a` has several parents{words}"):
        plan_of(graph)


@pytest.mark.parametrize(
    ("named", "code"), [([3], "T116"), ([["y", 3]], "T116"), ([True], "T116"), ([""], "T117")]
)
def test_a_further_parent_that_is_no_name(named: list[Any], code: str) -> None:
    """One fault, at its place, in the words of the format and not of the library that reads it."""
    tree = [{"name": "x", "children": [{"name": "a", "also_under": named}, "z"]}, "y"]
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        taxoloss.load({"tree": tree})
    assert str(caught.value).startswith(f"error {code}")
    assert "at: x > a > also_under > 0\n" in f"{caught.value}\n"
    assert "tuple" not in str(caught.value)


def test_a_further_parent_in_another_unicode_form_is_found() -> None:
    """As names are: the composed and the decomposed form are one."""
    tree = [{"name": "x", "children": [{"name": "a", "also_under": ["e\u0301"]}, "z"]}, "\u00e9"]
    assert not taxoloss.load({"tree": tree}).is_tree


def test_sources_name_the_way_to_keep_all_parents(tmp_path: Path) -> None:
    """T203 stays the answer where nothing is said."""
    file = tmp_path / "a.csv"
    file.write_text("child,parent\nwaxwing,bird\nwaxwing,insect\nbee,insect\n")
    with pytest.raises(taxoloss.TaxonomyError, match="--parent all keeps them"):
        sources.read(file)
    with pytest.raises(taxoloss.TaxonomyError, match='parents="all" keeps them'):
        taxoloss.Taxonomy.from_edges([("a", "c"), ("b", "c"), ("b", "d")])
