"""Scores with their intervals: for people, for programs, for a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from taxoloss.cli.scoring.options import Result
from taxoloss.cli.shared import plain, stdout_console
from taxoloss.cli.streams import write_data, write_json
from taxoloss.errors.characters import escape_invisible

__all__ = ["write_table"]

#: The header of a column of words; others are of numbers.
_LEFT = ("metric", "better", "gained most", "lost most")


def write_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], result: Result, data: Any = None
) -> None:
    """A table on standard output in the format that was asked for; `data` is what JSON holds."""
    if result is Result.json:
        write_json(data)
    elif result is Result.csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        write_data(text.getvalue())
    elif result is Result.markdown:
        lines = [header, ["---" if name in _LEFT else "---:" for name in header], *rows]
        write_data("".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines))
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in header:
            table.add_column(name, justify="left" if name in _LEFT else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(plain, row))
        stdout_console().print(table)


def _cell(text: str) -> str:
    return escape_invisible(text).replace("|", "\\|")
