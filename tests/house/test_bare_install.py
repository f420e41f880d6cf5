"""A checkout whose install has no extra: what needs a framework is skipped, and all else is collected."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bare_install import bare_install

ROOT = Path(__file__).parents[2]


def required() -> list[str]:
    """What pyproject.toml asks for: taxoloss, and the group of the tests."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return ["taxoloss", *(line for line in groups["test"] if isinstance(line, str))]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="links to packages")
def test_an_install_without_extras(tmp_path: Path) -> None:
    """Every file of tests is collected; modules, examples and tests of integrations pass or are skipped."""
    python = bare_install(tmp_path, required())
    hidden = "import importlib.util as u; print(*map(u.find_spec, ('lightning', 'transformers', 'fastai')))"
    found = subprocess.run([python, "-c", hidden], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.split() == ["None"] * 3
    functions = "test_all_of_each_module_exists test_importing_says_nothing"
    # Every file is imported; of their functions only these become tests, whose cases take long to list.
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "--assert=plain",
        "-m",
        "not slow",
        "-o",
        f"python_functions={functions}",
    ]
    command += ["-k", " or ".join(["taxoloss.integrations", *functions.split()])]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert " skipped" in done.stdout.splitlines()[-1]
