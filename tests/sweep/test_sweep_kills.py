"""Sweeps that are killed, interrupted, shared, or have no room: the table of an undisturbed run, always."""

from __future__ import annotations

import csv
import fcntl
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sweep_cell import EPOCHS, PETS, cells, train

from taxoloss import sweep

SCRIPT = Path(__file__).with_name("sweep_cell.py")
CELLS = 22


def command(folder: Path, *options: object) -> list[str]:
    """The command line of a sweep in a process of its own."""
    return [sys.executable, str(SCRIPT), str(folder), *map(str, options)]


def environment() -> dict[str, str]:
    """The environment in which the package is found."""
    return {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}


def start(folder: Path, *options: object, **more: Any) -> subprocess.Popen[str]:
    """A sweep that is on its way."""
    return subprocess.Popen(
        command(folder, *options),
        text=True,
        **{"env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


def finish(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """A sweep from beginning to end."""
    return subprocess.run(
        command(folder, *options), capture_output=True, text=True, env=environment(), check=False
    )


def read(folder: Path) -> list[dict[str, str]]:
    """results.csv without times and versions."""
    with (folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in ("seconds", "versions")} for row in rows]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The table of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    sweep.run(train, cells(CELLS, sleep=0.02), folder, taxonomy=PETS, progress=False)
    return read(folder)


def done(folder: Path) -> list[Path]:
    """The files of finished cells."""
    return list(folder.glob("cells/*/[!.]*.json"))


def is_whole(folder: Path, expected: list[dict[str, str]]) -> None:
    """The table is the undisturbed one, cell by cell; nothing is left over."""
    rows = read(folder)
    assert rows == expected
    assert len({(row["id"], row["epochs"]) for row in rows}) == len(rows) == CELLS * EPOCHS
    assert len(done(folder)) == CELLS
    assert not list(folder.glob("claims/*"))
    assert not list(folder.glob("**/.*.json"))


# -- kills -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_killed_at_random_moments(tmp_path: Path, undisturbed: list[dict[str, str]], engine: str) -> None:
    moments = random.Random(engine)
    longest = 1.0 if engine == "inline" else 2.5  # more processes have to start
    killed, folder = 0, tmp_path / "sweep"
    while True:
        one = start(folder, "--sleep", 0.02, "--engine", engine)
        deadline = time.monotonic() + moments.uniform(0.1, longest)
        while one.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        one.send_signal(signal.SIGKILL)
        one.communicate()
        killed += one.returncode == -signal.SIGKILL
        if one.returncode == 0 and killed:
            break
        if one.returncode == 0:  # the first moment came too late
            shutil.rmtree(folder)
    is_whole(folder, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["fsync", "replace"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 10, 45, 46, 47])
def test_killed_while_a_file_is_written(
    tmp_path: Path, undisturbed: list[dict[str, str]], place: str, count: int
) -> None:
    one = finish(tmp_path, "--sleep", 0.02, "--die", f"{place}:{count}")
    dies = count <= (24 if place == "replace" else 48)  # of sweep.json, 22 cells, results.csv; and folders
    assert one.returncode == (-signal.SIGKILL if dies else 0)
    assert finish(tmp_path, "--sleep", 0.02).returncode == 0
    is_whole(tmp_path, undisturbed)


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_sweep(tmp_path: Path) -> None:
    one = start(tmp_path, "--sleep", 30, "--engine", "processes")
    while not (children := _children(one.pid)) or not list(tmp_path.glob("claims/*")):
        time.sleep(0.05)
    one.kill()
    one.communicate()
    while any(_alive(child) for child in children):
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_worker_that_dies_takes_its_cell_only(tmp_path: Path) -> None:
    mixed = [*cells(3), *sweep.grid(arm=["dies"], seed=[0]), *cells(6)[3:]]
    results = sweep.run(
        train, mixed, tmp_path, taxonomy=PETS, engine="processes", workers=2, progress=False
    )
    assert len(results.rows) == 6 * EPOCHS
    assert "its process ended 3 times: signal SIGKILL" in next(iter(results.failures.values()))


# -- Ctrl-C ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(
    tmp_path: Path, undisturbed: list[dict[str, str]], engine: str
) -> None:
    slow = {**environment(), "SWEEP_PAUSE": "0.3"}  # so that it comes in the middle
    one = start(tmp_path, "--sleep", 0.02, "--engine", engine, start_new_session=True, env=slow)
    while len(done(tmp_path)) < 3:
        time.sleep(0.005)
    os.killpg(one.pid, signal.SIGINT)  # a terminal sends it to workers too
    _, err = one.communicate()
    assert one.returncode == -signal.SIGINT
    assert "of 22 cells are done and kept in" in err
    assert "the same command goes on with the others" in err
    assert len(read(tmp_path)) == len(done(tmp_path)) * EPOCHS
    assert finish(tmp_path, "--sleep", 0.02).returncode == 0
    is_whole(tmp_path, undisturbed)


# -- two at once -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("engines", [("inline", "inline", "inline"), ("inline", "processes")])
def test_processes_share_a_folder(
    tmp_path: Path, undisturbed: list[dict[str, str]], engines: tuple[str, ...]
) -> None:
    together = [start(tmp_path, "--sleep", 0.02, "--engine", engine) for engine in engines]
    for one in together:
        out, err = one.communicate()
        assert one.returncode == 0, err
        assert out == f"{CELLS * EPOCHS}\n"
    is_whole(tmp_path, undisturbed)


@pytest.mark.slow
def test_a_cell_is_trained_once_by_those_who_share(tmp_path: Path) -> None:
    together = [start(tmp_path, "--arm", "raises", "--sleep", 0.05, "--cells", 8) for _ in range(3)]
    for one in together:
        _, err = one.communicate()
        assert one.returncode == 1, err
        assert "8 of 8 cells failed" in err
    assert len(list(tmp_path.glob("failed/*.json"))) == 8


@pytest.mark.slow
def test_the_cells_of_a_killed_partner_are_taken_over(
    tmp_path: Path, undisturbed: list[dict[str, str]]
) -> None:
    one, other = start(tmp_path, "--sleep", 0.02), start(tmp_path, "--sleep", 0.02)
    while len(done(tmp_path)) < 5:
        time.sleep(0.005)
    one.kill()
    one.communicate()
    other.communicate()
    assert other.returncode == 0
    assert read(tmp_path) == undisturbed


# -- clocks, disks, rights -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_clock_that_jumps(tmp_path: Path, undisturbed: list[dict[str, str]]) -> None:
    one = finish(tmp_path, "--sleep", 0.02, "--clock")
    assert one.returncode == 0, one.stderr
    is_whole(tmp_path, undisturbed)
    with (tmp_path / "results.csv").open(newline="") as file:
        assert all(0 < float(row["seconds"]) < 60 for row in csv.DictReader(file))


@pytest.mark.slow
def test_a_file_that_cannot_be_written(tmp_path: Path, undisturbed: list[dict[str, str]]) -> None:
    sizes = [path.stat().st_size for path in done(_whole_folder(tmp_path / "a"))]
    one = finish(tmp_path / "b", "--sleep", 0.02, "--limit", min(sizes) - 1)
    assert one.returncode == 1
    assert "cannot be written: File too large" in one.stderr
    assert not done(tmp_path / "b")
    assert finish(tmp_path / "b", "--sleep", 0.02).returncode == 0
    is_whole(tmp_path / "b", undisturbed)


def _whole_folder(folder: Path) -> Path:
    assert finish(folder, "--sleep", 0.02).returncode == 0
    return folder


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """A small disk of its own, where this system lets one be made."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("a small disk can be made by root only")
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", options, "small", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, undisturbed: list[dict[str, str]]) -> None:
    kept = tmp_path / "kept"
    with disk(tmp_path / "disk", "size=80k") as small:
        one = finish(small / "sweep", "--sleep", 0.02)
        assert one.returncode == 1
        assert "No space left on device" in one.stderr
        shutil.copytree(small / "sweep", kept)
    assert 0 < len(done(kept)) < CELLS
    assert finish(kept, "--sleep", 0.02).returncode == 0
    is_whole(kept, undisturbed)


def test_a_read_only_disk(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "ro") as small:
        one = finish(small / "sweep")
        assert one.returncode == 1
        assert f"error: {small / 'sweep'} cannot be used: Read-only file system" in one.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    one = finish(tmp_path / "sweep")
    tmp_path.chmod(0o755)
    assert one.returncode == 1
    assert f"error: {tmp_path / 'sweep'} cannot be used: Permission denied" in one.stderr


@pytest.mark.slow
def test_a_terminal_gets_a_live_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    terminal = {"env": {**environment(), "TERM": "xterm-256color", "SWEEP_PAUSE": "0.05"}}
    one = start(tmp_path, "--sleep", 0.02, "--cells", 6, stderr=theirs, **terminal)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    one.communicate()
    assert one.returncode == 0
    text = shown.decode()
    assert "1 running" in text
    assert re.search(r"[1-5] of 6 cells done", text)
    assert re.search(r"0 min \d\d s left", text)
    assert "\x1b[?25l" in text  # the cursor is hidden while the bar lives, and shown again
    assert "\x1b[?25h" in text
    assert text.rstrip().endswith("6 of 6 cells done")


@pytest.mark.sample(2)
@pytest.mark.parametrize("given", [["-"], ["-c"]])
def test_a_script_without_a_file_cannot_use_several_processes(tmp_path: Path, given: list[str]) -> None:
    code = f"""
import taxoloss
from taxoloss import sweep
def train(cell):
    yield {{}}
if __name__ == "__main__":
    pets = taxoloss.load("pets").bind()
    sweep.run(train, sweep.grid(seed=[0]), {str(tmp_path)!r}, taxonomy=pets, engine="processes")
"""
    command = [sys.executable, *given, *([code] if given == ["-c"] else [])]
    done = subprocess.run(
        command, input=code, capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 1
    assert "need the training function in a file" in done.stderr
