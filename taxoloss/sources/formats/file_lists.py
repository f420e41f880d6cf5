"""Lists of image files: the folders that they stand in are the tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Found, Options, listed, refuse
from taxoloss.sources.formats.image_folders import IMAGES
from taxoloss.sources.lines import Lines, all_match
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.split_words import without_split_levels

__all__ = ["files_as_classes", "readings_of_files"]

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in IMAGES))
_FILE = re.compile(
    rf"\s*[\"']?(?P<folder>\S(?:.*[^/\\])?)[/\\]+(?P<file>[^/\\]+\.(?:{_SUFFIX}))[\"']?"
    r"(?:[ \t]+(?P<label>\S+))?\s*",
    re.IGNORECASE,
)


def readings_of_files(lines: Lines, options: Options) -> list[Reading]:
    """The reading of paths of image files as their folders; none where a line is no such path."""
    matches = all_match(_FILE, lines.texts)
    if matches is None:
        return []
    how = f"the folders of {counted(len(matches), 'file')}"
    return [
        Reading("paths", how, Grade.KNOWN, partial(_folders, lines, matches, how, options), "--kind paths")
    ]


def _folders(lines: Lines, matches: Sequence[re.Match[str]], how: str, options: Options) -> Found:
    folders = [
        tuple(part for part in re.split(r"[/\\]", m["folder"]) if part not in ("", ".")) for m in matches
    ]
    rows = Rows(lines.file, options)
    rows.notes += [
        *lines.notes,
        f"the names of the files are not used: {listed([m['file'] for m in matches], 2)}",
    ]
    rows.notes += _told_labels(lines, matches)
    paths, notes = without_split_levels(folders, lines.file, asked=options.kind == "paths")
    rows.notes += notes
    first: dict[tuple[str, ...], int] = {}
    for path, line in zip(paths, lines.numbers, strict=True):
        first.setdefault(path, line)
    if len(first) < 2:
        raise refuse(lines.file, "all files stand in one folder", expected="a folder for each class")
    for path, line in first.items():
        rows.add(path, line)
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


def _told_labels(lines: Lines, matches: Sequence[re.Match[str]]) -> list[str]:
    """A note on what stands behind the files; FormError where a folder has files of several labels."""
    labels: dict[str, str] = {}
    for match, line in zip(matches, lines.numbers, strict=True):
        label = match["label"] or ""
        if labels.setdefault(match["folder"], label) != label:
            shown = f"{quoted(labels[match['folder']])} and {quoted(label)}"
            message = f"files of the folder {quoted(match['folder'])} have several labels: {shown}"
            raise refuse(lines.file, message, line=line, expected="one label for each folder")
    told = list(dict.fromkeys(filter(None, labels.values())))
    return [f"the labels behind the files are not used: {listed(told)}"] if told else []


def files_as_classes(found: Found, file: str) -> FormError | None:
    """The error of a tree of groups whose classes are image files; None of others."""
    tree = found.taxonomy
    ends = [name for name in tree.classes if name.lower().endswith(tuple(IMAGES))]
    if len(tree.levels) < 2 or len(ends) < 0.9 * len(tree.classes):
        return None
    message = f"the classes would be files: {listed(ends, 2)}"
    help = "leave the names of the files out, so that what stands above them is a class"
    return refuse(file, message, expected="names of classes", help=help)
