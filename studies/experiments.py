"""docs/experiments.md: tables and pictures, from the kept results of the studies of examples/icd10cm.

python -m studies.experiments            rewrites tables and pictures from docs/experiments/*.csv
python -m studies.experiments --train    first trains what is missing, and keeps its results
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from taxoloss.sweep.columns import TEST, is_score
from taxoloss.sweep.report import Comparison, compare, draw, read, variants
from taxoloss.sweep.report.compare import scores_of
from taxoloss.sweep.report.intervals import paired_difference
from taxoloss.sweep.report.terminal import gain_text, mean_text, title
from taxoloss.sweep.report.variants import worth_a_row
from taxoloss.taxonomy.file.atomic import write_whole

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
    text = io.StringIO()
    writer = csv.DictWriter(text, list(kept[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _short(column, text) for column, text in row.items()} for row in kept)
    write_whole(KEPT / f"{name}.csv", text.getvalue())
    path = KEPT / "runs.json"
    runs = json.loads(path.read_text()) if path.exists() else {}
    runs[name] = facts
    write_whole(path, json.dumps(runs, indent=2, sort_keys=True) + "\n")


def _short(column: str, text: str) -> str:
    """Measured numbers to six digits."""
    measured = is_score(column) or column.startswith(TEST) or column == "seconds"
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
    others = {"post": _post(), "runs": _runs(), "rival": _rival(), **several_parents()}
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


# -- several parents: studies/several_parents.py ---------------------------------------------------

#: Column -> its heading, what a number is multiplied by, digits.
_MEASURES = {
    "test_accuracy": ("accuracy, %", 100, 1),
    "test_f": ("hierarchical F, %", 100, 1),
    "test_hops": ("hops", 1, 2),
    "test_log_loss": ("log-loss", 1, 2),
}
_Kept: TypeAlias = dict[tuple[str, str], list[dict[str, str]]]


def several_parents() -> dict[str, Iterator[str]]:
    """All arms beside flat, and pairs of arms; the seed after the last chose the rates."""
    kept: _Kept = {}
    for row in rows_of("several_parents"):
        if int(row["seed"]) < SEEDS:
            kept.setdefault((row["coarse"], row["arm"]), []).append(row)
    return {"several_parents": _arms(kept), "several_parents_pairs": _pairs(kept)}


def rows_of(name: str) -> list[dict[str, str]]:
    """The kept rows of a study."""
    with (KEPT / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _arms(kept: _Kept) -> Iterator[str]:
    yield f"| coarse labels | arm | rate | {' | '.join(head for head, _, _ in _MEASURES.values())} |"
    yield "|---|---|---" + "|---" * len(_MEASURES) + "|"
    for (labels, arm), rows in kept.items():
        cells = []
        for measure, (_, scale, digits) in _MEASURES.items():
            mean = sum(float(row[measure]) for row in rows) / len(rows)
            gain = "" if arm == "flat" else f" ({_gain(rows, kept[labels, 'flat'], measure)})"
            cells.append(f"{scale * mean:.{digits}f}{gain}")
        yield f"| {labels} | {arm} | {rows[0]['lr']} | {' | '.join(cells)} |"


def _pairs(kept: _Kept) -> Iterator[str]:
    yield f"| coarse labels | difference | {' | '.join(head for head, _, _ in _MEASURES.values())} |"
    yield "|---|---" + "|---" * len(_MEASURES) + "|"
    pairs = [(f"all parents, {w}", f"one parent, {w}") for w in ("own", "proper")]
    pairs += [("all parents, proper", f"all parents, {w}") for w in ("own", "shared levels")]
    for labels in dict.fromkeys(labels for labels, _ in kept):
        for ours, theirs in pairs:
            if (labels, ours) in kept and (labels, theirs) in kept:
                gains = [_gain(kept[labels, ours], kept[labels, theirs], one) for one in _MEASURES]
                yield f"| {labels} | {ours} - {theirs} | {' | '.join(gains)} |"


def _gain(ours: Sequence[dict[str, str]], theirs: Sequence[dict[str, str]], measure: str) -> str:
    """The paired difference, ± half of its interval."""
    _, scale, digits = _MEASURES[measure]
    by_seed = [{row["seed"]: float(row[measure]) for row in rows} for rows in (ours, theirs)]
    found = paired_difference(*by_seed)
    assert found.half is not None  # of five seeds
    return f"{scale * found.mean:+.{digits}f}±{scale * found.half:.{digits}f}"


# -- the post of 2020, and facts of the runs -------------------------------------------------------


def _post() -> Iterator[str]:
    """The last epochs of the post's own runs, which have no common seeds: Welch's interval."""
    from scipy.stats import ttest_ind

    rows = [{name: float(text) for name, text in row.items()} for row in rows_of("post_2020")]
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
    if "--train" in arguments:
        subprocess.run([sys.executable, "-m", "studies.several_parents"], check=True, cwd=ROOT)
    write_whole(PAGE, filled(PAGE.read_text(encoding="utf-8")))
    pictures()


if __name__ == "__main__":
    main(sys.argv[1:])
