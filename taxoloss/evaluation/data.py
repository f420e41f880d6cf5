"""Scores and comparisons as plain data: what `--format json` prints, and what a report holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from taxoloss.evaluation.branches import Branch
from taxoloss.evaluation.comparison import Comparison
from taxoloss.evaluation.pairing import Pairing
from taxoloss.evaluation.scores import Evaluation
from taxoloss.evaluation.sentences import sentences
from taxoloss.metrics.bootstrap import Interval
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["branch_data", "comparison_data", "evaluation_data", "number"]


def number(value: float) -> float | None:
    """A number for JSON, which has no NaN and no infinity."""
    return value if math.isfinite(value) else None


def evaluation_data(found: Evaluation, taxonomy: Taxonomy, decision: str | None) -> dict[str, Any]:
    """What `taxoloss evaluate --format json` prints.

    Args:
        found: the scores.
        taxonomy: bound, in whose order they were scored.
        decision: the name of the decision; None: there was none.
    """
    threshold = found.threshold
    return {
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
        "reading": found.reading,
        "notes": list(found.notes),
        "rows": found.rows,
        "rows_left_out": found.left_out,
        "rows_without_a_known_node": found.uncounted,
        "calibration_rows": found.calibration_rows,
        "decision": decision,
        "threshold": None
        if threshold is None
        else {"risk": threshold.risk, "log_odds": number(threshold.log_odds), "sentence": str(threshold)},
        "metrics": _intervals(found.scores),
    }


def _intervals(scores: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {
        name: {key: number(value) for key, value in interval._asdict().items()}
        for name, interval in scores.items()
    }


def comparison_data(
    found: Comparison, pairing: Pairing, names: tuple[str, str], taxonomy: Taxonomy
) -> dict[str, Any]:
    """What `taxoloss compare --format json` prints.

    Args:
        found: the comparison of two files.
        pairing: the files.
        names: of the two models.
        taxonomy: bound, in whose order they were compared.
    """
    files = zip(("a", "b"), names, (pairing.a, pairing.b), (pairing.only_a, pairing.only_b), strict=True)
    return {
        "digest": taxonomy.digest,
        "binding_digest": taxonomy.binding_digest,
        **{
            key: {
                "name": name,
                "file": str(samples.path),
                "reading": samples.how,
                "notes": list(samples.notes),
                "rows_left_out": samples.left_out,
                "rows_only_here": alone.count,
            }
            for key, name, samples, alone in files
        },
        "by": pairing.by,
        "rows": found.rows,
        "rows_without_a_known_node": pairing.uncounted,
        "groups": found.groups,
        **({"notes": list(found.notes)} if found.notes else {}),
        "metrics": {
            name: {
                "a": number(score.a),
                "b": number(score.b),
                "difference": number(score.interval.value),
                "low": number(score.interval.low),
                "high": number(score.interval.high),
                "higher_is_better": score.higher_is_better,
            }
            for name, score in found.scores.items()
        },
        "sentences": sentences(found, *names),
        "changes": {**dataclasses.asdict(found.changes)},
        "branches": {
            "looked_at": found.branches.looked_at,
            "gained": [branch_data(branch) for branch in found.branches.gained],
            "lost": [branch_data(branch) for branch in found.branches.lost],
        },
    }


def branch_data(branch: Branch) -> dict[str, Any]:
    """A node that gained or lost."""
    return {
        "path": list(branch.path),
        "rows": branch.rows,
        "a": branch.a,
        "b": branch.b,
        "difference": branch.difference.value,
        "low": branch.difference.low,
        "high": branch.difference.high,
        "may_be_chance": branch.may_be_chance,
    }
