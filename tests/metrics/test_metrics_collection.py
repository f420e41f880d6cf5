"""The collection, intervals and ranks of the metrics."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from metric_cases import ROWS, TREE, batch, of, same
from torchmetrics import MeanMetric, MetricCollection

from taxoloss import Taxonomy, metrics

# -- the collection --------------------------------------------------------------------------------


def test_the_collection() -> None:
    """Scalars under flat keys; each what the metric says alone; forward gives the batch's."""
    made = metrics.collection(TREE, ranking=True, curves=True, prefix="val/")
    parts = [batch(11), batch(5, seed=1)]
    for part in parts:
        on_batch = made(*part)
        fresh = metrics.collection(TREE, ranking=True, curves=True, prefix="val/")
        same(on_batch, of(fresh, part))
    found = made.compute()
    assert all(value.dim() == 0 for value in found.values())
    accuracy = of(metrics.LevelAccuracy(TREE), *parts)
    error = of(metrics.LevelCalibrationError(TREE), *parts)
    for level in TREE.levels:
        same(found[f"val/accuracy/{level}"], accuracy[level])
        same(found[f"val/calibration_error/{level}"], error[level])
    alone = {
        "severity": metrics.MistakeSeverity(TREE),
        "distance": metrics.HierarchicalDistance(TREE),
        "tree_induced_error": metrics.TreeInducedError(TREE),
        "full_path_accuracy": metrics.FullPathAccuracy(TREE),
        "hops": metrics.HOPS(TREE),
    }
    for name, metric in alone.items():
        same(found[f"val/{name}"], of(metric, *parts))
    fscore = of(metrics.HierarchicalFScore(TREE), *parts)
    for name, value in fscore.items():
        same(found[f"val/{name}"], value)
    again = pickle.loads(pickle.dumps(made))
    same(again.compute(), found)
    made.reset()
    same(of(made, *parts), found)


def test_one_state_for_the_scores_of_a_family() -> None:
    """Accuracies of all levels are counted once."""
    made = metrics.collection(TREE)
    of(made, batch(10))
    assert {len(names) for names in made.compute_groups.values()} == {1, 2, 3}


def test_a_collection_of_answers() -> None:
    """Of node ids, without calibration; with it, they are refused."""
    answers, target = torch.tensor([0, 4, 1]), torch.tensor([0, 1, 2])
    of(metrics.collection(TREE, calibration=False), (answers, target))
    with pytest.raises(ValueError, match="node ids"):
        metrics.collection(TREE).update(answers, target)


def test_names_with_a_dot() -> None:
    """torch allows none in the name of a module."""
    tree = Taxonomy.from_paths(ROWS, ["a.b", "leaf"]).bind()
    assert "accuracy/a_b" in metrics.collection(tree)
    with pytest.raises(ValueError, match="differ"):
        metrics.collection(Taxonomy.from_paths(ROWS, ["a.b", "a_b"]).bind())


# -- intervals -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_draws_do_not_depend_on_batches() -> None:
    """The same intervals, however the samples come; draw 0 is the sample itself."""
    preds, target = batch(60)
    one = metrics.bootstrap(metrics.collection(TREE, curves=True), draws=12)
    one.update(preds, target)
    many = metrics.bootstrap(metrics.collection(TREE, curves=True), draws=12)
    for start in range(0, 60, 7):
        many.update(preds[start : start + 7], target[start : start + 7])
    for name, draws in one.scores().items():
        torch.testing.assert_close(draws, many.scores()[name], equal_nan=True)
    plain = of(metrics.collection(TREE, curves=True), (preds, target))
    for name, interval in one.compute().items():
        assert interval.value == float(plain[name])
        assert interval.low <= interval.high


@pytest.mark.slow
def test_intervals_cover() -> None:
    """Of 200 samples of a known accuracy about 95 in 100 intervals hold it."""
    inside = 0
    for seed in range(150):
        g = torch.Generator().manual_seed(seed)
        right = torch.rand(200, generator=g) < 0.7
        made = metrics.bootstrap(metrics.FullPathAccuracy(TREE), draws=200, seed=seed)
        made.update(torch.where(right, 0, 1), torch.zeros(200, dtype=torch.long))
        value, low, high = made.compute()["full_path_accuracy"]
        assert value == pytest.approx(float(right.double().mean()))
        inside += low <= 0.7 <= high
    assert 0.88 * 150 <= inside <= 150


def test_paired() -> None:
    """The same answers differ by 0; a pair is narrower than two; other samples are refused."""
    preds, target = batch(300)
    worse = preds + 0.5 * torch.randn(300, 4, generator=torch.Generator().manual_seed(9))
    a, b, again = (metrics.bootstrap(metrics.LevelAccuracy(TREE), draws=300) for _ in range(3))
    a.update(preds, target)
    b.update(worse, target)
    again.update(preds, target)
    assert set(metrics.paired(a, again)["level_accuracy/leaf"]) == {0.0}
    difference = metrics.paired(a, b)["level_accuracy/leaf"]
    one, other = a.compute()["level_accuracy/leaf"], b.compute()["level_accuracy/leaf"]
    assert difference.value == pytest.approx(one.value - other.value, abs=1e-6)
    assert difference.high - difference.low < (one.high - one.low) + (other.high - other.low)
    moved = metrics.bootstrap(metrics.LevelAccuracy(TREE), draws=300)
    moved.update(preds, target.roll(1))
    with pytest.raises(ValueError, match="same targets"):
        metrics.paired(a, moved)
    with pytest.raises(ValueError, match="seed"):
        metrics.paired(a, metrics.bootstrap(metrics.LevelAccuracy(TREE), draws=300, seed=1))


@pytest.mark.parametrize(
    ("options", "words"), [({"draws": 1}, "draws"), ({"confidence": 1.0}, "confidence")]
)
def test_bootstrap_refused(options: dict[str, Any], words: str) -> None:
    """Too few draws, no confidence, a list of steps, another library's metric."""
    with pytest.raises(ValueError, match=words):
        metrics.bootstrap(metrics.HOPS(TREE), **options)
    with pytest.raises(ValueError, match="exact=False"):
        metrics.bootstrap(metrics.OperatingCurve(TREE))
    with pytest.raises(TypeError, match="MeanMetric"):
        metrics.bootstrap(MetricCollection({"m": MeanMetric()}))
    with pytest.raises(TypeError, match="LevelConfusionMatrix"):
        metrics.bootstrap(metrics.LevelConfusionMatrix(TREE))


@pytest.mark.parametrize("levels", [None, ["species"]])
def test_a_name_is_no_taxonomy(levels: Any) -> None:
    """In words, also where levels are named."""
    with pytest.raises(TypeError, match="Taxonomy"):
        metrics.LevelConfusionMatrix("pets", levels=levels)  # type: ignore[arg-type]


# -- ranks -----------------------------------------------------------------------------------------

RANK = """
import sys, warnings, torch, torch.distributed as dist
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[3])
import metric_cases as here
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
preds, target = here.batch(40)
made = {name: make(here.TREE) for name, make in here.MAKE.items()}
made["bootstrap"] = here.metrics.bootstrap(here.metrics.HOPS(here.TREE), draws=5)
uneven = ((0, 9), (9, 30)) if rank == 0 else ((30, 40),)
counts = {"uneven": uneven, "none": ((0, 40),) if rank == 0 else ()}
for name, parts in counts.items():
    for key, metric in made.items():
        metric.reset()
        for a, b in parts:
            metric.update(preds[a:b], target[a:b])
        found = metric.compute()
        if key == "bootstrap":
            continue
        whole = here.of(here.MAKE[key](here.TREE, sync_on_compute=False), (preds, target))
        for k, value in here.scores(found).items():
            torch.testing.assert_close(value, here.scores(whole)[k], equal_nan=True)
print("agreed")
"""


@pytest.mark.slow
@pytest.mark.one_form("adds up what either form counts")
def test_two_ranks(tmp_path: Path) -> None:
    """Unequal numbers of batches, and none on one rank: no hang, and the score of all samples."""
    arguments = [str(tmp_path / "rendezvous"), str(Path(__file__).parents[1] / "oracles")]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    for rank in ranks:
        output, _ = rank.communicate()
        assert rank.returncode == 0, output
        assert output.endswith("agreed\n")
