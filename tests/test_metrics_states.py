"""Every metric as a torchmetrics metric: batches, merges, ranks, copies, dtypes, refusals, pictures."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from taxoloss import Taxonomy, metrics
from taxoloss.metrics import functional

ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
UNBOUND = Taxonomy.from_paths(ROWS, ["top", "leaf"])
TREE = UNBOUND.bind(["c", "a", "d", "b"], node_targets=True)
ROOT = TREE.node_id(())

#: Every metric, under every setting that changes what it keeps.
MAKE: dict[str, Callable[..., Any]] = {
    "LevelAccuracy": metrics.LevelAccuracy,
    "LevelAccuracy_2": lambda t, **o: metrics.LevelAccuracy(t, top_k=2, **o),
    "FullPathAccuracy": metrics.FullPathAccuracy,
    "HierarchicalDistance": metrics.HierarchicalDistance,
    "HierarchicalDistance_3": lambda t, **o: metrics.HierarchicalDistance(t, top_k=3, **o),
    "MistakeSeverity": metrics.MistakeSeverity,
    "TreeInducedError": metrics.TreeInducedError,
    "HOPS": metrics.HOPS,
    "HierarchicalFScore": metrics.HierarchicalFScore,
    "HierarchicalFScore_samples": lambda t, **o: metrics.HierarchicalFScore(t, average="samples", **o),
    "LevelCalibrationError": metrics.LevelCalibrationError,
    "OperatingCurve": metrics.OperatingCurve,
    "OperatingCurve_bins": lambda t, **o: metrics.OperatingCurve(t, value="depth", exact=False, **o),
    "RiskCoverage": metrics.RiskCoverage,
    "RiskCoverage_bins": lambda t, **o: metrics.RiskCoverage(t, exact=False, **o),
    "LevelConfusionMatrix": metrics.LevelConfusionMatrix,
}
OF_LOGITS = ("HOPS", "LevelCalibrationError", "OperatingCurve", "RiskCoverage", "LevelAccuracy_2")
each = pytest.mark.parametrize("name", MAKE)


def batch(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits, and targets of any node, some of them ignored."""
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, ROOT + 1, (rows,), generator=g)
    return 2 * torch.randn(rows, 4, generator=g), torch.where(target % 6 == 5, -100, target)


def scores(result: Any) -> dict[str, Tensor]:
    """A result as a dict."""
    return dict(result) if isinstance(result, dict) else {"": result}


def same(one: Any, other: Any) -> None:
    """Equal to the last bit, NaN for NaN."""
    one, other = scores(one), scores(other)
    assert one.keys() == other.keys()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0, equal_nan=True)


def of(metric: Any, *batches: tuple[Tensor, Tensor]) -> Any:
    """The score of some batches."""
    for preds, target in batches:
        metric.update(preds, target)
    return metric.compute()


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
    twin = {
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
    }[name.split("_")[0]]
    options: dict[str, Any] = {
        "LevelAccuracy_2": {"top_k": 2},
        "HierarchicalDistance_3": {"top_k": 3},
        "HierarchicalFScore_samples": {"average": "samples"},
        "OperatingCurve_bins": {"value": "depth", "exact": False},
        "RiskCoverage_bins": {"exact": False},
    }.get(name, {})
    same(twin(preds, target, TREE, **options), of(MAKE[name](TREE), (preds, target)))  # type: ignore[operator]


def test_a_collection_keeps_all_settings_apart() -> None:
    """All of them together give what each gives alone, from the first batch on."""
    made = {name: make(TREE) for name, make in MAKE.items()} | {"HOPS_2": metrics.HOPS(TREE, top_k=2)}
    together = MetricCollection(copy.deepcopy(made))
    first, second = batch(1, seed=3), batch(30, seed=4)
    for part in (first, second):
        together.update(*part)
    for name, metric in made.items():
        same(together[name].compute(), of(metric, first, second))


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
        metrics.bootstrap(MetricCollection({"m": __import__("torchmetrics").MeanMetric()}))


# -- ranks and pictures ----------------------------------------------------------------------------

RANK = """
import sys, warnings, torch, torch.distributed as dist
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[3])
import test_metrics_states as here
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


def test_two_ranks(tmp_path: Path) -> None:
    """Unequal numbers of batches, and none on one rank: no hang, and the score of all samples."""
    arguments = [str(tmp_path / "rendezvous"), str(Path(__file__).parent)]
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


@each
def test_pictures(name: str) -> None:
    """A figure of the score, of a list of scores, and in axes that are given."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    metric = MAKE[name](TREE)
    result = of(metric, batch(60))
    figure, _ = metric.plot()
    figure.canvas.draw()
    _, ax = plt.subplots()
    assert metric.plot(ax=ax)[1] is ax
    if name != "LevelConfusionMatrix":
        metric.plot([result, result])[0].canvas.draw()
    plt.close("all")


def test_a_matrix_is_drawn_in_tree_order() -> None:
    """Rows follow the tree, not the classes; a line stands between the groups."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    metric = metrics.LevelConfusionMatrix(TREE)
    of(metric, (torch.arange(4), torch.arange(4)))
    _, axes = metric.plot()
    assert [label.get_text() for label in axes[1].get_yticklabels()] == ["a", "b", "c", "d"]
    assert {float(line.get_ydata()[0]) for line in axes[1].lines if line.get_ydata()[0] > 1} == {1.5}
    plt.close("all")


def test_a_one_level_tree_is_torchmetrics() -> None:
    """Accuracy, calibration and confusion of a flat tree are those of the library."""
    classification = pytest.importorskip("torchmetrics.functional.classification")
    flat = Taxonomy.from_paths([(c,) for c in "abcde"]).bind()
    g = torch.Generator().manual_seed(0)
    preds, target = torch.randn(200, 5, generator=g), torch.randint(0, 5, (200,), generator=g)
    accuracy = classification.multiclass_accuracy(preds, target, 5, average="micro")
    found = functional.level_accuracy(preds, target, flat)["depth_1"]
    assert float(found) == pytest.approx(float(accuracy))
    error = classification.multiclass_calibration_error(preds.softmax(1), target, 5)
    found = functional.level_calibration_error(preds, target, flat)["depth_1"]
    assert float(found) == pytest.approx(float(error), abs=1e-6)
    wanted = classification.multiclass_confusion_matrix(preds, target, 5)
    assert torch.equal(functional.level_confusion_matrix(preds, target, flat)["depth_1"], wanted)
