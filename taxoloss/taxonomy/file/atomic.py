"""A file is whole or not there."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: str | Path, data: str | bytes, alone: bool = False) -> None:
    """The file holds all of the data, or what it held before: also when the power fails in between.

    Through links, also to a file that is not there yet; the file keeps its mode and, where that is
    allowed, its owner. A hard link becomes a file of its own: its other names keep the old text. What is
    no file (a pipe, /dev/stdout) is written to.

    Args:
        path: the file.
        data: text is written as UTF-8.
        alone: no one else writes this path meanwhile, in this process or another. What a killed process
            left unfinished is then written over, so that it does not pile up.

    Raises:
        OSError: it names the path; the file is the old or the new one, whole, and nothing is left over.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    try:
        there = _status(path)
        if there is None or stat.S_ISREG(there.st_mode):
            _replace(Path(os.path.realpath(path)), content, there, alone)
        else:
            Path(path).write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _status(path: str | Path) -> os.stat_result | None:
    """Of the file that the links lead to; None where none is there."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _replace(target: Path, content: bytes, there: os.stat_result | None, alone: bool) -> None:
    """Writes under another name first, so that no reader ever sees a part of a file."""
    name = f".{target.name}" if alone else f".{target.name[:40]}.{os.urandom(8).hex()}.tmp"
    unfinished = target.with_name(name)
    if alone:
        unfinished.unlink(missing_ok=True)
    # Nobody else may read what nobody else could read before.
    mode = 0o666 if there is None else 0o600
    file = open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    try:
        with file:
            file.write(content)
            if there is not None:
                _copy_owner_and_mode(there, unfinished)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    _sync_folder(target.parent)


def _copy_owner_and_mode(status: os.stat_result, path: Path) -> None:
    """Those of the file that is replaced, as far as its owner may be given."""
    if hasattr(os, "chown"):
        for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
            with suppress(OSError):
                os.chown(path, owner, group)
    os.chmod(path, status.st_mode & 0o777)


def _sync_folder(folder: Path) -> None:
    """The renaming itself is on the disk, where there is such a call for a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # it may be written to, not read
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL):  # a file system that does not know it
            raise
    finally:
        os.close(number)
