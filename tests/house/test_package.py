"""The package as it is installed: the wheel, and the bundled trees in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLED = sorted(path.name for path in (ROOT / "taxonomies").glob("*.yaml"))


def run(code: str, site: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder, with the package that is in `site`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(site), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the build backend that pyproject.toml names."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_the_trees_and_nothing_else_of_the_repository(wheel: Path) -> None:
    """Every tree of `taxonomies/` is in it, and no test, script or example."""
    names = zipfile.ZipFile(wheel).namelist()
    trees = sorted(Path(name).name for name in names if name.startswith("taxoloss/taxonomies/"))
    assert trees == sorted([*BUNDLED, "taxonomy.schema.json"])
    assert "taxoloss/errors/codes.md" in names
    assert "taxoloss/py.typed" in names
    assert all(name.startswith(("taxoloss/", "taxoloss-")) for name in names)


@pytest.mark.slow
def test_the_wheel_loads_its_trees(wheel: Path, tmp_path: Path) -> None:
    """Unpacked where an installer would put it, away from the checkout; and its register of codes."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import sys, pathlib, taxoloss\n"
        f"assert pathlib.Path(taxoloss.__file__).is_relative_to({str(site)!r})\n"
        "from taxoloss.errors.explanations import explanations\n"
        "print(*(len(taxoloss.load(n)) for n in ('cifar100', 'isic4', 'pets')))\n"
        "print(explanations()['T203'].code)"
    )
    done = run(code, site, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["100", "419", "37", "T203"]


def test_the_checkout_loads_its_trees(tmp_path: Path) -> None:
    """From a checkout (an editable install) `load` reads the files of `taxonomies/`."""
    code = "import taxoloss; print(len(taxoloss.load('pets')))"
    done = run(code, ROOT, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "37"), done.stderr


def test_a_package_that_is_not_installed_is_named() -> None:
    """load("icd10cm") without its package: the error names the extra."""
    code = (
        "import sys; sys.modules['simple_icd_10_cm'] = None\n"
        "import taxoloss\n"
        "try:\n    taxoloss.load('icd10cm')\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "taxoloss[icd10cm]" in done.stdout, done.stderr


def test_icd10cm_is_built_from_its_package() -> None:
    """Chapter, block and category; 39 names stand for a block and its only category."""
    pytest.importorskip("simple_icd_10_cm", reason="simple-icd-10-cm is not installed")
    import taxoloss

    tree = taxoloss.load("icd10cm")
    assert [len(tree.nodes(level)) for level in tree.levels] == [22, 285, 1918]
    assert len(set(tree.nodes("block")) & set(tree.nodes("category"))) == 39
    assert ("1", "B10", "B10") in tree.paths()
