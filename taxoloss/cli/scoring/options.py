"""The options that say how a file of predictions is read, and the request that they make."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console

from taxoloss.cli.shared import os_error_in_words
from taxoloss.cli.streams import echo
from taxoloss.errors.faults import BindingError, TaxonomyError
from taxoloss.evaluation.advice import for_command
from taxoloss.evaluation.predictions import VALUES, PredictionError
from taxoloss.evaluation.request import UNKNOWN
from taxoloss.evaluation.rules import RULES

__all__ = [
    "ClassesOption",
    "DecimalOption",
    "Decision",
    "DecisionOption",
    "DrawsOption",
    "FileOrderOption",
    "GroupOption",
    "InnerClassesOption",
    "MigrationOption",
    "PredictionOption",
    "RankingOption",
    "Result",
    "ResultOption",
    "ScoreOption",
    "SeparatorOption",
    "TargetOption",
    "TargetsOption",
    "TaxonomyArgument",
    "Unknown",
    "UnknownOption",
    "Values",
    "ValuesOption",
    "check_marks",
    "check_output",
    "columns_of",
    "in_words",
    "progress",
]

Decision = Enum("Decision", {name: name for name in RULES}, type=str)  # type: ignore[misc]
Values = Enum("Values", {name: name for name in VALUES}, type=str)  # type: ignore[misc]
Unknown = Enum("Unknown", {name: name for name in UNKNOWN}, type=str)  # type: ignore[misc]


class Result(str, Enum):
    """How results are shown."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"


TaxonomyArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="TAXONOMY", help="A taxonomy file or a bundled name.")
]
TargetOption: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="The column with the truth, or one for each rank: order,family.")
]
TargetsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A table with the truth, whose rows are found by the column that --id names."
    ),
]
PredictionOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column with the answers (names, paths or ids), or those of a ranking: top1,top2.",
    ),
]
ScoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column that says how probable each answer is; where a sample has a row for each class, "
        "the column with the number of the class.",
    ),
]
GroupOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column, or array of an .npz, with the camera, video or patient of each sample: intervals "
        "then allow for samples of one group being alike.",
    ),
]
ClassesOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Names of the columns, one a line, in order.")
]
FileOrderOption: TypeAlias = Annotated[
    bool, typer.Option("--file-order", help="The columns are in the order of the taxonomy file.")
]
InnerClassesOption: TypeAlias = Annotated[
    bool, typer.Option("--inner-classes", help="Some columns are inner nodes: a genus beside its species.")
]
MigrationOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The names are those of an older taxonomy: the map of taxoloss diff."
    ),
]
ValuesOption: TypeAlias = Annotated[
    Values | None, typer.Option(help="What the numbers are; an .npz says it by its key.")
]
SeparatorOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Between the names of a path; by default any that fits.")
]
RankingOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Between several answers in one cell, such as |.")
]
UnknownOption: TypeAlias = Annotated[
    Unknown,
    typer.Option(
        help="Answers that are not in the tree: stop, count them as wrong, or leave them out; "
        "root: an empty answer says nothing."
    ),
]
DecimalOption: TypeAlias = Annotated[
    str, typer.Option(metavar=".|,", help="The decimal mark of the numbers in a text.")
]
DecisionOption: TypeAlias = Annotated[
    Decision | None, typer.Option(help="Score the answers of a decision, not the logits.")
]
DrawsOption: TypeAlias = Annotated[int, typer.Option(min=2, help="Bootstrap draws for the intervals.")]
ResultOption: TypeAlias = Annotated[Result, typer.Option("--format", help="How the scores are shown.")]


def columns_of(text: str, option: str) -> tuple[str, ...]:
    """The names of columns, commas between them, without spaces around; in quotes a name may hold one.

    >>> columns_of('top1,"a, b"', "--prediction")
    ('top1', 'a, b')
    """
    try:
        cells = next(csv.reader([text], strict=True, skipinitialspace=True), [])
        names = tuple(cell.strip() for cell in cells)
    except csv.Error:
        raise typer.BadParameter(f"quotes do not pair in {text!r}", param_hint=option) from None
    if not names or not all(names):
        raise typer.BadParameter(f"expected names of columns, got {text!r}", param_hint=option)
    if len(set(names)) < len(names):
        raise typer.BadParameter(f"expected different columns, got {text!r}", param_hint=option)
    return names


def check_marks(decimal: str, **marks: str | None) -> None:
    """Wrong usage where the decimal mark is none, or a mark between texts is empty."""
    if decimal not in (".", ","):
        raise typer.BadParameter(f"expected . or , got {decimal!r}", param_hint="--decimal")
    for name, mark in marks.items():
        if mark is not None and not mark.strip():
            raise typer.BadParameter("expected a mark, got nothing", param_hint=f"--{name}")


def check_output(out: Path | None, *inputs: str | Path | None, option: str = "--rows") -> None:
    """Wrong usage where a file would be written over one that is read."""
    if out is None or not out.exists():
        return
    for read in inputs:
        if read is not None and Path(read).exists() and out.samefile(read):
            raise typer.BadParameter(f"{out} is read: give another file", param_hint=option)


@contextmanager
def in_words() -> Iterator[None]:
    """What is wrong with a taxonomy or with predictions, on standard error, and exit code 1."""
    try:
        yield
    except BindingError as error:
        echo(str(for_command(error)), err=True)
        raise typer.Exit(1) from None
    except TaxonomyError as error:
        echo(str(error), err=True)
        raise typer.Exit(1) from None
    except (PredictionError, ImportError) as error:
        echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except BrokenPipeError:  # main ends quietly
        raise
    except OSError as error:
        echo(f"error: {os_error_in_words(error)}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def progress(rows: int | None, what: str = "rows") -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal."""
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as shown:
        bar = shown.add_task(what, total=rows)
        yield lambda count: shown.advance(bar, count)
