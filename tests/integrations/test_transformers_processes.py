"""Trainer and accelerate in two processes give the numbers of one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")

WORKER = Path(__file__).with_name("transformers_process.py")
ROOT = Path(__file__).parents[2]


def run(kind: str, processes: int, folder: Path) -> dict[str, Any]:
    """What rank 0 prints."""
    many = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *(many if processes > 1 else []), str(WORKER), kind, str(folder)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["trainer", "batches", "accelerate"])
def test_two_processes_train_as_one(kind: str, tmp_path: Path) -> None:
    """Weights, logged losses and scores, where pieces have labels from none to all, the last one short."""
    one, two = (run(kind, count, tmp_path) for count in (1, 2))
    for row, other in zip(one["weights"], two["weights"], strict=True):
        assert row == pytest.approx(other, abs=1e-6)
    assert one["losses"] == pytest.approx(two["losses"], abs=1e-4)  # Trainer rounds what it logs
    assert list(one["scores"]) == list(two["scores"])
    for name, score in one["scores"].items():
        same = math.isnan(score) and math.isnan(two["scores"][name])
        assert same or score == pytest.approx(two["scores"][name], abs=1e-6), name
