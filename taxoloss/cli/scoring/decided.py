"""The options that say how answers are made of numbers, and whether they fit each other."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from taxoloss.cli.scoring.options import Decision
from taxoloss.evaluation.rules import RULES, calibrated, with_setting

__all__ = [
    "Coarse",
    "CoarseOption",
    "IdOption",
    "PredictionsArgument",
    "RiskOption",
    "ThresholdOption",
    "TradeoffOption",
    "check_decided",
]


class Coarse(str, Enum):
    """What rows labelled above the classes are in a calibration."""

    wrong = "wrong"
    skip = "skip"


PredictionsArgument: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PREDICTIONS",
        help=".npz (logits, log_probs or probs; targets; classes), .csv, .tsv, .parquet, .xlsx, .json, "
        ".jsonl: a column for each class, one of answers, or a row for each class, and one of targets "
        "(names, paths, node ids); SpeciesNet and MegaDetector results.",
    ),
]
IdOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="NAME", help="The column, or array of an .npz, with the name of each sample."
    ),
]
RiskOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help=f"Calibrate {' or '.join(calibrated())} on rows 1, 3, 5, ... to be wrong this often at "
        "most; the others are scored.",
    ),
]
ThresholdOption: TypeAlias = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="A fixed threshold (0.5).")
]
CoarseOption: TypeAlias = Annotated[
    Coarse,
    typer.Option(
        help="Rows labelled above the classes: count a deeper answer as wrong, or leave them out."
    ),
]
TradeoffOption: TypeAlias = Annotated[
    float, typer.Option(min=0.0, help=f"A setting of --decision {' or '.join(with_setting('tradeoff'))}.")
]


def check_decided(
    decision: Decision | None, risk: float | None, threshold: float | None, coarse: Coarse, tradeoff: float
) -> None:
    """Wrong usage where settings contradict each other, or the decision does not take one."""
    if coarse is Coarse.skip and risk is None:
        raise typer.BadParameter("is of a calibration: needs --risk", param_hint="--coarse")
    if risk is not None and (decision is None or not RULES[decision.value].calibrated):
        raise typer.BadParameter(f"needs --decision {' or '.join(calibrated())}", param_hint="--risk")
    if risk is not None and (threshold is not None or not 0 < risk < 1):
        raise typer.BadParameter("takes a share between 0 and 1, without --threshold", param_hint="--risk")
    taken = () if decision is None else RULES[decision.value].takes
    for name, value in {"threshold": threshold, "tradeoff": tradeoff or None}.items():
        if value is not None and name not in taken:
            which = " or ".join(with_setting(name))
            raise typer.BadParameter(f"is of --decision {which}", param_hint=f"--{name}")
