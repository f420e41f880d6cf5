"""Runs cases, given as JSON, in this process and prints what was found as the last line.

The cases differ in their numbers of threads alone: they share batch and competitors. Others have a process
of their own: what the heap looks like after one of them is no part of another.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from benchmarks.suite import measure, memory, traces
from benchmarks.suite.cases import Case


def run(cases: list[Case], least: int) -> list[dict[str, Any]]:
    """For each case its fields, and what was found."""
    competitors, left_out = measure.competitors_of(cases[0])
    every, found = torch.get_num_threads(), []
    for case in cases:
        torch.set_num_threads(case.threads or every)
        if case.kind == "time":
            answer = measure.measure(case, least, competitors)
        else:
            answer = {"memory": memory.memory, "calls": traces.calls}[case.kind](competitors)
        told = {**case.to_json(), "threads": torch.get_num_threads(), "left_out": left_out}
        found.append({**told, **answer})
    return found


if __name__ == "__main__":
    given = [Case.from_json(fields) for fields in json.loads(sys.argv[1])]
    print("\n" + json.dumps(run(given, int(sys.argv[2]))))
