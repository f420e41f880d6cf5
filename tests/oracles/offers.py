"""What a refusal offers: each reading with the options that choose it."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxoloss.errors.faults import Fault
from taxoloss.sources.name_lists import names_of_option

__all__ = ["Offer", "example_texts", "offers_of"]

_TAB = '"$(printf "\\t")"'


@dataclass(frozen=True)
class Offer:
    """A line of the help of T122: what is read, and the options as a shell takes them."""

    shown: str
    option: str

    @property
    def options(self) -> dict[str, Any]:
        """The options as `sources.read` takes them; ValueError where they are none."""
        words = shlex.split(self.option.replace(_TAB, "'\t'"))
        given: dict[str, Any] = {}
        while words:
            name = words.pop(0)
            if name in ("--header", "--no-header"):
                given["header"] = name == "--header"
                continue
            if not name.startswith("--") or not words:
                raise ValueError(f"{self.option!r} is no list of options")
            value = words.pop(0)
            listed = name in ("--columns", "--ranks")
            given[name[2:].replace("-", "_")] = names_of_option(value) if listed else value
        return given


def offers_of(fault: Fault) -> list[Offer]:
    """The readings that a fault offers."""
    found = []
    for line in (fault.help or "").splitlines()[1:]:
        at = line.rindex(" (--") if " (--" in line else line.rindex(" (")
        found.append(Offer(line[:at], line[at + 2 : -1]))
    return found


def example_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text of several lines in the tests of a folder, with the name that its file may have."""
    seen = set()
    for module in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if not isinstance(text, str) or text in seen or text.count("\n") < 2:
                continue
            seen.add(text)
            is_json = text.lstrip()[:1] in "{["
            for name in ("a.json",) if is_json else ("a.txt", "a.csv", "a.tsv")[: 2 + ("\t" in text)]:
                yield name, text
