"""The code of the README and the docs runs, and prints what they say it prints."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+(?: \S+)?)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def words(text: str) -> list[str]:
    """The text without the differences of spaces at line ends."""
    return [line.rstrip() for line in text.strip().splitlines()]


def console(code: str) -> str:
    """What a terminal shows: each command, then what it prints on both streams, in its order."""
    shown = ""
    for line in code.splitlines():
        if line.startswith("$ "):
            command = line[2:].replace("taxoloss", f"{sys.executable} -m taxoloss", 1)
            options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            options["env"] = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
            done = subprocess.run(command, shell=True, check=False, **options)
            shown += f"{line}\n{done.stdout}"
    return shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_prints_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YAML blocks are the files they name in their first line; what runs, runs in order."""
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    printed: str | None = None
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "yaml":
            (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
        elif language.startswith("file "):
            (tmp_path / language.removeprefix("file ")).write_text(code, encoding="utf-8")
        elif language == "console":
            assert words(console(code)) == words(code)
        elif language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, str(page), "exec"), scope)
            printed = output.getvalue()
        elif language == "text" and printed is not None:
            assert words(printed) == words(code)
            printed = None


def test_the_readme_is_short_and_starts_with_code() -> None:
    """At most 150 lines; the first code within the first 15."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("```") for line in lines[:15])
