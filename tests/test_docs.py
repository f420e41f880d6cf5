"""The code of the README and the docs runs, and prints what they say it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def words(text: str) -> list[str]:
    """The text without the differences of spaces at line ends."""
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_prints_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YAML blocks are the files they name in their first line; Python blocks run one after the other."""
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    printed: str | None = None
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "yaml":
            (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
        elif language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, str(page), "exec"), scope)
            printed = output.getvalue()
        elif language == "text" and printed is not None:
            assert words(printed) == words(code)
            printed = None


def test_every_code_of_a_fault_is_documented() -> None:
    """Each code that the package can report stands in docs/format.md, and no other."""
    used: set[str] = set()
    for file in (ROOT / "taxoloss").rglob("*.py"):
        used |= set(re.findall(r'"(T[1-4]\d\d)"', file.read_text(encoding="utf-8")))
    told = set(re.findall(r"T[1-4]\d\d", (ROOT / "docs" / "format.md").read_text(encoding="utf-8")))
    assert used == told


def test_the_readme_is_short_and_starts_with_code() -> None:
    """At most 150 lines; the first code within the first 15."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("```") for line in lines[:15])
