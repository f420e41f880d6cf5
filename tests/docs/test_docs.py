"""The code of the README and the docs runs, and prints what they say it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import run_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FRAMEWORKS = sorted((DOCS / "integrations").glob("*.md"))
OTHERS = {page for page in DOCS.rglob("*.md") if "_build" not in page.parts} - set(FRAMEWORKS)
PAGES = [ROOT / "README.md", *sorted(OTHERS)]


def name(page: Path) -> str:
    """Where it stands, from docs/ on."""
    return str(page.relative_to(DOCS if DOCS in page.parents else ROOT))


def skip_what_is_missing(page: Path) -> None:
    """A page says in its first line which packages it needs: <!-- needs: lightning, tensorboard -->"""
    needs = re.match(r"<!-- needs: (.*) -->", page.read_text(encoding="utf-8"))
    for package in needs[1].split(", ") if needs else []:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_code_of_a_page_prints_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every block of a page, in its order."""
    skip_what_is_missing(page)
    monkeypatch.chdir(tmp_path)
    run_page(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", FRAMEWORKS, ids=name)
def test_the_code_of_a_page_about_a_framework(page: Path, tmp_path: Path) -> None:
    """In a process of its own: what a framework changes in torch stays there."""
    skip_what_is_missing(page)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("pages.py")), str(page)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_the_readme_is_short_and_starts_with_code() -> None:
    """At most 150 lines; the first code within the first 15."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("```") for line in lines[:15])
