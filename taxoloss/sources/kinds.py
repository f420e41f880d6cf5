"""Which kind a source is: by its folder, its suffix, its first lines."""

from __future__ import annotations

from pathlib import Path

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.base import refuse
from taxoloss.sources.formats import FORMATS
from taxoloss.sources.formats.format import HEAD, Sample

__all__ = ["KINDS", "check_kind", "kind_of"]

#: What `kind` may be.
KINDS = tuple(FORMATS)
#: What a folder and a text are that show nothing else.
_FOLDER, _TEXT = "image-folder", "table"


def kind_of(path: Path) -> str:
    """The kind of a source; FormError where it shows none."""
    if path.is_dir():
        return _sniffed(Sample(path)) or _FOLDER
    sample = Sample(path, _head(path))
    by_suffix = (f.name for f in FORMATS.values() if path.suffix.lower() in f.suffixes)
    if found := next(by_suffix, None):
        return found
    if not sample.start:
        raise refuse(str(path), "the source is empty")
    return _sniffed(sample) or _by_columns(sample) or _TEXT


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise_all([Fault("T101", f"the source cannot be read: {error.strerror}", str(path))])
        raise


def _sniffed(sample: Sample) -> str | None:
    return next((f.name for f in FORMATS.values() if f.sniff is not None and f.sniff(sample)), None)


def _by_columns(sample: Sample) -> str | None:
    return next((f.name for f in FORMATS.values() if f.columns and f.columns(sample.header)), None)


def check_kind(kind: str) -> None:
    """ValueError with the nearest name where there is no such kind."""
    if kind not in FORMATS:
        help = did_you_mean(kind, KINDS) or "one of " + ", ".join(KINDS)
        raise ValueError(f"expected a kind of source, got {kind!r}; {help}")
