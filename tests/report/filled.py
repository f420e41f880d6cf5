"""Documents in which every section has something to show: what `documents` leaves null is made up here.

Bins and differences are counted plainly from the rows; promises and intervals are written as is easiest.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from documents import Rows, Shape, document, drawn

__all__ = ["LEVELS", "NAMES", "full"]

LEVELS = ("order", "genus", "species")
#: Of the two models.
NAMES = ("plain.npz", "taxoloss.npz")
_RISKS = (0.002, 0.01, 0.03, 0.05, 0.1, 0.2, 0.35, 0.5)


def full(shape: Shape, count: int = 600, seed: int = 0) -> dict[str, Any]:
    """A document of rows of the tree, of two models."""
    rows, other = drawn(shape, count, seed), drawn(shape, count, seed, right=0.8)
    made = document(shape, rows)
    made["file"] |= {"versus": NAMES[1], "names": list(NAMES)}
    made["mistakes"] |= {"severity": _severity(shape, rows, other), "labels": _labels(made)}
    made["unsure"] = _unsure(shape, rows)
    made["advice"] = _advice(shape)
    made["calibration"] = {"levels": [_reliability(name, rows) for name in shape.levels]}
    made["compare"] = _compare(shape, rows, other)
    nodes = _nodes(shape, rows, other)
    made["versus"] = {"nodes": {key: [one[key] for one in nodes] for key in nodes[0]}, "total": len(nodes)}
    return made


def _shared(shape: Shape, rows: Rows) -> list[float]:
    """The shares of the wrong rows by the level of what they share, the deepest first, the root last."""
    counts = Counter(
        shape.level[shape.shared(truth, answer)]
        for truth, answer in zip(rows.truth, rows.answer, strict=True)
        if truth not in shape.line(answer) and answer not in shape.line(truth)
    )
    return [counts[level] / max(1, counts.total()) for level in range(len(shape.levels) - 1, -1, -1)]


def _severity(shape: Shape, rows: Rows, other: Rows) -> dict[str, Any]:
    """How far mistakes lead, against chance that prefers the root."""
    levels = [*shape.levels[-2::-1], None]
    chance = [(place + 1) / sum(range(1, len(levels) + 1)) for place in range(len(levels))]
    columns = zip(levels, _shared(shape, rows), chance, _shared(shape, other), strict=True)
    shared = [
        {"level": level, "count": round(share * 100), "share": share, "chance": random, "other": second}
        for level, share, random, second in columns
    ]
    return {"shared": shared, "mean": 1.75, "chance": 2.5, "other": 1.5}


def _labels(made: dict[str, Any]) -> dict[str, Any]:
    """The first samples, the surest first."""
    sure = made["samples"]["probability"]
    return {"rows": sorted(range(min(9, len(sure))), key=lambda i: -sure[i]), "why_none": None}


def _unsure(shape: Shape, rows: Rows) -> dict[str, Any]:
    """Promises that deliver a little less than they allow, but the last, which is broken."""
    levels = ["root", *shape.levels]
    promises = [_promise(risk, len(levels), len(rows.truth) // 2, risk < 0.5) for risk in _RISKS]
    curve = [
        {"threshold": 1 - at, "log_odds": None, "wrong": at**2 / 3, "information": at,
         "shares": _spread(at, len(levels))}
        for at in (step / 30 for step in range(31))
    ]  # fmt: skip
    half = len(rows.truth) // 2
    return {
        "levels": levels, "curve": curve, "promises": promises,
        "calibration_rows": half, "scored_rows": half, "chosen": None,
    }  # fmt: skip


def _spread(deep: float, levels: int) -> list[float]:
    """Shares of levels that sum to 1, the deepest `deep`."""
    return [(1 - deep) / (levels - 1)] * (levels - 1) + [deep]


def _promise(risk: float, levels: int, count: int, kept: bool) -> dict[str, Any]:
    """A promise, delivered at nine tenths of its risk, or one and a half times it."""
    delivered = risk * (0.9 if kept else 1.5)
    return {
        "risk": risk, "log_odds": 3 - 8 * risk, "probability": 1 - risk / 2,
        "sentence": f"At most {100 * risk:g} % of new answers are wrong, on average.",
        "low": risk * 0.8, "high": risk * 1.2, "rows": count, "delivered": delivered,
        "delivered_low": delivered * 0.85, "delivered_high": delivered * 1.1,
        "information": 0.3 + risk, "shares": _spread(0.3 + risk, levels), "kept": kept,
    }  # fmt: skip


def _advice(shape: Shape) -> dict[str, Any]:
    """One piece of advice of each kind, of leaves."""
    a, b, *_, far = shape.leaves()
    text = f"Consider merging “{shape.name[a]}” and “{shape.name[b]}”."
    merge = {
        "a": a,
        "b": b,
        "parent": shape.parent[a],
        "a_as_b": 31,
        "b_as_a": 29,
        "a_right": 12,
        "b_right": 17,
    }
    move = {"node": a, "to": shape.parent[far], "home": 3, "away": 21, "rows": 40}
    return {
        "looked_at": 12,
        "merge": [{**merge, "text": text}],
        "move": [{**move, "text": f"Consider moving “{shape.name[a]}”."}],
    }


def _reliability(name: str, rows: Rows) -> dict[str, Any]:
    """Ten bins of the stated probabilities; as many are right as half of what they say and 0.4."""
    bins = []
    for place in range(10):
        inside = [stated for stated in rows.probability if place / 10 <= stated < (place + 1) / 10]
        stated = sum(inside) / len(inside) if inside else None
        right = None if stated is None else 0.4 + stated / 2
        ends = (None, None) if right is None else (right - 0.06, min(1.0, right + 0.06))
        bins.append(
            {"count": len(inside), "stated": stated, "right": right, "low": ends[0], "high": ends[1]}
        )
    return {"level": name, "error": 0.05, "bins": bins}


def _compare(shape: Shape, rows: Rows, other: Rows) -> dict[str, Any]:
    """What `compare` prints, with a difference for better, for worse and of chance."""
    metrics = {
        f"accuracy/{shape.levels[-1]}": (0.7, 0.8, 0.1, 0.06, 0.14, True),
        "severity": (1.75, 1.9, 0.15, 0.02, 0.28, False),
        "hops": (0.5, 0.51, 0.01, -0.02, 0.04, True),
    }
    keys = ("a", "b", "difference", "low", "high", "higher_is_better")
    side = {"reading": "logits", "notes": [], "rows_left_out": 0, "rows_only_here": 0}
    return {
        "digest": "0bb4a1b88555a003ba6f2423626cab2f", "binding_digest": "7589b417d3dd29d2afd06e1e239dc66b",
        "a": {"name": NAMES[0], "file": NAMES[0], **side},
        "b": {"name": NAMES[1], "file": NAMES[1], **side},
        "by": "row", "rows": len(rows.truth), "rows_without_a_known_node": 0, "groups": None,
        "metrics": {name: dict(zip(keys, values, strict=True)) for name, values in metrics.items()},
        "sentences": ["The second model is right more often at the lowest level."],
        "changes": _changes(rows.truth, rows.answer, other.answer),
        "branches": {"looked_at": len(shape.name), "gained": [], "lost": []},
    }  # fmt: skip


def _changes(truth: Sequence[int], one: Sequence[int], two: Sequence[int]) -> dict[str, int]:
    """How the answers of two models go together, an answer right where it is the truth."""
    counts = Counter[str]()
    for target, a, b in zip(truth, one, two, strict=True):
        if target in (a, b):
            counts["both" if a == b else "lost" if a == target else "gained"] += 1
        else:
            counts["same" if a == b else "other"] += 1
        counts["alike"] += a == b
    return {key: counts[key] for key in ("both", "lost", "gained", "other", "same", "alike")}


def _nodes(shape: Shape, rows: Rows, other: Rows) -> list[dict[str, Any]]:
    """The accuracies of the nodes with rows."""
    found = []
    chance = random.Random(1)
    for node in range(1, len(shape.name)):
        own = [row for row, truth in enumerate(rows.truth) if node in shape.line(truth)]
        if not own:
            continue
        a, b = (sum(one.truth[row] == one.answer[row] for row in own) / len(own) for one in (rows, other))
        b = min(1.0, max(0.0, b + chance.uniform(-0.3, 0.3)))
        ends = {"low": b - a - 0.08, "high": b - a + 0.08}
        found.append({"node": node, "rows": len(own), "a": a, "b": b, "difference": b - a, **ends,
                      "may_be_chance": ends["low"] <= 0 <= ends["high"]})  # fmt: skip
    return found
