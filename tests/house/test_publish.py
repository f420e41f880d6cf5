"""What is published: an sdist, the wheel built of it, the licences in both, an install without torch."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
import yaml
from bare_install import bare_install
from packaging.requirements import Requirement

from taxoloss.report.vendored import vendored

ROOT = Path(__file__).parents[2]
VENDOR = "taxoloss/report/page/vendor"
TREES = sorted((ROOT / "taxonomies").glob("*.yaml"))
OTHERS = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
#: What stands beside the folders of the sdist.
FILES = {
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO", "README.md",
    "SECURITY.md", "THIRD_PARTY.md", "conftest.py", "hatch_build.py", "pyproject.toml",
}  # fmt: skip


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process in the checkout, without what a caller has set for its own."""
    own = ("CC", "TAXOLOSS_NATIVE", "SOURCE_DATE_EPOCH")
    clean = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        command, cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of it, as `python -m build` makes them; without a network."""
    for package in ("build", "hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install --group publish")
    folder = tmp_path_factory.mktemp("dist")
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    done = run(*command, TAXOLOSS_NATIVE="0")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(released: Path) -> Path:
    """The wheel that was built of the sdist."""
    (found,) = released.glob("*.whl")
    return found


def metadata(wheel: Path) -> tuple[str, Message]:
    """The folder of a wheel's metadata, and METADATA itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return name.rpartition("/")[0], email.message_from_string(archive.read(name).decode("utf-8"))


@pytest.mark.slow
def test_an_index_would_take_both(released: Path) -> None:
    """`twine check --strict`: metadata and the rendered page of the package."""
    pytest.importorskip("twine", reason="twine is not installed: pip install --group publish")
    done = run(sys.executable, "-m", "twine", "check", "--strict", *sorted(released.iterdir()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


@pytest.mark.slow
def test_the_sdist_holds_what_tests_and_docs_need(released: Path) -> None:
    """Sources, tests, trees with their scripts; nothing that only this repository's own machines use."""
    (sdist,) = released.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = [name.partition("/")[2] for name in archive.getnames()]
    top = {name.partition("/")[0] for name in inside}
    assert top >= {*FILES, "benchmarks", "docs", "examples", "studies", "taxoloss", "taxonomies", "tests"}
    assert not top & {".ci", ".git", ".pre-commit-config.yaml", ".venv", "dist", "noxfile.py", "runs"}
    assert {f"taxonomies/{tree.name}" for tree in TREES} <= set(inside)


@pytest.mark.slow
def test_every_licence_is_in_the_wheel(wheel: Path) -> None:
    """Ours, the list of what others made, and the text of each vendored script's: byte for byte."""
    folder, told = metadata(wheel)
    needed = {"LICENSE", "THIRD_PARTY.md"}
    for script in vendored():
        needed |= {f"{VENDOR}/{name}" for name in (script.licence_file, script.notices) if name}
    assert set(told.get_all("License-File", [])) == needed
    assert told["License-Expression"] == "MIT"
    with zipfile.ZipFile(wheel) as archive:
        for name in needed:
            assert archive.read(f"{folder}/licenses/{name}") == (ROOT / name).read_bytes()


@pytest.mark.slow
def test_the_page_of_the_package_has_no_link_into_the_repository(wheel: Path) -> None:
    """Their words stay, and code is what it was."""
    page = str(metadata(wheel)[1].get_payload())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.compile(r"^```.*?^```$|^(?: {4}[^\n]*\n)+", re.DOTALL | re.MULTILINE)
    assert code.findall(page) == code.findall(readme)
    links = re.findall(r"\]\(([^)\s]+)\)", code.sub("", page))
    assert not [link for link in links if not link.startswith(("http://", "https://"))]
    words = re.findall(r"[^\W_]+", re.sub(r"\]\([^)\s]+\)", "]", readme))
    assert re.findall(r"[^\W_]+", re.sub(r"\]\([^)\s]+\)", "]", page)) == words


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="links to packages")
def test_an_install_without_torch_reads_trees(wheel: Path, tmp_path: Path) -> None:
    """pip puts the wheel into an environment that has all it asks for but torch and torchmetrics."""
    pytest.importorskip("pip", reason="pip is not installed")
    stated = [Requirement(text) for text in metadata(wheel)[1].get_all("Requires-Dist", [])]
    needed = [str(one) for one in stated if one.marker is None and not one.name.startswith("torch")]
    assert len(needed) == len([one for one in stated if one.marker is None]) - 2
    python = bare_install(tmp_path / "environment", needed)
    bare = {"PYTHONPATH": "", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel)
    done = run(*pip, **bare)
    assert done.returncode == 0, done.stderr
    code = "import importlib.util as u, taxoloss; print(u.find_spec('torch'), len(taxoloss.load('pets')))"
    done = run(python, "-I", "-c", code)
    assert (done.stdout.split(), done.stderr) == (["None", "37"], "")
    done = run(python.parent / "taxoloss", "inspect", "pets", **bare)
    assert done.returncode == 0, done.stderr
    assert "english_setter" in done.stdout


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.stem)
def test_the_licence_of_each_tree_is_listed(tree: Path) -> None:
    """In the words of the file's own head."""
    head = yaml.safe_load(tree.read_text(encoding="utf-8").partition("\nlevels:")[0])
    words = " ".join(head["licence"].split())
    assert f"| `{tree.stem}` | {words} |\n" in OTHERS


def test_each_vendored_file_is_listed() -> None:
    """With its version, its licence and where the text is; and there is no other."""
    for script in vendored():
        texts = ", ".join(f"`{name}`" for name in (script.licence_file, script.notices) if name)
        row = f"| {script.version} | `{script.file}` | {script.licence} | {texts} |\n"
        assert f"| [{script.name}]({script.address}) {row}" in OTHERS
    assert len(re.findall(r"^\| `", OTHERS, re.MULTILINE)) == len(TREES)
    assert len(re.findall(r"^\| \[", OTHERS, re.MULTILINE)) == len(vendored())
