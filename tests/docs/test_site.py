"""The site is built from docs/ without a warning, and has every public name and every command."""

from __future__ import annotations

import ast
import subprocess
import sys
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import taxoloss
from taxoloss.cli import COMMANDS

ROOT = Path(__file__).parents[2]
#: Each module of taxoloss.integrations, and what it needs; one that changes torch is not imported here.
INTEGRATIONS = {
    "checkpoints": "safetensors",
    "fastai": "fastai",
    "lightning": "lightning",
    "onnx": "onnxruntime",
    "sklearn": "sklearn",
    "transformers": "transformers",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built as `make docs` builds it: a link that leads nowhere is an error."""
    for package in ("sphinx", "myst_parser", "pydata_sphinx_theme", *INTEGRATIONS.values()):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[integrations]' --group docs")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-E", "-q", "docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return out


def documented(site: Path) -> set[str]:
    """The dotted names that the site has an entry of."""
    data = (site / "objects.inv").read_bytes()
    lines = zlib.decompress(data.split(b"\n", 4)[4]).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if " py:" in line}


def integration_names() -> Iterator[str]:
    """Of the modules of taxoloss.integrations, as their `__all__` has them."""
    for name in INTEGRATIONS:
        path = ROOT / "taxoloss" / "integrations" / name
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for line in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__all__":
                yield from (
                    f"taxoloss.integrations.{name}.{public}" for public in ast.literal_eval(line.value)
                )


def test_the_reference_has_every_public_name(site: Path) -> None:
    """Of taxoloss and its rooms, each once, and of the integrations, but for what taxoloss has itself."""
    found = documented(site)
    places: dict[int, set[str]] = {}
    for module in (taxoloss, *(getattr(taxoloss, name) for name in taxoloss.__all__)):
        for name in getattr(module, "__all__", ()) if isinstance(module, ModuleType) else ():
            value = getattr(module, name)
            if not isinstance(value, ModuleType):
                places.setdefault(id(value), set()).add(f"{module.__name__}.{name}")
    assert [names for names in places.values() if not names & found] == []
    short = {name: f"taxoloss.{name.rpartition('.')[2]}" for name in integration_names()}
    assert [name for name in short if not {name, short[name]} & found] == []


def test_the_reference_has_every_command(site: Path) -> None:
    """With the first sentence of its help."""
    page = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        assert f"<h2>{name}<a" in page
        assert (command.__doc__ or "").partition(".")[0].partition(":")[0] in page
