"""Runs one case, given as JSON, in this process and prints what was found as the last line.

A process for each case: what the heap looks like after one of them is no part of another.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from benchmarks.suite import measure, traces
from benchmarks.suite.cases import Case

KINDS = {"memory": traces.memory, "calls": traces.calls}


def run(case: Case, least: int) -> dict[str, Any]:
    """The fields of the case, and what was found."""
    if case.threads is not None:
        torch.set_num_threads(case.threads)
    found = KINDS[case.kind](case) if case.kind in KINDS else measure.measure(case, least)
    return {**case.to_json(), "threads": torch.get_num_threads(), **found}


if __name__ == "__main__":
    print("\n" + json.dumps(run(Case.from_json(json.loads(sys.argv[1])), int(sys.argv[2]))))
