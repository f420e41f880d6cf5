"""The example of Hugging Face runs, small."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

for name in ("transformers", "accelerate", "PIL"):
    pytest.importorskip(name, reason=f"{name} is not installed")

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path) -> None:
    """Its last lines are the scores by level, and the answer at each level."""
    script = ROOT / "examples" / "integrations" / "hugging_face.py"
    done = subprocess.run(
        [sys.executable, str(script), "--samples", "74", "--epochs", "1"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    scores, answers = map(ast.literal_eval, done.stdout.splitlines()[-2:])
    assert 0 <= scores["eval_accuracy/breed"] <= scores["eval_accuracy/species"] <= 1
    assert list(answers) == ["species", "breed"]
