"""Curves of scores: risk over coverage, what is said for how much correctness, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from taxoloss.plot.figures import COLOUR, legend

__all__ = ["operating_curve", "reliability", "risk"]


def risk(ax: Any, val: Mapping[str, Any]) -> None:
    """Risk over coverage, the area filled."""
    coverage, wrong = np.atleast_1d(val["coverage"]), np.atleast_1d(val["risk"])  # () where it is one point
    ax.plot(coverage, wrong, color=COLOUR)
    ax.fill_between(coverage, wrong, alpha=0.2, color=COLOUR)
    ax.set(xlabel="coverage: mean information of the answers", ylabel="risk: share of wrong answers")
    ax.set(title=f"risk over coverage, area {float(val['aurc']):.4f}", xlim=(0, 1), ylim=(0, None))


def operating_curve(ax: Any, fields: Any, val: Mapping[str, Any], value: str) -> None:
    """Correct and precision over recall, (points, 3), with the recalls at 90 and 95 % correct."""
    recall, precision, correct = fields.T
    ax.plot(recall, correct, label=f"correct, average {float(val['average_correct']):.3f}")
    ax.plot(recall, precision, label=f"precision, average {float(val['average_precision']):.3f}")
    for share in (90, 95):
        at = float(val[f"recall_at_{share}_correct"])
        ax.plot([at], [share / 100], "o", color="black")
        # On the side where there is room for the words.
        side = "left" if at < 0.6 else "right"
        ax.annotate(f"  {at:.2f} at {share} %  ", (at, share / 100), va="bottom", ha=side)
    ax.set(xlabel=f"recall ({value})", ylabel="share", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("from the surest answers to the most informative")
    legend(ax, loc="lower left")


def reliability(ax: Any, bins: Mapping[str, tuple[Any, Any]], errors: Mapping[str, float]) -> None:
    """Share right over stated probability, a line a level."""
    for level, (stated, right) in bins.items():
        # A legend leaves out what begins with an underscore.
        shown = f" {level}" if level.startswith("_") else level
        ax.plot(stated, right, marker="o", label=f"{shown}, error {float(errors[level]):.3f}")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
    ax.set(xlabel="stated probability", ylabel="share right", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("calibration of each level's answer")
    legend(ax)
