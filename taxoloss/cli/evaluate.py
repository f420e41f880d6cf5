"""`taxoloss evaluate`: all metrics of a file of predictions, with intervals."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from taxoloss.cli.shared import plain, stdout_console
from taxoloss.cli.streams import echo, write_data, write_json
from taxoloss.errors.faults import TaxonomyError
from taxoloss.evaluation.columns import column_names
from taxoloss.evaluation.migrated import OldNames, migrated
from taxoloss.evaluation.predictions import VALUES, PredictionError, PredictionFile
from taxoloss.evaluation.readers import open_predictions
from taxoloss.evaluation.rules import RULES, calibrated, with_setting
from taxoloss.evaluation.targets import name_of_text
from taxoloss.sources.class_lists import from_file
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.loading import load
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.versions.migration import Migration

if TYPE_CHECKING:
    from taxoloss.evaluation.scores import Evaluation

__all__ = ["evaluate"]


Decision = Enum("Decision", {name: name for name in RULES}, type=str)  # type: ignore[misc]
Values = Enum("Values", {name: name for name in VALUES}, type=str)  # type: ignore[misc]


def evaluate(
    source: Annotated[str, typer.Argument(metavar="TAXONOMY", help="A taxonomy file or a bundled name.")],
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help=".npz (logits, log_probs or probs; targets; classes), or .csv, .tsv, .parquet with a "
            "column for each class and one of targets: names, paths a/b/c, or node ids, all of one kind.",
        ),
    ],
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the columns, one a line, in order.")
    ] = None,
    file_order: Annotated[
        bool, typer.Option("--file-order", help="The columns are in the order of the taxonomy file.")
    ] = False,
    inner_classes: Annotated[
        bool,
        typer.Option("--inner-classes", help="Some columns are inner nodes: a genus beside its species."),
    ] = False,
    migration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The columns are the classes of an older taxonomy: the map of taxoloss diff.",
        ),
    ] = None,
    values: Annotated[
        Values | None, typer.Option(help="What the numbers are; an .npz says it by its key.")
    ] = None,
    target: Annotated[str, typer.Option(metavar="NAME", help="The column of targets.")] = "target",
    decision: Annotated[
        Decision | None, typer.Option(help="Score the answers of a decision, not the logits.")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help=f"Calibrate {' or '.join(calibrated())} on rows 1, 3, 5, ... to be wrong this often at "
            "most; the others are scored.",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="A fixed threshold (0.5).")
    ] = None,
    tradeoff: Annotated[
        float, typer.Option(min=0.0, help=f"Of {' or '.join(with_setting('tradeoff'))}.")
    ] = 0.0,
    draws: Annotated[int, typer.Option(min=2, help="Bootstrap draws for the intervals.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="metric,value,low,high")] = False,
) -> None:
    """Score the predictions of any model: every metric, with 95 % intervals.

    Exit code 0: good. 1: a bad taxonomy, or predictions that cannot be used. 2: wrong usage.

    Example: taxoloss evaluate pets predictions.csv --values probs --decision climb --risk 0.05
    """
    _check_usage(decision, risk, threshold, as_json and as_csv)
    try:
        file = open_predictions(predictions, None if values is None else values.value, target)
        if migration is None:
            taxonomy = _bound(load(source), file, classes, file_order, inner_classes)
        else:
            taxonomy, file = _migrated(load(source), file, migration, classes, file_order)
        from taxoloss.evaluation.scores import Settings, evaluate

        settings = Settings(decision and decision.value, risk, threshold, tradeoff, draws)
        with _progress(file.rows) as advance:
            found = evaluate(file, taxonomy, settings, advance)
    except (TaxonomyError, PredictionError, ImportError) as error:
        echo(f"error: {error}" if not isinstance(error, TaxonomyError) else str(error), err=True)
        raise typer.Exit(1) from None
    if found.threshold is not None:
        echo(f"{found.threshold}\n{found.delivered}\n", err=as_json or as_csv)
    _write(found, taxonomy, decision, as_json, as_csv)


def _check_usage(
    decision: Decision | None, risk: float | None, threshold: float | None, both: bool
) -> None:
    if both:
        raise typer.BadParameter("one of --json and --csv, not both")
    if risk is not None and (decision is None or not RULES[decision.value].calibrated):
        raise typer.BadParameter(f"needs --decision {' or '.join(calibrated())}", param_hint="--risk")
    if risk is not None and (threshold is not None or not 0 < risk < 1):
        raise typer.BadParameter("takes a share between 0 and 1, without --threshold", param_hint="--risk")


def _bound(
    taxonomy: Taxonomy, file: PredictionFile, classes: Path | None, file_order: bool, inner_classes: bool
) -> Taxonomy:
    """The taxonomy in the order of the file's columns; a shifted order is never guessed."""
    if not inner_classes and (file.columns is None or classes is not None):
        _check_width(file, taxonomy)
    index = taxonomy.index
    own = ("the taxonomy file", taxonomy.bind().paths()) if file_order else None

    def name_of(name: Name) -> Name:
        try:
            return name_of_text(name, index) if isinstance(name, str) else name
        except ValueError as error:
            raise PredictionError(f"{file.path}: column {name!r:.100}: {error}") from None

    names = column_names(file, lambda name: index.find(name_of(name)), _names_of(classes), own)
    bound = taxonomy.bind(list(map(name_of, names)), node_targets=True, inner_classes=inner_classes)
    _check_width(file, bound)
    return bound


def _check_width(file: PredictionFile, taxonomy: Taxonomy) -> None:
    if file.width != len(taxonomy):
        raise PredictionError(
            f"{file.path}: expected {len(taxonomy)} columns, a class each, got {file.width}"
        )


def _names_of(classes: Path | None) -> tuple[str, tuple[str, ...]] | None:
    """What --classes names."""
    return None if classes is None else (str(classes), from_file(classes, Limits()).names)


def _migrated(
    taxonomy: Taxonomy, file: PredictionFile, map_: Path, classes: Path | None, file_order: bool
) -> tuple[Taxonomy, PredictionFile]:
    """The new taxonomy, and the file of old predictions read as one of its classes."""
    try:
        migration = Migration.load(map_)
    except (ValueError, OSError) as error:
        raise PredictionError(str(error)) from None
    bound = taxonomy.bind(migration.new_classes, node_targets=True, inner_classes=True)
    if not any(form.same_binding(migration.new_digest) for form in (bound, taxonomy)):
        raise PredictionError(
            f"{map_}: expected a map to {taxonomy.name or 'this taxonomy'}, got one to another tree"
        )
    old = OldNames(migration)
    own = ("the old taxonomy", migration.old_classes) if file_order else None
    names = column_names(file, old.classes, _names_of(classes), own)
    moved = migrated(file, migration, old, names)
    return bound, moved


@contextmanager
def _progress(rows: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal."""
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        bar = progress.add_task("rows", total=rows)
        yield lambda count: progress.advance(bar, count)


# -- what is written -------------------------------------------------------------------------------


def _write(
    found: Evaluation, taxonomy: Taxonomy, decision: Decision | None, as_json: bool, as_csv: bool
) -> None:
    if as_json:
        write_json(_data(found, taxonomy, decision))
    elif as_csv:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["metric", "value", "low", "high"])
        writer.writerows([name, *interval] for name, interval in found.scores.items())
        write_data(text.getvalue())
    else:
        rows = f"{found.rows:,} rows"
        if found.calibration_rows:
            rows += f" scored, {found.calibration_rows:,} others calibrated the threshold"
        echo(rows)
        stdout_console().print(_table(found))


def _data(found: Evaluation, taxonomy: Taxonomy, decision: Decision | None) -> dict[str, Any]:
    threshold = found.threshold
    return {
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
        "rows": found.rows,
        "rows_without_a_known_node": found.uncounted,
        "calibration_rows": found.calibration_rows,
        "decision": None if decision is None else decision.value,
        "threshold": None
        if threshold is None
        else {"risk": threshold.risk, "log_odds": _number(threshold.log_odds), "sentence": str(threshold)},
        "metrics": {
            name: {key: _number(value) for key, value in interval._asdict().items()}
            for name, interval in found.scores.items()
        },
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _table(found: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for name in ("value", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("better")
    words = {True: "up", False: "down", None: ""}
    for name, (value, low, high) in found.scores.items():
        if math.isnan(value):
            table.add_row(plain(name), "nothing counted", "", "")
            continue
        row = f"{value:.4f}", f"{low:.4f} to {high:.4f}"
        table.add_row(plain(name), *row, words[found.higher_is_better.get(name)])
    return table
