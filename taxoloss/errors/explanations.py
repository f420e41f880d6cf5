"""The register of the codes of faults: what each means is a section of codes.md, beside this file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Explanation", "explanations", "register"]

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
    return "".join(f"    {line}".rstrip() + "\n" for line in block.splitlines())


@cache
def explanations() -> dict[str, Explanation]:
    """The explanation of every code.

    >>> explanations()["T203"].title
    'a node with several parents'
    """
    sections = _SECTION.findall(register())
    return {code: _explanation(code, title, body) for code, title, body in sections}


def register() -> str:
    """The text of codes.md; docs/errors.md is a copy of it, which `make docs` makes."""
    return files("taxoloss.errors").joinpath("codes.md").read_text(encoding="utf-8")


def _explanation(code: str, title: str, body: str) -> Explanation:
    blocks = {kind: (language, block) for language, kind, block in _BLOCK.findall(body)}
    text = body.partition("```")[0].strip()
    language = blocks["wrong"][0]
    return Explanation(code, title, text, language, blocks["wrong"][1], blocks["right"][1])
