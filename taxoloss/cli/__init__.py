"""The command `taxoloss`: data on standard output, the rest on standard error. Imports every room."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from taxoloss.cli.check import check
from taxoloss.cli.compare import compare
from taxoloss.cli.convert import convert
from taxoloss.cli.diff import diff
from taxoloss.cli.evaluate import evaluate
from taxoloss.cli.explain import explain
from taxoloss.cli.init import init
from taxoloss.cli.inspect import inspect
from taxoloss.cli.list import list_trees
from taxoloss.cli.plot import plot
from taxoloss.cli.report import report
from taxoloss.cli.schema import schema
from taxoloss.cli.streams import echo, escape_what_does_not_fit

__all__ = ["COMMANDS", "app", "main"]

#: A new command: its file, and its line here.
COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_trees,
    "inspect": inspect,
    "init": init,
    "convert": convert,
    "check": check,
    "diff": diff,
    "schema": schema,
    "explain": explain,
    "evaluate": evaluate,
    "compare": compare,
    "report": report,
    "plot": plot,
}
app = typer.Typer(
    name="taxoloss",
    help="Trees of classes: check them before you train, score what was trained, draw what a sweep shows.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
for name, command in COMMANDS.items():
    app.command(name)(command)


def _version(value: bool) -> None:
    if value:
        from taxoloss import __version__
        from taxoloss.functional.kernels import which

        echo(f"taxoloss {__version__}")
        try:
            echo(f"loss on a CPU: {which()}")
        except (RuntimeError, ValueError) as error:  # of TAXOLOSS_NATIVE
            echo(str(error), err=True)
            raise typer.Exit(1) from error
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Print the version, and which form of the loss runs here, and stop.",
    ),
) -> None:
    pass


def main() -> None:
    """Runs the command; a reader that closes the pipe early (`| head`) is no error."""
    escape_what_does_not_fit()
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()  # what is left in the buffer cannot be written either
        sys.exit(0)
