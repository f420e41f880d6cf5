"""Searching with Optuna: uniform on the simplex, resumable, and the folder decides what is complete."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")
pytest.importorskip("sqlalchemy")

from search_cell import run, suggest, train  # noqa: E402
from sweep_cell import EPOCHS, PETS  # noqa: E402

import taxoloss  # noqa: E402
from taxoloss import sweep  # noqa: E402
from taxoloss.sweep.columns import mean_accuracy  # noqa: E402

SCRIPT = Path(__file__).with_name("search_cell.py")
State = optuna.trial.TrialState


def study_of(folder: Path, storage: str | None = None) -> Any:
    """The only study of a storage."""
    url = storage or f"sqlite:///{folder / 'optuna.db'}"
    (summary,) = optuna.get_all_study_summaries(url)
    return optuna.load_study(study_name=summary.study_name, storage=url)


def states(folder: Path) -> list[Any]:
    """Of all trials."""
    return [trial.state for trial in study_of(folder).get_trials(deepcopy=False)]


def start(folder: Path, trials: int, *storage: str, pause: float = 0.0) -> subprocess.Popen[str]:
    """A search in a process of its own."""
    path = os.pathsep.join([str(SCRIPT.parents[2]), str(SCRIPT.parent)])
    variables = {**os.environ, "PYTHONPATH": path, "SWEEP_PAUSE": str(pause)}
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder), str(trials), *storage]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    )


def ids(results: sweep.Results) -> set[str]:
    """The cells of a table, each with all of its epochs."""
    rows = [row["id"] for row in results.rows]
    assert all(rows.count(one) == EPOCHS for one in rows)
    return set(rows)


# -- weights ---------------------------------------------------------------------------------------


class Uniform:
    """A trial that draws every parameter uniformly."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def suggest_float(self, name: str, low: float, high: float) -> float:
        """A number of the range."""
        return self.draw.uniform(low, high)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_uniform_parameters_are_uniform_weights(levels: int) -> None:
    """On the simplex of k levels each weight is Beta(1, k - 1), and so is any sum of j: Beta(j, k - j)."""
    stats = pytest.importorskip("scipy.stats")
    tree = taxoloss.Taxonomy.from_paths([tuple(f"{n}{m}" for n in range(levels)) for m in range(3)]).bind()
    assert len(tree.levels) == levels
    draw = random.Random(levels)
    drawn = [sweep.suggest_weights(Uniform(draw), tree) for _ in range(3000)]  # type: ignore[arg-type]
    points = np.array([[point[level] for level in tree.levels] for point in drawn])
    np.testing.assert_allclose(points.sum(1), 1, atol=1e-9)
    assert (points >= 0).all()
    for level in range(levels):
        assert stats.kstest(points[:, level], "beta", args=(1, levels - 1)).pvalue > 1e-3
    if levels > 2:
        assert stats.kstest(points[:, :2].sum(1), "beta", args=(2, levels - 2)).pvalue > 1e-3


def test_all_weight_on_one_level_can_be_suggested() -> None:
    assert sweep.suggest_weights(optuna.trial.FixedTrial({"weight_species": 1.0}), PETS)["species"] == 1
    assert sweep.suggest_weights(optuna.trial.FixedTrial({"weight_species": 0.0}), PETS)["breed"] == 1


# -- searching -------------------------------------------------------------------------------------


def test_trials_are_cells_and_the_best_is_near_the_top(tmp_path: Path) -> None:
    results = run(tmp_path, 25, pruner=optuna.pruners.NopPruner())
    assert len(ids(results)) == 25
    assert states(tmp_path) == [State.COMPLETE] * 25
    study = study_of(tmp_path)
    best = max(results.rows, key=lambda row: (row["epochs"], mean_accuracy(row)))
    assert study.best_trial.user_attrs["cell"] == best["id"]
    assert study.best_value == pytest.approx(mean_accuracy(best))
    assert abs(best["weight_breed"] - 0.7) < 0.1
    assert (tmp_path / "results.csv").read_text().count("\n") == 25 * EPOCHS + 1


def test_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SEARCH_LOG", str(log))
    folder, pruner = tmp_path / "s", optuna.pruners.NopPruner()
    first = ids(run(folder, 3, pruner=pruner))
    assert ids(run(folder, 3, pruner=pruner)) == first
    assert ids(run(folder, 5, pruner=pruner)) > first
    assert len(log.read_text().splitlines()) == 5


def test_a_study_has_its_name(tmp_path: Path) -> None:
    run(tmp_path, 1, name="pets of may")
    assert study_of(tmp_path).study_name == "pets of may"
    with pytest.raises(sweep.SweepError, match="split: "):
        run(tmp_path, 1, split="another")


def test_a_lost_storage_is_told_what_the_folder_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruner = optuna.pruners.NopPruner()
    before = run(tmp_path, 4, pruner=pruner)
    known = {(t.user_attrs["cell"], t.value, tuple(t.params.items())) for t in study_of(tmp_path).trials}
    (tmp_path / "optuna.db").unlink()
    log = tmp_path / "log"
    monkeypatch.setenv("SEARCH_LOG", str(log))
    after = run(tmp_path, 4, pruner=pruner)
    assert after.rows == before.rows
    assert not log.exists()
    found = {(t.user_attrs["cell"], t.value, tuple(t.params.items())) for t in study_of(tmp_path).trials}
    assert found == known


def test_a_lost_cell_is_trained_again(tmp_path: Path) -> None:
    """The storage says that a trial is complete; the folder does not have it: the folder is right."""
    fixed = {"weights": {"species": 0.3, "breed": 0.7}}
    run(tmp_path, 1, suggest=lambda trial: fixed)
    (cell,) = tmp_path.glob("cells/*/*.json")
    cell.unlink()
    results = run(tmp_path, 1, suggest=lambda trial: fixed)
    assert len(ids(results)) == 1


def test_a_pruned_trial_leaves_no_cell(tmp_path: Path) -> None:
    class Poor(optuna.pruners.BasePruner):  # type: ignore[misc,name-defined]
        def prune(self, study: Any, trial: Any) -> bool:
            return bool(trial.number % 2)

    results = run(tmp_path, 6, pruner=Poor())
    assert states(tmp_path) == [State.COMPLETE, State.PRUNED] * 3
    assert len(ids(results)) == 3
    assert not list(tmp_path.glob("failed/*"))
    assert not list(tmp_path.glob("claims/*"))


def test_a_cell_that_raises_is_kept_and_the_others_go_on(tmp_path: Path) -> None:
    calls = []

    def sometimes(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
        calls.append(cell.id)
        if len(calls) == 2:
            raise RuntimeError("no such picture: cat_7.jpg")
        yield from train(cell)

    results = run(tmp_path, 4, train=sometimes, pruner=optuna.pruners.NopPruner())
    assert results.failures == {calls[1]: "RuntimeError: no such picture: cat_7.jpg"}
    assert "Traceback" in (tmp_path / "failed" / f"{calls[1]}.json").read_text()
    assert states(tmp_path).count(State.FAIL) == 1
    again = run(tmp_path, 4, pruner=optuna.pruners.NopPruner())
    assert len(ids(again)) == 4


def test_without_optuna_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"taxoloss\[sweep\]\""):
        sweep.search(train, suggest, tmp_path, taxonomy=PETS, trials=1)


# -- kills and company -----------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_killed_and_gone_on(tmp_path: Path, storage: str) -> None:
    folder = tmp_path / "s"
    where = [f"journal:{tmp_path / 'journal.log'}"] if storage == "journal" else []
    # A process that dies with the lock of a journal keeps the others waiting for half a minute.
    for cells in (1,) if where else (1, 3):
        one = start(folder, 6, *where, pause=0.05)
        while one.poll() is None and len(list(folder.glob("cells/*/[!.]*.json"))) < cells:
            time.sleep(0.01)
        one.send_signal(signal.SIGKILL)
        one.communicate()
    if where:  # a kill in the middle of a line
        with (tmp_path / "journal.log").open("a") as file:
            file.write('{"op_code": 4, "worker_id": "x')
    out, err = start(folder, 6, *where).communicate()
    rows = int(out or 0)
    assert rows >= 2 * EPOCHS, err  # of six trials, those that were not pruned
    table = (folder / "results.csv").read_text().splitlines()[1:]
    keys = [(line.split(",")[0], line.split(",")[6]) for line in table]
    assert len(set(keys)) == len(keys) == rows
    assert (tmp_path / "journal.log.torn").exists() == bool(where)


def test_two_processes_share_a_journal(tmp_path: Path) -> None:
    where = f"journal:{tmp_path / 'journal.log'}"
    together = [start(tmp_path / "s", 10, where, pause=0.02) for _ in range(2)]
    ended = [one.communicate() for one in together]
    assert [one.returncode for one in together] == [0, 0], ended
    table = (tmp_path / "s" / "results.csv").read_text().splitlines()[1:]
    keys = [(line.split(",")[0], line.split(",")[6]) for line in table]
    assert len(set(keys)) == len(keys)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
    )
    (study,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=study.study_name, storage=storage).trials
    finished = [trial for trial in trials if trial.state in (State.COMPLETE, State.PRUNED)]
    assert 10 <= len(finished) <= 11
