"""What a format of sources is: its name, how it shows, who reads it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from taxoloss.sources.base import Found, Options
from taxoloss.sources.reading import Look, Reading
from taxoloss.sources.tables.table import Table

__all__ = ["HEAD", "Format", "Sample"]

#: How many bytes of a file are looked at.
HEAD = 65_536


@dataclass(frozen=True)
class Sample:
    """What a source shows before it is read: the files of a folder, the first bytes of a file."""

    path: Path
    head: bytes | None = None  # None: a folder

    def holds(self, name: str) -> bool:
        """Whether it is a folder with a file of that name."""
        return self.head is None and (self.path / name).is_file()

    @cached_property
    def text(self) -> str:
        """The first bytes as UTF-8, or UTF-16 by its mark, without that; "" of a folder."""
        head = self.head or b""
        wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        # Half a letter may stand at the end.
        return head.decode("utf-16" if wide else "utf-8-sig", "replace")

    @cached_property
    def start(self) -> str:
        """The first letters that are no spaces."""
        return self.text.lstrip()[:200]

    @cached_property
    def packed(self) -> frozenset[str]:
        """The names of the files in a zip; none where it is no zip, or one that cannot be opened."""
        if not (self.head or b"").startswith(b"PK"):
            return frozenset()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return frozenset(archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
            return frozenset()

    @cached_property
    def lines(self) -> list[str]:
        """The first lines; the last of a long text, which may be cut, only where it is alone."""
        lines = self.text.splitlines()
        return lines[:-1] if len(self.text) >= HEAD and len(lines) > 1 else lines


@dataclass(frozen=True)
class Format:
    """A kind of source.

    A format has a syntax of its own (`read`, shown by `sniff` or a suffix), or is a layout of tables
    (`of_table`), or carries other kinds, as JSON and text do (`look`).

    Args:
        name: what `kind` and `--kind` call it.
        read: from its path to a taxonomy.
        of_table: the readings of a table as this kind, each with what speaks for it.
        look: what stands in a file: readings, and tables for the formats that read tables.
        title: what people call it, in the help of `taxoloss init`; "" where that of another says it.
        form: what it is made of, for who asked for it and has something else.
        suffixes: of files that are of this kind where what is in them shows none.
        sniff: whether a folder, or the content of a file, shows that it is of this kind.
        needs: the package, of the extra `sources`, that reads it.
        example: a file's name and its text, from which the tests and the fuzzer start.
    """

    name: str
    read: Callable[[Path, Options], Found] | None = None
    title: str = ""
    suffixes: tuple[str, ...] = ()
    sniff: Callable[[Sample], bool] | None = None
    of_table: Callable[[Table, Options], Iterable[Reading]] | None = None
    look: Callable[[Path, Options], Look] | None = None
    form: str = ""
    needs: str | None = None
    example: tuple[str, str] | None = None
