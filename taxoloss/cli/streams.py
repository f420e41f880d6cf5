"""What the commands write to standard output and standard error, whatever these can hold."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import typer

__all__ = ["echo", "escape_what_does_not_fit", "write_data", "write_json"]


def escape_what_does_not_fit() -> None:
    """Text for people is never lost and never an error: what an encoding has not, is written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """A text for people on the stream as it is: typer alone would take UTF-8 where that is ASCII."""
    typer.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)


def write_data(data: str | bytes) -> None:
    """A file on standard output: bytes, text in UTF-8 whatever the encoding of the stream is."""
    typer.echo(data.encode("utf-8") if isinstance(data, str) else data, nl=False)


def write_json(data: Any) -> None:
    """One JSON document on standard output."""
    write_data(json.dumps(data, indent=2, ensure_ascii=True, allow_nan=False) + "\n")
