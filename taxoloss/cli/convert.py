"""`taxoloss convert`: from a taxonomy to what other tools read."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from taxoloss.cli.shared import (
    FormatOption,
    JsonOption,
    LimitOption,
    Read,
    SourceArgument,
    chosen_format,
    limits_of,
    read,
    stop_on_faults,
)
from taxoloss.cli.streams import echo, write_data
from taxoloss.errors.characters import escape_invisible
from taxoloss.taxonomy.exports import FORMATS, Exported, export, format_of
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.file.comments import comments_of
from taxoloss.taxonomy.file.yaml_writer import yaml_text

__all__ = ["convert"]

To = Enum("To", {name.replace("-", "_"): name for name in FORMATS}, type=str)  # type: ignore[misc]
_TABLES = {name: name for name, format in FORMATS.items() if "delimiter" in format.takes}
Layout = Enum("Layout", _TABLES, type=str)  # type: ignore[misc]
_SUFFIXES = " ".join(suffix for format in FORMATS.values() for suffix in format.suffixes)


def convert(
    source: SourceArgument,
    output: Annotated[
        str,
        typer.Argument(metavar="OUT", help=f"By its suffix: {_SUFFIXES}; - for standard output."),
    ],
    to: Annotated[To | None, typer.Option(help="The format, where the suffix does not say it.")] = None,
    layout: Annotated[
        Layout | None, typer.Option(help="Of .csv and .tsv: a column a level, paths, or a row a node.")
    ] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Draw pictures to this depth.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    as_json: JsonOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
) -> None:
    """Write a taxonomy as JSON, CSV (ranks, paths, edges), Newick, DOT, Mermaid, or a picture.

    What the format cannot say is told on standard error; `taxoloss init` reads it back.

    Exit code 0: good. 1: a bad taxonomy. 2: wrong usage.

    Example: taxoloss convert pets pets.csv --layout edges
    """
    format = chosen_format(format, as_json)
    chosen = _format(output, to, layout)
    path = Path(output)
    if output != "-" and path.exists() and not force:
        raise typer.BadParameter(f"{output} is there already; --force writes over it", param_hint="OUT")
    with stop_on_faults(format):
        given = read(source, limits_of(limit))
        taxonomy = given.taxonomy
        delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
        made = _made(given, chosen, delimiter, depth)
        if output == "-":
            write_data(made.data)
        else:
            write_whole(path, made.data)
    if made.left_out:
        echo(f"{made.format} cannot say: {escape_invisible('; '.join(made.left_out))}", err=True)
    if made.format == "mermaid" and len(taxonomy.tree) > 500:
        echo("Mermaid draws at most 500 edges unless its maxEdges is raised", err=True)
    if output != "-":
        echo(f"wrote {escape_invisible(output)} ({made.format}, {len(taxonomy):,} classes)", err=True)


def _made(given: Read, format: str, delimiter: str, depth: int | None) -> Exported:
    """The file; from YAML to YAML comments are kept, and those of no node are told."""
    document = given.document
    if format != "yaml" or document is None or not document.is_yaml:
        return export(given.taxonomy, format, delimiter=delimiter, depth=depth)
    kept = comments_of(given.taxonomy, document)
    text = yaml_text(given.taxonomy, kept.head, kept.nodes)
    return Exported(text.encode(), format, tuple(f"the comment {line}" for line in kept.others))


def _format(output: str, to: To | None, layout: Layout | None) -> str:
    if to is not None and layout is not None and to.value != layout.value:
        raise typer.BadParameter(f"--to {to.value} has no layout", param_hint="--layout")
    if to is not None:
        return str(to.value)
    try:
        by_suffix = format_of(Path(output)) if output != "-" else None
    except ValueError as error:
        raise typer.BadParameter(f"{error}; --to says the format", param_hint="OUT") from None
    if layout is not None:
        if by_suffix not in (None, "ranks"):
            raise typer.BadParameter(f"{by_suffix} has no layout", param_hint="--layout")
        return str(layout.value)
    if by_suffix is None:
        raise typer.BadParameter("--to says in which format to write to standard output", param_hint="--to")
    return by_suffix
