"""Runs that differ in their seed only, after what is tuned was chosen by validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.suggestions import with_suggestion
from taxoloss.sweep.columns import mean_accuracy
from taxoloss.sweep.errors import TableError
from taxoloss.sweep.report.table import ResultsTable, Run

__all__ = ["Variant", "label", "labels", "short", "told_apart", "variants", "worth_a_row"]

_LABEL = 40  # characters of a setting in a label


@dataclass(frozen=True)
class Variant:
    """One kind of run: its runs by seed."""

    arm: str
    weights: str
    shares: tuple[float, ...] | None
    #: Settings other than those that were tuned.
    settings: Mapping[str, str]
    reading: str
    runs: Mapping[str, Run]
    #: What validation chose of each tuned setting.
    chosen: Mapping[str, str]

    def last(self, score: str) -> dict[str, float]:
        """Seed -> the score after the last epoch, where it has one."""
        return {seed: run.last[score] for seed, run in self.runs.items() if score in run.last}

    def best(self, score: str) -> dict[str, float]:
        """Seed -> the largest score of all epochs."""
        found = {seed: [e[score] for e in run.epochs if score in e] for seed, run in self.runs.items()}
        return {seed: max(scores) for seed, scores in found.items() if scores}

    @property
    def short_weights(self) -> str:
        """Weights by level, top to bottom, as .2/.3/.5; others as they are."""
        if self.shares is None:
            return self.weights
        return "/".join(f"{share:.2g}".removeprefix("0") or "0" for share in self.shares)


def variants(
    sweep: ResultsTable, over: Sequence[str] = ("lr",), readings: Sequence[str] | None = None
) -> list[Variant]:
    """The variants of a sweep, in the order of the file.

    Of the values of a tuned setting that have the most seeds, the one is chosen whose runs have the largest
    mean accuracy over the levels on validation data, read as "marginal" (or the first reading there is).
    Columns test_* are never looked at.

    Args:
        sweep: a table.
        over: settings that are tuned for each variant; "weights" may be one. Those the sweep lacks are
            passed over, if their name is "lr".
        readings: of which there are variants; None: all.

    Raises:
        TableError: no such setting or reading; two cells of one variant and seed.
    """
    _check(sweep, over, readings)
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in sweep.runs:
        groups.setdefault(_key(run, over), []).append(run)
    found = [one for runs in groups.values() for one in _chosen(runs, over, sweep.levels)]
    return [one for one in found if readings is None or one.reading in readings]


def _check(sweep: ResultsTable, over: Sequence[str], readings: Sequence[str] | None) -> None:
    known = [*sweep.settings, "weights"]
    for name in over:
        if name not in known and name != "lr":
            raise _unknown("setting", name, known)
    there = list(dict.fromkeys(run.reading for run in sweep.runs))
    for name in readings or ():
        if name not in there:
            raise _unknown("reading", name, there)


def _unknown(kind: str, name: str, known: list[str]) -> TableError:
    words = f"the table has no {kind} {name!r}; expected {', '.join(known)}"
    return TableError(with_suggestion(words, name, known))


def _tuned(run: Run, over: Sequence[str]) -> tuple[str, ...]:
    return tuple(run.weights if name == "weights" else run.settings.get(name, "") for name in over)


def _key(run: Run, over: Sequence[str]) -> tuple[object, ...]:
    """What runs of one variant have in common, whatever their seed, reading and tuned settings."""
    weights = "" if "weights" in over else run.weights
    return run.arm, weights, tuple(value for name, value in run.settings.items() if name not in over)


def _chosen(runs: list[Run], over: Sequence[str], levels: Sequence[str]) -> Iterable[Variant]:
    """A variant for each reading, all of them of the same cells."""
    candidates: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        candidates.setdefault(_tuned(run, over), []).append(run)
    value = max(candidates, key=lambda value: _merit(candidates[value], levels))
    by_reading: dict[str, dict[str, Run]] = {}
    for run in candidates[value]:
        seeds = by_reading.setdefault(run.reading, {})
        if run.seed in seeds:
            raise TableError(
                f"the cells {seeds[run.seed].id} and {run.id} have the same settings and seed "
                f"{run.seed!r}: expected one cell for each"
            )
        seeds[run.seed] = run
    for reading, found in by_reading.items():
        first = next(iter(found.values()))
        settings = {name: text for name, text in first.settings.items() if name not in over}
        tuned = zip(over, value, strict=True) if len(candidates) > 1 else ()
        chosen = {name: text for name, text in tuned if text}
        yield Variant(first.arm, first.weights, first.shares, settings, reading, found, chosen)


def _merit(runs: list[Run], levels: Sequence[str]) -> tuple[int, float]:
    """How many seeds a candidate has, and its mean accuracy on validation data."""
    readings = [run.reading for run in runs]
    reading = "marginal" if "marginal" in readings else readings[0]
    scores = [mean_accuracy(run.last, levels) for run in runs if run.reading == reading]
    return len(scores), fmean(scores)


def labels(found: Sequence[Variant]) -> list[str]:
    """A name for each variant: its arm and weights, and the settings that are not the same in all."""
    names = {name for one in found for name in one.settings}
    varying = [name for name in names if len({one.settings.get(name, "") for one in found}) > 1]
    return told_apart([label(one, sorted(varying)) for one in found])


def label(one: Variant, settings: Sequence[str]) -> str:
    """The arm, its weights, and the settings of these names."""
    parts = [one.arm, one.short_weights if "weights" not in one.chosen else ""]
    parts = [short(part) for part in parts]
    parts += [f"{short(name)}={short(one.settings[name])}" for name in settings if one.settings.get(name)]
    parts += [one.reading] if one.reading != "marginal" else []
    return " ".join(filter(None, parts)) or "all runs"


def short(text: str) -> str:
    """A text as a label: one line, as far as one reads."""
    text = escape_invisible(text)
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


def told_apart(texts: Iterable[str]) -> list[str]:
    """The texts, with a number at those that are there before.

    >>> told_apart(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    seen: Counter[str] = Counter()
    found = []
    for text in texts:
        seen[text] += 1
        found.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return found


def worth_a_row(found: Sequence[Variant], baseline: str) -> list[Variant]:
    """Every variant read as "marginal", the baseline in all readings, others in those it does not have."""
    common = {one.reading for one in found if one.arm == baseline}
    if not any(one.reading == "marginal" for one in found):
        return list(found)
    return [
        one
        for one in found
        if one.reading == "marginal" or one.arm == baseline or (common and one.reading not in common)
    ]
