"""What torch's profiler sees of a step: the calls it makes."""

from __future__ import annotations

from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.suite import forms
from benchmarks.suite.cases import Competitor

#: Steps whose calls are counted.
STEPS = 50


def calls(competitors: dict[str, Competitor], steps: int = STEPS) -> dict[str, Any]:
    """Calls of a step by name, with the microseconds in each that no inner call accounts for."""
    results = {name: _calls(one, steps) for name, one in competitors.items()}
    return {"steps": steps, "results": results}


def _calls(competitor: Competitor, steps: int) -> dict[str, Any]:
    forms.take(competitor.pure)
    for _ in range(3):
        competitor.logits.grad = None
        competitor.step()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            competitor.logits.grad = None
            competitor.step()
    rows = [
        {"name": e.key, "calls": e.count / steps, "microseconds": round(e.self_cpu_time_total / steps, 2)}
        for e in profiler.key_averages()
    ]
    rows.sort(key=lambda row: (-row["microseconds"], row["name"]))
    return {
        "calls": round(sum(row["calls"] for row in rows), 2),
        "microseconds": round(sum(row["microseconds"] for row in rows), 2),
        "ops": rows,
    }
