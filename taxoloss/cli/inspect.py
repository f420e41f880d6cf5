"""`taxoloss inspect`: is this file a taxonomy, what does it say, does a class list fit it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from taxoloss.binding import split_text
from taxoloss.catalog import bundled_names, load
from taxoloss.cli.render import plain, render_summary, render_weighting, stdout_console
from taxoloss.cli.weights import schedule_option, weighting_facts
from taxoloss.errors import Fault, FormError, TaxonomyError
from taxoloss.reader import read_text
from taxoloss.summary import summarize
from taxoloss.taxonomy import Taxonomy
from taxoloss.weighting_text import FORMS

__all__ = ["inspect", "read_classes"]


def _complete(start: str) -> list[str]:
    return [name for name in bundled_names() if name.startswith(start)]


def _complete_weighting(start: str) -> list[str]:
    return [name for name in FORMS if name.startswith(start)]


def inspect(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME|-",
            help="A taxonomy file, a bundled name such as pets, or - for standard input.",
            autocompletion=_complete,
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the facts, or the faults, as JSON.")
    ] = False,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A text file, one class a line: does it bind?"),
    ] = None,
    weighting: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:NUMBER]",
            help="A weight schedule, such as balanced, geometric:0.7, hxe:0.5 or "
            "by_level:LEVEL=0.3,LEVEL=0.7: what would a class and an inner node pay?",
            autocompletion=_complete_weighting,
        ),
    ] = None,
) -> None:
    """Check a taxonomy and print what is in it: levels, groups, weights, findings, the tree.

    Exit code 0: good. 1: a bad taxonomy, or classes that do not fit. 2: wrong usage.

    Example: taxoloss inspect pets --classes classes.txt --weighting geometric:0.7
    """
    schedule = None if weighting is None else schedule_option(weighting)
    try:
        taxonomy = _read(source)
        binding = None if classes is None else _bind(taxonomy, source, classes)
    except TaxonomyError as error:
        _report(error, as_json)
        raise typer.Exit(1) from None
    except ImportError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    summary = summarize(taxonomy)
    shares = None if schedule is None else weighting_facts(taxonomy, schedule)
    if as_json:
        paid = None if shares is None else shares.as_dict()
        data = {"valid": True, **summary.as_dict(), "binding": binding, "weighting": paid}
        typer.echo(json.dumps(data, indent=2, ensure_ascii=True))
        return
    console = stdout_console()
    console.print(render_summary(taxonomy, summary))
    if shares is not None:
        console.print(render_weighting(shares))
    if binding is not None:
        console.print(Text(f"\nclasses  {binding['classes']:,} bind; in Python:", style="bold"))
        console.print(plain(binding["python"]))


def _read(source: str) -> Taxonomy:
    if source == "-":
        return Taxonomy.from_values(*read_text(sys.stdin.buffer.read(), "<stdin>"))
    return load(source)


def read_classes(file: Path) -> list[str]:
    """The lines of a text file, one class a line; FormError where it cannot be read."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FormError(
            [Fault("T101", f"the class list cannot be read: {reason}", file=str(file))]
        ) from None
    # Spaces stay: a dataset that has them in its names has them in Python too.
    return [line for line in text.splitlines() if line.strip()]


def _bind(taxonomy: Taxonomy, source: str, file: Path) -> dict[str, Any]:
    """Binds the classes of a text file; BindingError where they do not fit."""
    lines = read_classes(file)
    source = "FILE" if source == "-" else source
    bound = taxonomy.bind([split_text(line, taxonomy.index) for line in lines])
    return {
        "classes": len(bound),
        "binding_digest": bound.binding_digest,
        "python": f"t = taxoloss.load({source!r}).bind(class_names)",
    }


def _report(error: TaxonomyError, as_json: bool) -> None:
    if as_json:
        faults = [_fault_data(fault) for fault in error.faults]
        typer.echo(json.dumps({"valid": False, "faults": faults}, indent=2, ensure_ascii=True))
    typer.echo(str(error), err=True)


def _fault_data(fault: Fault) -> dict[str, Any]:
    keys = ("code", "message", "file", "line", "column", "path", "found", "expected", "help")
    return {key: getattr(fault, key) for key in keys}
