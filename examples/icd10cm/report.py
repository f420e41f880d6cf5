"""What a run says: means and paired intervals, the table, the words below it, and its files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.table import Table
from trial import TOP_DOWN, Arm, Score

from taxoloss.sweep.report import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Column(NamedTuple):
    """One measure: its field of Score, and how a person reads it."""

    field: str
    title: str
    scale: int
    digits: int


COLUMNS = (
    Column("accuracy_chapter", "chapter\n%", 100, 1),
    Column("accuracy_block", "block\n%", 100, 1),
    Column("accuracy_category", "category\n%", 100, 1),
    Column("lca_height", "LCA height\nedges", 1, 2),
    Column("one_path", "one path\n%", 100, 1),
)
CHAPTER, BLOCK, CATEGORY, HEIGHT, ONE_PATH = COLUMNS


class Results:
    """The scores of all arms and seeds."""

    def __init__(self, arms: Sequence[Arm], scores: Sequence[Score]) -> None:
        self.scores = scores
        self.arms = list(dict.fromkeys(score.arm for score in scores))
        self.seeds = len({score.seed for score in scores})
        self.titles = {arm.name: arm.title for arm in arms}
        self.titles[TOP_DOWN] = "the same three heads,\nread top-down"

    def values(self, arm: str, column: Column) -> list[float]:
        """One number a seed, in the order of the seeds."""
        return [column.scale * getattr(s, column.field) for s in self.scores if s.arm == arm]

    def mean(self, arm: str, column: Column) -> str:
        """The mean over the seeds."""
        return f"{fmean(self.values(arm, column)):.{column.digits}f}"

    def gains(self, arm: str, base: str, column: Column) -> list[float]:
        """The difference of two arms, seed by seed."""
        pairs = zip(self.values(arm, column), self.values(base, column), strict=True)
        return [value - other for value, other in pairs]

    def gain(self, arm: str, base: str, column: Column) -> str:
        """The mean difference and its interval, "-" where one seed gives none."""
        gains = self.gains(arm, base, column)
        found = mean_interval(gains)
        half = "-" if found.half is None else f"{found.half:.{column.digits}f}"
        return f"{found.mean:+.{column.digits}f}±{half}"


# The table and the words

NOTES = """\
Seeds: {seeds}. Below each mean: the paired difference to the first row ± its 95 % interval
(Student's t; "-": one seed has none). A seed is another split, other hidden labels,
other first weights and another order of batches.
Chapter, block, category: held-out texts answered right at that level. LCA height:
edges from a category up to the lowest node that holds both the answer and the truth
(0: right, 3: another chapter), mean over all texts. One path: texts whose answers
at the three levels do not contradict each other."""

PARTIAL_CLAIM = """\
Nine training texts in ten are filed only under a chapter or a block. Cross-entropy
throws them away, the taxonomy loss (weights .2/.3/.5) reads them. From one to the other:
category {flat[2]} -> {loss[2]} %, block {flat[1]} -> {loss[1]} %, chapter {flat[0]} -> {loss[0]} %.
Three heads that see the same labels, read top-down, reach
{heads[2]}, {heads[1]} and {heads[0]} %: what they gain too is the labels' doing, not the loss's
(taxonomy loss minus these, in points: category {gain[2]}, block {gain[1]},
chapter {gain[0]}). The loss needs one head, one distribution and no decoding rule."""

FULL_CLAIM = """\
Every text carries its category, so cross-entropy throws nothing away. In points, against it:
  .2/.3/.5  category {leafy[2]}, block {leafy[1]}, chapter {leafy[0]}
  uniform   category {even[2]}, block {even[1]}, chapter {even[0]}
  .6/.3/.1  category {coarse[2]}, block {coarse[1]}, chapter {coarse[0]}
An interval that holds 0, or none ("-"), shows no difference."""


def table(results: Results) -> Table:
    """One row an arm: means, and below them the differences to the first."""
    shown = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 1, 0))
    shown.add_column("")
    for column in COLUMNS:
        shown.add_column(column.title, justify="right", no_wrap=True)
    first = results.arms[0]
    for arm in results.arms:
        cells = [results.mean(arm, column) for column in COLUMNS]
        if arm != first:
            gains = [results.gain(arm, first, column) for column in COLUMNS]
            cells = [f"{mean}\n{gain}" for mean, gain in zip(cells, gains, strict=True)]
        shown.add_row(results.titles[arm], *cells)
    return shown


def claim(results: Results) -> str:
    """What this run showed, in its own numbers."""
    levels = (CHAPTER, BLOCK, CATEGORY)
    if TOP_DOWN in results.arms:
        names = {"flat": "flat", "loss": "taxonomy", "heads": TOP_DOWN}
        means = {key: [results.mean(arm, x) for x in levels] for key, arm in names.items()}
        gain = [results.gain("taxonomy", TOP_DOWN, x) for x in levels]
        return PARTIAL_CLAIM.format(gain=gain, **means)
    names = {"leafy": ".2/.3/.5", "even": "uniform", "coarse": ".6/.3/.1"}
    return FULL_CLAIM.format(
        **{key: [results.gain(arm, "flat", x) for x in levels] for key, arm in names.items()}
    )


class Band(NamedTuple):
    """What the taxonomy loss gained over another arm in every seed that was ever measured."""

    text: str
    base: str
    column: Column
    more_than: float
    required: bool  # by --check; the others move with the number of steps


BANDS = (
    Band("category, over cross-entropy", "flat", CATEGORY, 3, True),
    Band("block, over cross-entropy", "flat", BLOCK, 20, True),
    Band("chapter, over cross-entropy", "flat", CHAPTER, 12, True),
    Band("LCA height, below cross-entropy", "flat", HEIGHT, 0.35, False),
    Band("one path, over heads one by one", "heads", ONE_PATH, 15, False),
)


def outside(results: Results, bands: Sequence[Band] = BANDS) -> list[str]:
    """The bands that the mean gain does not reach, in words."""
    faults = []
    for band in bands:
        gain = fmean(results.gains("taxonomy", band.base, band.column))
        gain = -gain if band.column is HEIGHT else gain
        if gain <= band.more_than:
            faults.append(f"{band.text}: {gain:.2f}, expected more than {band.more_than}")
    return faults


def verdict(results: Results) -> str:
    """Whether the gains are those measured before."""
    if faults := outside(results):
        return f"Outside the bands of earlier measurements: {'; '.join(faults)}."
    return "The gains lie in the bands of earlier measurements."


# Files


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """The file is whole or not there."""
    unfinished = path.with_name(path.name + ".unfinished")
    write(unfinished)
    os.replace(unfinished, path)


def write_csv(results: Results, path: Path) -> None:
    """One row for each arm and seed; accuracies and shares in 0..1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Score._fields)
        writer.writerows(results.scores)


def write_picture(results: Results, path: Path) -> None:
    """The table as bars; a dot is one seed."""
    from matplotlib.figure import Figure  # half a second, and only here

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[3, 1, 1])
    draw_bars(left, results, (CHAPTER, BLOCK, CATEGORY), "accuracy, %")
    draw_bars(middle, results, (HEIGHT,), "edges, lower is better")
    draw_bars(right, results, (ONE_PATH,), "answers on one path, %")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(f"Texts of ICD-10-CM: means (bars) and seeds (dots, {results.seeds} each)")
    figure.savefig(path, format="png", dpi=150)


def draw_bars(axes: Axes, results: Results, columns: Sequence[Column], unit: str) -> None:
    """A group of bars for each column, a bar for each arm."""
    colours = ("#999999", "#e69f00", "#56b4e9", "#0072b2")  # told apart by colour-blind eyes
    width = 0.8 / len(results.arms)
    for place, (arm, colour) in enumerate(zip(results.arms, colours, strict=True)):
        left = (place - (len(results.arms) - 1) / 2) * width
        for group, column in enumerate(columns):
            seeds = results.values(arm, column)
            label = results.titles[arm] if group == 0 else None
            axes.bar(group + left, fmean(seeds), width, color=colour, label=label)
            axes.plot([group + left] * len(seeds), seeds, ".", color="black", markersize=3)
            top, mean = (group + left, max(seeds)), results.mean(arm, column)
            axes.annotate(mean, top, (0, 4), textcoords="offset points", ha="center", fontsize=7)
    axes.set_xticks(range(len(columns)), [column.title.split("\n")[0] for column in columns])
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
