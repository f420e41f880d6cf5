"""What the pages of docs/ lack of what is registered: formats, schedules, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from taxoloss.cli import COMMANDS
from taxoloss.sources.formats import FORMATS as SOURCES
from taxoloss.taxonomy.exports import FORMATS as OUTPUTS
from taxoloss.weighting import SCHEDULES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """The text below a heading, down to the next."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return text[text.index(f"\n## {heading}\n") :].partition(f"## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables of a text, their heads left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def source_formats() -> Iterator[str]:
    """Each kind has a row, with a * where it needs a package, or stands in the text below the rows."""
    text = section("workbench.md", "What `init` reads")
    told = {row[-1] for row in rows(text)}
    below = text.rpartition("\n|")[2]
    for format in SOURCES.values():
        cell = f"`{format.name}`" + (" *" if format.needs else "")
        if cell not in told and f"`{format.name}`" not in below:
            yield f"source format {format.name}"


def output_formats() -> Iterator[str]:
    text = section("workbench.md", "Other forms").casefold()
    for name in OUTPUTS:
        if not re.search(rf"\b{re.escape(name)}\b", text):
            yield f"output format {name}"


def schedules() -> Iterator[str]:
    """Each has a row, as it is called."""
    told = {row[0].partition("(")[0] for row in rows(section("mathematics.md", "Weight schedules"))}
    for name in SCHEDULES:
        if f"`{name}" not in told:
            yield f"schedule {name}"


def commands() -> Iterator[str]:
    """Each has a row, with what the first line of its help says."""
    told = [row[:2] for row in rows(section("workbench.md", "All commands"))]
    for name, command in COMMANDS.items():
        if [f"`{name}`", (command.__doc__ or "").partition("\n")[0]] not in told:
            yield f"command {name}"


def undocumented() -> list[str]:
    """What is registered, and not on its page."""
    return [*source_formats(), *output_formats(), *schedules(), *commands()]
