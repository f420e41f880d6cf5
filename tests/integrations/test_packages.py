"""Packages that are missing or too old: one sentence that says what to do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from taxoloss.errors.packages import package

ROOT = Path(__file__).parents[2]


def test_a_package_that_is_missing() -> None:
    """It is named, with the extra that installs it."""
    with pytest.raises(ModuleNotFoundError) as caught:
        package("nosuch.part", "saving", "checkpoints")
    assert str(caught.value) == 'saving needs nosuch: pip install "taxoloss[checkpoints]"'


def test_a_package_that_is_too_old() -> None:
    """Both versions are shown."""
    with pytest.raises(ImportError, match=r"saving needs numpy 99\.1 or newer, found \d+\.\d+.*--upgrade"):
        package("numpy", "saving", "checkpoints", "99.1")
    assert package("numpy", "saving", "checkpoints", "1.2").__name__ == "numpy"


def test_what_a_package_misses_itself_is_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is installed: another one would be installed in vain."""
    (tmp_path / "half_there.py").write_text("import nosuch_below", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nosuch_below'"):
        package("half_there", "saving", "checkpoints")


def test_import_taxoloss_imports_no_framework() -> None:
    """Nor does any of its public rooms, when it is used; torchmetrics itself imports transformers."""
    frameworks = ["accelerate", "fastai", "keras", "lightning", "onnx", "safetensors", "skorch", "timm"]
    code = (
        "import sys, taxoloss\n"
        "for name in taxoloss.__all__: getattr(taxoloss, name)\n"
        f"print(sorted(set({frameworks!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


#: What each module of taxoloss.integrations may import of these; torchmetrics itself imports transformers.
OWN = {
    "checkpoints": {"safetensors"},
    "fastai": {"fastai"},
    "lightning": {"lightning", "jsonargparse"},
    "onnx": set(),
    "sklearn": {"sklearn"},
    "transformers": set(),
}
OTHERS = [
    "fastai",
    "jsonargparse",
    "keras",
    "lightning",
    "onnx",
    "onnxruntime",
    "safetensors",
    "skorch",
    "timm",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_an_integration_imports_its_own_framework_only(name: str) -> None:
    """What its framework imports by itself aside: no other of these packages is there before it."""
    framework = "import lightning.pytorch, jsonargparse" if name == "lightning" else f"import {name}"
    module = f"taxoloss.integrations.{name}"
    own = framework if OWN[name] and name != "checkpoints" else "import torchmetrics"
    code = (
        f"import sys, taxoloss.metrics\n{own}\nbefore = set(sys.modules)\nimport {module}\n"
        f"new = {{one.partition('.')[0] for one in set(sys.modules) - before}} & set({OTHERS!r})\n"
        "print(sorted(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "No module named" in done.stderr or "needs" in done.stderr:
        pytest.skip(f"{name} is not installed")
    assert done.returncode == 0, done.stderr
    assert set(ast.literal_eval(done.stdout.splitlines()[-1])) <= OWN[name]
