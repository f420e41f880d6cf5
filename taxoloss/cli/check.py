"""`taxoloss check`: do the classes of my data fit the tree?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

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
    plain,
    read,
    report,
    stdout_console,
    stop_on_faults,
)
from taxoloss.cli.streams import echo, write_json
from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.errors.faults import Fault
from taxoloss.errors.formats import fault_data
from taxoloss.sources.class_lists import ClassList, from_column, from_file, from_folder, from_hugging_face
from taxoloss.taxonomy.alias_edits import with_aliases
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.matching import Guess, Match, match

__all__ = ["check"]


def check(
    source: SourceArgument,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="One class a line; or JSON: a list, class_to_idx, id2label."),
    ] = None,
    image_folder: Annotated[
        Path | None, typer.Option("--image-folder", metavar="DIR", help="A folder as ImageFolder reads it.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE:COLUMN", help="The values of a column, sorted.")
    ] = None,
    hf: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:FEATURE]", help="dataset_info.json, a dataset's README.md, config.json."
        ),
    ] = None,
    subset: Annotated[
        bool, typer.Option("--subset", help="The data may lack some of the tree's classes.")
    ] = False,
    node_targets: Annotated[
        bool, typer.Option("--node-targets", help="The names are labels, some of them of inner nodes.")
    ] = False,
    inner_classes: InnerClassesOption = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Add the names of the data to the file, as aliases of what they mean."
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Accept what a rule of spelling explains; without it each guess is asked for.",
        ),
    ] = False,
    as_json: JsonOption = False,
    format: FormatOption = None,
    limit: LimitOption = None,
) -> None:
    """Compare the classes of your data with the tree, and print the line of Python that binds them.

    Missing, extra, twice, the order, the nearest names, classes that are inner nodes.

    Exit code 0: they fit. 1: they do not, or the taxonomy is bad. 2: wrong usage.

    Example: taxoloss check taxonomy.yaml --image-folder data/train
    """
    format = chosen_format(format, as_json)
    limits = limits_of(limit)
    if sum(given is not None for given in (classes, image_folder, csv, hf)) != 1:
        raise typer.BadParameter("give one of --classes, --image-folder, --csv, --hf")
    if node_targets and inner_classes:
        raise typer.BadParameter(
            "a name is a label or a class: not with --node-targets", param_hint="--inner-classes"
        )
    if write and source == "-":
        raise typer.BadParameter("standard input cannot be written", param_hint="--write")
    if write and not yes and not sys.stdin.isatty():
        raise typer.BadParameter(
            "without a terminal to ask on, --yes accepts what a rule of spelling explains",
            param_hint="--write",
        )
    with stop_on_faults(format):
        given = read(source, limits)
        listed = _listed(classes, image_folder, csv, hf, limits)
        how = {"subset": subset, "node_targets": node_targets, "inner_classes": inner_classes}
        found = match(given.taxonomy, listed.names, **how)
        if write and found.guesses:
            given = _write(given, found, yes, limits)
            found = match(given.taxonomy, listed.names, **how)
    verb = "node_ids" if node_targets else "restrict" if subset else "bind"
    _show(given, listed, found, verb, inner_classes, format)
    if found.faults:
        raise typer.Exit(1)


def _listed(
    classes: Path | None, image_folder: Path | None, csv: str | None, hf: str | None, limits: Limits
) -> ClassList:
    if classes is not None:
        return from_file(classes, limits)
    if image_folder is not None:
        return from_folder(image_folder, limits)
    if hf is not None:
        return from_hugging_face(hf, limits)
    try:
        return from_column(csv or "", limits)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise typer.BadParameter(str(error), param_hint="--csv") from None


# -- aliases ---------------------------------------------------------------------------------------


def _write(given: Read, found: Match, yes: bool, limits: Limits) -> Read:
    """Adds the accepted guesses to the file, and reads it again."""
    document = given.document
    if document is None:
        raise typer.BadParameter(
            f"{given.source} is bundled: convert it to a file of yours first", param_hint="--write"
        )
    accepted = [guess for guess in found.guesses if (guess.rule if yes else _accepted(guess))]
    for guess in found.guesses if yes else ():
        if not guess.rule:
            echo(f"not written, for no rule of spelling explains it: {_arrow(guess)}", err=True)
    if not accepted:
        return given
    added: dict[int, tuple[str, ...]] = {}
    for guess in accepted:
        added[guess.node] = (*added.get(guess.node, ()), guess.name)
        echo(f"alias: {_arrow(guess)}", err=True)
    try:
        text = with_aliases(given.taxonomy, document, added)
    except ValueError as error:
        echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    write_whole(given.source, text)
    echo(f"wrote {counted(len(accepted), 'alias')} to {given.source}", err=True)
    return read(given.source, limits)


def _arrow(guess: Guess) -> str:
    return escape_invisible(f"{guess.name} -> {'/'.join(guess.path)}")


def _accepted(guess: Guess) -> bool:
    return typer.confirm(f"{_arrow(guess)}{_doubt(guess)}?", default=guess.sure, err=True)


def _doubt(guess: Guess) -> str:
    """What a person should know of a guess before it is accepted."""
    return "" if guess.sure else f" ({guess.rule or 'a guess'})"


# -- what is shown ---------------------------------------------------------------------------------


def _show(
    given: Read, listed: ClassList, found: Match, verb: str, inner_classes: bool, format: str
) -> None:
    more = ", inner_classes=True" if inner_classes and found.inner else ""
    python = None if found.faults else one_line(given.python_bound(listed, verb, more=more))
    if format == "json":
        data: dict[str, Any] = {
            **asdict(found),
            "valid": not found.faults,
            "how": listed.how,
            "python": python,
        }
        data["faults"] = [fault_data(fault) for fault in found.faults]
        for guess in data["guesses"]:
            del guess["node"]
        write_json(data)
        return
    if format != "text":
        report(_placed(given, found.faults), format)
        return
    console = stdout_console()
    for line in _lines(given, listed, found, verb, inner_classes):
        console.print(plain(line))
    if python is not None:
        if verb == "node_ids":
            console.print(plain("the target of a label is its number in ids:"))
        echo(f"in Python: {python}")
    else:
        report(found.faults, "text")


def _placed(given: Read, faults: tuple[Fault, ...]) -> list[Fault]:
    """Faults of binding, each in the file of the tree: where a missing leaf stands."""
    placed = []
    for fault in faults:
        nodes = given.taxonomy.index.by_path(fault.path) if fault.code == "T301" else []
        mark = given.document.node_marks[nodes[0]] if given.document is not None and nodes else None
        where = {"line": mark.line, "column": mark.column, "width": mark.width} if mark is not None else {}
        placed.append(replace(fault, file=given.source, **where))  # type: ignore[arg-type]
    return placed


def _lines(given: Read, listed: ClassList, found: Match, verb: str, inner_classes: bool) -> list[str]:
    """The facts, before the faults."""
    leaves = len(given.taxonomy)
    lines = [f"{found.classes:,} classes: {listed.how}", f"{leaves:,} leaves: {given.source}"]
    lines += [f"note: {note}" for note in listed.notes]
    by_alias = f", {found.by_alias:,} of them by an alias" if found.by_alias else ""
    lines.append(
        f"{found.fitting:,} fit{by_alias}; {len(found.missing):,} leaves without a class; "
        f"{len(found.extra):,} unknown"
    )
    if found.inner:
        shown = ", ".join(found.inner[:5]) + _rest(len(found.inner) - 5)
        own = "; each has a leaf of its own" if inner_classes else ""
        lines.append(f"{len(found.inner):,} of the names are inner nodes: {shown}{own}")
        if verb != "node_ids" and not inner_classes:
            lines.append("images that are labelled so can be trained on: --node-targets")
            lines.append("where the model has outputs for them: --inner-classes")
    if found.moved:
        lines.append(
            f"{found.moved:,} of them stand elsewhere than in the file: bind them, its order is not theirs"
        )
    elif found.moved == 0:
        lines.append("they stand in the order of the file")
    if found.guesses and found.faults:
        lines += _offers(found.guesses)
        lines += [f"  ...{more}"] if (more := _rest(len(found.guesses) - 10)) else []
    if found.missing and verb == "bind" and not found.extra and not found.inner:
        lines.append("--subset checks that the data has some of the tree's classes")
    return lines


def _offers(guesses: Sequence[Guess]) -> list[str]:
    """What --write would do with the guesses: those that a rule explains first."""
    ruled = sum(guess.rule is not None for guess in guesses)
    some = f", with --yes the {ruled:,} that a rule of spelling explains" if ruled < len(guesses) else ""
    lines = [f"{len(guesses):,} of the unknown may mean a leaf: --write adds them as aliases{some}"]
    shown = sorted(guesses, key=lambda guess: guess.rule is None)[:10]
    return lines + [f"  {_arrow(guess)}{_doubt(guess).replace(' (', '  (')}" for guess in shown]


def _rest(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""
