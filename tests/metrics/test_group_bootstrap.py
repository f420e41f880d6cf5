"""Intervals where groups are drawn: against samples repeated by hand, and how often they hold the truth."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from metric_cases import TREE, batch, of
from torch import Tensor
from torchmetrics import MetricCollection

from taxoloss import metrics
from taxoloss.metrics import Bootstrap

NAMES = ["north", "lake", "hill", "dam", "mill"]


def groups_of(count: int, seed: int = 0) -> list[str]:
    """Of unequal sizes, none together."""
    rng = np.random.default_rng(seed)
    return [NAMES[at] for at in rng.choice(5, count, p=[0.4, 0.3, 0.15, 0.1, 0.05])]


def drawn(metric: Any, preds: Tensor, target: Tensor, size: int = 1000, **options: Any) -> Bootstrap:
    """Updated with all samples, so many at a time."""
    made = metrics.bootstrap(metric, **options)
    for part in torch.arange(len(target)).split(size):
        made.update(preds[part], target[part])
    return made


def everything() -> MetricCollection:
    """With sums of each kind: of levels, of pairs, in bins."""
    return metrics.collection(TREE, ranking=True, curves=True)


@pytest.mark.parametrize("size", [90, 7])
def test_a_draw_is_the_score_of_the_samples_of_the_drawn_groups(size: int) -> None:
    """Each group's samples repeated as often as it is drawn, in numpy; one that is not drawn left out."""
    preds, target = batch(90)
    groups = groups_of(90)
    made = drawn(everything(), preds, target, size, draws=6, groups=groups)
    names = list(dict.fromkeys(groups))
    weights = made._weights(np.arange(5)).numpy()
    assert (weights[:, 0] == 1).all()
    assert len(np.unique(weights[:, 1:])) > 2
    found = made.scores()
    for draw in range(7):
        times = np.array([weights[names.index(group), draw] for group in groups])
        again = torch.from_numpy(np.repeat(np.arange(90), times))
        wanted = of(everything(), (preds[again], target[again]))
        assert found.keys() == wanted.keys()
        for name, score in found.items():
            torch.testing.assert_close(score[draw], wanted[name], equal_nan=True)


def test_groups_of_one_sample_are_no_groups() -> None:
    """The same draws as without groups, to the last bit."""
    preds, target = batch(80)
    one = drawn(everything(), preds, target, 80, draws=20, seed=3)
    other = drawn(everything(), preds, target, 9, draws=20, seed=3, groups=[f"s{row}" for row in range(80)])
    assert one.scores().keys() == other.scores().keys()
    for name, score in one.scores().items():
        assert torch.equal(score.nan_to_num(-1), other.scores()[name].nan_to_num(-1))


def test_many_draws_are_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers, with and without groups."""
    preds, target = batch(60)
    for groups in (None, groups_of(60)):
        whole = drawn(everything(), preds, target, draws=11, groups=groups).scores()
        monkeypatch.setattr(sys.modules[Bootstrap.__module__], "_BLOCK", 30)
        pieces = drawn(everything(), preds, target, draws=11, groups=groups).scores()
        monkeypatch.undo()
        assert all(torch.equal(whole[name].nan_to_num(-1), pieces[name].nan_to_num(-1)) for name in whole)


def test_whatever_holds_the_groups() -> None:
    """Texts, numbers, columns, tensors: one result."""
    preds, target = batch(50)
    texts = groups_of(50)
    numbers = [7 * NAMES.index(name) - 3 for name in texts]
    wanted = drawn(metrics.HOPS(TREE), preds, target, draws=40, groups=texts).compute()
    for groups in (
        numbers,
        np.array(texts),
        pd.Series(texts, index=range(50, 0, -1)),
        torch.tensor(numbers),
    ):
        assert drawn(metrics.HOPS(TREE), preds, target, 6, draws=40, groups=groups).compute() == wanted


def test_paired_with_groups() -> None:
    """The difference of each draw, whose groups are the same for both; other groups are refused."""
    preds, target = batch(120)
    worse = preds + torch.randn(120, 4, generator=torch.Generator().manual_seed(1))
    texts = groups_of(120)
    a = drawn(metrics.LevelAccuracy(TREE), preds, target, draws=100, groups=texts)
    numbers = [NAMES.index(name) for name in texts]
    b = drawn(metrics.LevelAccuracy(TREE), worse, target, draws=100, groups=numbers)
    for name, (value, low, high) in metrics.paired(a, b).items():
        differences = (a.scores()[name] - b.scores()[name]).double()
        assert value == float(differences[0])
        assert (low, high) == pytest.approx(
            np.nanquantile(differences[1:].numpy(), [0.025, 0.975]).tolist()
        )
    moved = texts[:100] + ["lake"] * 20
    for other, words in (
        (None, r"5 of 120 samples and none"),
        (moved, r"5 of 120 samples and \d of 120 samples, which differ first at sample 10\d"),
    ):
        with pytest.raises(ValueError, match=f"the same groups, got {words}"):
            metrics.paired(a, drawn(metrics.LevelAccuracy(TREE), worse, target, draws=100, groups=other))


# -- what is refused -------------------------------------------------------------------------------


def test_as_many_samples_as_groups() -> None:
    """More, fewer, of another shape: both numbers."""
    preds, target = batch(30)
    made = metrics.bootstrap(metrics.HOPS(TREE), draws=5, groups=groups_of(20))
    made.update(preds[:12], target[:12])
    with pytest.raises(ValueError, match=r"expected 20 samples.*got 12"):
        made.compute()
    with pytest.raises(ValueError, match=r"expected 20 samples.*got 30"):
        made.update(preds[12:], target[12:])
    made.update(preds[12:20], target[12:20])  # what was refused was not counted
    wanted = drawn(metrics.HOPS(TREE), preds[:20], target[:20], draws=5, groups=groups_of(20))
    assert made.compute() == wanted.compute()
    wide = metrics.bootstrap(metrics.FullPathAccuracy(TREE), draws=5, groups=np.arange(12).reshape(3, 4))
    with pytest.raises(ValueError, match=r"the shape of groups, \(N, 4,\).*got \(4, 3\)"):
        wide.update(torch.zeros(4, 3, dtype=torch.long), torch.zeros(4, 3, dtype=torch.long))


def test_groups_of_samples_in_several_dimensions() -> None:
    """One for each sample, as the targets have them."""
    preds, target = batch(24)
    groups = np.arange(24).reshape(4, 6) // 5
    wide = drawn(metrics.FullPathAccuracy(TREE), preds.argmax(1).view(4, 6), target.view(4, 6), 1,
                 draws=9, groups=groups)  # fmt: skip
    flat = drawn(
        metrics.FullPathAccuracy(TREE), preds.argmax(1), target, draws=9, groups=groups.reshape(-1)
    )
    assert wide.compute() == flat.compute()


@pytest.mark.parametrize(("groups", "words"), [(["lake"] * 9, "got 1"), ([], "got 0")])
def test_groups_to_draw_from(groups: list[str], words: str) -> None:
    """One group has no others to compare it with."""
    with pytest.raises(ValueError, match=f"two groups or more to draw from, {words}"):
        metrics.bootstrap(metrics.HOPS(TREE), groups=groups)


def test_what_is_no_group() -> None:
    """Missing or another kind of value."""
    with pytest.raises(ValueError, match="position 1 has none"):
        metrics.bootstrap(metrics.HOPS(TREE), groups=["lake", None])
    with pytest.raises(TypeError, match=r"got torch\.float32"):
        metrics.bootstrap(metrics.HOPS(TREE), groups=torch.zeros(4))


def test_forward() -> None:
    """Each batch at its place in the stream, as `update` has it; with groups it is refused, uncounted."""
    preds, target = batch(60)
    one, other = (metrics.bootstrap(metrics.LevelAccuracy(TREE), draws=30) for _ in range(2))
    for part in torch.arange(60).split(20):
        one.update(preds[part], target[part])
        alone = other(preds[part], target[part])
        assert alone.keys() == other.compute().keys()
    assert other.compute() == one.compute()
    grouped = metrics.bootstrap(metrics.LevelAccuracy(TREE), draws=30, groups=groups_of(60))
    with pytest.raises(ValueError, match="then compute"):
        grouped(preds, target)
    assert int(grouped.seen[0]) == 0


def test_copies_and_resets() -> None:
    """A copy keeps its groups; a reset one starts again with the first."""
    preds, target = batch(40)
    made = drawn(metrics.HOPS(TREE), preds, target, 9, draws=12, groups=groups_of(40))
    assert pickle.loads(pickle.dumps(made)).compute() == made.compute()
    again = made.clone()
    again.reset()
    again.update(preds, target)
    assert again.compute() == made.compute()


RANK = """
import sys, warnings, torch, torch.distributed as dist
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[3])
import metric_cases as here
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=int(sys.argv[1]), world_size=2)
try:
    here.metrics.bootstrap(here.metrics.HOPS(here.TREE), groups=[0, 1] * 5).update(*here.batch(10))
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.one_form("refuses before anything is counted")
def test_two_ranks(tmp_path: Path) -> None:
    """A group whose samples several processes hold cannot be drawn as one."""
    arguments = [str(tmp_path / "rendezvous"), str(Path(__file__).parents[1] / "oracles")]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), *arguments], stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    assert all("expected groups in one process, got 2 ranks" in rank.communicate()[0] for rank in ranks)


# -- how often they hold the truth -----------------------------------------------------------------


def answers(rng: np.random.Generator, groups: int, each: int) -> tuple[Tensor, Tensor, list[int]]:
    """Seven in ten are right: in each group more or less, as Beta(3.5, 1.5) has it (correlation 1 / 6)."""
    right = rng.random((groups, each)) < rng.beta(3.5, 1.5, (groups, 1))
    preds = torch.from_numpy(np.where(right, 0, 1).reshape(-1))
    return preds, torch.zeros(groups * each, dtype=torch.long), np.repeat(np.arange(groups), each).tolist()


@pytest.mark.one_form("counts answers, not logits")
def test_intervals_of_groups_cover() -> None:
    """40 groups of 25: nearly 95 in 100 with groups, and about six in ten without."""
    rng = np.random.default_rng(0)
    held = {"groups": 0, "samples": 0}
    for seed in range(150):
        preds, target, groups = answers(rng, 40, 25)
        for kind, given in (("groups", groups), ("samples", None)):
            made = drawn(metrics.FullPathAccuracy(TREE), preds, target, draws=200, seed=seed, groups=given)
            _, low, high = made.compute()["full_path_accuracy"]
            held[kind] += low <= 0.7 <= high
    assert 0.87 * 150 <= held["groups"] <= 150  # 0.93 +- 3 standard errors
    assert held["samples"] <= 0.75 * 150


@pytest.mark.slow
@pytest.mark.one_form("counts answers, not logits")
def test_differences_of_models_cover() -> None:
    """Two models that are equally good, each at other places: paired intervals of groups hold 0."""
    rng = np.random.default_rng(1)
    held = {"groups": 0, "samples": 0}
    for seed in range(100):
        one, target, groups = answers(rng, 40, 25)
        other = answers(rng, 40, 25)[0]
        for kind, given in (("groups", groups), ("samples", None)):
            a, b = (
                drawn(metrics.FullPathAccuracy(TREE), preds, target, draws=200, seed=seed, groups=given)
                for preds in (one, other)
            )
            _, low, high = metrics.paired(a, b)["full_path_accuracy"]
            held[kind] += low <= 0 <= high
    assert 0.86 * 100 <= held["groups"] <= 100
    assert held["samples"] <= 0.75 * 100
