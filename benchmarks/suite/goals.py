"""The goals with what was found, one row for all numbers of threads; and the README's table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.suite import forms
from benchmarks.suite.cases import OTHERS, PEERS
from benchmarks.suite.labels import NATIVE, OPTIONS, PURE, without_form

Result = dict[str, Any]
Results = dict[str, Result]

#: For each form.
_FORM = ("all threads", "one thread", "met")
HEADER = ["measured", "N × C", "L", "what", f"goal, {NATIVE}", *_FORM, f"goal, {PURE}", *_FORM]
#: Columns of the table that are words.
WORDS = 4


def shape(case: Result) -> str:
    """256 × 1,000."""
    return " × ".join(f"{size:,}" for size in case["shape"])


def bound(goal: Result) -> str:
    """At most or at least."""
    return f"≤ {goal['at_most']:g}" if goal["at_least"] is None else f"≥ {goal['at_least']:g}"


def reached(case: Result, goal: Result) -> float | None:
    """The number that a goal is about, of other ways that of the fastest; None where there is none."""
    names = PEERS if goal["of"] == OTHERS else [goal["of"]]
    values = [_number(case["results"].get(name, {}), goal["over"]) for name in names]
    return min((value for value in values if value is not None), default=None)


def _number(found: Result, over: str) -> float | None:
    numbers = {name: one["median"] for name, one in found.get("over", {}).items()}
    numbers["logits"] = found.get("logits")
    return numbers.get(over)


def met(cases: list[Result], goal: Result) -> str:
    """Yes where it is met on every number of threads that was measured; a dash where none was."""
    values = [value for case in cases if (value := reached(case, goal)) is not None]
    if not values:
        return "–"
    if goal["at_least"] is None:
        return "yes" if max(values) <= goal["at_most"] else "**no**"
    return "yes" if min(values) >= goal["at_least"] else "**no**"


def rows(results: Results) -> Iterator[list[str]]:
    """One for the goals of both forms."""
    for question, result in results.items():
        for cases in groups(result["cases"]):
            for words, by_form in _by_words(cases[0]).items():
                told = [question, shape(cases[0]), str(cases[0]["levels"] or ""), words]
                yield told + [cell for pure in (False, True) for cell in _cells(cases, by_form.get(pure))]


def _by_words(case: Result) -> dict[str, dict[bool, Result]]:
    """The goals by what they are about, then by whether they are of Python's form."""
    found: dict[str, dict[bool, Result]] = {}
    for goal in case["goals"]:
        found.setdefault(_words(case, goal), {})[forms.parts(goal["of"])[1]] = goal
    return found


def _cells(cases: list[Result], goal: Result | None) -> list[str]:
    if goal is None:
        return [""] * 4
    values = [
        _value([case for case in cases if (case["threads"] == 1) is one], goal) for one in (False, True)
    ]
    return [bound(goal), *values, met(cases, goal)]


def groups(cases: list[Result]) -> list[list[Result]]:
    """Those that differ in their threads alone."""
    found: dict[str, list[Result]] = {}
    for case in cases:
        key = str([case[name] for name in ("shape", "levels", "layout", "option", "mode", "kind", "goals")])
        found.setdefault(key, []).append(case)
    return list(found.values())


def _value(cases: list[Result], goal: Result) -> str:
    value = reached(cases[0], goal) if cases else None
    return "–" if value is None else f"{value:,.{2 if value < 20 else 0}f}"


def _words(case: Result, goal: Result) -> str:
    layout = "" if case["layout"] == "contiguous" else case["layout"]
    more = [words for words in (OPTIONS[case["option"]], layout) if words]
    return ", ".join([f"{without_form(goal['of'])} / {without_form(goal['over'])}", *more])


# -- the README ------------------------------------------------------------------------------------


def readme_header(results: Results) -> list[str]:
    """The sizes that have goals, then levels and memory."""
    sizes = [f"{shape(case)}, {case['levels']}" for case in _sizes(results)]
    flat = _span(results, "flat")
    return ["batch × classes, levels", *sizes, "24 levels / 2", f"peak memory / logits (flat: {flat})"]


def readme_rows(results: Results) -> Iterator[list[str]]:
    """One a form."""
    for form, words in (("", f"{NATIVE} kernel"), (" pure", f"{PURE} alone")):
        times = [_spread(case, f"ours{form}", "flat") for case in _sizes(results)]
        first, last = f"levels{form} 2", f"levels{form} 24"
        cases = results.get("levels", {}).get("cases", [])
        levels = _spread(cases[0], last, first) if cases else "–"
        yield [words, *times, levels, _span(results, f"ours{form}")]


def _sizes(results: Results) -> list[Result]:
    """The cases of all threads."""
    cases = results.get("classes", {}).get("cases", [])
    return [
        group[0] for group in groups(cases) if any(goal["over"] == "flat" for goal in group[0]["goals"])
    ]


def _spread(case: Result, name: str, base: str) -> str:
    """Median and quartiles."""
    found = case["results"].get(name, {}).get("over", {}).get(base)
    return f"{found['median']:.2f} ({found['q1']:.2f}–{found['q3']:.2f})" if found else "–"


def _span(results: Results, name: str) -> str:
    """Least and most of the memory, in logits."""
    cases = results.get("memory", {}).get("cases", [])
    found = sorted(case["results"][name]["logits"] for case in cases if name in case["results"])
    ends = [f"{number:.2f}" for number in (found[:1] + found[-1:])]
    return "–".join(dict.fromkeys(ends)) or "–"
