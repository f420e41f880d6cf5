"""Two processes of DDP, on CPUs, give the numbers of one: weights and every score, uneven batches too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning.pytorch", reason="the extra lightning is not installed")

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow


def run(loop: str, devices: int, folder: Path) -> list[dict[str, Any]]:
    """What each process wrote."""
    file = folder / f"{loop}{devices}"
    done = subprocess.run(
        [sys.executable, str(HERE / "lightning_ranks.py"), loop, str(devices), str(file)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(f"{file}.{rank}") for rank in range(devices)]


@pytest.mark.parametrize("loop", ["trainer", "fabric"])
def test_two_processes_give_the_numbers_of_one(loop: str, tmp_path: Path) -> None:
    """45 samples in batches of 8, dealt out to two; three without a label, all of one process's first."""
    (one,) = run(loop, 1, tmp_path)
    for two in run(loop, 2, tmp_path):
        assert two["weight"] == [pytest.approx(row, abs=1e-12) for row in one["weight"]]
        assert two["scores"] == pytest.approx(one["scores"], abs=1e-7)
    assert {"val/accuracy/breed", "val/severity", "val/hops", "val/aurc"} <= set(one["scores"])


def test_means_of_uneven_processes_are_not_the_mean(tmp_path: Path) -> None:
    """What the docs say of the plain mean under DDP: each process counts alike, however few its samples."""
    (one,) = run("plain", 1, tmp_path)
    two = run("plain", 2, tmp_path)[0]
    difference = torch.tensor(one["weight"]) - torch.tensor(two["weight"])
    assert difference.abs().max() > 1e-3
