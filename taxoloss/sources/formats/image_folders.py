"""Folders of images: the folders are the tree."""

from __future__ import annotations

import os
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, listed, refuse
from taxoloss.sources.formats.format import Format
from taxoloss.sources.inat_names import ranked_names
from taxoloss.sources.initials import without_initials
from taxoloss.sources.rows import Rows
from taxoloss.sources.split_words import SPLITS, without_split_levels

__all__ = ["FORMAT", "IMAGES", "SPLITS", "class_folders", "read_folder"]

#: Suffixes of images, as torchvision.datasets.ImageFolder takes them, and a few more.
IMAGES = frozenset({
    ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif", ".heic", ".avif",
    ".npy", ".wav", ".flac", ".mp3", ".ogg",
})  # fmt: skip

#: Folders that Python, NAS stations, macOS and Windows make beside images.
_OF_PROGRAMS = frozenset((
    "__pycache__", "@eaDir", "#recycle", "__MACOSX", "$RECYCLE.BIN", "System Volume Information",
    "lost+found", "thumbs", "Thumbs", "thumbnails", "_thumbs",
))  # fmt: skip


def read_folder(path: Path, options: Options) -> Found:
    """The taxonomy of a folder of folders of images; of its splits (train, val, test) all are read."""
    hidden: list[str] = []
    folders = _folders(path, options, hidden)
    asked = options.kind == "image-folder"
    places, notes = without_split_levels([parts for parts, _, _ in folders], str(path), asked=asked)
    if hidden:
        notes.append(f"what programs keep for themselves is left out: {listed(sorted(hidden))}")
    above = {parts[:end] for parts in places for end in range(1, len(parts))}
    pairs = zip(places, folders, strict=True)
    folders = [(parts, images, parts in above) for parts, (_, images, _) in pairs]
    rows = Rows(str(path), options)
    leaves = sorted({parts for parts, _, deeper in folders if parts and not deeper})
    inner = {parts[:i] for parts in leaves for i in range(1, len(parts))}
    mixed = sorted({"/".join(parts) for parts, images, _ in folders if parts in inner and images})
    filled = {parts for parts, images, _ in folders if images}
    empty = ["/".join(parts) for parts in leaves if parts not in filled]
    if len(leaves) < 2:
        raise refuse(
            str(path), "the folder holds fewer than two folders", expected="a folder for each class"
        )
    classes = [parts for parts in leaves if parts not in inner]
    if options.kind is None:
        classes, told = without_initials(classes, "--kind image-folder")
        notes += told
    known = ranked_names([parts[-1] for parts in classes]) if options.kind is None and not inner else None
    for parts in classes if known is None else known.paths:
        rows.add(parts, 0)
    if known is not None:
        rows.levels = known.levels
        notes.append(f"{known.note}; --kind image-folder reads the names of the folders as they are")
    if mixed:
        notes.append(f"images beside folders are known to that node only: {listed(mixed)}")
    if empty:
        notes.append(f"no image in {listed(empty)}: a class all the same")
    taxonomy = rows.taxonomy()
    how = f"{counted(len(rows.rows), 'folder')} without folders, in the order of their names"
    if known is not None:
        taxonomy = known.with_aliases(taxonomy)
    return Found(taxonomy, "image-folder", how, (*notes, *rows.notes))


def _folders(path: Path, options: Options, hidden: list[str]) -> list[tuple[tuple[str, ...], bool, bool]]:
    """For each folder below: its names, whether it holds images, whether it holds folders.

    Folders that programs make for themselves are not entered, and stand in `hidden` then.

    Links are followed, as ImageFolder does; what was entered before is not entered again.
    """
    found: list[tuple[tuple[str, ...], bool, bool]] = []
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[Path, tuple[str, ...]]] = [(path, ())]
    while stack:
        folder, parts = stack.pop()
        if len(parts) > options.limits.levels:
            message = f"folders nest deeper than {options.limits.levels}"
            raise_all([Fault("T111", message, str(folder))])
        try:
            status = folder.stat()
            with os.scandir(folder) as entries:
                children = [entry for entry in entries if not entry.name.startswith(".")]
                below = sorted(entry.name for entry in children if entry.is_dir())
                hidden += ["/".join((*parts, name)) for name in below if name in _OF_PROGRAMS]
                below = [name for name in below if name not in _OF_PROGRAMS]
                images = any(Path(entry.name).suffix.lower() in IMAGES for entry in children)
        except OSError as error:
            raise_all([Fault("T101", f"the folder cannot be read: {error.strerror}", str(folder))])
            raise
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        found.append((parts, images, bool(below)))
        if len(found) > options.limits.nodes:
            raise_all([Fault("T112", f"more than {options.limits.nodes:,} folders", str(path))])
        stack += [(folder / name, (*parts, name)) for name in reversed(below)]
    return found


def class_folders(path: Path) -> list[str]:
    """The classes that torchvision.datasets.ImageFolder gives: the folders of the top, by name."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError as error:
        raise_all([Fault("T101", f"the folder cannot be read: {error.strerror}", str(path))])
        raise


FORMAT = Format("image-folder", read_folder, "a folder of images")
