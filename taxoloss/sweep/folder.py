"""The folder of a sweep: what it is of, a file for each cell, and who works on which.

    sweep.json               what the sweep is of: configuration, taxonomy, split
    cells/5f/5f0a...json     a finished cell: whole or not there
    failed/5f0a...json       a cell that raised, with its traceback; gone when it was done after all
    claims/5f0a...           held, as a file lock, by the process that trains the cell
    results.csv              made from the cells

A claim is a lock of the operating system: when its holder dies, however it dies, the lock is free. No
clock is read, so nothing depends on what it says.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from taxoloss.sweep.cell import Cell, canonical, digest
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.work import Done, Failed
from taxoloss.taxonomy import Taxonomy

__all__ = ["Folder", "identity_of", "write_whole"]

FORMAT = 1


def write_whole(path: Path, text: str) -> None:
    """The file holds all of the text, or what it held before: also when the power fails in between.

    One process at a time may write a path: whoever has its claim.

    Raises:
        SweepError: it cannot be written; what is there already stays as it is.
    """
    unfinished = path.with_name(f".{path.name}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        _sync_folder(path.parent)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SweepError(f"{path} cannot be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """The renaming itself is on the disk; where folders cannot be opened, there is no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def identity_of(taxonomy: Taxonomy, config: Mapping[str, Any], split: str) -> dict[str, Any]:
    """What cells of one folder have in common."""
    tree = {"name": taxonomy.name, "digest": taxonomy.digest, "binding": taxonomy.binding_digest}
    levels = list(taxonomy.levels)
    return {"format": FORMAT, "taxonomy": tree, "levels": levels, "split": split, "config": dict(config)}


class Folder:
    """A sweep's folder, made or opened for one configuration, taxonomy and split.

    Raises:
        SweepError: the folder holds something else, or a sweep of something else, the difference shown; or
            it cannot be written.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], same_binding: Callable[[str], bool]
    ) -> None:
        self.path = path
        self.cells, self.failed, self.claims = path / "cells", path / "failed", path / "claims"
        self.identity = json.loads(canonical(identity))
        self.digest = digest(self.identity)
        self._same_binding = same_binding
        self._read: dict[str, dict[str, Any]] = {}
        try:
            self._open()
        except OSError as error:
            raise SweepError(f"{path} cannot be used: {error.strerror or error}") from error

    def _open(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        head = self.path / "sweep.json"
        with FileLock(self.path / ".opening"):
            if not head.exists():
                self._refuse_something_else()
                write_whole(head, json.dumps(self.identity, indent=2, sort_keys=True) + "\n")
        self._compare(head)
        for folder in (self.cells, self.failed, self.claims):
            folder.mkdir(exist_ok=True)

    def _refuse_something_else(self) -> None:
        others = sorted(x.name for x in self.path.iterdir() if not x.name.startswith("."))
        if others:
            raise SweepError(
                f"{self.path} is no folder of a sweep: it has no sweep.json, but holds {others[0]}"
                + (f" and {len(others) - 1} more" if len(others) > 1 else "")
                + "; name a new folder"
            )

    def _compare(self, head: Path) -> None:
        try:
            there = json.loads(head.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SweepError(f"{head} is damaged: {error}") from None
        known = self._with_digest_of_today(there)
        if known == self.identity:
            self.identity, self.digest = there, digest(there)  # its cells are known by what was written
            return
        lines = [f"  {key}: {old} there, {new} here" for key, old, new in differences(known, self.identity)]
        raise SweepError(
            "\n".join([f"{self.path} was begun as another sweep:", *lines, "name a new folder, or go back"])
        )

    def _with_digest_of_today(self, there: Any) -> Any:
        """What a folder is of, a digest that earlier versions wrote for the same binding replaced."""
        tree = there.get("taxonomy") if isinstance(there, dict) else None
        if not isinstance(tree, dict) or not self._same_binding(tree.get("binding", "")):
            return there
        return {**there, "taxonomy": {**tree, "binding": self.identity["taxonomy"]["binding"]}}

    # -- finished cells ----------------------------------------------------------------------------

    def file_of(self, cell_id: str) -> Path:
        """Where a finished cell stands."""
        return self.cells / cell_id[:2] / f"{cell_id}.json"

    def is_done(self, cell: Cell) -> bool:
        """Whether the cell's file is there."""
        return self.file_of(cell.id).exists()

    def write(self, cell: Cell, done: Done, more: Mapping[str, Any] | None = None) -> None:
        """Keeps a finished cell; SweepError where it cannot be written."""
        body = {"settings": cell.settings, **asdict(done), **(more or {})}
        text = json.dumps(body, allow_nan=False)
        path = self.file_of(cell.id)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, f"{cell.id} {_sum(cell.id, text)}\n{text}\n")
        (self.failed / path.name).unlink(missing_ok=True)

    def read(self) -> tuple[dict[str, dict[str, Any]], list[Path]]:
        """Every finished cell by its id, in the order of ids, and the files that are damaged.

        A file is read once: it never changes.
        """
        found, damaged = {}, []
        for cell_id, path in self._files():
            try:
                found[cell_id] = self._read.get(cell_id) or _body(cell_id, path)
            except (ValueError, OSError):
                damaged.append(Path(path))
        self._read = found
        return dict(found), damaged

    def _files(self) -> Iterator[tuple[str, str]]:
        for shard in sorted(os.scandir(self.cells), key=lambda entry: entry.name):
            for name in sorted(os.listdir(shard.path)):
                if name.endswith(".json") and not name.startswith("."):
                    yield name.removesuffix(".json"), os.path.join(shard.path, name)

    # -- cells that raised -------------------------------------------------------------------------

    def write_failure(self, cell: Cell, failed: Failed) -> None:
        """Keeps a traceback; the token tells one attempt from another without a clock."""
        body = {"settings": cell.settings, **asdict(failed), "attempt": os.urandom(8).hex()}
        write_whole(self.failed / f"{cell.id}.json", json.dumps(body, indent=2) + "\n")

    def failures(self) -> dict[str, dict[str, Any]]:
        """The cells that raised when they were last tried, by id."""
        found = {}
        for path in sorted(self.failed.glob("*.json")):
            try:
                found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except (ValueError, OSError):  # damaged, or done by another process in this moment
                continue
        return {key: body for key, body in found.items() if not self.file_of(key).exists()}

    def attempt(self, path: Path) -> str:
        """The token of a failure, "" where it is gone."""
        try:
            token: str = json.loads(path.read_text(encoding="utf-8"))["attempt"]
        except (OSError, ValueError):
            return ""
        return token

    # -- who works on which ------------------------------------------------------------------------

    def claim(self, cell_id: str, wait: bool = False) -> BaseFileLock | None:
        """A lock on a cell, to be released by its holder; None where another process has it."""
        lock = FileLock(self.claims / cell_id)
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            return None
        except OSError as error:
            raise SweepError(f"{lock.lock_file} cannot be written: {error.strerror or error}") from error
        return lock

    def release(self, claim: BaseFileLock) -> None:
        """Gives a claim back, and removes its file.

        Whoever opened that file before gets a lock on a file that is gone: filelock looks for that, and
        tries again.
        """
        with suppress(OSError):  # a system that keeps files that are open
            Path(claim.lock_file).unlink(missing_ok=True)
        claim.release()

    def remove_claims(self) -> None:
        """Removes what processes that were killed left behind of cells that others have done since."""
        for path in self.claims.iterdir():
            if self.file_of(path.name).exists() and (claim := self.claim(path.name)) is not None:
                self.release(claim)


def _sum(cell_id: str, text: str) -> str:
    return hashlib.sha256(f"{cell_id}{text}".encode()).hexdigest()[:16]


def _body(cell_id: str, path: str) -> dict[str, Any]:
    """The content of a cell's file; ValueError where it is not the text that was written."""
    with open(path, "rb") as file:
        head, _, text = file.read().decode().partition("\n")
    text = text.removesuffix("\n")
    if head != f"{cell_id} {_sum(cell_id, text)}":
        raise ValueError(f"{path} is damaged")
    body: dict[str, Any] = json.loads(text)
    return body


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(place, value there, value here) wherever two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            missing = {} if isinstance(old.get(key, new.get(key)), dict) else "nothing"
            yield from differences(
                old.get(key, missing), new.get(key, missing), f"{path}.{key}" if path else key
            )
    elif old != new:
        yield path, _short(old), _short(new)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if value != "nothing" else value
    return text if len(text) <= 60 else f"{text[:57]}..."
