"""The command line: in the place of <!-- commands --> what the help of each command says."""

from __future__ import annotations

import re
from typing import Any

import typer
from sphinx.application import Sphinx

from taxoloss.cli import app as commands

__all__ = ["setup"]

_MARK = "<!-- commands -->"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, but for `code`, and options as such."""
    text = re.sub(r"(?<![`\w-])(--\w[\w-]*)", r"`\1`", text)
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([\\*_\[\]<>|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def _section(name: str, command: Any) -> str:
    """A command's sentences, how it is called, and its arguments and options as its help has them."""
    with command.make_context(f"taxoloss {name}", [], resilient_parsing=True) as context:
        usage = command.get_usage(context).removeprefix("Usage: ")
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    said, _, example = command.help.partition("Example:")
    lines = [f"## {name}", "", _escaped(said), "", "```text", usage, "```", ""]
    if example:
        lines += ["For example:", "", "```text", example.strip(), "```", ""]
    for title, text in filter(None, records):
        lines += [f"`{title}`", f": {_escaped(text) or 'no more to say'}", ""]
    return "\n".join(lines)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if _MARK in source[0]:
        group: Any = typer.main.get_command(commands)
        pages = [_section(title, command) for title, command in group.commands.items()]
        source[0] = source[0].replace(_MARK, "\n".join(pages))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
