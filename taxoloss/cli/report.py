"""`taxoloss report`: one page of what a model gets right, nearly right and wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

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
    DecisionOption,
    DrawsOption,
    FileOrderOption,
    GroupOption,
    InnerClassesOption,
    MigrationOption,
    PredictionOption,
    RankingOption,
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
from taxoloss.cli.streams import echo
from taxoloss.evaluation.request import Request
from taxoloss.taxonomy.loading import load

__all__ = ["report"]

_ERROR = Unknown("error")
_B = "For OTHER, where it differs: "


def report(
    source: TaxonomyArgument,
    predictions: PredictionsArgument,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The page.")] = Path(
        "report.html"
    ),
    versus: Annotated[
        Path | None,
        typer.Option(metavar="OTHER", help="Predictions of another model, of the same samples."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder with pictures of the samples: --id names the column of their file names.",
        ),
    ] = None,
    thumbnails: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many pictures the page may hold.")
    ] = 400,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="What the page is called.")] = None,
    name_a: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model of PREDICTIONS is called.")
    ] = None,
    name_b: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model of OTHER is called.")
    ] = None,
    target: TargetOption = "target",
    targets: TargetsOption = None,
    prediction: PredictionOption = None,
    prediction_b: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{_B}the column of the answers.")
    ] = None,
    sample_id: IdOption = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare only the samples that both files have.")
    ] = False,
    group: GroupOption = None,
    score: ScoreOption = None,
    unknown: UnknownOption = _ERROR,
    separator: SeparatorOption = None,
    ranking: RankingOption = None,
    decimal: DecimalOption = ".",
    classes: ClassesOption = None,
    classes_b: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"{_B}the names of the columns.")
    ] = None,
    file_order: FileOrderOption = False,
    inner_classes: InnerClassesOption = False,
    migration: MigrationOption = None,
    values: ValuesOption = None,
    values_b: ValuesOption = None,
    decision: DecisionOption = None,
    risk: RiskOption = None,
    threshold: ThresholdOption = None,
    coarse: CoarseOption = Coarse.wrong,
    tradeoff: TradeoffOption = 0.0,
    draws: DrawsOption = 200,
) -> None:
    """Write one page, a single file, that shows where a model is right, nearly right and wrong.

    Exit code 0: good. 1: a bad taxonomy, or predictions that cannot be used. 2: wrong usage.

    Example: taxoloss report pets answers.csv --target truth --prediction answer -o report.html
    """
    check_decided(decision, risk, threshold, coarse, tradeoff)
    check_marks(decimal, separator=separator, ranking=ranking)
    check_output(
        out, source, predictions, versus, targets, classes, classes_b, migration, option="--output"
    )
    _check_usage(versus, images, sample_id, common, prediction_b, classes_b, values_b, name_a, name_b)
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
    of_other = dataclasses.replace(
        request,
        prediction=request.prediction
        if prediction_b is None
        else columns_of(prediction_b, "--prediction-b"),
        classes=request.classes if classes_b is None else classes_b,
        values=request.values if values_b is None else values_b.value,
    )
    with in_words():
        from taxoloss.evaluation.scores import Settings
        from taxoloss.report import Versus, build

        settings = Settings(decision and decision.value, risk, threshold, tradeoff, coarse.value, draws)
        with progress(None, "writing the page") as advance:
            build(
                load(source),
                predictions,
                out,
                request=request,
                settings=settings,
                versus=None if versus is None else Versus(versus, of_other, (name_a, name_b), common),
                images=images,
                thumbnails=thumbnails,
                title=title,
                progress=advance,
            )
    echo(f"wrote {out}", err=True)


def _check_usage(
    versus: Path | None, images: Path | None, sample_id: str | None, common: bool, *of_other: object
) -> None:
    """Wrong usage where an option needs another one."""
    if versus is None and (common or any(said is not None for said in of_other)):
        raise typer.BadParameter(
            "--common, --name-a, --name-b, --prediction-b, --classes-b, --values-b are of a second model",
            param_hint="--versus",
        )
    if images is not None and sample_id is None:
        raise typer.BadParameter(
            "needs --id NAME, the column with the file names of the pictures", param_hint="--images"
        )
    if common and sample_id is None:
        raise typer.BadParameter("needs --id: rows are paired by their number", param_hint="--common")
