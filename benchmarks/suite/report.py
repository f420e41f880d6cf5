"""From the JSON files to the tables of docs/performance.md and the README, and the plots: no number comes
from elsewhere.

A table stands between `<!-- table: name -->` and `<!-- end -->`, and is replaced there.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.suite import forms, goals
from benchmarks.suite.goals import shape
from benchmarks.suite.labels import NATIVE, OPTIONS, PURE, label
from taxoloss.taxonomy.file.atomic import write_whole

Result = dict[str, Any]
Results = dict[str, Result]

PAGE = "performance.md"
MARKS = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Calls of a table.
MOST_CALLS = 4


def load(folder: Path) -> Results:
    """The answers by question."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {result["question"]: result for result in found}


def write(results: Path, docs: Path, pages: Iterable[Path]) -> None:
    """The tables into the pages, and the plots into docs where matplotlib is installed."""
    found = load(results)
    for page in pages:
        write_whole(page, filled(page.read_text(encoding="utf-8"), found))
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
        return f"{match[1]}{body}\n{match[3]}"

    return MARKS.sub(table, text)


# -- words -----------------------------------------------------------------------------------------


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table of Markdown; all but the first columns, `words` of them, are numbers."""
    rule = ["---"] * words + ["--:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def rounds(case: Result, name: str) -> str:
    """How many there were."""
    found = case["results"].get(name)
    return "–" if found is None else str(found["rounds"])


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


# -- tables ----------------------------------------------------------------------------------------


def by_class_count(result: Result) -> str:
    """One row a shape and number of threads."""
    header = ["N × C", "L", "threads", "flat, µs"]
    for form in (NATIVE, PURE):
        header += [f"{form}, tree order / flat", f"{form}, permuted / tree order"]
    return grid([*header, "rounds"], (_class_count_row(case) for case in result["cases"]))


def _class_count_row(case: Result) -> list[str]:
    told = [shape(case), str(case["levels"]), str(case["threads"]), microseconds(case, "flat")]
    for name in ("ours", "ours pure"):
        told += [ratio(case, name, "flat"), ratio(case, f"{name} permuted", name)]
    return [*told, rounds(case, "flat")]


def by_levels(result: Result) -> str:
    """One row a number of levels and threads."""
    header = ["L", "threads"]
    for form in (NATIVE, PURE):
        header += [f"{form}, µs", f"{form} / flat", f"{form} / fewest levels"]
    return grid([*header, "rounds"], (row for case in result["cases"] for row in _level_rows(case)))


def _level_rows(case: Result) -> Iterator[list[str]]:
    flat, native, pure = case["references"]
    for name in (name for name in case["competitors"] if name.startswith("levels ")):
        plain, python = forms.parts(name)
        if python:
            continue
        levels = plain.split()[1]
        told = [levels, str(case["threads"])]
        for one, few in ((name, native), (f"levels{forms.PURE} {levels}", pure)):
            told += [microseconds(case, one), ratio(case, one, flat), ratio(case, one, few)]
        yield [*told, rounds(case, flat)]


def by_competitor(result: Result, *columns: str) -> str:
    """One row a competitor, whatever the threads; `columns` are fields that tell cases apart."""
    timed = [case for case in result["cases"] if case["kind"] == "time"]
    counts = sorted({case["threads"] for case in timed}, reverse=True)
    header = ["N × C", "L", *columns, "what"]
    for count in counts:
        bases = (f"/ {label(base)}" for base in timed[0]["references"])
        header += [f"µs, {count} thread{'s' if count > 1 else ''}", *bases, "rounds"]
    rows = (row for cases in goals.groups(timed) for row in _competitor_rows(cases, columns, counts))
    return grid(header, rows, len(columns) + 3)


def _competitor_rows(
    cases: Sequence[Result], columns: Sequence[str], counts: Sequence[int]
) -> Iterator[list[str]]:
    first, by_threads = cases[0], {case["threads"]: case for case in cases}
    told = [str(OPTIONS.get(first[column], first[column])) for column in columns]
    for name in first["competitors"]:
        numbers = [cell for count in counts for cell in _times(by_threads.get(count), first, name)]
        yield [shape(first), str(first["levels"]), *told, words(first, name), *numbers]


def _times(case: Result | None, like: Result, name: str) -> list[str]:
    """Microseconds, ratios and rounds; dashes where there is no case with so many threads."""
    if case is None:
        return ["–"] * (len(like["references"]) + 2)
    ratios = [ratio(case, name, base) for base in case["references"]]
    return [microseconds(case, name), *ratios, rounds(case, name)]


def words(case: Result, name: str) -> str:
    """What a competitor is, and why it was left out if it was."""
    reason = case["left_out"].get(name)
    return label(name) if reason is None else f"{label(name)}: left out, {reason}"


def of_memory(result: Result) -> str:
    """One row a case and competitor."""
    rows = [
        [shape(case), str(case["levels"]), words(case, name), _logits(case, name)]
        for case in result["cases"]
        for name in case["competitors"]
    ]
    return grid(["N × C", "L", "what", "peak, in units of the logits"], rows)


def _logits(case: Result, name: str) -> str:
    found = case["results"].get(name)
    return "–" if found is None else f"{found['logits']:.2f}"


def of_calls(result: Result) -> str:
    """The calls that take most time, of each loss; then the sums."""
    case = next(case for case in result["cases"] if case["kind"] == "calls")
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
    return grid(goals.HEADER, goals.rows(results), goals.WORDS)


def of_readme(results: Results) -> str:
    """What a step costs, in few numbers."""
    return grid(goals.readme_header(results), goals.readme_rows(results))


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
    "readme": (None, of_readme),
    "classes": ("classes", by_class_count),
    "classes_forward": ("classes_forward", by_class_count),
    "levels": ("levels", by_levels),
    "trees": ("trees", by_competitor),
    "compiled": ("compiled", by_competitor),
    "peers": ("peers", by_competitor),
    "memory": ("memory", of_memory),
    "dense": ("dense", lambda result: by_competitor(result, "layout")),
    "calls": ("calls", of_calls),
    "empty_function": ("calls", by_competitor),
    "options": ("options", lambda result: by_competitor(result, "option")),
    "metrics": ("metrics", by_competitor),
}
