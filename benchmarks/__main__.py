"""Measures, and writes the results, the plots and the tables of docs/performance.md and of the README.

    python -m benchmarks --only levels peers

About half an hour in all on two cores. Where other processes use cores meanwhile, it says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.suite import machine, report
from benchmarks.suite.cases import Case
from benchmarks.suite.measure import LEAST_ROUNDS, PROCESSES, pooled
from benchmarks.suite.questions import QUESTIONS, SMOKE
from taxoloss.taxonomy.file.atomic import write_whole

ROOT = Path(__file__).parents[1]


def groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Neighbours that differ in their threads alone, which share processes."""
    return [list(group) for _, group in groupby(cases, lambda case: replace(case, threads=None))]


def results_of(group: Sequence[Case], least: int, processes: int) -> list[dict[str, Any]]:
    """The results of such cases, in processes of their own."""
    if group[0].kind != "time":
        return in_a_process(group, least)
    part = [replace(case, seconds=case.seconds / processes) for case in group]
    parts = [in_a_process(part, least) for _ in range(processes)]
    return [together(case, [found[number] for found in parts]) for number, case in enumerate(group)]


def together(case: Case, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The result of a case from those of its processes."""
    others = [found["others"] for found in parts]
    mean = None if None in others else round(sum(others) / len(others), 2)
    return {**case.to_json(), "threads": parts[0]["threads"], **pooled(parts, case), "others": mean}


def in_a_process(cases: Sequence[Case], least: int) -> list[dict[str, Any]]:
    """What one process finds."""
    told = json.dumps([case.to_json() for case in cases])
    command = [sys.executable, "-m", "benchmarks.suite.worker", told, str(least)]
    with machine.Others() as others:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stderr}\nthis case failed: {cases[0]}")
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return [{**result, "others": others.cores} for result in results]


def answer(name: str, cases: Sequence[Case], quick: bool, console: Console) -> dict[str, Any]:
    """What a file of results holds."""
    before, start, found = machine.load(), time.perf_counter(), []
    least, processes = (2, 1) if quick else (LEAST_ROUNDS, PROCESSES)
    for group in groups(cases):
        for result in results_of(group, least, processes):
            found.append(result)
            console.print(f"{name}: {line(result)}", soft_wrap=True, highlight=False, markup=False)
    return {
        "question": name,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "seconds": round(time.perf_counter() - start),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "dtype": "float32",
        "load": {"before": before, "after": machine.load()},
        "cases": found,
    }


def line(result: dict[str, Any]) -> str:
    """One case in few words."""
    shape = " x ".join(f"{size:,}" for size in result["shape"])
    found = [f"{name} {_number(one)}" for name, one in result["results"].items()]
    others = f" [others used {result['others']} cores]" if result["others"] else ""
    return f"{shape}, {result['threads']} threads: " + ", ".join(found) + others


def _number(one: dict[str, Any]) -> str:
    if "over" in one:
        first = next(iter(one["over"].values()))
        return f"{one['microseconds']:,.0f} us (x {first['median']:.2f})"
    return f"{one['logits']:.2f} logits" if "logits" in one else f"{one['calls']:.0f} calls"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    questions = {**QUESTIONS, **SMOKE}
    add = parser.add_argument
    add("--only", nargs="+", choices=questions, metavar="NAME", help=f"of {', '.join(questions)}")
    add(
        "--quick",
        action="store_true",
        help="few rounds in one process, to see that it runs; writes to runs/benchmarks",
    )
    add("--results", type=Path, metavar="DIR", help="where the JSON files are (benchmarks/results)")
    add(
        "--docs",
        type=Path,
        metavar="DIR",
        help="where performance.md and its plots are (docs, then also the README)",
    )
    add("--report", action="store_true", help="measure nothing, make tables and plots from the JSON files")
    return parser.parse_args(arguments)


def main() -> None:
    """Measures, then reports."""
    options = parsed()
    usual = ROOT / "runs" / "benchmarks" if options.quick else ROOT / "benchmarks" / "results"
    results = options.results or usual
    if not options.report:
        machine.check_allocator()
        run(options.only or list(QUESTIONS), options.quick, results)
    if options.docs or not options.quick:
        docs = options.docs or ROOT / "docs"
        report.write(results, docs, [docs / report.PAGE, *([] if options.docs else [ROOT / "README.md"])])


def run(names: Sequence[str], quick: bool, results: Path) -> None:
    """Writes a JSON file for each question, as soon as it is answered."""
    results.mkdir(parents=True, exist_ok=True)
    console = Console()
    for name in names:
        cases = {**QUESTIONS, **SMOKE}[name]
        cases = [replace(case, seconds=min(case.seconds, 0.2)) for case in cases] if quick else cases
        write_whole(results / f"{name}.json", as_text(answer(name, cases, quick, console)))


def as_text(result: dict[str, Any]) -> str:
    """JSON with a line for each case."""
    head = json.dumps({key: value for key, value in result.items() if key != "cases"}, indent=1)
    cases = ",\n".join("  " + json.dumps(case) for case in result["cases"])
    return f'{head[:-2]},\n "cases": [\n{cases}\n ]\n}}\n'


if __name__ == "__main__":
    main()
