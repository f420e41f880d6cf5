"""A comparison of two models: for people, for programs, for a page."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from taxoloss.cli.scoring.options import Result
from taxoloss.cli.scoring.output import write_table
from taxoloss.cli.streams import echo, write_data
from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from taxoloss.evaluation.branches import Branch
    from taxoloss.evaluation.comparison import Comparison, Form
    from taxoloss.evaluation.pairing import Pairing

__all__ = ["Told", "write"]


@dataclasses.dataclass(frozen=True)
class Told:
    """What is told of two files.

    Args:
        found: the comparison.
        pairing: the files.
        form: what of them was compared.
        names: of a and b.
    """

    found: Comparison
    pairing: Pairing
    form: Form
    names: tuple[str, str]

    @property
    def shown(self) -> tuple[str, str]:
        """The names, safe for a terminal."""
        return escape_invisible(self.names[0]), escape_invisible(self.names[1])


def write(told: Told, taxonomy: Taxonomy, result: Result) -> None:
    """Writes the result on standard output; how files were read beside it, where that is no text."""
    from taxoloss.evaluation.data import comparison_data
    from taxoloss.evaluation.sentences import changes_in_words, sentences

    for line in _head(told):
        echo(line, err=result is not Result.text)
    if result not in (Result.text, Result.markdown):
        header = ["metric", "a", "b", "difference", "low", "high"]
        data = comparison_data(told.found, told.pairing, told.names, taxonomy)
        write_table(header, _numbers(told.found), result, data)
        return
    if result is Result.text:
        echo("")
    header = ["metric", *told.shown, "difference", "95 % interval", "better"]
    write_table(header, _rows(told.found), result)
    said = [*sentences(told.found, *told.names), changes_in_words(told.found, *told.names)]
    mark = "- " if result is Result.markdown else ""
    _say(result, "", *(f"{mark}{line}" for line in said))
    _write_branches(told, result)


def _say(result: Result, *lines: str) -> None:
    """Lines for people: in Markdown as a file has them, else as the terminal can show them."""
    text = "\n".join(lines)
    if result is Result.markdown:
        write_data(text + "\n")
    else:
        echo(text)


def _head(told: Told) -> Iterator[str]:
    """How the files were read, and what was not compared."""
    pairing, found = told.pairing, told.found
    for name, samples in zip(told.shown, (pairing.a, pairing.b), strict=True):
        reduced = told.form.places is not None and samples.places is None
        yield f"{name}: {samples.path}: {samples.how}" + "; its best class is compared" * reduced
        yield from (f"{name}: {note}" for note in samples.notes)
    drawn = "" if found.groups is None else f" in {counted(found.groups, 'group')}, which are drawn whole"
    paired = "row by row" if pairing.by is None else f"by {pairing.by!r}"
    yield f"{counted(found.rows, 'row')} in both, paired {paired}{drawn}"
    for name, alone in zip(told.shown, (pairing.only_a, pairing.only_b), strict=True):
        if alone.count:
            yield f"left out, for only {name} has them: {alone}"
    if pairing.uncounted:
        yield f"{counted(pairing.uncounted, 'row')} not counted: the truth is the root"
    yield from found.notes
    if told.form.places is None:
        yield "classes by the largest number; levels by summed probabilities"
    else:
        yield "an answer above a level is wrong on it" + (
            f"; the first {told.form.places} answers are compared" if told.form.places > 1 else ""
        )


def _rows(found: Comparison) -> Iterator[list[str]]:
    words = {True: "up", False: "down", None: ""}
    for name, score in found.scores.items():
        shown = ["" if math.isnan(value) else f"{value:.4f}" for value in (score.a, score.b)]
        value, low, high = score.interval
        if math.isnan(value):
            yield [name, *(one or "nothing counted" for one in shown), "", "", ""]
            continue
        better = words[score.higher_is_better]
        yield [name, *shown, f"{value:+.4f}", f"{low:.4f} to {high:.4f}", better]


def _numbers(found: Comparison) -> Iterator[list[str]]:
    for name, score in found.scores.items():
        yield [name, *map(str, (score.a, score.b, *score.interval))]


def _write_branches(told: Told, result: Result) -> None:
    from taxoloss.evaluation.branches import LEAST

    branches = told.found.branches
    _say(
        result,
        "",
        f"{counted(branches.looked_at, 'node')} of the tree with {LEAST} rows or more, by the share of "
        "right answers; their intervals hold all at once in 95 % of cases",
    )
    for verb, chosen in (("gained", branches.gained), ("lost", branches.lost)):
        if not chosen:
            _say(result, "", f"no node {verb}")
            continue
        _say(result, "")
        header = [f"{verb} most", "rows", *told.shown, "difference", "interval", "0 in the interval"]
        write_table(header, map(_branch, chosen), result)


def _branch(branch: Branch) -> list[str]:
    value, low, high = branch.difference
    return [
        "/".join(branch.path),
        f"{branch.rows:,}",
        f"{branch.a:.4f}",
        f"{branch.b:.4f}",
        f"{value:+.4f}",
        f"{low:.4f} to {high:.4f}",
        "may be chance" * branch.may_be_chance,
    ]
