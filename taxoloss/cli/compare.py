"""`taxoloss compare`: which of two models is better, from two files of predictions of the same samples."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from taxoloss.cli.scoring.compared import Told, write
from taxoloss.cli.scoring.options import (
    ClassesOption,
    DecimalOption,
    DrawsOption,
    FileOrderOption,
    GroupOption,
    InnerClassesOption,
    MigrationOption,
    PredictionOption,
    RankingOption,
    Result,
    ResultOption,
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
from taxoloss.evaluation.request import Request
from taxoloss.taxonomy.loading import load

__all__ = ["compare"]

_ERROR = Unknown("error")
_B = "What differs in B: "


def compare(
    source: TaxonomyArgument,
    a: Annotated[
        Path, typer.Argument(metavar="A", help="Predictions of one model, as evaluate reads them.")
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="Those of the other, of the same samples.")],
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The column that names the samples in both files; else row by row."
        ),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Leave out samples that only one file has.")
    ] = False,
    group: GroupOption = None,
    target: TargetOption = "target",
    targets: TargetsOption = None,
    prediction: PredictionOption = None,
    prediction_b: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{_B}the column of the answers.")
    ] = None,
    name_a: Annotated[str | None, typer.Option(metavar="TEXT", help="What A is called.")] = None,
    name_b: Annotated[str | None, typer.Option(metavar="TEXT", help="What B is called.")] = None,
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
    draws: DrawsOption = 500,
    rows: Annotated[
        Path | None,
        typer.Option(metavar="OUT.csv", help="Write the samples whose answers differ, a row each."),
    ] = None,
    result: ResultOption = Result.text,
) -> None:
    """Compare two models on the same samples: each difference with its interval, what was gained and lost.

    Exit code 0: good. 1: a bad taxonomy, or predictions that cannot be compared. 2: wrong usage.

    Example: taxoloss compare pets x.csv x.csv --target truth --prediction old --prediction-b new
    """
    check_marks(decimal, separator=separator, ranking=ranking)
    check_output(rows, source, a, b, targets, classes, classes_b, migration)
    if common and by is None:
        raise typer.BadParameter("needs --by: rows are paired by their number", param_hint="--common")
    of_a = Request(
        target=columns_of(target, "--target"),
        prediction=columns_of(prediction, "--prediction") if prediction is not None else (),
        sample_id=by,
        group=group,
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
    of_b = dataclasses.replace(
        of_a,
        prediction=of_a.prediction if prediction_b is None else columns_of(prediction_b, "--prediction-b"),
        classes=of_a.classes if classes_b is None else classes_b,
        values=of_a.values if values_b is None else values_b.value,
    )
    names = _names((a, name_a), (b, name_b), (of_a, of_b))
    with in_words():
        from taxoloss.evaluation.changes import ChangeWriter
        from taxoloss.evaluation.two_files import open_pair

        pair = open_pair(a, b, load(source), of_a, of_b, common)
        writer = ChangeWriter(rows, pair.taxonomy)
        with progress(pair.pairing.a.rows) as advance:
            found = pair.compared(group is not None, draws, advance, writer.take)
        writer.write()
    write(Told(found, pair.pairing, pair.form, names), pair.taxonomy, result)


def _names(
    a: tuple[Path, str | None], b: tuple[Path, str | None], requests: tuple[Request, Request]
) -> tuple[str, str]:
    """What the two are called: as was said, else their files' names, or of one file their columns."""
    from taxoloss.evaluation.two_files import names_of_pair

    try:
        own = names_of_pair((a[0], b[0]), requests)
    except ValueError:
        raise typer.BadParameter(
            f"expected another file than A, or --prediction-b NAME, another column of it; got {b[0]} again",
            param_hint="B",
        ) from None
    name_a, name_b = (
        default if said is None else said for default, said in zip(own, (a[1], b[1]), strict=True)
    )
    if name_a == name_b or not name_a.strip() or not name_b.strip():
        raise typer.BadParameter(
            f"expected two names, got {name_a!r} and {name_b!r}", param_hint="--name-a, --name-b"
        )
    return name_a, name_b
