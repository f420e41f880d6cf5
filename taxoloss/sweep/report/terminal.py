"""The comparisons as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from taxoloss.sweep.columns import TEST, is_accuracy, level_of
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.intervals import Interval
from taxoloss.sweep.report.variants import short

__all__ = ["gain_text", "mean_text", "notes", "table", "title"]


def table(compared: Sequence[Comparison], scores: Sequence[str]) -> Table:
    """A row for each variant: what was tuned, how many seeds, means and differences to its baseline."""
    shown = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1))
    shown.add_column("")
    tuned = any(one.variant.chosen for one in compared)
    for name in ["tuned"] * tuned + ["seeds"]:
        shown.add_column(name, justify="right")
    for score in scores:
        shown.add_column(title(score), justify="right", no_wrap=True)
    for one in compared:
        chosen = " ".join(f"{short(name)}={short(value)}" for name, value in one.variant.chosen.items())
        cells = [_cell(one, score) for score in scores]
        first = [Text(chosen)] if tuned else []
        shown.add_row(Text(one.label), *first, Text(str(len(one.variant.runs))), *cells)
    return shown


def title(score: str) -> str:
    """A column of the table as a heading, with its unit."""
    name = score.removeprefix(TEST)
    level = level_of(name)
    return f"{name}, edges" if level is None else f"{level}, %"


def _cell(one: Comparison, score: str) -> Text:
    if score not in one.means:
        return Text("-")
    text = Text(mean_text(one.means[score], score))
    if score in one.gains:
        gain = one.gains[score]
        text.append(f" ({gain_text(gain, score)})", "bold" if gain.excludes_zero else "dim")
    return text


def mean_text(interval: Interval, score: str) -> str:
    """The mean: accuracies in per cent."""
    scale, digits = _form(score)
    return f"{scale * interval.mean:.{digits}f}"


def gain_text(interval: Interval, score: str) -> str:
    """A difference ± half of its interval, "-" where one seed gives none."""
    scale, digits = _form(score)
    half = "-" if interval.half is None else f"{scale * interval.half:.{digits}f}"
    return f"{scale * interval.mean:+.{digits}f}±{half}"


def _form(score: str) -> tuple[int, int]:
    return (100, 1) if is_accuracy(score) else (1, 2)


def notes(compared: Sequence[Comparison], test: bool) -> str:
    """What the numbers are, and how many of them chance alone would make look like something."""
    gains = [gain for one in compared for gain in one.gains.values() if gain.half is not None]
    data = "test data" if test else "validation data"
    lines = [f"After the last epoch, on {data}; means over seeds."]
    if gains:
        lines.append(
            "In parentheses: the paired difference to the baseline with the same settings ± its 95 % "
            "interval (Student's t over seeds)."
        )
        lines.append(
            f"Of {len(gains)} intervals {sum(gain.excludes_zero for gain in gains)} exclude 0; where "
            f"nothing differed, about {len(gains) / 20:.2g} would."
        )
    if any(one.variant.chosen for one in compared):
        lines.append(
            "Tuned: chosen for each variant by the mean accuracy of the levels on validation data."
        )
    return "\n".join(lines)
