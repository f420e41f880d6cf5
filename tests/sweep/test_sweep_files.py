"""Files of a sweep that cannot be read, are not the sweep's, or are damaged: no finished cell is lost."""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faulty_files import CALLS, failing
from sweep_cell import EPOCHS, PETS, cells, table, train

from taxoloss import sweep
from taxoloss.sweep import Cell, SweepError, grid
from taxoloss.sweep import report as pictures
from taxoloss.sweep.report.figures import _write

SCRIPT = Path(__file__).with_name("sweep_cell.py")
OLD = Path(__file__).parents[1] / "data" / "0.1" / "sweep_cells"
ERRORS = [
    getattr(errno, name)
    for name in ("EACCES", "EIO", "ESTALE", "EMFILE", "ETIMEDOUT", "ENFILE", "ELOOP", "EISDIR")
]
GRID = [*cells(4), *grid(arm=["raises"], seed=[0])]
run = partial(sweep.run, train, taxonomy=PETS, progress=False)


def never(cell: Cell) -> Any:
    """A training function of cells that are all done."""
    raise AssertionError(f"trained {cell.id}")


def finished(folder: Path) -> dict[str, bytes]:
    """The finished cells, byte by byte."""
    return {str(path): path.read_bytes() for path in folder.glob("cells/*/[!.]*.json") if path.is_file()}


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that other users reach too: those of pytest are for one user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def command(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """The sweep of 22 cells in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    line = [sys.executable, str(SCRIPT), str(folder), *map(str, options)]
    return subprocess.run(line, capture_output=True, text=True, env=environment, check=False)


# -- what cannot be read ---------------------------------------------------------------------------


@pytest.mark.sample(3)
@pytest.mark.parametrize("call", CALLS)
def test_any_call_may_fail(tmp_path: Path, call: str) -> None:
    """Whichever fails, in whichever way: a file is named, no cell is lost, and the same call goes on."""
    whole = table(run(GRID, tmp_path / "whole"))
    run([*GRID[:2], GRID[4]], tmp_path / "begun")
    for number in itertools.count(1):
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(tmp_path / "begun", folder)
        before = finished(folder)
        words = ""
        with failing(call, number, ERRORS[number % len(ERRORS)], folder) as failed:
            try:
                assert table(run(GRID, folder)) == whole
            except SweepError as error:
                words = str(error)
        assert not words or str(folder) in words
        assert before.items() <= finished(folder).items()
        assert not (folder / "damaged").exists()
        assert table(run(GRID, folder)) == whole
        if not failed:
            break
    assert number > 4


#: The places in a sweep's folder that may be out of reach.
PLACES: dict[str, Callable[[Path], Path]] = {
    "a cell": lambda folder: min(folder.glob("cells/*/*.json")),
    "a shard": lambda folder: min(folder.glob("cells/*")),
    "the cells": lambda folder: folder / "cells",
    "what it is of": lambda folder: folder / "sweep.json",
    "what was planned": lambda folder: folder / "planned.json",
    "a failure": lambda folder: min(folder.glob("failed/*.json")),
    "the failures": lambda folder: folder / "failed",
    "the claims": lambda folder: folder / "claims",
    "a lock": lambda folder: folder / ".opening",
    "the lock of the table": lambda folder: folder / ".results",
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("place", PLACES)
def test_files_of_another_user(open_path: Path, place: str) -> None:
    """Without the right to read a file the sweep stops with its name, and every file is as it was."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a sweep as two users")
    folder = open_path / "sweep"
    run(GRID, folder)
    before, times = finished(folder), {p: p.stat().st_mtime_ns for p in folder.glob("cells/*/*")}
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    closed = PLACES[place](folder)
    closed.chmod(0)
    one = command(folder, "--cells", 22, "--user", 65534)
    assert one.returncode == 1
    assert f"error: {closed}" in one.stderr, one.stderr
    assert "Permission denied" in one.stderr
    closed.chmod(0o777)
    assert before.items() <= finished(folder).items()
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert not (folder / "damaged").exists()


PLACES_OF_FILES = {
    **{name: place for name, place in PLACES.items() if name not in ("the claims", "the failures")},
    "the table": lambda folder: folder / "results.csv",
    "a claim": lambda folder: folder / "claims" / min(folder.glob("failed/*.json")).stem,
}
INSTEAD = [
    *((place, "folder") for place in PLACES_OF_FILES if place not in ("a shard", "the cells")),
    *((place, kind) for place in PLACES_OF_FILES for kind in ("loop", "nowhere") if place != "the table"),
    *((place, "file") for place in ("a shard", "the cells")),
]


@pytest.mark.sample(5)
@pytest.mark.parametrize(("place", "kind"), INSTEAD)
def test_something_else_in_the_place_of_a_file(tmp_path: Path, place: str, kind: str) -> None:
    """A folder, a link to itself, a link to what is not there: named, and left there."""
    folder, apart = tmp_path / "sweep", tmp_path / "apart"
    run(GRID, folder)
    path = PLACES_OF_FILES[place](folder)
    if path.exists():
        path.rename(apart)
    before = finished(folder)
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("")
    else:
        path.symlink_to(path if kind == "loop" else tmp_path / "nowhere")
    with pytest.raises(SweepError, match="cannot be") as error:
        run(GRID, folder)
    assert str(path) in str(error.value)
    assert os.path.lexists(path)
    assert finished(folder) == before
    path.rmdir() if kind == "folder" else path.unlink()
    if apart.exists():
        apart.rename(path)
    assert len(sweep.run(never, GRID[:4], folder, taxonomy=PETS, progress=False).rows) == 4 * EPOCHS


@pytest.mark.sample(2)
@pytest.mark.parametrize("few", [1, 2, 3, 4])
def test_too_few_open_files(tmp_path: Path, few: int) -> None:
    """A process that may open no more files stops or goes on; it takes nothing for damage."""
    assert command(tmp_path, "--cells", 3).returncode == 0
    before = finished(tmp_path)
    one = command(tmp_path, "--cells", 6, "--files", few)
    assert one.returncode in (0, 1)
    assert one.returncode == 0 or "Too many open files" in one.stderr, one.stderr
    assert "Traceback" not in one.stderr
    assert before.items() <= finished(tmp_path).items()
    assert not (tmp_path / "damaged").exists()


# -- what is not the sweep's -----------------------------------------------------------------------


def litter(folder: Path) -> dict[str, bytes]:
    """Puts into each folder what systems, editors and synchronisation leave there; all of it."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        name = next((path.name for path in place.glob("[!.]*.json")), "0123456789abcdef0123.json")
        names = [".DS_Store", "Thumbs.db", "desktop.ini", ".nfs0000000000a1b2c3", "README", "7", "a.json"]
        names += [f"._{name}", f".{name}.swp", f"{name}~", f"#{name}#", f"{name}.tmp", f"{name}.part"]
        names += [f"{name[:-5]} (1).json", f"{name[:-5]}.sync-conflict-20261128.json", f"Copy of {name}"]
        for odd in names:
            (place / odd).write_bytes(b'["not", "ours"]' if odd.endswith("n") else b"\0\1\xff")
        (place / "Icon\r").write_bytes(b"")
        (place / "lost+found").mkdir()
        (place / "old.json").mkdir()
    other = min(folder.glob("cells/??"))
    shutil.copytree(other, folder / "cells" / "old cells")
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_not_the_sweeps_is_passed_over(tmp_path: Path) -> None:
    """It changes no table and no failure, is not trained, and stays."""
    first = run(GRID, tmp_path)
    kept = litter(tmp_path)
    ours = {str(tmp_path / name) for name in ("results.csv", "planned.json")}
    again = sweep.run(train, GRID, tmp_path, taxonomy=PETS, progress=False)
    assert again.rows == first.rows
    assert again.failures == first.failures
    assert again.csv.read_text() == first.csv.read_text()
    assert sweep.run(never, GRID[:4], tmp_path, taxonomy=PETS, progress=False).rows == first.rows
    assert len(pictures.read(tmp_path).runs) == 4
    unchanged = {key: text for key, text in kept.items() if key not in ours and "/failed/" not in key}
    assert unchanged.items() <= {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}.items()
    assert not (tmp_path / "damaged").exists()


def test_a_stray_file_named_like_a_folder_of_cells(tmp_path: Path) -> None:
    """It is passed over where no cell of the sweep stands in such a folder."""
    first = run(GRID, tmp_path)
    places = (tmp_path / "cells" / name for name in ("0a", "0b", "0c"))
    stray = next(place for place in places if not place.exists())
    stray.write_text("not ours")
    assert sweep.run(never, GRID[:4], tmp_path, taxonomy=PETS, progress=False).rows == first.rows
    assert stray.read_text() == "not ours"


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '"text"'])
def test_what_the_sweep_is_of_may_be_damaged(tmp_path: Path, text: str) -> None:
    """Nothing is trained into such a folder, and nothing is moved."""
    run(GRID[:1], tmp_path)
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(SweepError, match=r"sweep\.json is damaged"):
        sweep.run(never, GRID, tmp_path, taxonomy=PETS, progress=False)
    assert (tmp_path / "sweep.json").read_text() == text


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", "lost+found", ".nfs00a1"])
def test_a_new_folder_may_hold_what_systems_leave(tmp_path: Path, name: str) -> None:
    """It is no folder of something else."""
    (tmp_path / name).write_text("")
    assert len(run(GRID[:1], tmp_path).rows) == EPOCHS


# -- what is damaged -------------------------------------------------------------------------------

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-9],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "a digit": lambda content: content.replace(b"0.", b"1.", 1),
    "latin": lambda content: content.replace(b"accuracy", b"accur\xe9cy"),
    "other JSON": lambda content: b'{"rows": []}',
    "a list": lambda content: b"[1, 2]",
    "of another": lambda content: content.replace(content[:20], b"0" * 20),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_cell_is_told_kept_and_trained_again(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stood there is in `damaged`, byte by byte, also where it happens twice."""
    first = table(run(GRID[:4], tmp_path))
    path = PLACES["a cell"](tmp_path)
    for place in (path.name, f"{path.name}.2"):
        path.write_bytes(DAMAGE[name](path.read_bytes()))
        damaged = path.read_bytes()
        assert table(sweep.run(train, GRID[:4], tmp_path, taxonomy=PETS)) == first
        kept = tmp_path / "damaged" / place
        assert kept.read_bytes() == damaged
        words = f"{path} is damaged: it is kept as {kept}; its cell is trained again"
        assert words in capsys.readouterr().err


def test_the_table_and_pictures_are_written_through_links(tmp_path: Path) -> None:
    """A link stays a link, also in later runs, and the file behind it is new and keeps its mode."""
    folder, real = tmp_path / "sweep", tmp_path / "real"
    run(GRID[:2], folder)
    real.mkdir()
    (folder / "results.csv").rename(real / "results.csv")
    (real / "results.csv").chmod(0o600)
    (folder / "results.csv").symlink_to("../real/results.csv")
    before = (real / "results.csv").read_bytes()
    run(GRID[:4], folder)
    assert (folder / "results.csv").is_symlink()
    assert (real / "results.csv").read_bytes() != before
    assert (real / "results.csv").stat().st_mode & 0o777 == 0o600
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    (folder / "one.svg").symlink_to("../real/one.svg")
    for _ in range(2):
        _write(Figure(), folder / "one.svg")
        assert (folder / "one.svg").is_symlink()
        assert (real / "one.svg").read_bytes().endswith(b"</svg>\n")
    assert sorted(os.listdir(real)) == ["one.svg", "results.csv"]


#: What git, editors and mail make of the same text.
CARRIED: dict[str, Callable[[bytes], bytes]] = {
    "CR LF": lambda content: content.replace(b"\n", b"\r\n"),
    "CR": lambda content: content.replace(b"\n", b"\r"),
    "CR CR LF": lambda content: content.replace(b"\n", b"\r\r\n"),
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "a mark and CR LF": lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
    "no last line end": lambda content: content.rstrip(b"\n"),
    "one line end more": lambda content: content + b"\n",
}


@pytest.mark.parametrize("name", CARRIED)
def test_line_ends_and_a_mark_are_no_damage(tmp_path: Path, name: str) -> None:
    """Of every file of a sweep: nothing is trained again, moved or said to be damaged."""
    first = run(GRID, tmp_path)
    for path in [*tmp_path.glob("*.json"), *tmp_path.glob("*/**/*.json"), tmp_path / "results.csv"]:
        path.write_bytes(CARRIED[name](path.read_bytes()))
    before = finished(tmp_path)
    again = sweep.run(train, GRID, tmp_path, taxonomy=PETS, progress=False)
    assert (again.rows, again.failures) == (first.rows, first.failures)
    assert sweep.run(never, GRID[:4], tmp_path, taxonomy=PETS, progress=False).rows == first.rows
    assert finished(tmp_path) == before
    assert len(pictures.read(tmp_path).runs) == 4
    assert not (tmp_path / "damaged").exists()


def test_damage_is_told_where_nothing_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By logging; of a cell of another grid too, which is not trained again."""
    run(GRID[:4], tmp_path)
    path = PLACES["a cell"](tmp_path)
    path.write_text("")
    with caplog.at_level(logging.WARNING):
        run(grid(arm=["other"]), tmp_path)
    assert f"{path} is damaged: it is kept as" in caplog.text
    assert "trained again" not in caplog.text
    assert (tmp_path / "damaged" / path.name).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"attempt": 1}', '{"settings": {}}', "\0"])
def test_a_damaged_failure_is_told_and_kept(tmp_path: Path, text: str) -> None:
    """Its cell is tried again as any that failed is."""
    first = run(GRID, tmp_path)
    (path,) = tmp_path.glob("failed/*.json")
    path.write_text(text)
    again = run(GRID, tmp_path)
    assert again.failures == first.failures
    assert (tmp_path / "damaged" / path.name).read_text() == text


def test_a_cell_that_is_damaged_while_others_train_has_failed(tmp_path: Path) -> None:
    """The table lacks it, the results say so, and the same call trains it again."""

    def spoiling(cell: Cell) -> Any:
        for path in tmp_path.glob("cells/*/*.json"):
            path.write_text("spoilt")
        yield from train(cell)

    results = sweep.run(spoiling, GRID[:2], tmp_path, taxonomy=PETS, progress=False)
    ((cell_id, words),) = results.failures.items()
    assert words.endswith(f"is damaged: it is kept as {tmp_path / 'damaged' / cell_id}.json")
    assert len(results.rows) == EPOCHS
    again = run(GRID[:2], tmp_path)
    assert (len(again.rows), again.failures) == (2 * EPOCHS, {})


@pytest.mark.slow
def test_two_processes_find_the_same_damage(tmp_path: Path) -> None:
    """It is moved once; what one has trained again, the other does not move."""
    assert command(tmp_path, "--sleep", 0.02).returncode == 0
    whole = finished(tmp_path)
    for path in list(whole)[:11]:
        Path(path).write_text("")
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    line = [sys.executable, str(SCRIPT), str(tmp_path), "--sleep", "0.02"]
    both = [subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    words = [one.communicate()[1] for one in both]
    assert [one.returncode for one in both] == [0, 0, 0], words
    assert finished(tmp_path).keys() == whole.keys()
    assert len(list((tmp_path / "damaged").iterdir())) == 11
    assert sum(text.count("is damaged") for text in words) == 11


# -- folders of before -----------------------------------------------------------------------------


def test_cells_of_version_0_1_are_served(tmp_path: Path) -> None:
    """They are read, not trained; a table is made where 0.1 made none."""
    folder = tmp_path / "old"
    shutil.copytree(OLD / "run", folder)
    assert not (folder / "results.csv").exists()
    assert "of how many, the folder does not say" in pictures.read(folder).unfinished
    before = finished(folder)
    old = [
        *grid(arm=["flat"], seed=range(2)),
        *grid(arm=["taxonomy"], weights=[{"species": 0.3, "breed": 0.7}, "hxe:0.5"], seed=range(2)),
        *grid(arm=["nested"], opt=[{"name": "sgd", "lr": 0.1, "nesterov": None}], seed=range(2)),
    ]
    options: dict[str, Any] = {"config": {"steps": 3, "data": {"size": 56}}, "split": "5f"}
    results = sweep.run(never, old, folder, taxonomy=PETS, progress=False, **options)
    assert len(results.rows) == 8 * 2 * 2
    assert results.failures == {}
    assert finished(folder) == before
    (nested,) = {row["opt"] for row in results.rows if row["arm"] == "nested"}
    assert json.loads(nested) == {"name": "sgd", "lr": 0.1, "nesterov": None}
    assert pictures.read(folder).unfinished == ""
    assert len(pictures.read(folder).runs) == 8 * 2
    failed = run([{"arm": "raises", "seed": 0}], folder, **options)
    assert list(failed.failures.values()) == ["RuntimeError: no such picture: cat_7.jpg"]
