"""Pictures of a sweep that is not done: of the cells that are there, and of how many."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

from sweep_cell import EPOCHS, PETS, cells, train
from sweep_tables import rows, write

from taxoloss import sweep
from taxoloss.sweep import Cell, grid, simplex
from taxoloss.sweep.report import TableError, compare, draw, read, variants
from taxoloss.sweep.report.compare import scores_of

SCRIPT = Path(__file__).with_name("sweep_cell.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
run = partial(sweep.run, taxonomy=PETS, progress=False)


def plot(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "taxoloss", "plot", str(folder), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def stopped_after(count: int, given: list[dict[str, Any]], folder: Path) -> None:
    """A sweep of which so many cells are done; the next ends it, without a table."""

    def ending(cell: Cell) -> Iterator[dict[str, Any]]:
        if len(list(folder.glob("cells/*/*.json"))) == count:
            raise KeyboardInterrupt
        yield from train(cell)

    with pytest.raises(KeyboardInterrupt):
        run(ending, given, folder)
    (folder / "results.csv").unlink()


@pytest.mark.slow
def test_a_sweep_that_was_killed(tmp_path: Path) -> None:
    """No table was written: the cells are drawn, and counted."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--sleep", "0.01"]
    one = subprocess.Popen(command, env={**ENVIRONMENT, "SWEEP_PAUSE": "0.5"}, stderr=subprocess.DEVNULL)
    while len(list(tmp_path.glob("cells/*/[!.]*.json"))) < 4:
        time.sleep(0.01)
    running = plot(tmp_path, "--format", "none")
    one.send_signal(signal.SIGKILL)
    one.communicate()
    assert running.returncode == 0, running.stderr
    assert " of 22 cells are done" in running.stderr
    assert not (tmp_path / "results.csv").exists()
    done = len(list(tmp_path.glob("cells/*/[!.]*.json")))
    drawn = plot(tmp_path, "--format", "svg")
    assert drawn.returncode == 0, drawn.stderr
    assert f"unfinished: {done} of 22 cells are done" in drawn.stderr
    assert (tmp_path / "pictures" / "weights.svg").exists()
    data = json.loads(plot(tmp_path, "--format", "none", "--json").stdout)
    assert sum(len(one["seeds"]) for one in data) == done


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 11, 21])
def test_as_many_as_are_done(tmp_path: Path, count: int) -> None:
    """One cell is a table; of none it is one sentence."""
    stopped_after(count, cells(22), tmp_path)
    done = plot(tmp_path, "--format", "svg")
    assert f"{count} of 22 cells are done" in done.stderr
    assert "Traceback" not in done.stderr
    if count == 0:
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("error: ")
        assert not (tmp_path / "pictures").exists()
    else:
        assert done.returncode == 0, done.stderr
        assert len(read(tmp_path).runs) == count
    assert len(run(train, cells(22), tmp_path).rows) == 22 * EPOCHS
    assert read(tmp_path).unfinished == ""


@pytest.mark.slow
def test_a_finished_sweep_is_drawn_from_its_cells_as_from_its_table(tmp_path: Path) -> None:
    """The same rows in the same order: the same files, byte by byte."""
    given = [*grid(arm=["flat"], seed=range(3)), *cells(22, arm="taxonomy")]
    run(train, given, tmp_path)
    data = []
    for number, path in enumerate((tmp_path, tmp_path / "results.csv")):
        sweeps = read(path)
        scores = scores_of(sweeps)
        data.append(compare(variants(sweeps), scores))
        draw(data[-1], scores, tmp_path / str(number), ("svg",))
    assert data[0] == data[1]
    for path in (tmp_path / "0").iterdir():
        assert path.read_bytes() == (tmp_path / "1" / path.name).read_bytes()


def test_what_has_failed_is_damaged_or_of_another_grid_is_told(tmp_path: Path) -> None:
    """Nothing of the folder is changed."""
    run(train, cells(3), tmp_path)
    stopped_after(5, [*grid(arm=["raises"], seed=[0]), *cells(10)[2:]], tmp_path)
    path = min(tmp_path.glob("cells/*/*.json"))
    content = path.read_bytes()
    path.write_bytes(b"spoilt")
    before = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = read(tmp_path).unfinished
    assert f"1 failed, damaged: {path}" in words
    path.write_bytes(content)
    assert read(tmp_path).unfinished == "3 of 9 cells are done (and 2 of other grids), 1 failed"
    path.write_bytes(b"spoilt")
    assert {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_search_counts_trials(tmp_path: Path) -> None:
    """A pruned one leaves no cell."""
    pytest.importorskip("optuna")
    import search_cell

    def ending(cell: Cell) -> Iterator[dict[str, Any]]:
        if len(list(tmp_path.glob("cells/*/*.json"))) == 2:
            raise KeyboardInterrupt
        yield from search_cell.train(cell)

    with pytest.raises(KeyboardInterrupt):
        search_cell.run(tmp_path, 5, train=ending)
    assert read(tmp_path).unfinished == "2 of 5 trials have a cell (a pruned one leaves none)"
    assert len(read(tmp_path).runs) == 2


def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A table without it would say something else."""
    run(train, cells(3), tmp_path)
    path = min(tmp_path.glob("cells/*/*.json"))
    path.unlink()
    path.mkdir()
    done = plot(tmp_path, "--format", "none")
    assert done.returncode == 1
    assert done.stderr == f"error: {path} cannot be read: Is a directory\n"
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(TableError, match=r"sweep\.json is damaged"):
        read(tmp_path)


def test_a_table_that_is_kept_without_its_cells(tmp_path: Path) -> None:
    """It is drawn as it is."""
    first = run(train, cells(3), tmp_path)
    shutil.rmtree(tmp_path / "cells")
    assert len(read(tmp_path).runs) == len({row["id"] for row in first.rows}) == 3
    assert read(tmp_path).unfinished == ""


# -- rows that differ ------------------------------------------------------------------------------


@pytest.mark.slow
def test_cells_whose_rows_differ(tmp_path: Path) -> None:
    """Severity, an accuracy of no level, scores of a test: what some cells lack is left out of theirs."""

    def some(cell: Cell) -> Iterator[dict[str, Any]]:
        for values in train(cell):
            more: tuple[dict[str, Any], ...] = (
                {},
                {"severity": 1.5},
                {"accuracy_top5": 0.9},
                {"test_accuracy_breed": 0.5, "note": [1]},
            )
            yield {**values, **more[cell.seed % 4]}

    given = [*grid(arm=["flat"], seed=range(4)), *grid(weights=simplex(PETS.levels, 0.25), seed=range(4))]
    assert run(some, given, tmp_path).failures == {}
    for columns in ("valid", "test"):
        done = plot(tmp_path, "--columns", columns)
        assert done.returncode == 0, done.stderr
    assert read(tmp_path).levels == PETS.levels
    assert read(tmp_path / "results.csv").levels == PETS.levels


WEIGHTS: dict[tuple[str, ...], list[tuple[float, ...]]] = {
    ("species", "breed"): [(1 - w / 6, w / 6) for w in range(7)],
    ("family", "genus", "species"): [
        (a / 4, b / 4, (4 - a - b) / 4) for a in range(5) for b in range(5 - a)
    ],
}


@pytest.mark.sample(7)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("levels", WEIGHTS)
@pytest.mark.parametrize("test", [True, False])
def test_any_columns_may_be_missing(tmp_path: Path, seed: int, levels: tuple[str, ...], test: bool) -> None:
    """Of any cells, in any epoch, but the accuracies of the levels: what is there is drawn."""
    choose = random.Random(seed)
    epochs = choose.choice([1, 2])
    found = list(rows(weights=WEIGHTS[levels], levels=levels, seeds=2, epochs=epochs, noise=seed))
    optional = [name for name in found[0] if name.startswith("test_")] + ["severity", "distance"]
    lacking = {row["id"]: choose.sample(optional, choose.randrange(3)) for row in found}
    kept = set(choose.sample(sorted(lacking), choose.randrange(len(lacking) // 2, len(lacking) + 1)))
    for row in found:
        row |= dict.fromkeys(lacking[row["id"]], "")
    if seed % 2:  # a variant has a score in none of its runs
        for row in found:
            row |= dict.fromkeys(optional, "") if row["w"] == WEIGHTS[levels][2][-1] else {}
    there = [row for row in found if row["id"] in kept]
    table = read(write(tmp_path, there))
    scores = scores_of(table, test)
    draw(compare(variants(table), scores), scores, tmp_path / "pictures", ("svg",))


def test_rates_are_chosen_by_the_levels_alone(tmp_path: Path) -> None:
    """An accuracy of something else, which some cells have, decides nothing."""
    found = list(rows(("flat",), rates=(0.1, 0.3), seeds=2))
    (before,) = variants(read(write(tmp_path / "a", found)))
    for row in found:
        row["accuracy_top5"] = 0.0 if str(row["lr"]) == before.chosen["lr"] else ""
    table = read(write(tmp_path / "b", found))
    assert table.levels == read(tmp_path / "a").levels
    (after,) = variants(table)
    assert after.chosen == before.chosen
