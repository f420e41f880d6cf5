"""Metrics after inference mode, under another default device, and of another dtype."""

from __future__ import annotations

import copy
from typing import Any

import modes
import pytest
import torch
from modes import fresh, logits, targets
from torch.testing import assert_close

from taxoloss import metrics


@pytest.mark.parametrize("first", ["update", "forward", "reset", "made", "copied"])
def test_metrics_after_inference_mode(first: str) -> None:
    """Validated under inference mode, as Lightning does before it trains, a collection counts on."""
    taxonomy = fresh()
    batch = logits(), targets()
    scores: Any = metrics.collection(taxonomy, ranking=True, curves=True)
    drawn: Any = metrics.bootstrap(metrics.collection(taxonomy), draws=5)
    with torch.inference_mode():
        if first == "made":
            scores = metrics.collection(taxonomy, ranking=True, curves=True)
            drawn = metrics.bootstrap(metrics.collection(taxonomy), draws=5)
        for metric in (scores, drawn):
            metric.reset()
        if first == "forward":
            scores(*batch)
        elif first != "reset":
            scores.update(*batch)
        drawn.update(*batch)
        if first == "copied":
            scores, drawn = scores.clone(), drawn.clone()
            scores.reset()
            scores.update(*batch)
    scores.update(*batch)
    drawn.update(*batch)
    want = metrics.collection(taxonomy, ranking=True, curves=True)
    for _ in range(1 if first == "reset" else 2):
        want.update(*batch)
    assert_close(scores.compute(), want.compute(), rtol=0, atol=0, equal_nan=True)
    assert drawn.compute()["distance"].value == pytest.approx(float(want.compute()["distance"]))


@pytest.mark.parametrize("rows", [0, 6])
def test_a_default_device_changes_no_score(rows: int) -> None:
    """Metrics and matrices under another default device, of tensors that are told where they are."""

    def made() -> list[Any]:
        parts = [metrics.OperatingCurve(fresh()), metrics.RiskCoverage(fresh(), exact=False)]
        drawn = metrics.bootstrap(metrics.collection(fresh()), draws=3)
        return [metrics.collection(fresh(), ranking=True, curves=True), *parts, drawn]

    def found(scores: list[Any]) -> list[Any]:
        matrix, sparse = (fresh().aggregation_matrix("top", sparse=sparse) for sparse in (False, True))
        for metric in scores:
            metric.update(z, y)
        values = [metric.compute() for metric in scores]
        values.append(list(scores[2].curve()))  # in bins
        return [*values, matrix, sparse.to_dense(), fresh().node_ids(["a"]), fresh().ancestor_index("top")]

    z, y = logits()[:rows], targets()[:rows]
    want, scores = found(made()), made()
    with modes.default_device("meta"):
        got = found(scores)
    assert_close(got, want, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_metrics_of_another_dtype(dtype: torch.dtype) -> None:
    """Their sums stay integers."""
    made: list[Any] = [metrics.collection(fresh(), ranking=True, curves=True)]
    made.append(metrics.LevelConfusionMatrix(fresh()))
    for metric in made:
        want = copy.deepcopy(metric)
        metric.set_dtype(dtype)
        for one in (metric, want):
            one.update(logits(), targets())
        assert_close(metric.compute(), want.compute(), rtol=0, atol=0, equal_nan=True)
