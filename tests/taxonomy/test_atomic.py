"""A file is whole or not there: whatever fails, the old file stays and the error names it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from taxoloss.taxonomy.file.atomic import write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's modes")


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod", "open"])
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_a_call_that_fails(
    call: str, alone: bool, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has its number and the path that was asked for."""
    path = tmp_path / "x"
    if there:
        path.write_text("old")
    elif call == "chmod":
        pytest.skip("a new file has the mode of new files")

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(OSError, match=f"{os.strerror(errno.ENOSPC)}: {str(path)!r}") as caught:
        write_whole(path, "new", alone)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == ([("x", "old")] if there else [])


@posix
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_a_new_file_has_the_mode_of_new_files(mask: int, tmp_path: Path) -> None:
    """As `open` gives it; in a process of its own, since the mask is that of all threads."""
    code = f"import os, sys; os.umask({mask}); from taxoloss.taxonomy.file.atomic import write_whole as w; "
    path = tmp_path / "x"
    subprocess.run([sys.executable, "-c", code + "w(sys.argv[1], 'new')", str(path)], check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@posix
def test_what_nobody_could_read_is_never_open_to_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is replaced has its old mode from its first byte on."""
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o600)
    modes = []
    real = os.fsync

    def seen(number: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(number).st_mode))
        real(number)

    monkeypatch.setattr(os, "fsync", seen)
    write_whole(path, "new")
    assert modes[0] == stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    """Where a path has one writer; it may be a file that may not be written to."""
    path, left = tmp_path / "x", tmp_path / ".x"
    left.write_text("ha")
    left.chmod(0o400)
    write_whole(path, "new", alone=True)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "new")]


@posix
def test_a_folder_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems know no such call for a folder; another error of it is one."""
    real, number = os.fsync, errno.EINVAL

    def fails(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", fails)
    write_whole(tmp_path / "x", "new")
    number = errno.EIO
    with pytest.raises(OSError, match="x'"):
        write_whole(tmp_path / "x", "newer")
    assert (tmp_path / "x").read_text() == "newer"
