"""From the JSON files to the tables of docs/performance.md and its plots: no number comes from elsewhere.

A table stands between `<!-- table: name -->` and `<!-- end -->`, and is replaced there.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.suite.labels import label

Result = dict[str, Any]
Results = dict[str, Result]

PAGE = "performance.md"
MARKS = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
OPTIONS = {
    "smoothing": "label_smoothing=0.1",
    "probabilities": "class probabilities as targets",
    "torch.func": "gradient by torch.func.grad",
    "double backward": "gradient of the gradient's square norm",
}
#: Calls of a table.
MOST_CALLS = 12


def load(folder: Path) -> Results:
    """The answers by question."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {result["question"]: result for result in found}


def write(results: Path, docs: Path) -> None:
    """The tables into the page, and the plots beside it where matplotlib is installed."""
    found, page = load(results), docs / PAGE
    page.write_text(filled(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is not None:
        from benchmarks.suite.plots import draw

        draw(found, docs)


def filled(text: str, results: Results) -> str:
    """The page with its tables made anew. Raises KeyError for a mark that no table has."""

    def table(match: re.Match[str]) -> str:
        question, make = TABLES[match[2]]
        if results and question is None:
            body = make(results)
        elif question in results:
            body = make(results[question])
        else:
            body = (
                f"Not measured: `python -m benchmarks --only {question}`." if question else "Not measured."
            )
        return f"{match[1]}\n{body}\n\n{match[3]}"

    return MARKS.sub(table, text)


# -- words -----------------------------------------------------------------------------------------


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table of Markdown; all but the first columns, `words` of them, are numbers."""
    rule = ["---"] * words + ["--:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def shape(case: Result) -> str:
    """256 × 1,000."""
    return " × ".join(f"{size:,}" for size in case["shape"])


def ratio(case: Result, of: str, over: str) -> str:
    """The median, and the quartiles in parentheses; a dash where there is none."""
    found = case["results"].get(of, {}).get("over", {}).get(over)
    if found is None or of == over:
        return "1" if found else "–"
    digits = 2 if found["median"] < 20 else 0
    return f"{found['median']:,.{digits}f} ({found['q1']:,.{digits}f}–{found['q3']:,.{digits}f})"


def microseconds(case: Result, name: str) -> str:
    """The median of a step."""
    found = case["results"].get(name)
    return "–" if found is None else f"{found['microseconds']:,.0f}"


def bound(goal: Result) -> str:
    """At most or at least."""
    return f"≤ {goal['at_most']:g}" if goal["at_least"] is None else f"≥ {goal['at_least']:g}"


def reached(case: Result, goal: Result) -> float | None:
    """The number that a goal is about; None where it was not measured."""
    found = case["results"].get(goal["of"])
    if found is None:
        return None
    value = found["logits"] if goal["over"] == "logits" else found["over"][goal["over"]]["median"]
    return float(value)


def met(case: Result, goal: Result) -> str:
    """yes or no; a dash where it was not measured."""
    value = reached(case, goal)
    if value is None:
        return "–"
    fine = value <= goal["at_most"] if goal["at_least"] is None else value >= goal["at_least"]
    return "yes" if fine else "no"


def goal_of(case: Result, name: str) -> list[str]:
    """The columns goal and met of one competitor."""
    goals = [goal for goal in case["goals"] if goal["of"] == name]
    return [bound(goals[0]), met(case, goals[0])] if goals else ["", ""]


# -- tables ----------------------------------------------------------------------------------------


def by_class_count(result: Result) -> str:
    """One row a shape and number of threads."""
    header = ["N × C", "L", "threads", "flat, µs", "tree order / flat", "permuted / flat"]
    header += ["permuted / tree order", "rounds", "goal", "met"]
    return grid(header, (_class_count_row(case) for case in result["cases"]))


def _class_count_row(case: Result) -> list[str]:
    ratios = [ratio(case, "ours", "flat"), ratio(case, "ours permuted", "flat")]
    ratios.append(ratio(case, "ours permuted", "ours"))
    counts = [str(case["levels"]), str(case["threads"]), microseconds(case, "flat")]
    return [shape(case), *counts, *ratios, str(case["rounds"]), *goal_of(case, "ours")]


def by_levels(result: Result) -> str:
    """One row a number of levels and threads."""
    header = ["L", "threads", "µs", "/ flat", "/ fewest levels", "rounds", "goal", "met"]
    return grid(header, (row for case in result["cases"] for row in _level_rows(case)))


def _level_rows(case: Result) -> Iterator[list[str]]:
    for name in case["competitors"][1:]:
        ratios = [ratio(case, name, base) for base in case["references"]]
        own = [name.split()[1], str(case["threads"]), microseconds(case, name)]
        yield [*own, *ratios, str(case["rounds"]), *goal_of(case, name)]


def by_competitor(result: Result, *columns: str) -> str:
    """One row a case and competitor; `columns` are fields of the case that tell its rows apart."""
    timed = [case for case in result["cases"] if case["kind"] == "time"]
    bases = timed[0]["references"]
    header = ["N × C", "L", *columns, "threads", "what", "µs"]
    header += [*(f"/ {label(base)}" for base in bases), "rounds", "goal", "met"]
    return grid(header, (row for case in timed for row in _competitor_rows(case, columns)))


def _competitor_rows(case: Result, columns: Sequence[str]) -> Iterator[list[str]]:
    told = [str(OPTIONS.get(case[column], case[column])) for column in columns]
    first = [shape(case), str(case["levels"]), *told, str(case["threads"])]
    for name in case["competitors"]:
        reason = case["left_out"].get(name)
        words = label(name) if reason is None else f"{label(name)}: left out, {reason}"
        ratios = [ratio(case, name, base) for base in case["references"]]
        rounds = str(case["rounds"]) if reason is None else "–"
        yield [*first, words, microseconds(case, name), *ratios, rounds, *goal_of(case, name)]


def of_memory(result: Result) -> str:
    """One row a case and competitor."""
    rows = [
        [shape(case), str(case["levels"]), label(name), f"{found['logits']:.2f}", *goal_of(case, name)]
        for case in result["cases"]
        for name, found in case["results"].items()
    ]
    return grid(["N × C", "L", "what", "peak, in units of the logits", "goal", "met"], rows)


def of_calls(result: Result, number: int) -> str:
    """The calls of one case that take most time, of both losses; then the sums."""
    case = [case for case in result["cases"] if case["kind"] == "calls"][number]
    rows = [
        [label(name), f"`{op['name']}`", f"{op['calls']:g}", f"{op['microseconds']:.1f}"]
        for name, found in case["results"].items()
        for op in found["ops"][:MOST_CALLS]
    ]
    rows += [
        [label(name), "all", f"{found['calls']:g}", f"{found['microseconds']:.1f}"]
        for name, found in case["results"].items()
    ]
    return grid([f"{shape(case)}, L {case['levels']}", "call", "a step", "self µs a step"], rows, 2)


def of_goals(results: Results) -> str:
    """Every goal."""
    rows = [
        [question, shape(case), _goal_words(goal), bound(goal), _value(case, goal), met(case, goal)]
        for question, result in results.items()
        for case in result["cases"]
        for goal in case["goals"]
    ]
    return grid(["measured", "N × C", "what", "goal", "found", "met"], rows, 3)


def _goal_words(goal: Result) -> str:
    return f"{label(goal['of'])} / {label(goal['over'])}"


def _value(case: Result, goal: Result) -> str:
    value = reached(case, goal)
    return "–" if value is None else f"{value:.2f}"


def of_machine(results: Results) -> str:
    """Machine and versions; several values where the files were made on several."""
    facts: dict[str, list[str]] = {}
    for result in results.values():
        for key, value in {**result["machine"], **result["versions"], "dtype": result["dtype"]}.items():
            values = facts.setdefault(key, [])
            values += [str(value)] if str(value) not in values else []
    return grid(["", ""], ([key, "; ".join(values)] for key, values in facts.items()), 2)


def of_runs(results: Results) -> str:
    """When each file was made, and how busy the machine was."""
    header = ["measured", "date", "seconds", "load average before", "after", "cores others used, by case"]
    return grid(header, ([name, *_run(result)] for name, result in results.items()))


def _run(result: Result) -> list[str]:
    loads = (result["load"][at] for at in ("before", "after"))
    numbers = ["–" if load is None else f"{load:.2f}" for load in loads]
    return [result["date"], str(result["seconds"]), *numbers, _others(result["cases"])]


def _others(cases: Sequence[Result]) -> str:
    """The least and the most of the cases."""
    found = [case["others"] for case in cases if case["others"] is not None]
    return f"{min(found):.2f} to {max(found):.2f}" if found else "–"


Make = Callable[[Any], str]
#: Mark -> the question whose answer the table shows (None: all), and what makes it.
TABLES: dict[str, tuple[str | None, Make]] = {
    "machine": (None, of_machine),
    "runs": (None, of_runs),
    "goals": (None, of_goals),
    "classes": ("classes", by_class_count),
    "classes_forward": ("classes_forward", by_class_count),
    "levels": ("levels", by_levels),
    "trees": ("trees", by_competitor),
    "compiled": ("compiled", by_competitor),
    "peers": ("peers", by_competitor),
    "memory": ("memory", of_memory),
    "dense": ("dense", lambda result: by_competitor(result, "layout")),
    "calls_small": ("calls", lambda result: of_calls(result, 0)),
    "calls_middle": ("calls", lambda result: of_calls(result, 1)),
    "empty_function": ("calls", by_competitor),
    "options": ("options", lambda result: by_competitor(result, "option")),
}
