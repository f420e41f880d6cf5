"""`taxoloss explain`: what a code means, with a wrong and a right text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from taxoloss.cli.shared import plain, stdout_console
from taxoloss.cli.streams import echo, write_json
from taxoloss.errors.explanations import explanations
from taxoloss.errors.suggestions import did_you_mean

__all__ = ["explain"]


def _complete(start: str) -> list[str]:
    return [code for code in explanations() if code.startswith(start.upper())]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE]", help="Such as T203; left out: all codes.", autocompletion=_complete
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what the code of an error means, with a wrong and a right text.

    Exit code 0: good. 2: there is no such code.

    Example: taxoloss explain T203
    """
    known = explanations()
    if code is not None and code.upper() not in known:
        help = did_you_mean(code.upper(), list(known)) or "`taxoloss explain` lists all."
        raise typer.BadParameter(f"there is no code {code!r}; {help}", param_hint="CODE")
    chosen = list(known.values()) if code is None else [known[code.upper()]]
    if as_json:
        data = [asdict(one) for one in chosen]
        write_json(data if code is None else data[0])
    elif code is None:
        console = stdout_console()
        for one in chosen:
            console.print(plain(f"{one.code}  {one.title}"))
    else:
        echo(str(chosen[0]), nl=False)
