"""What each code of a fault means: the sections of docs/errors.md, which the package carries along."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["Explanation", "explanations"]

_SECTION = re.compile(r"^## (T\d{3}): ([^\n]*)\n\n(.*?)(?=^## T|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(\w+) (wrong|right)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Explanation:
    """A code, its title, what it means, a wrong and a right text (YAML or Python)."""

    code: str
    title: str
    text: str
    language: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return (
            f"{self.code}: {self.title}\n\n{self.text}\n\nwrong:\n\n{_indented(self.wrong)}\n"
            f"right:\n\n{_indented(self.right)}"
        )


def _indented(block: str) -> str:
    return "".join(f"    {line}\n" for line in block.splitlines())


@cache
def explanations() -> dict[str, Explanation]:
    """The explanation of every code.

    >>> explanations()["T203"].title
    'a node with several parents'
    """
    page = _page().read_text(encoding="utf-8")
    return {code: _explanation(code, title, body) for code, title, body in _SECTION.findall(page)}


def _explanation(code: str, title: str, body: str) -> Explanation:
    blocks = {kind: (language, block) for language, kind, block in _BLOCK.findall(body)}
    text = body.partition("```")[0].strip()
    language = blocks["wrong"][0]
    return Explanation(code, title, text, language, blocks["wrong"][1], blocks["right"][1])


def _page() -> Traversable:
    """Inside an installed package, or in the docs of a checkout."""
    inside = files("taxoloss").joinpath("errors.md")
    return inside if inside.is_file() else Path(__file__).parents[2] / "docs" / "errors.md"
