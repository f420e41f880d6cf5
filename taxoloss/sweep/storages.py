"""Where Optuna keeps a study: SQLite in the folder, a journal, or a database server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["storage_of"]


def storage_of(storage: str | None, folder: Path) -> str | BaseStorage:
    """What `optuna.create_study` takes as storage.

    Args:
        storage: a URL of SQLAlchemy, or journal:PATH; None: SQLite in the folder.
        folder: of the sweep.
    """
    if storage is None:
        return f"sqlite:///{folder / 'optuna.db'}"
    if not storage.startswith("journal:"):
        return storage
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = Path(storage.removeprefix("journal:"))
    _cut_torn_line(path)
    return JournalStorage(JournalFileBackend(str(path)))


def _cut_torn_line(path: Path) -> None:
    """A process that is killed while it writes leaves half a line; a journal with one cannot be read."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        whole = file.read()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            torn = path.with_name(f"{path.name}.torn")
            torn.write_bytes(whole[end:])
            file.truncate(end)
            os.fsync(file.fileno())
