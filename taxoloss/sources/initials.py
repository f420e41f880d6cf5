"""Names sorted into groups by their first letters: a/airfield, b/bakery/shop."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import counted

__all__ = ["without_initials"]


def without_initials(
    paths: Sequence[tuple[str, ...]], option: str
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The paths without a first name that is the first letter of the second, in all; a note on these.

    Args:
        option: that reads the letters as groups.

    >>> without_initials([("a", "alcove"), ("b", "bar", "wine")], "--kind paths")[0]
    [('alcove',), ('bar', 'wine')]
    """
    letters = {path[0] for path in paths if path}
    if len(letters) < 2 or not all(map(_starts_with_initial, paths)):
        return list(paths), ()
    note = f"{counted(len(letters), 'first letter')} above the names are left out: {option} keeps them"
    return [path[1:] for path in paths], (note,)


def _starts_with_initial(path: tuple[str, ...]) -> bool:
    one = len(path) > 1 and len(path[0]) == 1 and path[0].isalpha() and len(path[1]) > 1
    return one and path[1].casefold().startswith(path[0].casefold())
