"""A virtual environment that holds what taxoloss and its tests need, and no extra: links, in seconds."""

from __future__ import annotations

import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["bare_install"]


def bare_install(folder: Path, requirements: list[str]) -> Path:
    """The Python of a new environment with the packages of these requirements, and those that they need."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in _needed(requirements):
        for file in distribution(name).files or ():
            top, place = file.parts[0], packages / file.parts[0]
            if top not in ("..", "__pycache__") and not top.endswith(".pth") and not place.is_symlink():
                place.symlink_to(str(distribution(name).locate_file(top)))
    return folder / "bin" / "python"


def _needed(requirements: list[str]) -> set[str]:
    """The distributions that these need, and those need, as far as they are installed here."""
    found: set[tuple[str, str]] = set()
    left = [(Requirement(text), "") for text in requirements]
    while left:
        wanted, extra = left.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(wanted.name)
        for part in {"", *wanted.extras} - {part for of, part in found if of == name}:
            try:
                needs = distribution(name).requires or []
            except PackageNotFoundError:
                continue
            found.add((name, part))
            left += [(Requirement(text), part) for text in needs]
    return {name for name, _ in found}
