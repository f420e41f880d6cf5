"""The folder of a sweep: what it is of, a file for each cell, and who works on which.

    sweep.json               what the sweep is of: configuration, taxonomy, split
    cells/5f/5f0a...json     a finished cell: whole or not there
    failed/5f0a...json       a cell that raised, with its traceback; gone when it was done after all
    claims/5f0a...           held, as a file lock, by the process that trains the cell
    damaged/5f0a...json      what stood in cells or failed and is not what was written there
    planned.json             the cells, or how many trials, that were asked for last
    results.csv              made from the cells

A file of another name is not the sweep's and is passed over. A file that cannot be read stops the sweep:
only a checksum that does not fit is damage (whatever the line ends), and what is damaged is moved, never
removed.

A claim is a lock of the operating system: when its holder dies, however it dies, the lock is free. No
clock is read, so nothing depends on what it says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import BaseFileLock

from taxoloss.sweep.cell import Cell, canonical, digest
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.files import (
    is_there,
    listed,
    locked,
    move_into,
    naming,
    read_bytes,
    try_lock,
    write_text,
)
from taxoloss.sweep.work import Done, Failed
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Folder", "Kept", "identity_of", "object_in"]

FORMAT = 1
_ID = re.compile("[0-9a-f]{20}")
#: What systems leave in any folder; the names that begin with a point are theirs too.
_STRAY = {"Thumbs.db", "desktop.ini", "lost+found", "@eaDir", "__MACOSX"}


def identity_of(taxonomy: Taxonomy, config: Mapping[str, Any], split: str) -> dict[str, Any]:
    """What cells of one folder have in common."""
    tree = {"name": taxonomy.name, "digest": taxonomy.digest, "binding": taxonomy.binding_digest}
    levels = list(taxonomy.levels)
    return {"format": FORMAT, "taxonomy": tree, "levels": levels, "split": split, "config": dict(config)}


class Kept:
    """What a sweep's folder holds, read without changing anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells, self.failed, self.claims = path / "cells", path / "failed", path / "claims"
        self._read: dict[str, dict[str, Any]] = {}

    def file_of(self, cell_id: str) -> Path:
        """Where a finished cell stands."""
        return self.cells / cell_id[:2] / f"{cell_id}.json"

    def read(self) -> tuple[dict[str, dict[str, Any]], list[Path]]:
        """Every finished cell by its id, in the order of ids, and the files that are damaged.

        A file is read once: it never changes.

        Raises:
            SweepError: one cannot be read.
        """
        found: dict[str, dict[str, Any]] = {}
        damaged: list[Path] = []
        for cell_id, path in self._files():
            try:
                body = self._read.get(cell_id) or self._content(cell_id, path)
            except SweepError:
                raise
            except ValueError:
                damaged.append(Path(path))
            else:
                found |= {cell_id: body} if body else {}
        self._read = found
        return dict(found), damaged

    def _files(self) -> Iterator[tuple[str, str]]:
        """The cells by id; whatever has another name, or stands in another place, is not the sweep's."""
        for shard in listed(self.cells):
            if re.fullmatch("[0-9a-f]{2}", shard) and not os.path.isfile(self.cells / shard):
                for name in listed(self.cells / shard):
                    if name.startswith(shard) and (cell_id := _id_in(name)):
                        yield cell_id, os.path.join(self.cells, shard, name)

    def _content(self, cell_id: str, path: str) -> dict[str, Any] | None:
        """A cell; None where another process has moved it; ValueError where it is damaged."""
        with naming(path, "read"):
            try:
                return _body(cell_id, path)
            except FileNotFoundError:
                is_there(path)
                return None

    # -- cells that raised -------------------------------------------------------------------------

    def failures(self) -> dict[str, dict[str, Any]]:
        """The cells that raised when they were last tried, by id."""
        found = {path.stem: _failure_in(content) for path, content in self._failed()}
        return {key: body for key, body in found.items() if body and not is_there(self.file_of(key))}

    def damaged_failures(self) -> list[Path]:
        """The files of failures that are none."""
        return [path for path, content in self._failed() if not _failure_in(content)]

    def _failed(self) -> Iterator[tuple[Path, bytes]]:
        for name in listed(self.failed) if is_there(self.failed) else ():
            if _id_in(name) and (content := read_bytes(self.failed / name)) is not None:
                yield self.failed / name, content

    def attempt(self, cell_id: str) -> str:
        """The token of a failure, "" where there is none."""
        content = read_bytes(self.failed / f"{cell_id}.json") or b""
        return str(_failure_in(content).get("attempt", ""))

    # -- what was asked for ------------------------------------------------------------------------

    def planned(self) -> dict[str, Any]:
        """The "cells", by id, or the number of "trials", that were asked for last; neither: not known."""
        found = object_in(read_bytes(self.path / "planned.json") or b"")
        whole = isinstance(found.get("cells"), list) or isinstance(found.get("trials"), int)
        return found if whole else {}


class Folder(Kept):
    """A sweep's folder, made or opened for one configuration, taxonomy and split.

    Raises:
        SweepError: the folder holds something else, or a sweep of something else, the difference shown; or
            it cannot be read or written.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], same_binding: Callable[[str], bool]
    ) -> None:
        super().__init__(path)
        self.identity = json.loads(canonical(identity))
        self.digest = digest(self.identity)
        self._same_binding = same_binding
        self._open()

    def _open(self) -> None:
        head = self.path / "sweep.json"
        with naming(self.path, "used"):
            self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path / ".opening"):
            if not is_there(head):
                self._refuse_something_else()
                write_text(head, json.dumps(self.identity, indent=2, sort_keys=True) + "\n")
        self._compare(head)
        for folder in (self.cells, self.failed, self.claims):
            with naming(folder, "used"):
                folder.mkdir(exist_ok=True)

    def _refuse_something_else(self) -> None:
        others = [x for x in listed(self.path) if not x.startswith(".") and x not in _STRAY]
        if others:
            raise SweepError(
                f"{self.path} is no folder of a sweep: it has no sweep.json, but holds {others[0]}"
                + (f" and {len(others) - 1} more" if len(others) > 1 else "")
                + "; name a new folder"
            )

    def _compare(self, head: Path) -> None:
        text = read_bytes(head) or b""
        try:
            there = json.loads(text)
        except ValueError as error:
            raise SweepError(f"{head} is damaged: {error}") from None
        if not isinstance(there, dict):
            raise SweepError(f"{head} is damaged: expected what the sweep is of, got {_short(there)}")
        known = self._with_digest_of_today(there)
        if known == self.identity:
            self.identity, self.digest = there, digest(there)  # its cells are known by what was written
            return
        lines = [f"  {key}: {old} there, {new} here" for key, old, new in differences(known, self.identity)]
        raise SweepError(
            "\n".join([f"{self.path} was begun as another sweep:", *lines, "name a new folder, or go back"])
        )

    def plan(self, planned: Mapping[str, Any]) -> None:
        """Keeps what is asked for, so that an unfinished sweep can say how much of it is done."""
        with locked(self.path / ".opening"):
            if self.planned() != planned:
                write_text(self.path / "planned.json", json.dumps(planned) + "\n")

    def _with_digest_of_today(self, there: dict[str, Any]) -> dict[str, Any]:
        """What a folder is of, a digest that earlier versions wrote for the same binding replaced."""
        tree = there.get("taxonomy")
        if not isinstance(tree, dict) or not self._same_binding(tree.get("binding", "")):
            return there
        return {**there, "taxonomy": {**tree, "binding": self.identity["taxonomy"]["binding"]}}

    # -- finished cells and failures ---------------------------------------------------------------

    def is_done(self, cell: Cell) -> bool:
        """Whether the cell's file is there."""
        return is_there(self.file_of(cell.id))

    def write(self, cell: Cell, done: Done, more: Mapping[str, Any] | None = None) -> None:
        """Keeps a finished cell; SweepError where it cannot be written."""
        body = {"settings": cell.settings, **asdict(done), **(more or {})}
        text = json.dumps(body, allow_nan=False)
        path = self.file_of(cell.id)
        with naming(path, "written"):
            path.parent.mkdir(exist_ok=True)
        write_text(path, f"{cell.id} {_sum(cell.id, text)}\n{text}\n")
        failure = self.failed / path.name
        with naming(failure, "removed"):
            failure.unlink(missing_ok=True)

    def write_failure(self, cell: Cell, failed: Failed) -> None:
        """Keeps a traceback; the token tells one attempt from another without a clock."""
        body = {
            "settings": cell.settings,
            "error": failed.error,
            "traceback": failed.traceback,
            "attempt": os.urandom(8).hex(),
        }
        write_text(self.failed / f"{cell.id}.json", json.dumps(body, indent=2) + "\n")

    def set_damaged_aside(self) -> dict[str, str]:
        """Moves what is damaged into `damaged`; by the id of its cell, what was moved where, in words."""
        moved: dict[str, str] = {}
        with locked(self.path / ".damaged"):
            # Looked at again under the lock: another process may have moved a file, and trained its cell.
            for path in (*self.read()[1], *self.damaged_failures()):
                there = move_into(self.path / "damaged", path)
                moved[path.stem] = f"{path} is damaged: it is kept as {there}"
        return moved

    # -- who works on which ------------------------------------------------------------------------

    def claim(self, cell_id: str, wait: bool = False) -> BaseFileLock | None:
        """A lock on a cell, to be released by its holder; None where another process has it."""
        return try_lock(self.claims / cell_id, wait)

    def release(self, claim: BaseFileLock) -> None:
        """Gives a claim back, and removes its file.

        Whoever opened that file before gets a lock on a file that is gone: filelock looks for that, and
        tries again.
        """
        try:
            with naming(claim.lock_file, "removed"), suppress(PermissionError):  # where open files stay
                Path(claim.lock_file).unlink(missing_ok=True)
        finally:
            claim.release()

    def remove_claims(self) -> None:
        """Removes what processes that were killed left behind of cells that others have done since."""
        for name in listed(self.claims):
            if not _ID.fullmatch(name) or not is_there(self.file_of(name)):
                continue
            if (claim := self.claim(name)) is not None:
                self.release(claim)


def _id_in(name: str) -> str:
    """The id that a file of a cell is named by, "" where the name is none of the sweep's."""
    cell_id, _, kind = name.partition(".")
    return cell_id if kind == "json" and _ID.fullmatch(cell_id) else ""


def object_in(content: bytes) -> dict[str, Any]:
    """The JSON object that a file holds; none where it holds something else."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _failure_in(content: bytes) -> dict[str, Any]:
    """What a cell raised; nothing where the file is damaged."""
    found = object_in(content)
    return found if {"settings", "error", "attempt"} <= found.keys() else {}


def _sum(cell_id: str, text: str) -> str:
    return hashlib.sha256(f"{cell_id}{text}".encode()).hexdigest()[:16]


def _body(cell_id: str, path: str) -> dict[str, Any]:
    """The content of a cell's file; ValueError where it is not the text that was written.

    Line ends and a byte order mark are no part of the text: JSON here has none inside, and what carries
    files between systems changes them.
    """
    with open(path, "rb") as file:
        content = file.read()
    head, text = filter(None, content.removeprefix(BOM_UTF8).decode().splitlines())
    if head != f"{cell_id} {_sum(cell_id, text)}":
        raise ValueError(f"{path} is damaged")
    body: dict[str, Any] = json.loads(text)
    if not {"settings", "rows", "seconds", "versions"} <= body.keys():
        raise ValueError(f"{path} is damaged")
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
