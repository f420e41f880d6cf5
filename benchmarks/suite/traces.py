"""What torch's profiler sees of a step: the memory it holds at once, and the calls it makes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.suite.cases import Case, Competitor
from benchmarks.suite.measure import competitors_of

#: Steps whose calls are counted.
STEPS = 50


def memory(case: Case) -> dict[str, Any]:
    """Peak bytes of a step beyond what was there before it, in units of the logits."""
    competitors, left_out = competitors_of(case)
    results = {}
    for name, one in competitors.items():
        size = one.logits.numel() * one.logits.element_size()
        peak = peak_bytes(one)
        results[name] = {"bytes": peak, "logits": round(peak / size, 4)}
    return {"results": results, "left_out": left_out}


def peak_bytes(competitor: Competitor) -> int:
    """The largest running sum over what torch's CPU allocator hands out and takes back in a step."""
    competitor.step()
    competitor.logits.grad = None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        competitor.step()
    competitor.logits.grad = None
    now = peak = 0
    for event in _memory_events(profiler):
        now += event["args"]["Bytes"]
        peak = max(peak, now)
    return int(peak)


def _memory_events(profiler: profile) -> list[dict[str, Any]]:
    """In the order of time, from the trace that the profiler exports."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return sorted((event for event in events if event.get("name") == "[memory]"), key=lambda e: e["ts"])


def calls(case: Case, steps: int = STEPS) -> dict[str, Any]:
    """Calls of a step by name, with the microseconds in each that no inner call accounts for."""
    competitors, left_out = competitors_of(case)
    results = {name: _calls(one, steps) for name, one in competitors.items()}
    return {"steps": steps, "results": results, "left_out": left_out}


def _calls(competitor: Competitor, steps: int) -> dict[str, Any]:
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
