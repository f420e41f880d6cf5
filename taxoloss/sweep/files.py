"""Files of a sweep: read, listed, written, locked and set aside. Whatever goes wrong names the file.

A file that cannot be read now may be whole: nothing here takes an OSError for damage, and nothing removes
what it could not read. Of all OSErrors only "no such file" is an answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from taxoloss.sweep.errors import SweepError
from taxoloss.taxonomy.file.atomic import write_whole

__all__ = [
    "free_name",
    "is_there",
    "listed",
    "locked",
    "move_into",
    "naming",
    "read_bytes",
    "try_lock",
    "write_text",
]


@contextmanager
def naming(path: str | Path, action: str) -> Iterator[None]:
    """Turns an OSError inside into a SweepError that says which file cannot be read, written, .."""
    try:
        yield
    except OSError as error:
        raise SweepError(f"{path} cannot be {action}: {error.strerror or error}") from error


def is_there(path: str | Path) -> bool:
    """Whether a file is there.

    Raises:
        SweepError: nobody can tell, or it is a link to what is not there.
    """
    with naming(path, "read"):
        try:
            os.stat(path)
        except FileNotFoundError:
            return _is_gone(path)
    return True


def _is_gone(path: str | Path) -> bool:
    """False; SweepError where a link is left, whose file may come back with a disk."""
    if os.path.islink(path):
        raise SweepError(f"{path} cannot be read: it links to {os.readlink(path)}, which is not there")
    return False


def read_bytes(path: str | Path) -> bytes | None:
    """What a file holds; None where it is gone.

    Raises:
        SweepError: it cannot be read.
    """
    with naming(path, "read"):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            _is_gone(path)
            return None


def listed(folder: str | Path) -> list[str]:
    """The names in a folder, in their order; SweepError where it cannot be listed."""
    with naming(folder, "listed"):
        return sorted(os.listdir(folder))


def write_text(path: Path, text: str) -> None:
    """Writes a file whole; one process at a time may write a path: whoever has its claim.

    Raises:
        SweepError: it cannot be written; what is there already stays as it is.
    """
    with naming(path, "written"):
        write_whole(path, text, alone=True)


def free_name(path: Path) -> Path:
    """The path, or the same with a number where something is there; one process at a time may ask."""
    for number in count(2):
        if not os.path.lexists(path):
            break
        path = path.with_name(f"{path.name.removesuffix(f'.{number - 1}')}.{number}")
    return path


def move_into(folder: Path, path: Path) -> Path:
    """Moves a file into a folder, under a name that nothing there has."""
    with naming(path, f"moved into {folder}"):
        folder.mkdir(exist_ok=True)
        there = free_name(folder / path.name)
        os.replace(path, there)
    return there


def try_lock(path: Path, wait: bool = False) -> BaseFileLock | None:
    """A lock of the operating system, to be released by its holder; None where another process has it.

    Raises:
        SweepError: the file cannot be locked.
    """
    lock = FileLock(path)
    with naming(path, "locked"):
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:  # an OSError too
            return None
    return lock


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock, and waits for it."""
    lock = try_lock(path, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
