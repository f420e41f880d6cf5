"""Runs the code of a page of the docs: python pages.py PAGE, in the folder where its files go."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def run_page(page: Path) -> None:
    """YAML blocks are the files they name in their first line; what runs, runs in order, in this folder.

    AssertionError where it prints something else than the page says.
    """
    scope: dict[str, object] = {"__name__": "__main__"}
    printed: str | None = None
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "yaml":
            Path(code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
        elif language.startswith("file "):
            Path(language.removeprefix("file ")).write_text(code, encoding="utf-8")
        elif language == "console":
            _compare(console(code), code)
        elif language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, str(page), "exec", dont_inherit=True), scope)
            printed = output.getvalue()
        elif language == "text" and printed is not None:
            _compare(printed, code)
            printed = None


def _compare(printed: str, page: str) -> None:
    found, said = words(printed), words(page)
    if found != said:
        raise AssertionError("\n".join(["it prints", *found, "", "the page says", *said]))


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
