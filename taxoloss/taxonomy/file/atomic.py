"""A file is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

__all__ = ["write_text"]


def write_text(text: str | bytes, path: Path) -> None:
    """Writes under another name first, so that no reader ever sees a part of a file.

    Through links, also to a file that is not there yet; the file keeps its mode and, where that is
    allowed, its owner. A hard link becomes a file of its own: its other names keep the old text. What is
    no file (a pipe, /dev/stdout) is written to.
    """
    data = text.encode("utf-8") if isinstance(text, str) else text
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # what realpath leaves of a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    handle, temporary = _beside(target)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        _copy_owner_and_mode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _beside(target: Path) -> tuple[int, str]:
    """A new file in the folder of another, as tempfile.mkstemp gives it; an error names the other."""
    try:
        return tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}", suffix=".tmp")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None


def _copy_owner_and_mode(source: Path, target: str) -> None:
    """Those of a file, as far as its owner may be given; a new file is for all to read."""
    if not source.exists():
        os.chmod(target, 0o644)
        return
    status = source.stat()
    if hasattr(os, "chown"):
        for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
            with contextlib.suppress(OSError):
                os.chown(target, owner, group)
    os.chmod(target, status.st_mode & 0o777)
