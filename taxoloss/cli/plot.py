"""`taxoloss plot`: what a sweep shows by now, as a table and as pictures, from its finished cells alone."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxoloss.cli.shared import stdout_console
from taxoloss.cli.streams import echo, write_json

if TYPE_CHECKING:
    from taxoloss.sweep.report import Comparison

__all__ = ["plot"]


class Format(str, Enum):
    """Of the pictures."""

    png = "png"
    svg = "svg"
    both = "both"
    none = "none"


class Columns(str, Enum):
    """Which scores are shown; what is tuned is chosen on validation data in either case."""

    valid = "valid"
    test = "test"


def plot(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of a sweep, or its results.csv.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where pictures go; else into pictures in FOLDER.")
    ] = None,
    kind: Annotated[
        Format, typer.Option("--format", help="Of the pictures; none: the table only.")
    ] = Format.both,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="ARM",
            help="What differences are taken to; if no run has it, all weight on the deepest level.",
        ),
    ] = "flat",
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SETTING",
            help="A setting that is tuned for each arm, by accuracy on validation data (lr); repeat for "
            "more, such as --over lr --over weights.",
        ),
    ] = None,
    reading: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Show these readings only; else marginal, and all of arms that have some of their own.",
        ),
    ] = None,
    columns: Annotated[
        Columns, typer.Option(help="Scores of validation data, or of the test after the last epoch.")
    ] = Columns.valid,
    as_json: Annotated[bool, typer.Option("--json", help="The table as one JSON object.")] = False,
) -> None:
    """Draw what a sweep shows: accuracy over weights, differences to cross-entropy, the front.

    Exit code 0: good. 1: no table of a sweep. 2: wrong usage.

    Example: taxoloss plot runs/weights --format svg --columns test
    """
    from taxoloss.sweep.report import TableError

    try:
        _plot(
            folder,
            out,
            kind,
            baseline,
            tuple(over or ("lr",)),
            reading or None,
            columns is Columns.test,
            as_json,
        )
    except (TableError, OSError) as error:
        echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        echo(f'error: plot needs {error.name}: pip install "taxoloss[sweep]"', err=True)
        raise typer.Exit(1) from None


def _plot(
    folder: Path,
    out: Path | None,
    kind: Format,
    baseline: str,
    over: Sequence[str],
    reading: Sequence[str] | None,
    test: bool,
    as_json: bool,
) -> None:
    from taxoloss.sweep.report import compare, draw, read, variants
    from taxoloss.sweep.report.compare import scores_of
    from taxoloss.sweep.report.terminal import notes, table
    from taxoloss.sweep.report.variants import worth_a_row

    sweep = read(folder)
    scores = scores_of(sweep, test)
    found = variants(sweep, over, reading)
    compared = compare(found if reading else worth_a_row(found, baseline), scores, baseline)
    if as_json:
        write_json([_data(one) for one in compared])
    else:
        stdout_console().print(table(compared, scores))
        echo(notes(compared, test))
    if sweep.unfinished:
        echo(f"unfinished: {sweep.unfinished}", err=True)
    if kind is Format.none:
        return
    home = folder if folder.is_dir() else folder.parent
    formats = ("png", "svg") if kind is Format.both else (kind.value,)
    drawn = draw(compared, scores, out or home / "pictures", formats)
    for name, why in drawn.skipped.items():
        echo(f"no picture {name}: {why}", err=True)
    echo("\n".join(f"wrote {path}" for path in drawn.files), err=True)


def _data(one: Comparison) -> dict[str, Any]:
    """A row as JSON holds it; accuracies from 0 to 1."""
    variant = one.variant
    return {
        "label": one.label,
        "arm": variant.arm,
        "weights": variant.weights,
        "settings": dict(variant.settings),
        "reading": variant.reading,
        "tuned": dict(variant.chosen),
        "seeds": list(variant.runs),
        "means": {name: interval._asdict() for name, interval in one.means.items()},
        "differences": {name: interval._asdict() for name, interval in one.gains.items()},
    }
