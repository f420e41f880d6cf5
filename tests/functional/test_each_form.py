"""The forms that tests run over: the case's form computes, here and in processes; without a kernel, one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from kernel_forms import COMPILED, FORMS, NATIVE, PYTHON
from trees import wide_tree

from taxoloss.decisions import leaf
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import which
from taxoloss.metrics import LevelAccuracy

ROOT = Path(__file__).parents[2]
TREE = wide_tree(40, 3)


@pytest.fixture
def form(request: pytest.FixtureRequest) -> str:
    """That of the case."""
    found: str = request.node.callspec.params["_computed_by"]
    return found


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of C that are called."""
    seen: list[str] = []

    def watch(name: str, function: Any) -> None:
        def spy(*arguments: Any) -> Any:
            seen.append(name)
            return function(*arguments)

        monkeypatch.setattr(COMPILED, name, spy)

    for name in ("rows", "spread", "levels") if COMPILED else ():
        watch(name, getattr(COMPILED, name))
    return seen


def test_it_computes(form: str, reached: list[str]) -> None:
    """Each function of C is called by the native form, none by the other."""
    logits, target = torch.randn(5, 40), torch.arange(5)
    assert which().startswith(form)
    for smoothing in (0.0, 0.1):
        taxonomy_cross_entropy(logits, target, TREE.taxonomy, label_smoothing=smoothing)
    LevelAccuracy(TREE.taxonomy)(logits, target)
    leaf(logits, TREE.taxonomy)
    assert sorted({*reached}) == (["levels", "rows", "spread"] if form == NATIVE else [])


def test_it_computes_in_processes(form: str) -> None:
    """They are told by the variable."""
    code = "from taxoloss.functional.kernels import which; print(which())"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith(form), done.stderr


@pytest.mark.one_form("collects")
@pytest.mark.slow
@pytest.mark.parametrize(("variable", "fast"), [("0", False), ("1", False), ("1", True)])
def test_what_is_collected(variable: str, fast: bool) -> None:
    """Each form once, the second where tests are slow; without a kernel Python once, as the header says."""
    given = FORMS if variable == "1" else [PYTHON]
    words = "python alone, once" if given[0] == PYTHON else "native ("
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "--assert=plain",
        "-p",
        "no:xdist",
        __file__,
    ]
    done = subprocess.run(
        [*command, "-k", "test_it_computes_in_processes", *(["-m", "not slow"] if fast else [])],
        env={**os.environ, "TAXOLOSS_NATIVE": variable},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"form of the loss: {words}" in done.stdout, done.stdout + done.stderr
    found = [form for form in (NATIVE, PYTHON) if f"test_it_computes_in_processes[{form}]" in done.stdout]
    assert found == given[:1] if fast else given
    assert done.stdout.count("<Function ") == len(found)
