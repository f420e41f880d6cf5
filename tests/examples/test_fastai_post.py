"""examples/pets/fastai_post.py: the post's Learner and its sweep, tiny, on three breeds."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PETS3 = REPOSITORY.parent / "shared" / "data" / "pets3"
TINY = ("--root", PETS3, "--epochs", 1, "--limit", 60, "--resize", 64, "--size", 40, "--batch-size", 12)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("fastai") is None, reason="fastai is not installed"),
    pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed"),
]
needs_pets3 = pytest.mark.skipif(not PETS3.is_dir(), reason="no folder shared/data/pets3")


def post(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A run of the example in a folder, on one thread, without weights that were downloaded before."""
    script = REPOSITORY / "examples" / "pets" / "fastai_post.py"
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    variables["TORCH_HOME"] = str(folder)
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, cwd=folder)


@needs_pets3
def test_one_net(tmp_path: Path) -> None:
    """A batch is drawn, the net trained in two stages, both levels shown, breeds answered by name."""
    done = post(tmp_path, "train", *TINY, "--seed", 3)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "48 pictures to train on, 12 held out; random weights" in done.stdout
    assert "accuracy/species accuracy/breed severity" in done.stdout
    assert "seed 3, weights {'species': 0.3, 'breed': 0.7}" in done.stdout
    assert len(re.findall(r"^\[0, [\d., a-z]+'\d\d:\d\d'\]$", done.stdout, re.MULTILINE)) == 2
    answers = re.findall(r"^\w+\.jpg: (\w+), 0\.\d\d$", done.stdout, re.MULTILINE)
    assert len(answers) == 3
    assert set(answers) <= {"Abyssinian", "Bengal", "american_bulldog"}
    assert (tmp_path / "runs" / "fastai_post" / "batch.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@needs_pets3
def test_the_sweep_calls_ours(tmp_path: Path) -> None:
    """A row for each weight and seed; all weight on the breed learns what fastai's cross-entropy does."""
    done = post(tmp_path, "sweep", *TINY, "--step", 1, "--runs", 1, "--out", "swept")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    with (tmp_path / "swept" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["w"]) for row in rows] == [
        ("taxonomy", "0.0"),
        ("taxonomy", "1.0"),
        ("flat", ""),
    ]
    for row in rows:
        assert 0 <= float(row["accuracy_species"]) <= 1
        assert 0 <= float(row["accuracy_breed"]) <= 1
    _, full, flat = rows
    for name in ("train_loss", "valid_loss"):
        assert float(full[name]) == pytest.approx(float(flat[name]), rel=1e-2)


def test_a_folder_without_pictures_ends_the_run(tmp_path: Path) -> None:
    """In one sentence; nothing is downloaded."""
    done = post(tmp_path, "train", "--root", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"No pictures in {tmp_path}: expected the folders")
