"""Metrics of classes with several parents count as those of trees do, and say the same of a tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from inner_cases import InnerCase, inner_cases
from metric_cases import MAKE, of, same
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy, metrics
from taxoloss.functional.graphs.nodes import graph_nodes
from taxoloss.metrics.base import batch, chance

#: Those that a graph has on any level.
REFUSED = ("HOPS", "LevelConfusionMatrix")
SERVED = [name for name in MAKE if not name.startswith(REFUSED)]
#: They sum log-odds, which are not made in the same way.
CURVES = [name for name in SERVED if name.startswith(("OperatingCurve", "RiskCoverage"))]


@contextmanager
def as_graph() -> Iterator[None]:
    """Inside, a tree is looked up by the tables of graphs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "nodes_of", graph_nodes)
        patch.setattr(batch, "pair_facts", lambda *_: None)
        yield


def any_batch(t: Taxonomy, rng: np.random.Generator, *shape: int) -> tuple[Tensor, Tensor]:
    """Logits and targets that are any node, some of them ignored."""
    logits = torch.from_numpy(rng.normal(0, 2.0, (shape[0], len(t), *shape[1:])))
    return logits, torch.from_numpy(rng.choice([*range(t.num_nodes), -100], shape))


def same_as_a_tree(t: Taxonomy, rng: np.random.Generator) -> None:
    """Every metric of logits, dense ones too, and of node ids."""
    z, y = any_batch(t, rng, 12)
    dense = any_batch(t, rng, 3, 4)
    answers = torch.from_numpy(rng.integers(t.num_nodes, size=12))
    of_logits = [*(name for name in SERVED if name not in CURVES), "LevelConfusionMatrix"]
    of_ids = ["FullPathAccuracy", "HierarchicalFScore_samples", "LevelAccuracy", "LevelConfusionMatrix"]
    for names, batches in ((of_logits, [(z, y), dense]), ([*of_ids, "MistakeSeverity"], [(answers, y)])):
        for name in names:
            wanted = of(MAKE[name](t), *batches)
            with as_graph():
                same(of(MAKE[name](t), *batches), wanted)
    with as_graph():
        metric = metrics.MistakeSeverity(t)
        metric.update(answers, y)
    parts = [part.numpy() for part in getattr(metric, metric._counts).split(metric._parts)[1:]]
    if parts[0].sum() and parts[1].sum():
        shares = [part / part.sum() for part in parts]
        found = chance._chance_on_a_graph(t, *shares)
        np.testing.assert_allclose(found, chance.chance_by_height(t, *parts), atol=1e-12)


@given(taxonomies(), seeds)
@SETTINGS
def test_a_tree_has_the_scores_of_trees(case: Case, rng: np.random.Generator) -> None:
    """To the last bit."""
    same_as_a_tree(case.taxonomy, rng)


@given(inner_cases(), seeds)
@SETTINGS
def test_classes_above_others_too(case: InnerCase, rng: np.random.Generator) -> None:
    """They are leaves of their own."""
    same_as_a_tree(case.taxonomy, rng)


@given(graphs(), seeds, st.booleans())
@SETTINGS
def test_together_and_alone(case: GraphCase, rng: np.random.Generator, dense: bool) -> None:
    """A collection, each metric for itself a row at a time, merged states, other shapes: the same."""
    t = case.taxonomy.bind(node_targets=True)
    batches = [any_batch(t, rng, rows, *(2, 2) * dense) for rows in (7, 0, 5)]
    together = metrics.collection(t, top_k=2)
    for z, y in batches:
        together.update(z, y)
    found = together.compute()
    for name, metric in metrics.collection(t, top_k=2).items():
        other: Any = metric.clone()
        for z, y in batches:
            for row in range(len(z)):
                (metric if row % 2 else other).update(z[row : row + 1], y[row : row + 1])
        metric.merge_state(other)
        same(metric.compute(), found[name])


@pytest.mark.parametrize("name", SERVED)
def test_probabilities_and_ignored_rows(name: str) -> None:
    """Probabilities say what logits do; rows that do not count may hold anything."""
    t, rng = wide_diamond(), np.random.default_rng(0)
    z, y = any_batch(t, rng, 40)
    z = (z * 4).round() / 4
    wanted = of(MAKE[name](t), (z, y))
    gone = (y == -100) | (y == t.num_nodes - 1)
    same(of(MAKE[name](t), (z.masked_fill(gone.unsqueeze(1), torch.nan), y)), wanted)
    found = of(MAKE[name](t, probabilities=True), (z.softmax(1), y))
    for key, value in dict(found).items() if isinstance(found, dict) else [("", found)]:
        expected = wanted[key] if isinstance(wanted, dict) else wanted
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)


def test_intervals() -> None:
    """The value of a bootstrap is that of the collection."""
    t = wide_diamond()
    pair = any_batch(t, np.random.default_rng(0), 60)
    drawn, whole = (
        metrics.bootstrap(metrics.collection(t, top_k=3), draws=20),
        metrics.collection(t, top_k=3),
    )
    drawn.update(*pair)
    whole.update(*pair)
    scores = whole.compute()
    for name, (value, low, high) in drawn.compute().items():
        assert value == pytest.approx(float(scores[name]))
        assert low <= high


@pytest.mark.parametrize("name", [n for n in SERVED if "_" not in n])
def test_pictures(name: str) -> None:
    """Of each metric that has one; matrices in the order of the homes."""
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    t = wide_diamond()
    metric: Any = MAKE[name](t)
    metric.update(*any_batch(t, np.random.default_rng(0), 60))
    figure, _ = metric.plot()
    assert figure.axes
    pyplot.close(figure)
