"""What a reader of sources hands on: a taxonomy, and what a person should know of how it was read."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.faults import Fault, FormError, TaxonomyError
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.file.reader import decoded, read_bytes
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from taxoloss.sources.reading import Reading

__all__ = [
    "Choice",
    "Found",
    "Options",
    "foreign",
    "in_utf8",
    "listed",
    "read_lines",
    "refuse",
    "source_text",
    "text_without_entities",
    "without_collector",
]

#: How one of several parents is chosen: a rule, or a function of the node and its parents' names.
Choice: TypeAlias = "str | Callable[[str, Sequence[str]], int] | None"


@dataclass(frozen=True)
class Options:
    """How a source is read.

    Args:
        kind: what the source is said to be; None: what it shows.
        parent: "all" keeps several parents; "first", "most-common" or a function picks one; None refuses.
        columns: of a table: ranks from top to leaf; a column of paths; child and parent; class and bin.
        separator: between the names of a path.
        ranks: that become levels, where nodes have ranks.
        under: the name of a node: only what is below it.
        header: of a table: whether its first line names the columns; None: what it looks like.
        missing: texts that say in a table that a rank is missing, beside the empty one.
        wordnet: the folder that holds WordNet's data.noun.
        node_name: of codes: what a node is called by, "code" or "title"; the other is its description.
        missing_parent: what becomes of a row whose parent has no row: "top", "drop"; None refuses.
        limits: how large the source may be.
    """

    kind: str | None = None
    parent: Choice = None
    columns: tuple[str, ...] | None = None
    separator: str | None = None
    ranks: tuple[str, ...] | None = None
    under: str | None = None
    header: bool | None = None
    missing: tuple[str, ...] = ()
    wordnet: Path | None = None
    node_name: str | None = None
    missing_parent: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Found:
    """A taxonomy that was read, the kind of its source and how it shows, and notes for people.

    Args:
        unused: the columns, or keys, that nothing was made of.
        readings: every reading of the source that was looked at, this one among them.
    """

    taxonomy: Taxonomy
    kind: str
    how: str
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = field(default=(), repr=False)

    @property
    def example(self) -> tuple[str, ...]:
        """The path of the first class of the most ranks."""
        tree = self.taxonomy.tree
        return tree.path(int(tree.leaves[tree.depth[tree.leaves].argmax()]))


@contextmanager
def without_collector() -> Iterator[None]:
    """Pauses the collector of cycles, which walks all objects again and again while there are more of them.

    A file becomes millions of small values, none of which refers back: of 100,000 records of JSON that
    walk took nearly half of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(f"`{escape_invisible(name)}`" for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def refuse(file: str, message: str, **details: object) -> FormError:
    """The error that a source cannot be read as what it is taken for."""
    return FormError([Fault("T121", message, file, **details)])  # type: ignore[arg-type]


@contextmanager
def foreign(what: str, file: str, extra: str | None = None, *, lines: bool = True) -> Iterator[None]:
    """Turns whatever a reader of another package raises into a fault of form, with the line if it is known.

    The package's own words are about its insides: they stay with the error, as its cause. A panic of a
    package in Rust is a BaseException: it is caught like the others.

    Args:
        what: the kind, in words.
        file: its path.
        extra: that installs the package.
        lines: whether the lines that the package counts are those of the file.
    """
    try:
        yield
    except (TaxonomyError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except ImportError as error:
        needed = (
            f'to read {what}, {error.name or error} is needed: pip install "taxoloss[{extra or "sources"}]"'
        )
        raise ImportError(needed) from error
    except BaseException as error:
        message = f"this cannot be read as {what}: it is cut off, or breaks the rules of that format"
        raise refuse(file, message, line=_line_of(error) if lines else None) from error


def _line_of(error: BaseException) -> int | None:
    """The line at which a reader of another package stopped, where it says so."""
    position = getattr(error, "position", None)  # of XML: line and column
    if isinstance(position, tuple) and position and isinstance(position[0], int):
        return position[0]
    for name in ("lineno", "lines", "line"):
        line = getattr(error, name, None)
        if isinstance(line, int) and line > 0:
            return line + (name == "lines")  # rdflib counts the lines before
    said = re.search(r"(?:\bline:? |^<unknown>:)(\d+)", str(error))
    return int(said[1]) if said and int(said[1]) else None


def read_lines(path: Path, limits: Limits) -> list[str]:
    """The lines of a text in UTF-8; FormError where it is not."""
    return source_text(path, limits).splitlines()


def source_text(path: Path, limits: Limits) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark; FormError where it is none."""
    return decoded(in_utf8(read_bytes(path, limits)), str(path), limits).text


def in_utf8(data: bytes) -> bytes:
    r"""Bytes of UTF-16 that start with its mark, as UTF-8; others, and broken ones, as they are.

    >>> in_utf8("cat\n".encode("utf-16")), in_utf8(b"caf\xe9")
    (b'cat\n', b'caf\xe9')
    """
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")) or data.startswith(b"\xff\xfe\x00\x00"):
        return data
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeDecodeError:
        return data


def text_without_entities(path: Path, options: Options) -> str:
    """The text; no document type: its entities can stand for a billion letters, or for other files."""
    text = source_text(path, options.limits)
    for word in ("<!DOCTYPE", "<!ENTITY"):
        if word in text:
            line = text[: text.index(word)].count("\n") + 1
            raise refuse(str(path), f"{word} is not allowed", line=line, help="write its entities out")
    return text
