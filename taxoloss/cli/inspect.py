"""`taxoloss inspect`: is this file a taxonomy, what does it say, does a class list fit it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from taxoloss.cli.inspection.nodes import found_facts, level_facts, render_found, render_level
from taxoloss.cli.inspection.summary import render_summary, render_weighting
from taxoloss.cli.inspection.weights import schedule_option, weighting_facts
from taxoloss.cli.shared import (
    FormatOption,
    InnerClassesOption,
    JsonOption,
    LimitOption,
    Read,
    SourceArgument,
    chosen_format,
    limits_of,
    one_line,
    read,
    stdout_console,
    stop_on_faults,
)
from taxoloss.cli.streams import echo, write_data, write_json
from taxoloss.errors.formats import as_format
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.class_lists import from_file
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.summary import Summary, summarize
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.text import forms

__all__ = ["inspect"]


def _complete_weighting(start: str) -> list[str]:
    return [name for name in forms() if name.startswith(start)]


def inspect(
    source: SourceArgument,
    as_json: JsonOption = False,
    format: FormatOption = None,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A text file, one class a line: does it bind?"),
    ] = None,
    inner_classes: InnerClassesOption = False,
    weighting: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:NUMBER]",
            help="A weight schedule, such as balanced, geometric:0.7, hxe:0.5 or "
            "by_level:LEVEL=0.3,LEVEL=0.7: what would a class and an inner node pay?",
            autocompletion=_complete_weighting,
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Show the tree to this depth, with all children.")
    ] = None,
    level: Annotated[
        str | None, typer.Option(metavar="NAME", help="List the nodes of a level, the largest first.")
    ] = None,
    find: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where does a name stand? Parts of names, aliases and descriptions are found too.",
        ),
    ] = None,
    limit: LimitOption = None,
) -> None:
    """Check a taxonomy and print what is in it: levels, groups, weights, findings, the tree.

    Exit code 0: good. 1: a bad taxonomy, or classes that do not fit. 2: wrong usage.

    Example: taxoloss inspect pets --classes classes.txt --weighting geometric:0.7
    """
    format = chosen_format(format, as_json)
    schedule = None if weighting is None else schedule_option(weighting)
    limits = limits_of(limit)
    if inner_classes and classes is None:
        raise typer.BadParameter(
            "needs --classes: which inner nodes are classes?", param_hint="--inner-classes"
        )
    with stop_on_faults(format):
        given = read(source, limits)
        binding = None if classes is None else _bind(given, classes, limits, inner_classes)
    taxonomy = given.taxonomy
    if level is not None and level not in taxonomy.levels:
        raise typer.BadParameter(_no_level(level, taxonomy), param_hint="--level")
    summary = summarize(taxonomy)
    if format in ("sarif", "github"):
        write_data(as_format([given.warning(finding) for finding in summary.findings], format) + "\n")
        return
    shares = None if schedule is None else weighting_facts(taxonomy, schedule)
    if format == "json":
        data = {"valid": True, **_facts(given, summary), "binding": binding}
        data["weighting"] = None if shares is None else shares.as_dict()
        data["found"] = None if find is None else found_facts(taxonomy, find)
        data["nodes"] = None if level is None else level_facts(taxonomy, level)
        write_json(data)
        return
    console = stdout_console()
    if find is not None or level is not None:
        if level is not None:
            console.print(render_level(taxonomy, level))
        if find is not None:
            console.print(render_found(taxonomy, find))
        return
    console.print(render_summary(taxonomy, summary, depth), crop=False)
    if shares is not None:
        console.print(render_weighting(shares))
    if binding is not None:
        console.print(Text(f"\nclasses  {binding['classes']:,} bind", style="bold"))
        echo(f"in Python: {binding['python']}")


def _no_level(level: str, taxonomy: Taxonomy) -> str:
    help = did_you_mean(level, taxonomy.levels) or ""
    return f"there is no level {level!r}; levels: {', '.join(taxonomy.levels)}. {help}"


def _facts(given: Read, summary: Summary) -> dict[str, Any]:
    """The facts, each finding with its place in the file."""
    facts = summary.as_dict()
    for finding, data in zip(summary.findings, facts["findings"], strict=True):
        warning = given.warning(finding)
        data |= {"file": warning.file, "line": warning.line, "column": warning.column}
    return facts


def _bind(given: Read, file: Path, limits: Limits, inner_classes: bool) -> dict[str, Any]:
    """Binds the classes of a text file; BindingError where they do not fit."""
    listed = from_file(file, limits)
    bound = given.taxonomy.bind(listed.names, inner_classes=inner_classes)
    more = ", inner_classes=True" if inner_classes else ""
    return {
        "classes": len(bound),
        "binding_digest": bound.binding_digest,
        "python": one_line(given.python_bound(listed, more=more)),
    }
