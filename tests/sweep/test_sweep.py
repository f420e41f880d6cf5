"""Sweeps: the table, what is refused before anything is trained, and cells that go wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sweep_cell
from sweep_cell import EPOCHS, PETS, cells, table, train

import taxoloss
from taxoloss import sweep, weighting
from taxoloss.sweep import Cell, SweepError, grid, simplex

run = partial(sweep.run, taxonomy=PETS, progress=False)
GRID = cells(4)


def refused(folder: Path, grid: Any = GRID, **options: Any) -> str:
    """The words with which a sweep is refused; nothing is trained."""

    def never(cell: Cell) -> Any:
        raise AssertionError("trained")

    with pytest.raises((ValueError, TypeError)) as error:
        sweep.run(never, grid, folder, **{"taxonomy": PETS, "progress": False, **options})
    assert not list(folder.glob("cells/*/*"))
    return str(error.value)


# -- grids -----------------------------------------------------------------------------------------


def test_a_grid_is_the_product_of_its_axes() -> None:
    found = grid(arm=["a", "b"], lr=[0.1, 0.2, 0.3], seed=range(2))
    assert len(found) == 12
    assert found[0] == {"arm": "a", "lr": 0.1, "seed": 0}
    assert found[1] == {"arm": "a", "lr": 0.1, "seed": 1}
    assert found[-1] == {"arm": "b", "lr": 0.3, "seed": 1}


def test_settings_are_plain() -> None:
    import numpy as np

    (one,) = grid(
        weights=[weighting.by_level({"species": 1, "breed": 2})], lr=np.array([0.5]), sizes=[(1, 2)]
    )
    assert one == {"weights": "by_level:species=1.0,breed=2.0", "lr": 0.5, "sizes": [1, 2]}
    assert json.loads(json.dumps(one)) == one


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("uniform", weighting.uniform()),
        ("deepest", weighting.deepest()),
        ("balanced", weighting.balanced()),
        ("geometric:0.7", weighting.geometric(0.7)),
        ("hxe:0.5", weighting.hxe(0.5)),
        ("by_level:species=0.3,breed=0.7", weighting.by_level({"species": 0.3, "breed": 0.7})),
    ],
)
def test_schedules_are_text(text: str, schedule: weighting.Schedule) -> None:
    (one,) = grid(weights=[schedule])
    assert one == {"weights": text}
    found = Cell(one, "").level_weights()
    assert (weighting.weight_table(PETS, found) == schedule(PETS)).all()


def test_weights_that_need_counts() -> None:
    cell = Cell({"weights": "label_balanced"}, "")
    found = cell.level_weights([1] * 37)
    assert (weighting.weight_table(PETS, found) == weighting.uniform()(PETS)).all()
    with pytest.raises(SweepError, match="counts"):
        cell.level_weights()


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [1.0, 0.5, 0.25, 0.1])
def test_a_simplex_has_every_point_once(levels: int, step: float) -> None:
    from math import comb

    names = [f"L{n}" for n in range(levels)]
    points = simplex(names, step)
    parts = round(1 / step)
    assert len(points) == comb(parts + levels - 1, levels - 1)
    assert len({tuple(point.values()) for point in points}) == len(points)
    for point in points:
        assert list(point) == names
        assert sum(point.values()) == pytest.approx(1)
        assert all(value == round(value * parts) / parts for value in point.values())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: grid(seed=[]), "the axis seed has no values"),
        (
            lambda: grid(seed=5),  # type: ignore[arg-type]
            "expected a list of values for seed, got int 5",
        ),
        (lambda: grid(arm="flat"), "expected a list of values for arm, got str 'flat'"),
        (lambda: grid(lr=[float("nan")]), "expected a finite number as lr, got nan"),
        (lambda: grid(lr=[object()]), "expected lr as text, a number"),
        (lambda: simplex(["a", "b"], 0.3), "expected a step that divides 1"),
        (lambda: simplex(["a", "b"], 0), "expected a step that divides 1"),
        (lambda: grid(weights=[weighting.label_balanced([1] * 37)]), "label_balanced holds the counts"),
    ],
)
def test_grids_that_are_refused(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        call()


# -- the table -------------------------------------------------------------------------------------


def test_the_table_is_made_from_the_cells(tmp_path: Path) -> None:
    results = run(train, cells(22), tmp_path / "sweep")
    assert len(results.rows) == 22 * EPOCHS
    assert results.failures == {}
    with results.csv.open(newline="") as file:
        read = list(csv.DictReader(file))
    first = "epochs train_loss valid_loss accuracy_breed accuracy_species w id seed arm seconds versions"
    assert list(read[0])[:11] == first.split()
    assert [{key: str(value) for key, value in row.items()} for row in results.rows] == read
    for settings, row in zip(cells(22), results.rows[::EPOCHS], strict=True):
        assert row["w"] == row["weight_breed"] == settings["weights"]["breed"]
        assert row["seed"] == settings["seed"]
        assert row["reading"] == "marginal"
    assert len({row["id"] for row in results.rows}) == 22
    assert "python" in results.rows[0]["versions"]


def test_a_second_run_trains_nothing(tmp_path: Path) -> None:
    first = run(train, GRID, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("cells/*/*")}
    again = run(train, GRID, tmp_path)
    assert again.rows == first.rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("cells/*/*")} == before
    assert first.csv.read_text() == again.csv.read_text()


def test_a_grid_may_grow(tmp_path: Path) -> None:
    run(train, cells(3), tmp_path)
    results = run(train, [*cells(6)[3:], *cells(2)], tmp_path)
    whole = run(train, cells(6), tmp_path / "whole")
    key = lambda row: (row["id"], row["epochs"])  # noqa: E731
    assert sorted(table(results), key=key) == sorted(table(whole), key=key)


def test_equal_settings_are_one_cell(tmp_path: Path) -> None:
    same = [
        {"arm": "x", "lr": 1, "weights": {"species": 0.0, "breed": 1.0}},
        {"lr": 1.0, "weights": {"breed": 1, "species": 0}, "arm": "x"},
    ]
    assert len(run(train, same, tmp_path).rows) == EPOCHS


def test_several_readings_of_one_epoch(tmp_path: Path) -> None:
    def twice(cell: Cell) -> Any:
        for values in train(cell):
            yield {**values, "severity": 1.0}
            yield {**values, "reading": "leaf", "test_severity": 2.0}

    rows = run(twice, GRID[:1], tmp_path).rows
    read = [(row["epochs"], row["reading"]) for row in rows[:3]]
    assert read == [(1, "marginal"), (1, "leaf"), (2, "marginal")]
    assert rows[0].get("test_severity") is None
    header, first, *_ = (tmp_path / "results.csv").read_text().splitlines()
    assert header.endswith(",sleep,severity,test_severity")
    assert first.endswith(",1.0,")


def test_same_settings_same_rows_whatever_the_engine(tmp_path: Path) -> None:
    here = run(train, GRID, tmp_path / "a")
    there = run(train, GRID, tmp_path / "b", engine="processes", workers=2)
    strip = lambda rows: [{k: v for k, v in row.items() if k != "versions"} for row in rows]  # noqa: E731
    assert strip(table(there)) == strip(table(here))


def test_an_engine_of_ones_own(tmp_path: Path) -> None:
    from taxoloss.sweep.engines import InProcess

    assert len(run(train, GRID, tmp_path, engine=lambda: InProcess(train, PETS.levels)).rows) == 12


# -- refused before anything is trained ------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ([], "the grid is empty"),
        ([{"weights": {"specie": 0.3, "breed": 0.7}}], "species"),
        ([{"weights": {"species": -1.0, "breed": 0.7}}], "-1"),
        ([{"weights": {"species": 0, "breed": 0}}], "0"),
        ([{"weights": "hxe"}], "expected hxe:NUMBER"),
        ([{"weights": "hxee:1"}], "hxe"),
        ([{"weights": 3}], "expected level_weights"),
        ([{"epochs": 3}], "cell 1 has the setting epochs: the name of a column"),
        (["flat"], "expected the settings of cell 1 as a dict, got str"),
        ([{"lr": float("inf")}], "expected a finite number as lr"),
    ],
)
def test_cells_that_are_refused(tmp_path: Path, grid: Any, words: str) -> None:
    assert words in refused(tmp_path, grid)


def test_every_wrong_weight_is_named_at_once(tmp_path: Path) -> None:
    wrong = [{"weights": {"genus": 1.0}}, {"weights": "hxe:-1"}, {"weights": {"genus": 1.0}, "seed": 1}]
    message = refused(tmp_path, wrong)
    assert "genus" in message
    assert "hxe" in message
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "threads"}, "expected engine as inline, processes or ray, got 'threads'"),
        ({"workers": 0}, "expected 1 worker or more, got 0"),
        ({"taxonomy": "pets"}, "expected a bound Taxonomy, got str"),
        ({"taxonomy": taxoloss.load("pets")}, "bind"),
        ({"config": {"lr": object()}}, "expected config.lr as text"),
    ],
)
def test_options_that_are_refused(tmp_path: Path, options: Any, words: str) -> None:
    assert words in refused(tmp_path, **options)


def test_a_function_that_no_process_can_get(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="a function at the top of a module"):
        run(lambda cell: train(cell), GRID, tmp_path, engine="processes")


def test_a_folder_of_another_sweep_shows_the_difference(tmp_path: Path) -> None:
    config = {"steps": 3, "data": {"size": 56}}
    run(train, GRID, tmp_path, config=config, split="5f")
    run(train, GRID, tmp_path, config=config, split="5f")
    other = taxoloss.load("pets").bind(PETS.paths()[::-1])
    trained = list(tmp_path.glob("cells/*/*"))

    def words(**options: Any) -> str:
        with pytest.raises(SweepError) as error:
            run(train, GRID, tmp_path, **{"config": config, "split": "5f", **options})
        return str(error.value)

    assert "config.data.size: 56 there, 64 here" in words(config={**config, "data": {"size": 64}})
    assert "config.lr: nothing there, 0.1 here" in words(config={**config, "lr": 0.1})
    assert 'split: "5f" there, "60" here' in words(split="60")
    assert "taxonomy.binding: " in words(taxonomy=other)
    assert "taxonomy.digest" not in words(taxonomy=other)
    cifar = taxoloss.load("cifar100").bind()
    assert 'levels: ["species", "breed"] there' in words(taxonomy=cifar)
    assert list(tmp_path.glob("cells/*/*")) == trained


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    assert "holds thesis.tex; name a new folder" in refused(tmp_path)
    (tmp_path / "thesis.tex").rename(tmp_path / "sweep.json")
    assert "is damaged" in refused(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SweepError, match="cannot be used"):
        run(train, GRID, file)


# -- cells that go wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("raises", "RuntimeError: no such picture: cat_7.jpg"),
        ("exits", "SystemExit: no pictures"),
        ("nan", "the row of epoch 2, reading marginal, has valid_loss nan"),
        ("lacks", "the row of epoch 1, reading marginal, lacks accuracy_species; it has train_loss"),
        ("percent", "expected a share from 0 to 1"),
        ("none", "gave no rows"),
        ("skips", "the row of epoch 3, reading marginal, follows epoch 1"),
        ("hides", "has seed: the name of a setting"),
        ("text", "expected each row as a dict, got str"),
    ],
)
def test_a_cell_that_fails_is_kept_and_the_others_go_on(tmp_path: Path, arm: str, words: str) -> None:
    mixed = [*cells(2), *grid(arm=[arm], seed=[0]), *cells(4)[2:]]
    results = run(train, mixed, tmp_path)
    assert len(results.rows) == 4 * EPOCHS
    ((cell_id, error),) = results.failures.items()
    assert words in error
    kept = json.loads((tmp_path / "failed" / f"{cell_id}.json").read_text())
    assert kept["settings"] == {"arm": arm, "seed": 0}
    assert "Traceback" in kept["traceback"]


def test_a_failed_cell_runs_again_and_is_then_done(tmp_path: Path) -> None:
    flaky = grid(arm=["raises"], seed=[0])
    assert run(train, flaky, tmp_path).failures
    good = lambda cell: [sweep_cell.row(__import__("random").Random(0))]  # noqa: E731
    results = run(good, flaky, tmp_path)
    assert results.failures == {}
    assert len(results.rows) == 1
    assert not list((tmp_path / "failed").iterdir())


def test_the_failures_of_other_grids_are_not_this_ones(tmp_path: Path) -> None:
    assert run(train, grid(arm=["raises"]), tmp_path).failures
    assert run(train, GRID, tmp_path).failures == {}


@pytest.mark.parametrize("damage", [lambda t: t[:-9], lambda t: "", lambda t: t.replace("0.", "1.", 1)])
def test_a_damaged_cell_is_trained_again(tmp_path: Path, damage: Callable[[str], str]) -> None:
    first = table(run(train, GRID, tmp_path))
    for path in list(tmp_path.glob("cells/*/*"))[:2]:
        path.write_text(damage(path.read_text()))
    assert table(run(train, GRID, tmp_path)) == first


def test_a_cell_of_another_name_is_no_cell_of_this_one(tmp_path: Path) -> None:
    first = table(run(train, GRID, tmp_path))
    one, other = sorted(tmp_path.glob("cells/*/*"))[:2]
    other.write_bytes(one.read_bytes())
    assert table(run(train, GRID, tmp_path)) == first


def test_a_missing_setting_names_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean `seed`"):
        Cell({"seed": 1}, "")["sed"]
