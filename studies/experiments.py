"""docs/experiments.md: tables and pictures, from the kept results of the studies of examples/icd10cm.

python -m studies.experiments            rewrites tables and pictures from docs/experiments/*.csv
python -m studies.experiments --train    first trains what is missing, and keeps its results
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxoloss.sweep.report import Comparison, compare, draw, read, variants
from taxoloss.sweep.report.compare import scores_of
from taxoloss.sweep.report.terminal import gain_text, mean_text, title
from taxoloss.sweep.report.variants import worth_a_row

ROOT = Path(__file__).parent.parent
PAGE, KEPT = ROOT / "docs" / "experiments.md", ROOT / "docs" / "experiments"
RUNS = Path("runs")
SEEDS = 5


@dataclass(frozen=True)
class Study:
    """One study: what of its results is kept, and what of its pictures is shown."""

    #: Whether rows before the last are kept.
    all_epochs: bool = False
    pictures: tuple[str, ...] = ()
    #: Whether its pictures and its table are of test data.
    test: bool = True
    table: bool = True


STUDIES = {
    "weights": Study(all_epochs=True, pictures=("weights", "front"), test=False),
    "triangle": Study(pictures=("triangle",), test=False, table=False),
    "arms": Study(),
    "sgd": Study(),
    "partial": Study(),
    "partial-sgd": Study(),
    "few": Study(pictures=("differences",)),
    "noise": Study(),
}


# -- training, and what is kept --------------------------------------------------------------------


def train(name: str) -> Path:
    """The folder of a study; a study that was trained before goes through in seconds."""
    folder = RUNS / f"icd10cm-{name}"
    script = ROOT / "examples" / "icd10cm" / "icd10cm.py"
    command = [sys.executable, str(script), "sweep", name, "--seeds", str(SEEDS), "--out", str(folder)]
    # 1: some cells failed; at the highest rate of SGD that is a result.
    if subprocess.run(command, check=False).returncode not in (0, 1):
        raise SystemExit(f"the study {name} could not be trained")
    return folder


def keep(name: str, folder: Path) -> None:
    """Copies what the page needs: the rows, and facts of the run."""
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    facts = {
        "cells": len({row["id"] for row in rows}),
        "failed": len(list((folder / "failed").glob("*.json"))),
        "seconds": round(sum({row["id"]: float(row["seconds"]) for row in rows}.values())),
        "versions": sorted({row.pop("versions") for row in rows}),
    }
    last = max(int(row["epochs"]) for row in rows)
    kept = [row for row in rows if STUDIES[name].all_epochs or int(row["epochs"]) == last]
    KEPT.mkdir(exist_ok=True)
    with (KEPT / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kept[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: _short(column, text) for column, text in row.items()} for row in kept)
    path = KEPT / "runs.json"
    runs = json.loads(path.read_text()) if path.exists() else {}
    runs[name] = facts
    path.write_text(json.dumps(runs, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _short(column: str, text: str) -> str:
    """Measured numbers to six digits."""
    measured = column.startswith(("accuracy_", "test_")) or column in (
        "train_loss",
        "valid_loss",
        "distance",
        "severity",
        "seconds",
    )
    return f"{float(text):.6g}" if measured and text else text


# -- tables and pictures ---------------------------------------------------------------------------


def compared(name: str, baseline: str = "flat") -> tuple[list[Comparison], list[str]]:
    """The comparisons of a study, and the scores of its table."""
    table = read(KEPT / f"{name}.csv")
    scores = scores_of(table, STUDIES[name].test)
    return compare(worth_a_row(variants(table), baseline), scores, baseline), scores


def tables() -> dict[str, str]:
    """Marker -> text, for everything on the page that is made from numbers."""
    found = {name: "\n".join(_table(name)) for name, study in STUDIES.items() if study.table}
    others = {"post": _post(), "runs": _runs(), "rival": _rival()}
    return {**found, **{name: "\n".join(lines) for name, lines in others.items()}}


def _table(name: str) -> Iterator[str]:
    rows, scores = compared(name)
    tuned = any(one.variant.chosen for one in rows)
    heads = ["", *["rate"] * tuned, *map(title, scores)]
    yield f"| {' | '.join(heads)} |"
    yield "|---" + "|---" * (len(heads) - 1) + "|"
    for one in rows:
        cells = [one.label, *[one.variant.chosen.get("lr", "")] * tuned]
        cells += [_cell(one, score) for score in scores]
        yield f"| {' | '.join(cells)} |"


def _cell(one: Comparison, score: str) -> str:
    if score not in one.means:
        return ""
    text = mean_text(one.means[score], score)
    return f"{text} ({gain_text(one.gains[score], score)})" if score in one.gains else text


def _rival() -> Iterator[str]:
    """The taxonomy loss minus a head for each level, added up."""
    heads = [title(score) for score in compared("arms")[1]]
    yield f"| study | {' | '.join(heads)} |"
    yield "|---" + "|---" * len(heads) + "|"
    for name in ("arms", "sgd", "partial", "partial-sgd", "few", "noise"):
        rows, scores = compared(name, "level_heads")
        for one in rows:
            if one.variant.arm == "taxonomy" and one.gains:
                cells = [gain_text(one.gains[score], score) for score in scores]
                yield f"| {name}: {one.label.removeprefix('taxonomy ')} | {' | '.join(cells)} |"


def _post() -> Iterator[str]:
    """The last epochs of the post's own runs, which have no common seeds: Welch's interval."""
    from scipy.stats import ttest_ind

    with (KEPT / "post_2020.csv").open(newline="", encoding="utf-8") as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    yield "| epochs | w | breed, % | species, % |"
    yield "|---|---|---|---|"
    for epochs, w in sorted({(row["epochs"], row["w"]) for row in rows}, key=lambda key: (key[0], -key[1])):
        cells = []
        for level in ("accuracy_breed", "accuracy_species"):
            ours, flat = (
                [100 * row[level] for row in rows if (row["epochs"], row["w"]) == (epochs, x)]
                for x in (w, 1.0)
            )
            mean = sum(ours) / len(ours)
            if w == 1:
                cells.append(f"{mean:.1f}")
                continue
            test = ttest_ind(ours, flat, equal_var=False).confidence_interval()
            gain = mean - sum(flat) / len(flat)
            cells.append(f"{mean:.1f} ({gain:+.1f}±{(test.high - test.low) / 2:.1f})")
        yield f"| {epochs:g} | {w:g} | {' | '.join(cells)} |"


def _runs() -> Iterator[str]:
    runs: dict[str, Any] = json.loads((KEPT / "runs.json").read_text(encoding="utf-8"))
    yield "| study | cells | diverged | seconds of training in all |"
    yield "|---|---|---|---|"
    for name in STUDIES:
        facts = runs[name]
        yield f"| {name} | {facts['cells']} | {facts['failed']} | {facts['seconds']:,} |"
    yield ""
    versions = {text for facts in runs.values() for text in facts["versions"]}
    yield f"Two cells at once on a shared machine; each: {' / '.join(sorted(versions))}."


def filled(page: str) -> str:
    """The page with its tables; each stands between two comments that name it."""
    for name, text in tables().items():
        parts = re.split(f"(<!-- {name} -->\n).*?(<!-- end -->)", page, flags=re.DOTALL)
        if len(parts) != 4:
            raise SystemExit(f"{PAGE} has no place for the table {name}, or more than one")
        before, begin, end, after = parts
        page = f"{before}{begin}{text}\n{end}{after}"
    return page


def pictures() -> None:
    """SVG files beside the results."""
    for name, study in STUDIES.items():
        if study.pictures:
            rows, scores = compared(name)
            drawn = draw(rows, scores, KEPT / "drawn", ["svg"]).files
            for path in drawn:
                if path.stem in study.pictures:
                    path.replace(KEPT / f"{name}-{path.name}")
                else:
                    path.unlink()
            (KEPT / "drawn").rmdir()


def main(arguments: Sequence[str]) -> None:
    """Trains where asked to; then writes the page."""
    for name in STUDIES if "--train" in arguments else ():
        keep(name, train(name))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    pictures()


if __name__ == "__main__":
    main(sys.argv[1:])
