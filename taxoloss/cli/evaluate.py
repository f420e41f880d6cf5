"""`taxoloss evaluate`: all metrics of a file of predictions, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taxoloss.cli.scoring.decided import (
    Coarse,
    CoarseOption,
    IdOption,
    PredictionsArgument,
    RiskOption,
    ThresholdOption,
    TradeoffOption,
    check_decided,
)
from taxoloss.cli.scoring.options import (
    ClassesOption,
    DecimalOption,
    Decision,
    DecisionOption,
    DrawsOption,
    FileOrderOption,
    GroupOption,
    InnerClassesOption,
    MigrationOption,
    PredictionOption,
    RankingOption,
    Result,
    ResultOption,
    ScoreOption,
    SeparatorOption,
    TargetOption,
    TargetsOption,
    TaxonomyArgument,
    Unknown,
    UnknownOption,
    ValuesOption,
    check_marks,
    check_output,
    columns_of,
    in_words,
    progress,
)
from taxoloss.cli.scoring.output import write_table
from taxoloss.cli.streams import echo
from taxoloss.errors.characters import counted
from taxoloss.evaluation.request import Request
from taxoloss.taxonomy.loading import load
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from taxoloss.evaluation.scores import Evaluation

__all__ = ["evaluate"]

_ERROR = Unknown("error")


def evaluate(
    source: TaxonomyArgument,
    predictions: PredictionsArgument,
    target: TargetOption = "target",
    targets: TargetsOption = None,
    prediction: PredictionOption = None,
    sample_id: IdOption = None,
    group: GroupOption = None,
    score: ScoreOption = None,
    unknown: UnknownOption = _ERROR,
    separator: SeparatorOption = None,
    ranking: RankingOption = None,
    decimal: DecimalOption = ".",
    classes: ClassesOption = None,
    file_order: FileOrderOption = False,
    inner_classes: InnerClassesOption = False,
    migration: MigrationOption = None,
    values: ValuesOption = None,
    decision: DecisionOption = None,
    risk: RiskOption = None,
    threshold: ThresholdOption = None,
    coarse: CoarseOption = Coarse.wrong,
    tradeoff: TradeoffOption = 0.0,
    draws: DrawsOption = 200,
    rows: Annotated[
        Path | None,
        typer.Option(metavar="OUT.csv", help="Write a row a sample: truth, answer, what they share."),
    ] = None,
    result: ResultOption = Result.text,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object: --format json.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="metric,value,low,high: --format csv.")] = False,
) -> None:
    """Score the predictions of any model: every metric, with 95 % intervals.

    Exit code 0: good. 1: a bad taxonomy, or predictions that cannot be used. 2: wrong usage.

    Example: taxoloss evaluate pets answers.csv --target truth --prediction answer
    """
    result = _result(result, as_json, as_csv)
    check_decided(decision, risk, threshold, coarse, tradeoff)
    check_marks(decimal, separator=separator, ranking=ranking)
    check_output(rows, source, predictions, targets, classes, migration)
    request = Request(
        target=columns_of(target, "--target"),
        prediction=columns_of(prediction, "--prediction") if prediction is not None else (),
        sample_id=sample_id,
        group=group,
        score=score,
        classes=classes,
        file_order=file_order,
        inner_classes=inner_classes,
        migration=migration,
        values=None if values is None else values.value,
        separator=separator,
        ranking=ranking,
        targets=targets,
        unknown=unknown.value,
        decimal=decimal,
    )
    with in_words():
        from taxoloss.evaluation.opening import open_samples
        from taxoloss.evaluation.rows import RowWriter
        from taxoloss.evaluation.scores import Settings, evaluate

        taxonomy, samples = open_samples(predictions, load(source), request)
        settings = Settings(decision and decision.value, risk, threshold, tradeoff, coarse.value, draws)
        with progress(samples.rows) as advance, RowWriter(rows, taxonomy) as writer:
            found = evaluate(samples, taxonomy, settings, advance, writer.write)
    _write(found, predictions, taxonomy, decision, result)


def _result(result: Result, as_json: bool, as_csv: bool) -> Result:
    asked = {form for form, said in ((Result.json, as_json), (Result.csv, as_csv)) if said}
    if result is not Result.text:
        asked.add(result)
    if len(asked) > 1:
        raise typer.BadParameter(f"one of --format, --json and --csv, got {', '.join(sorted(asked))}")
    return asked.pop() if asked else Result.text


# -- what is written -------------------------------------------------------------------------------


def _write(
    found: Evaluation, path: Path, taxonomy: Taxonomy, decision: Decision | None, result: Result
) -> None:
    from taxoloss.evaluation.data import evaluation_data

    people = result in (Result.text, Result.markdown)
    for line in _words(found, path):
        echo(line, err=result is not Result.text)
    if found.threshold is not None:
        echo(f"{found.threshold}\n{found.delivered}\n", err=result is not Result.text)
    header = (
        ["metric", "value", "95 % interval", "better"] if people else ["metric", "value", "low", "high"]
    )
    rows = found.table() if people else list(_numbers(found))
    data = evaluation_data(found, taxonomy, decision and decision.value)
    write_table(header, rows, result, data)


def _words(found: Evaluation, path: Path) -> Iterator[str]:
    """How the file was read, and what was not scored."""
    rows = counted(found.rows, "row")
    if found.calibration_rows:
        rows += f" scored, {found.calibration_rows:,} others calibrated the threshold"
    yield f"{path}: {found.reading}"
    yield rows
    yield from found.notes


def _numbers(found: Evaluation) -> Iterator[list[str]]:
    for name, interval in found.scores.items():
        yield [name, *map(str, interval)]
