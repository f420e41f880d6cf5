"""`taxoloss plot`: tables against plain arithmetic, choices by validation alone, pictures that repeat."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

from sweep_tables import LEVELS, rows, write

from taxoloss.sweep.report import TableError, compare, draw, read, variants
from taxoloss.sweep.report.compare import scores_of
from taxoloss.sweep.report.front import on_front
from taxoloss.sweep.report.variants import worth_a_row

SIMPLEX = [(a / 4, b / 4, (4 - a - b) / 4) for a in range(5) for b in range(5 - a)]
Rows = list[dict[str, Any]]


def refused(folder: Path, found: Rows | str) -> str:
    """The words with which a table is refused."""
    if isinstance(found, str):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.csv").write_text(found)
    else:
        write(folder, found)
    with pytest.raises(TableError) as error:
        read(folder)
    return str(error.value).replace(str(folder), "F")


def plot(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "taxoloss", "plot", str(folder), *map(str, options)]
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **path}, check=False)


# -- reading ---------------------------------------------------------------------------------------


def test_levels_settings_and_scores_are_found(tmp_path: Path) -> None:
    found = list(rows(settings={"labels": [10, 100]}))
    sweep = read(write(tmp_path, found))
    assert sweep.levels == LEVELS
    assert sweep.settings == ("lr", "labels")
    assert sweep.values("labels") == ["10", "100"]
    assert len(sweep.runs) == len({row["id"] for row in found})
    assert read(tmp_path / "results.csv") == sweep
    run = next(run for run in sweep.runs if run.arm == "taxonomy")
    assert run.shares == (0.2, 0.3, 0.5)
    assert [len(run.epochs), run.reading, run.settings["lr"]] == [2, "marginal", "0.1"]


BAD: dict[str, tuple[Any, str]] = {
    "nothing": ("", "F/results.csv has no rows: no cell of the sweep is done yet"),
    "a header": ("epochs,accuracy_a,id,seed\n", "F/results.csv has no rows"),
    "no columns": ("epoch,accuracy_a,id\n1,1,1\n", "F/results.csv:1: expected the columns epochs, seed,"),
    "nearest": ("epoch,accuracy_a,id,seed\n1,1,1,1\n", "did you mean `epoch`?"),
    "no accuracy": ("epochs,id,seed\n1,1,1\n", "expected the columns accuracy_<level>"),
    "twice": ("epochs,accuracy_a,id,seed,seed\n1,1,1,1,1\n", "the column seed is there twice"),
    "ragged": ("epochs,accuracy_a,id,seed\n1,.5,a\n", "F/results.csv:2: expected 4 values, got 3"),
    "a word": ("epochs,accuracy_a,id,seed\n1,good,a,0\n", "F/results.csv:2: expected a finite number as"),
    "NaN": ("epochs,accuracy_a,id,seed\n1,.5,a,0\n2,nan,a,0\n", "F/results.csv:3: expected a finite"),
    "per cent": ("epochs,accuracy_a,id,seed\n1,50,a,0\n", "F/results.csv:2: expected a share from 0 to 1"),
    "a gap": ("epochs,accuracy_a,id,seed\n1,,a,0\n", "F/results.csv:2: expected a number as accuracy_a"),
    "again": ("epochs,accuracy_a,id,seed\n1,.5,a,0\n1,.6,a,0\n", "got epoch 1 of cell a again"),
    "epochs": ("epochs,accuracy_a,id,seed\nx,.5,a,0\n", "F/results.csv:2: expected epochs 1, 2, 3, .."),
    "quotes": ('epochs,accuracy_a,id,seed\n1,.5,"a,0\n', "F/results.csv cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_named_by_line(tmp_path: Path, name: str) -> None:
    text, words = BAD[name]
    assert words in refused(tmp_path, text)


def test_a_folder_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is not there: expected the folder of a sweep"):
        read(tmp_path)


# -- what is chosen --------------------------------------------------------------------------------


def test_a_rate_is_chosen_by_the_last_accuracies_on_validation_data(tmp_path: Path) -> None:
    for noise in range(8):
        found = list(rows(rates=(0.1, 0.3, 1.0), noise=noise))
        chosen = {
            (one.arm, one.weights): one.chosen["lr"]
            for one in variants(read(write(tmp_path / str(noise), found)))
        }
        merits: dict[tuple[str, str], dict[str, float]] = {}
        for row in found:
            if row["epochs"] == 2:
                merit = merits.setdefault((row["arm"], row["weights"]), {})
                score = fmean(row[f"accuracy_{level}"] for level in LEVELS)
                merit[str(row["lr"])] = merit.get(str(row["lr"]), 0.0) + score
        assert chosen == {key: max(merit, key=lambda rate: merit[rate]) for key, merit in merits.items()}


def test_test_data_choose_nothing(tmp_path: Path) -> None:
    found = list(rows(rates=(0.1, 0.3, 1.0)))
    before = [one.chosen for one in variants(read(write(tmp_path / "a", found)))]
    for row in found:
        for name in row:
            if name.startswith("test_") and row[name] != "":
                row[name] = {0.1: 0.0, 0.3: 1.0, 1.0: 0.5}[row["lr"]]
    assert [one.chosen for one in variants(read(write(tmp_path / "b", found)))] == before


def test_a_rate_at_which_a_seed_failed_is_not_chosen(tmp_path: Path) -> None:
    found = list(rows(rates=(0.1, 0.3)))
    best = variants(read(write(tmp_path / "a", found)))[0].chosen["lr"]
    lost = {("flat", float(best), 2)}
    kept = [row for row in found if (row["arm"], row["lr"], row["seed"]) not in lost]
    assert variants(read(write(tmp_path / "b", kept)))[0].chosen["lr"] != best


def test_weights_may_be_tuned_too(tmp_path: Path) -> None:
    found = variants(read(write(tmp_path, list(rows(weights=SIMPLEX)))), over=("lr", "weights"))
    assert [one.arm for one in found] == ["flat", "taxonomy"]
    assert found[1].chosen["weights"] == found[1].weights


def test_what_cannot_be_chosen_is_refused(tmp_path: Path) -> None:
    sweep = read(write(tmp_path, list(rows(settings={"labels": [10, 100]}))))
    with pytest.raises(TableError, match="no setting 'label'; expected lr, labels, weights; did you mean"):
        variants(sweep, over=("label",))
    with pytest.raises(TableError, match=r"no reading 'marginl'; .*did you mean `marginal`"):
        variants(sweep, readings=("marginl",))
    twice = [*rows(), *({**row, "id": "x" + row["id"]} for row in rows())]
    sweep = read(write(tmp_path / "b", twice))
    with pytest.raises(TableError, match="have the same settings and seed '0'"):
        variants(sweep)


# -- what is compared ------------------------------------------------------------------------------


def test_differences_are_those_of_equal_seeds_and_settings(tmp_path: Path) -> None:
    found = list(rows(settings={"labels": [10, 100]}, readings=("marginal", "crm")))
    random.Random(0).shuffle(found)
    sweep = read(write(tmp_path, found))
    scores = scores_of(sweep)
    compared = compare(variants(sweep), scores)
    assert scores == [*(f"accuracy_{level}" for level in LEVELS), "severity", "distance"]
    last = {(r["arm"], r["labels"], r["reading"], r["seed"]): r for r in found if r["epochs"] == 2}
    assert len(compared) == 2 * 2 * 2
    for one in compared:
        labels, reading = int(one.variant.settings["labels"]), one.variant.reading
        if one.variant.arm == "flat" and reading == "marginal":
            assert one.baseline is None
            continue
        for score in scores:
            gains = [
                last[one.variant.arm, labels, reading, seed][score]
                - last["flat", labels, "marginal", seed][score]
                for seed in range(3)
            ]
            assert one.gains[score].mean == pytest.approx(fmean(gains))
            assert one.gains[score].n == 3


def test_settings_that_the_baseline_lacks_do_not_count(tmp_path: Path) -> None:
    found = list(rows(settings={"dropout": [0.1, 0.2]}))
    for row in found:
        if row["arm"] == "flat":
            row["dropout"] = ""
    flat = {row["id"]: row for row in found if row["arm"] == "flat" and "(0.1,)" in row["id"]}
    kept = [row for row in found if row["arm"] != "flat" or row["id"] in flat]
    compared = compare(variants(read(write(tmp_path, kept))), ["accuracy_genus"])
    assert [bool(one.gains) for one in compared] == [False, True, True]


def test_without_a_flat_arm_all_weight_on_the_deepest_level_is_the_baseline(tmp_path: Path) -> None:
    weights = [(0.0, 0.0, 1.0), (0.5, 0.0, 0.5)]
    compared = compare(variants(read(write(tmp_path, list(rows(("taxonomy",), weights))))), ["severity"])
    assert [one.baseline and one.baseline.shares for one in compared] == [None, (0.0, 0.0, 1.0)]


def test_readings_of_their_own_get_a_row(tmp_path: Path) -> None:
    heads = rows(("heads",), readings=("marginal", "crm", "top_down"))
    found = [*rows(readings=("marginal", "crm")), *heads]
    shown = worth_a_row(variants(read(write(tmp_path, found))), "flat")
    assert [(one.arm, one.reading) for one in shown] == [
        ("flat", "marginal"), ("flat", "crm"), ("taxonomy", "marginal"),
        ("heads", "marginal"), ("heads", "top_down"),
    ]  # fmt: skip


def test_the_front_by_its_definition() -> None:
    draw = random.Random(0)
    for _ in range(200):
        points = [(draw.randrange(5), draw.randrange(5)) for _ in range(draw.randrange(1, 9))]
        beaten = [
            any((x <= cost and y > gain) or (x < cost and y >= gain) for x, y in points)
            for cost, gain in points
        ]
        assert on_front(points) == [not one for one in beaten]


# -- pictures --------------------------------------------------------------------------------------


def drawn(
    folder: Path, found: Rows, out: Path, formats: tuple[str, ...] = ("svg",)
) -> tuple[set[str], Any]:
    """The names of the files of a table, and why others are not there."""
    sweep = read(write(folder, found))
    scores = scores_of(sweep)
    done = draw(compare(variants(sweep), scores), scores, out, formats)
    return {path.name for path in done.files}, done.skipped


def test_the_same_table_gives_the_same_file(tmp_path: Path) -> None:
    found = list(rows(weights=SIMPLEX))
    for out in ("one", "other"):
        names, skipped = drawn(tmp_path, found, tmp_path / out)
    assert names == {"differences.svg", "front.svg", "triangle.svg"}
    assert skipped.keys() == {"weights"}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert {path.name for path in (tmp_path / "one").iterdir()} == names


def test_two_levels_are_the_graph_of_the_post(tmp_path: Path) -> None:
    weights = [(1 - w / 10, w / 10) for w in range(11)]
    names, skipped = drawn(
        tmp_path, list(rows(weights=weights, levels=("species", "breed"))), tmp_path / "o", ("png", "svg")
    )
    assert {"weights.png", "weights.svg"} <= names
    assert "2 levels, not three" in skipped["triangle"]
    text = (tmp_path / "o" / "weights.svg").read_text()
    assert text.count("best of runs and epochs (optimistic)") == 2
    assert text.count("mean of the last epoch, 95 % interval") == 2
    assert (tmp_path / "o" / "weights.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_one_arm_and_one_seed_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    names, skipped = drawn(tmp_path, list(rows(("flat",), seeds=1)), tmp_path / "o")
    assert names == set()
    assert skipped.keys() == {"weights", "differences", "front", "triangle"}


def test_names_are_text_and_no_formula(tmp_path: Path) -> None:
    arms = ("flat", "a$_b$<&>", "$x^2")
    drawn(tmp_path, list(rows(arms)), tmp_path / "o")
    text = (tmp_path / "o" / "differences.svg").read_text(encoding="utf-8")
    assert "a$_b$&lt;&amp;&gt; .2/.3/.5" in text
    assert "$x^2 .2/.3/.5" in text


# -- the command -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_what_arithmetic_says(tmp_path: Path) -> None:
    found = list(rows(rates=(0.1,)))
    done = plot(write(tmp_path, found))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        f"{name}.{kind}" for name, kind in itertools.product(("differences", "front"), ("png", "svg"))
    }
    last = [row for row in found if row["epochs"] == 2]
    for arm in ("flat", "taxonomy"):
        (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith(arm)]
        mean = fmean(row["accuracy_genus"] for row in last if row["arm"] == arm)
        assert f"{100 * mean:.1f}" in line
    data = json.loads(plot(tmp_path, "--json", "--format", "none").stdout)
    assert [one["arm"] for one in data] == ["flat", "taxonomy"]
    gain = fmean(
        ours["accuracy_genus"] - theirs["accuracy_genus"]
        for ours, theirs in itertools.product(last, last)
        if (ours["arm"], theirs["arm"]) == ("taxonomy", "flat") and ours["seed"] == theirs["seed"]
    )
    assert data[1]["differences"]["accuracy_genus"]["mean"] == pytest.approx(gain)
    tested = json.loads(plot(tmp_path, "--json", "--format", "none", "--columns", "test").stdout)
    assert set(tested[0]["means"]) == {
        *(f"test_accuracy_{level}" for level in LEVELS), "test_severity", "test_distance",
    }  # fmt: skip


def test_what_cannot_be_plotted_is_one_line(tmp_path: Path) -> None:
    empty = [{k: v for k, v in row.items() if not k.startswith("test_")} for row in rows()]
    write(tmp_path / "valid", empty)
    for arguments, words in (
        ([tmp_path / "nowhere"], "is not there"),
        ([tmp_path / "valid", "--columns", "test"], "no scores of a test"),
        ([tmp_path / "valid", "--over", "lrr"], "did you mean `lr`?"),
    ):
        done = plot(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "valid" / "pictures").exists()


@pytest.mark.slow
def test_plotting_takes_no_torch(tmp_path: Path) -> None:
    write(tmp_path, list(rows()))
    code = (
        "import sys\nfrom taxoloss.cli import main\nsys.argv = ['taxoloss', 'plot', sys.argv[1]]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'optuna', 'ray', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
