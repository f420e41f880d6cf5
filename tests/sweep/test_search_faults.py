"""Searches that go wrong: scores that are none, storages that cannot be used, cells that have no score."""

from __future__ import annotations

import logging
import math
import shutil
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")
pytest.importorskip("sqlalchemy")

from faulty_files import failing  # noqa: E402
from search_cell import run, suggest, train  # noqa: E402
from sweep_cell import EPOCHS  # noqa: E402

from taxoloss.sweep import Cell, SweepError  # noqa: E402
from taxoloss.sweep import report as pictures  # noqa: E402
from taxoloss.sweep.columns import mean_accuracy  # noqa: E402
from taxoloss.sweep.storages import _cut_torn_line, _name_of  # noqa: E402

if TYPE_CHECKING:
    from optuna import Trial

OLD = Path(__file__).parents[1] / "data" / "0.1" / "sweep_cells" / "search"
NOP = optuna.pruners.NopPruner()
Rows = Iterator[dict[str, Any]]


def read_as(*readings: str, seen: list[str] | None = None) -> Callable[[Cell], Rows]:
    """A training function whose epochs are read so."""

    def rows(cell: Cell) -> Rows:
        for values in train(cell):
            for reading in readings:
                if seen is not None:
                    seen.append(reading)
                yield {**values, "reading": reading}

    return rows


def never(cell: Cell) -> Any:
    """A training function that is not to be called."""
    raise AssertionError("trained")


def finished(folder: Path) -> list[Path]:
    """The files of finished cells."""
    return list(folder.glob("cells/*/[!.]*.json"))


def test_a_parameter_of_another_distribution(tmp_path: Path) -> None:
    """The folder and the parameter are named; what `suggest` raises itself stays."""

    def numbers(trial: Trial) -> dict[str, Any]:
        return {"arm": "taxonomy", "seed": 0, "lr": trial.suggest_float("lr", 0.1, 1.0)}

    def words(trial: Trial) -> dict[str, Any]:
        return {"arm": "taxonomy", "seed": 0, "lr": trial.suggest_categorical("lr", [0.1, 1.0])}

    run(tmp_path, 1, suggest=numbers, pruner=NOP)
    with pytest.raises(SweepError, match="the parameter lr has another distribution") as error:
        run(tmp_path, 2, suggest=words, pruner=NOP)
    assert str(tmp_path) in str(error.value)


# -- rows without a score --------------------------------------------------------------------------


@pytest.mark.parametrize("readings", [("leaf",), ("leaf", "crm"), ("Marginal",)])
def test_rows_that_are_not_read_as_marginal(tmp_path: Path, readings: tuple[str, ...]) -> None:
    """They are refused as soon as an epoch is over, at each call; with a reading the search goes on."""
    for _ in range(2):
        seen: list[str] = []
        with pytest.raises(SweepError, match=f"reading {', '.join(readings)}: a search scores rows of"):
            run(tmp_path, 2, train=read_as(*readings, seen=seen), pruner=NOP)
        assert seen == [*readings, readings[0]]
    assert not finished(tmp_path)
    assert not list(tmp_path.glob("claims/*"))
    results = run(tmp_path, 2, train=read_as(*readings, "marginal"), pruner=NOP)
    assert len(finished(tmp_path)) == 2
    assert len(results.rows) == 2 * EPOCHS * (len(readings) + 1)


NO_SCORES: list[Any] = [
    math.nan, math.inf, -math.inf, None, "0.5", b"1", "good", [0.5], {}, 1j, 10**400, np.float64("nan"),
    np.zeros(2), np.array([math.nan]), object(), Decimal("NaN"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(NO_SCORES)))
def test_a_score_that_is_no_finite_number(tmp_path: Path, number: int) -> None:
    """Is refused at the first row, at each call; with a score the search goes on."""
    for _ in range(2):
        seen: list[str] = []
        one = read_as("marginal", seen=seen)
        with pytest.raises(SweepError, match=r"the score of epoch 1 of cell .*: expected a finite number"):
            run(tmp_path, 2, train=one, score=lambda row: NO_SCORES[number], pruner=NOP)
        assert len(seen) == 1
    assert not finished(tmp_path)
    assert len(run(tmp_path, 2, pruner=NOP).rows) == 2 * EPOCHS


def test_a_score_that_raises(tmp_path: Path) -> None:
    """It is not the cell that fails."""
    with pytest.raises(SweepError, match=r"the score of epoch 1 of cell .* raised KeyError: 'severity'"):
        run(tmp_path, 2, score=lambda row: row["severity"], pruner=NOP)
    assert not list(tmp_path.glob("failed/*"))


def test_a_score_that_is_none_in_the_end(tmp_path: Path) -> None:
    """The cell is not kept: it would have no score ever after."""
    late = lambda row: 0.5 if row["epochs"] < EPOCHS else math.nan  # noqa: E731
    with pytest.raises(SweepError, match=f"the score of epoch {EPOCHS} of cell"):
        run(tmp_path, 2, score=late, pruner=NOP)
    assert not finished(tmp_path)


@pytest.mark.slow
def test_scores_of_other_kinds_are_numbers(tmp_path: Path) -> None:
    """Of numpy, torch and the standard library."""
    import torch

    kinds = [np.float32, np.float64, Fraction, lambda x: np.array([x]), lambda x: torch.tensor(x)]
    kinds += [lambda x: torch.tensor([x], requires_grad=True), lambda x: int(100 * x), lambda x: x > 0.5]
    for number, kind in enumerate(kinds):
        folder = tmp_path / str(number)
        run(folder, 2, score=lambda row, kind=kind: kind(mean_accuracy(row)), pruner=NOP)
        (summary,) = optuna.get_all_study_summaries(f"sqlite:///{folder / 'optuna.db'}")
        assert 0 <= summary.best_trial.value <= 100


def test_cells_without_a_score_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder of version 0.1, its storage lost: two cells are told to the study, one that has no rows
    read as marginal is named, and the search goes on."""
    folder = tmp_path / "old"
    shutil.copytree(OLD, folder)

    def both(trial: Trial) -> dict[str, Any]:
        return {**suggest(trial), "lr": trial.suggest_float("lr", 0.01, 0.1, log=True)}

    with caplog.at_level(logging.WARNING):
        results = run(folder, 4, suggest=both, pruner=NOP)
    assert "cell 80a15f023851e7a9baec is passed over: the rows of cell" in caplog.text
    assert len({row["id"] for row in results.rows}) == 5
    (summary,) = optuna.get_all_study_summaries(f"sqlite:///{folder / 'optuna.db'}")
    assert summary.n_trials == 4
    fixed = {"weights": {"species": 0.435994902142, "breed": 0.564005097858}, "lr": 0.010615152355675124}
    with pytest.raises(SweepError, match="the rows of cell 80a15f023851e7a9baec have the reading leaf"):
        run(folder, 5, train=never, suggest=lambda trial: fixed, pruner=NOP)


# -- what is refused before anything is trained ----------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"id": 1}, "has the setting id"),
        ({"lr": math.nan}, "a finite number as lr"),
        ({"opt": {1, 2}}, "expected opt as text"),
        ({"weights": {"breed": -1}}, "breed"),
    ],
)
def test_settings_that_are_refused_stop_a_search(tmp_path: Path, settings: Any, words: str) -> None:
    """They do not make one failed trial after another."""
    calls = []

    def given(trial: Trial) -> Any:
        calls.append(1)
        return settings

    with pytest.raises(SweepError, match=words):
        run(tmp_path, 3, train=never, suggest=given)
    assert len(calls) == 1


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
@pytest.mark.parametrize("choices", [[math.inf], [(1, {2})], [object()], ["\ud800"]])
def test_choices_that_json_cannot_hold(tmp_path: Path, choices: list[Any]) -> None:
    """Refused before the training, which would be lost."""

    def odd(trial: Trial) -> dict[str, Any]:
        return {"n": choices.index(trial.suggest_categorical("choice", choices))}

    with pytest.raises((SweepError, TypeError, UnicodeError)):
        run(tmp_path, 1, train=never, suggest=odd, storage=f"journal:{tmp_path / 'log'}")


@pytest.mark.parametrize("opt", [{"name": "sgd", "lr": 0.1}, None, [1, None], "ü", {}, True])
def test_settings_of_any_shape_are_searched(tmp_path: Path, opt: Any) -> None:
    """And drawn, while the search is not done."""
    results = run(tmp_path, 2, suggest=lambda trial: {**suggest(trial), "opt": opt}, pruner=NOP)
    assert run(tmp_path, 2, train=never, suggest=suggest, pruner=NOP).rows == results.rows
    assert len(pictures.read(tmp_path).runs) == 2


# -- storages and files ----------------------------------------------------------------------------


def _as_folder(path: Path) -> None:
    path.mkdir()


def _as_loop(path: Path) -> None:
    path.symlink_to(path)


def _as_text(path: Path) -> None:
    path.write_text("no database, and no journal\n" * 100)


@pytest.mark.sample(2)
@pytest.mark.parametrize("make", [_as_folder, _as_loop, _as_text])
@pytest.mark.parametrize("journal", [True, False])
def test_a_storage_that_cannot_be_used(tmp_path: Path, journal: bool, make: Any) -> None:
    """It is named, and left as it is."""
    folder = tmp_path / "s"
    run(folder, 1, pruner=NOP)
    path = tmp_path / "log" if journal else folder / "optuna.db"
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(SweepError, match=r"cannot be (used|read)") as error:
        run(folder, 2, f"journal:{path}" if journal else None, pruner=NOP)
    assert str(path) in str(error.value)
    assert path.is_symlink() or path.is_dir() or "no database" in path.read_text()
    assert len(finished(folder)) == 1


def test_a_storage_that_fails_is_no_cell_that_fails(tmp_path: Path) -> None:
    """The storage is lost while a cell is trained: that stops the search."""

    def losing(cell: Cell) -> Rows:
        for values in train(cell):
            (tmp_path / "optuna.db").write_text("no database\n" * 5000)
            yield values

    with pytest.raises(SweepError, match=r"optuna\.db cannot be used"):
        run(tmp_path, 3, train=losing, pruner=NOP)
    assert not list(tmp_path.glob("failed/*"))


@pytest.mark.slow
def test_a_cell_that_cannot_be_written_stops_a_search(tmp_path: Path) -> None:
    """It is not one of many trials that may fail."""
    run(tmp_path, 1, pruner=NOP)
    with failing("replace", 2, 28, tmp_path) as failed, pytest.raises(SweepError) as error:
        run(tmp_path, 3, pruner=NOP)
    assert "/cells/" in failed[0]
    assert "cannot be written: No space left on device" in str(error.value)
    assert len(finished(tmp_path)) == 1


def test_a_journal_is_not_cut_while_it_is_written(tmp_path: Path) -> None:
    """Whoever has its lock may be in the middle of a line: it is waited for."""
    from optuna.storages.journal import JournalFileSymlinkLock

    path = tmp_path / "log"
    path.write_text('{"whole": 1}\n{"ha')
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    opened: list[bool] = []

    def cut() -> None:
        _cut_torn_line(path)
        opened.append(True)

    other = threading.Thread(target=cut)
    other.start()
    other.join(0.3)
    assert not opened
    with path.open("a") as file:
        file.write('lf": 2}\n')
    lock.release()
    other.join()
    assert path.read_text() == '{"whole": 1}\n{"half": 2}\n'
    assert not list(tmp_path.glob("*.torn*"))


def test_what_is_cut_from_a_journal_is_kept_each_time(tmp_path: Path) -> None:
    """A second torn line does not replace the first."""
    where = f"journal:{tmp_path / 'log'}"
    for count, torn in enumerate(("first", "second"), 1):
        run(tmp_path / "s", count, where, pruner=NOP)
        with (tmp_path / "log").open("a") as file:
            file.write(torn)
    run(tmp_path / "s", 3, where, pruner=NOP)
    kept = sorted(path.read_text() for path in tmp_path.glob("log.torn*"))
    assert kept == ["first", "second"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", ["a?mode=ro", "50%", "a%20b", "#1", "a b", "ü"])
def test_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    """The database stands in it."""
    run(tmp_path / name, 1, pruner=NOP)
    assert (tmp_path / name / "optuna.db").exists()
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_the_password_of_a_database_is_not_told() -> None:
    """Its URL is."""
    assert _name_of("mysql://me:secret@host/db", Path()) == "mysql://me:***@host/db"
