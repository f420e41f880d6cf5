"""Every metric as a torchmetrics metric: batches, merges, copies, dtypes, refusals, its functional twin."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from metric_cases import MAKE, ROOT, TREE, UNBOUND, batch, of, same, scores
from torchmetrics import MetricCollection

from taxoloss import metrics
from taxoloss.metrics import functional

OF_LOGITS = ("HOPS", "LevelCalibrationError", "OperatingCurve", "RiskCoverage", "LevelAccuracy_2")
each = pytest.mark.parametrize("name", MAKE)


@each
def test_batches_merges_and_order(name: str) -> None:
    """Uneven batches, an empty one, any order, merged states, forward: to the last bit."""
    preds, target = batch(40)
    whole = of(MAKE[name](TREE), (preds, target))
    parts = [(preds[a:b], target[a:b]) for a, b in ((0, 3), (3, 3), (3, 30), (30, 40))]
    same(of(MAKE[name](TREE), *parts), whole)
    if "OperatingCurve" not in name and "RiskCoverage" not in name:  # a list's sums depend on its order
        same(of(MAKE[name](TREE), *reversed(parts)), whole)
    one, other = MAKE[name](TREE), MAKE[name](TREE)
    of(one, *parts[:2])
    of(other, *parts[2:])
    one.merge_state(other)
    close = {key: (value, scores(whole)[key]) for key, value in scores(one.compute()).items()}
    for found, wanted in close.values():
        torch.testing.assert_close(found, wanted, equal_nan=True)
    stepwise = MAKE[name](TREE)
    for part in parts:
        same(stepwise(*part), of(MAKE[name](TREE), part))
    for key, found in scores(stepwise.compute()).items():
        torch.testing.assert_close(found, scores(whole)[key], equal_nan=True)


@each
def test_states_are_integers(name: str) -> None:
    """One int64 sum; the exact curves keep a list too; nothing in a checkpoint."""
    metric = MAKE[name](TREE)
    of(metric, batch(20))
    for state, default in metric._defaults.items():
        value = getattr(metric, state)
        assert isinstance(default, list) or value.dtype == torch.long
    assert dict(metric.state_dict()) == {}
    assert list(metric.parameters()) == []


@each
def test_copies_and_reset(name: str) -> None:
    """Pickle, deepcopy and clone keep what was counted and go on apart; reset forgets it."""
    metric = MAKE[name](TREE)
    wanted = of(metric, batch(20))
    for other in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone()):
        same(other.compute(), wanted)
        of(other, batch(20, seed=1))
        same(metric.compute(), wanted)
        other.reset()
        same(of(other, batch(20)), wanted)


@each
def test_dense_and_single(name: str) -> None:
    """(N, C, 2, 3) and (C,) are their rows."""
    preds, target = batch(12)
    whole = of(MAKE[name](TREE), (preds, target))
    dense = preds.reshape(2, 2, 3, 4).movedim(-1, 1)
    same(of(MAKE[name](TREE), (dense, target.reshape(2, 2, 3))), whole)
    single = of(MAKE[name](TREE), *zip(preds, target, strict=True))
    for key, found in scores(single).items():
        torch.testing.assert_close(found, scores(whole)[key], equal_nan=True)


@each
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(name: str, dtype: torch.dtype) -> None:
    """Narrow logits are computed in float32; the scores are float32, counts int64."""
    preds, target = batch(30)
    found = of(MAKE[name](TREE), (preds.to(dtype), target.int()))
    wanted = of(MAKE[name](TREE), (preds.to(dtype).float(), target))
    for key, value in scores(found).items():
        assert value.dtype == (torch.long if name == "LevelConfusionMatrix" else torch.float32)
        torch.testing.assert_close(value, scores(wanted)[key], equal_nan=True)


@each
def test_nothing_counted(name: str) -> None:
    """Ignored, the root, or no sample: NaN (counts: 0), and no exception."""
    for target in (torch.full((3,), -100), torch.full((3,), ROOT), torch.zeros(0, dtype=torch.long)):
        found = scores(of(MAKE[name](TREE), (batch(3)[0][: len(target)], target)))
        for key, value in found.items():
            if name == "LevelConfusionMatrix":
                assert int(value.sum()) == 0
            elif key != "bin_error":
                assert bool(value.isnan().all())


@each
def test_ignored_rows_are_as_if_they_were_not_there(name: str) -> None:
    """Whatever their number, and a class's."""
    preds, target = batch(30)
    kept = target != 1
    found = of(MAKE[name](TREE, ignore_index=1), (preds, target.clamp(min=0)))
    wanted = of(MAKE[name](TREE), (preds[kept], target[kept].clamp(min=0)))
    same(found, wanted)


@each
def test_refused(name: str) -> None:
    """Probabilities, NaN, wrong shapes, inner targets without node_targets; and nothing is counted."""
    preds, target = batch(6)
    metric = MAKE[name](TREE)
    bad = [
        (ValueError, preds.softmax(1), target, r"p\.log"),
        (ValueError, preds * torch.nan, target, "NaN.*row 0"),
        (ValueError, preds[:, :3], target, "4.*3"),
        (ValueError, preds, target[:2], r"\(6,\).*\(2,\)"),
        (IndexError, preds, target + 9, r"0\.\.6"),
        (TypeError, preds.tolist(), target, "list"),
    ]
    for kind, z, y, words in bad:
        with pytest.raises(kind, match=f"(?s){words}"):
            metric.update(z, y)
    same(of(metric, (preds, target)), of(MAKE[name](TREE), (preds, target)))
    with pytest.raises(IndexError, match=r"4.*node_targets"):
        MAKE[name](UNBOUND.bind()).update(preds[:1], torch.tensor([4]))
    with pytest.raises(ValueError, match="bind"):
        MAKE[name](UNBOUND)
    with pytest.raises(ValueError, match="ignore_index"):
        MAKE[name](TREE, ignore_index=5)


@each
def test_node_ids(name: str) -> None:
    """Answers of any decision are scored, where one answer is enough."""
    _, target = batch(30)
    answers = torch.randint(0, ROOT + 1, (30,), generator=torch.Generator().manual_seed(5))
    if name.startswith(OF_LOGITS) or name == "HierarchicalDistance_3":
        with pytest.raises(ValueError, match=r"logits.*node ids"):
            MAKE[name](TREE).update(answers, target)
        return
    of(MAKE[name](TREE), (answers, target))
    with pytest.raises(IndexError, match=r"answers in 0\.\.6"):
        MAKE[name](TREE).update(answers + ROOT + 1, target)


def test_rankings() -> None:
    """Integers with one dimension more; repeated classes and inner nodes are refused."""
    order = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]])
    target = torch.tensor([0, 0])
    assert float(functional.hops(order, target, TREE, top_k=1)) == 0.5
    assert float(functional.hierarchical_distance(order, target, TREE)) == 1.0
    with pytest.raises(ValueError, match="repeat"):
        functional.hops(torch.zeros(2, 4, dtype=torch.long), target, TREE)
    with pytest.raises(IndexError, match=r"0\.\.3.*4"):
        functional.hops(order + 2, target, TREE)
    with pytest.raises(ValueError, match="4 classes"):
        functional.hops(order[:, :3], target, TREE)


@each
def test_the_functional_twin(name: str) -> None:
    """The same number from all predictions at once."""
    preds, target = batch(25)
    twins: dict[str, Callable[..., Any]] = {
        "LevelAccuracy": functional.level_accuracy,
        "FullPathAccuracy": functional.full_path_accuracy,
        "HierarchicalDistance": functional.hierarchical_distance,
        "MistakeSeverity": functional.mistake_severity,
        "TreeInducedError": functional.tree_induced_error,
        "HOPS": functional.hops,
        "HierarchicalFScore": functional.hierarchical_f_score,
        "LevelCalibrationError": functional.level_calibration_error,
        "OperatingCurve": functional.operating_curve,
        "RiskCoverage": functional.risk_coverage,
        "LevelConfusionMatrix": functional.level_confusion_matrix,
    }
    twin = twins[name.split("_")[0]]
    of_name: dict[str, dict[str, Any]] = {
        "LevelAccuracy_2": {"top_k": 2},
        "HierarchicalDistance_3": {"top_k": 3},
        "HierarchicalFScore_samples": {"average": "samples"},
        "OperatingCurve_bins": {"value": "depth", "exact": False},
        "RiskCoverage_bins": {"exact": False},
    }
    found = twin(preds, target, TREE, **of_name.get(name, {}))
    same(found, of(MAKE[name](TREE), (preds, target)))


def test_a_collection_keeps_all_settings_apart() -> None:
    """All of them together give what each gives alone, from the first batch on."""
    made = {name: make(TREE) for name, make in MAKE.items()} | {"HOPS_2": metrics.HOPS(TREE, top_k=2)}
    together = MetricCollection(copy.deepcopy(made))
    first, second = batch(1, seed=3), batch(30, seed=4)
    for part in (first, second):
        together.update(*part)
    for name, metric in made.items():
        same(together[name].compute(), of(metric, first, second))
