"""`taxoloss init`: from whatever people have to a taxonomy file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from enum import Enum
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from taxoloss.cli.readings import read_as, show_readings
from taxoloss.cli.shared import (
    FormatOption,
    JsonOption,
    LimitOption,
    chosen_format,
    limits_of,
    stop_on_faults,
)
from taxoloss.cli.streams import echo, write_data, write_json
from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.faults import TaxonomyError
from taxoloss.sources import KINDS, Found, Options, look, options_of, read_with
from taxoloss.sources.formats import FORMATS
from taxoloss.sources.name_lists import names_of_option
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.file.comments import comments_of
from taxoloss.taxonomy.file.writer import write_file
from taxoloss.taxonomy.file.yaml_writer import Comments, yaml_text
from taxoloss.taxonomy.findings import find, summaries
from taxoloss.taxonomy.loading import load_document
from taxoloss.taxonomy.names import checked_title

__all__ = ["init"]


class NodeName(Enum):
    """What a node of a system of codes is called."""

    code = "code"
    title = "title"


class MissingParent(str, Enum):
    """What becomes of a row whose parent has none."""

    top = "top"
    drop = "drop"


class Parent(str, Enum):
    """Which of several parents is kept."""

    first = "first"
    most_common = "most-common"
    all = "all"
    ask = "ask"


Kind = Enum("Kind", {kind.replace("-", "_"): kind for kind in KINDS}, type=str)  # type: ignore[misc]

_TITLES = "; ".join(format.title for format in FORMATS.values() if format.title)


def init(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help=f"{_TITLES[:1].upper()}{_TITLES[1:]}.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The file to write; else standard output."),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="What the source is, where it does not show it.")
    ] = None,
    parent: Annotated[
        Parent | None, typer.Option(help="Which of several parents to keep; all of them: also_under.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Of a table: ranks, top to leaf; a path; CHILD,PARENT; CLASS,BIN. "
            "A name with a comma in quotes: '\"a, b\",c'.",
        ),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Between the names of a path, or of a line.")
    ] = None,
    ranks: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Ranks that become levels, top to leaf.")
    ] = None,
    under: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is below this node.")] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first line names the columns.")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A cell that says that a rank is missing: NA.")
    ] = None,
    wordnet: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="WordNet 3.0's database, for ids.")
    ] = None,
    node_name: Annotated[
        NodeName | None, typer.Option(help="Of codes with titles: what a node is called.")
    ] = None,
    missing_parent: Annotated[
        MissingParent | None,
        typer.Option(help="Where a row's parent has no row: keep it at the top, or not."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What to call the taxonomy.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file; the comments of its nodes are kept.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say in which ways the source can be read, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
) -> None:
    """Make a taxonomy file from what you have: say what it was read as, check it, write it.

    Exit code 0: good. 1: the source makes no tree. 2: wrong usage.

    Example: taxoloss init species.csv -o taxonomy.yaml --columns order,family,species
    """
    format = chosen_format(format, as_json)
    if output is not None and output.exists() and not force and not dry_run:
        raise typer.BadParameter(f"{output} is there already; --force writes over it", param_hint="-o")
    if parent is Parent.ask and not sys.stdin.isatty():
        raise typer.BadParameter(
            "ask needs a terminal; first or most-common need none", param_hint="--parent"
        )
    if output is not None and not dry_run and not output.resolve().parent.is_dir():
        raise typer.BadParameter(f"{output}: cannot be written: no such folder", param_hint="-o")
    options = _checked(
        kind=_value(kind),
        parent=_ask if parent is Parent.ask else _value(parent),
        columns=_names(columns, "--columns"),
        separator=separator,
        ranks=_names(ranks, "--ranks"),
        under=under,
        header=header,
        missing=missing or (),
        wordnet=wordnet,
        node_name=_value(node_name),
        missing_parent=_value(missing_parent),
        limits=limits_of(limit),
    )
    with stop_on_faults(format):
        if dry_run:
            show_readings(look(source, options), source, format)
            return
        found = _named(read_with(source, options), name)
        _write(found, source, output)
    _show(found, source, output, format)


def _checked(**given: Any) -> Options:
    """The options; wrong usage where one of them says nothing that can be meant."""
    try:
        return options_of(**given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _value(choice: Enum | None) -> str | None:
    return None if choice is None else str(choice.value)


def _names(text: str | None, option: str) -> list[str] | None:
    try:
        return None if text is None else names_of_option(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _named(found: Found, name: str | None) -> Found:
    """With the name that was asked for; bytes of the file's name that are no text become escapes."""
    taxonomy = found.taxonomy
    source = taxonomy.source and taxonomy.source.encode("utf-8", "backslashreplace").decode("utf-8")
    title = taxonomy.name if name is None else checked_title(name)
    return replace(found, taxonomy=taxonomy.replace(name=title, source=source))


def _ask(name: str, parents: Sequence[str]) -> int:
    """Asks on the terminal which of several parents a node is to have."""
    echo(f"{escape_invisible(name)} has {len(parents)} parents:", err=True)
    for number, parent in enumerate(parents, 1):
        echo(f"  {number}  {escape_invisible(parent)}", err=True)
    kept = 0
    while not 1 <= kept <= len(parents):
        kept = typer.prompt(f"keep which, 1 to {len(parents)}", type=int, err=True)
    return kept - 1


def _write(found: Found, source: Path, output: Path | None) -> None:
    """YAML, with the comments that the nodes had in the file that is written over; JSON by the suffix."""
    made = (
        f"Made by taxoloss init from {source.name} ({found.kind}: {found.how}), {date.today().isoformat()}."
    )
    head: tuple[str, ...] = (escape_invisible(made), *(escape_invisible(note) for note in found.notes))
    if output is None:
        write_data(yaml_text(found.taxonomy, head))
    elif output.suffix.lower() == ".json":
        write_file(found.taxonomy, output)
    else:
        old, nodes = _old_comments(source if found.kind == "taxonomy" else output, found)
        write_whole(output, yaml_text(found.taxonomy, (*head, *old), nodes))


def _old_comments(output: Path, found: Found) -> tuple[tuple[str, ...], Comments]:
    """The comments of the file that is written over, or was read; what belongs to no node is told."""
    if not output.exists():
        return (), {}
    try:
        taxonomy, document = load_document(output)
    except TaxonomyError:
        echo(f"{output} was no taxonomy: its comments are not kept", err=True)
        return (), {}
    if document is None or not document.is_yaml:
        return (), {}
    kept = comments_of(taxonomy, document)
    paths = {path for path in kept.nodes if found.taxonomy.index.by_path(path)}
    lost = [
        *kept.others,
        *(f"# {line}" for p, c in kept.nodes.items() if p not in paths for line in (*c[0], c[1]) if line),
    ]
    if lost:
        echo(
            f"{len(lost)} comments of the old file belong to no node of the new one, and are left out:",
            err=True,
        )
        for line in lost[:20]:
            echo(f"  {escape_invisible(line)}", err=True)
    head = tuple(line for line in kept.head if not line.startswith("Made by taxoloss init"))
    return head, {path: kept.nodes[path] for path in paths}


def _next(found: Found, source: Path, output: Path) -> list[str]:
    """Commands for a shell: to look at what was written, and to check it against the classes of data."""
    file, folder = quote(str(output)), quote(str(source))
    classes = f"--image-folder {folder}" if found.kind == "image-folder" else "--classes YOUR_CLASSES.txt"
    return [f"next: taxoloss inspect {file}", f"      taxoloss check {file} {classes}"]


def _show(found: Found, source: Path, output: Path | None, format: str) -> None:
    """What the source was read as, what to look at, what to do next."""
    taxonomy = found.taxonomy
    findings = list(find(taxonomy))
    lines = [f"{source} was read as {read_as(found)}", *(f"note: {note}" for note in found.notes)]
    lines += [f"warning {finding.code}: {finding.message}" for finding in summaries(findings)]
    widths = " > ".join(f"{level} {len(taxonomy.nodes(level)):,}" for level in taxonomy.levels)
    lines.append(f"{len(taxonomy):,} classes: {widths}")
    if output is not None:
        lines += [f"wrote {output}", *_next(found, source, output)]
    for line in lines:
        echo(escape_invisible(line), err=True)
    if format == "json" and output is not None:
        data = {
            "kind": found.kind,
            "how": found.how,
            "example": found.example,
            "unused": found.unused,
            "notes": found.notes,
            "output": str(output),
            "classes": len(taxonomy),
            "levels": [{"name": level, "nodes": len(taxonomy.nodes(level))} for level in taxonomy.levels],
            "findings": [{"code": finding.code, "message": finding.message} for finding in findings],
            "digest": taxonomy.digest,
        }
        write_json(data)
