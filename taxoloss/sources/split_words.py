"""Folders that are no classes: splits (train, val, test), folds, and what belongs to one image."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taxoloss.errors.characters import quoted
from taxoloss.sources.base import listed, refuse

__all__ = ["SPLITS", "split_levels", "without_split_levels"]

#: Folders that hold the same classes again.
SPLITS = frozenset(
    {"train", "training", "trainval", "val", "valid", "validation", "dev", "test", "testing"}
)
_PARTS = r"images?|imgs?|labels|masks?|annotations?|fold[_\- ]?\d+|split[_\- ]?\d+"
#: Folders that say when or how their images were made: below each class, or above all.
_MADE = re.compile(
    r"(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d|(seq|sequence|video|clip|session|frames?|batch)[_\- ]?\d+"
    r"|original|augmented|raw|processed|resized|cropped",
    re.IGNORECASE,
)
_WORD = re.compile(rf"{'|'.join(sorted(SPLITS))}|{_PARTS}", re.IGNORECASE)
#: train_set, test2017; seg_train only beside seg_test.
_LONGER = re.compile(
    rf"(?P<before>\w*[_\-])??(?P<word>{'|'.join(sorted(SPLITS, key=len, reverse=True))})"
    r"([_\-]?(set|data|images?|labels|\d+))?",
    re.IGNORECASE,
)
#: A split, and what drives on rails.
_VEHICLE = "train"


def split_levels(paths: Sequence[tuple[str, ...]]) -> dict[int, list[str]]:
    """The levels all of whose folders are such words, each with these.

    >>> split_levels([("animal", "train"), ("animal", "val"), ("plant", "train")])
    {1: ['train', 'val']}
    """
    found = {}
    for level in range(max(map(len, paths), default=0)):
        names = sorted({path[level] for path in paths if len(path) > level})
        deeper = max(map(len, paths)) > 1  # else nothing is left
        if _are_all(names) or (deeper and all(map(_MADE.fullmatch, names))):
            found[level] = names
    return found


def without_split_levels(
    paths: Sequence[tuple[str, ...]], file: str, *, asked: bool = False
) -> tuple[list[tuple[str, ...]], list[str]]:
    """The paths without the levels all of whose folders are such words, and notes on these.

    Args:
        paths: of all folders, from the top.
        file: that holds them.
        asked: whether somebody said that folders are classes, whatever they are called.

    Raises:
        FormError: such a word stands beside folders that are none.
    """
    gone, notes = split_levels(paths), []
    for names in gone.values():
        if all(map(_MADE.fullmatch, names)):
            notes.append(f"{listed(names)} say when or how images were made: no level of classes")
            continue
        what = "is a split" if len(names) == 1 else "are splits"
        notes.append(f"{listed(names)} {what}: the folders in them are the tree")
    for level in range(max(map(len, paths), default=0)):
        if level not in gone:
            notes += _beside(paths, level, file, asked=asked)
    return [tuple(name for level, name in enumerate(path) if level not in gone) for path in paths], notes


def _are_all(names: Sequence[str]) -> bool:
    """Whether all are words of splits; with a word before it there are two at least."""
    if all(map(_WORD.fullmatch, names)):
        return True
    matches = [_LONGER.fullmatch(name) for name in names]
    words = {match["word"].casefold() for match in matches if match}
    before = {match["before"] for match in matches if match}
    return all(matches) and len(before) == 1 and (before == {None} or len(words) > 1)


def _beside(paths: Sequence[tuple[str, ...]], level: int, file: str, *, asked: bool) -> list[str]:
    """A note on the word that is a class beside others; FormError where it may be a split."""
    names = sorted({path[level] for path in paths if len(path) > level})
    words = [name for name in names if _WORD.fullmatch(name)]
    if not words:
        return []
    deeper = {path[level] for path in paths if len(path) > level + 1}
    if asked or ([word.casefold() for word in words] == [_VEHICLE] and words[0] not in deeper):
        return [f"{listed(words)} stands beside other folders: it is read as a class"]
    other = next(name for name in names if name not in words)
    shown = f"{quoted(words[0])} and {quoted(other)} stand side by side"
    message = f"{shown}: the first is a split, or a part of each image"
    help = "give a folder whose folders are classes alone; --kind image-folder takes all as classes"
    raise refuse(file, message, expected="folders of classes", help=help)
