"""The examples of scikit-learn and skorch, run small as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "integrations"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "needs", "words"),
    [
        ("scikit_learn", "sklearn", ["answers", "With ", "the least distance by"]),
        ("skorch_net", "skorch", ["probabilities sum to 1.0", "hxe(0.3)"]),
    ],
)
def test_an_example_prints_what_it_found(name: str, needs: str, words: list[str], tmp_path: Path) -> None:
    """In a process of its own, from another folder."""
    pytest.importorskip(needs, reason=f"{needs} is an extra")
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", "400"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in words), done.stdout
