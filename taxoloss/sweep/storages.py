"""Where Optuna keeps a study: SQLite in the folder, a journal, or a database server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.files import free_name, is_there, naming

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["storage_errors", "storage_of"]


def storage_of(storage: str | None, folder: Path) -> str | BaseStorage:
    """What `optuna.create_study` takes as storage.

    Args:
        storage: a URL of SQLAlchemy, or journal:PATH; None: SQLite in the folder.
        folder: of the sweep.
    """
    if storage is None:
        from sqlalchemy.engine import URL

        # Whatever characters the path has: a ? would begin the options of a URL.
        url = URL.create("sqlite", database=os.fspath(folder / "optuna.db"))
        return url.render_as_string(hide_password=False)
    if not storage.startswith("journal:"):
        return storage
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = Path(storage.removeprefix("journal:"))
    with naming(path, "used"):
        _cut_torn_line(path)
        return JournalStorage(JournalFileBackend(str(path)))


@contextmanager
def storage_errors(storage: str | None, folder: Path) -> Iterator[None]:
    """Names the storage in what goes wrong with it inside: no database says which file it is.

    Raises:
        SweepError: the storage cannot be read or written.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    line = (json.JSONDecodeError,) if (storage or "").startswith("journal:") else ()
    kinds = (SQLAlchemyError, StorageInternalError, *line)
    try:
        yield
    except (*kinds, UnboundLocalError) as error:  # Optuna's, where it cannot tell that a trial failed
        causes = [one for one in _chain(error) if isinstance(one, (*kinds, OSError))]
        if not causes:
            raise
        words = getattr(causes[-1], "orig", None) or causes[-1]
        raise SweepError(f"{_name_of(storage, folder)} cannot be used: {words}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _name_of(storage: str | None, folder: Path) -> str:
    """The file of a storage, or its URL without the password."""
    if storage is None:
        return str(folder / "optuna.db")
    if storage.startswith("journal:"):
        return storage.removeprefix("journal:")
    from sqlalchemy.engine import make_url

    return make_url(storage).render_as_string(hide_password=True)


def _cut_torn_line(path: Path) -> None:
    """A process that is killed while it writes leaves half a line; a journal with one cannot be read.

    Under the journal's own lock: its holder may be in the middle of a line. What is cut is kept beside it.
    """
    if not _is_torn(path):
        return
    from optuna.storages.journal import JournalFileSymlinkLock

    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        if _is_torn(path):
            _cut(path)
    finally:
        lock.release()


def _is_torn(path: Path) -> bool:
    if not is_there(path):
        return False
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() not in (b"", b"\n")


def _cut(path: Path) -> None:
    with path.open("rb+") as file:
        whole = file.read()
        end = whole.rfind(b"\n") + 1
        with free_name(path.with_name(f"{path.name}.torn")).open("wb") as torn:
            torn.write(whole[end:])
            os.fsync(torn.fileno())
        file.truncate(end)
        os.fsync(file.fileno())
