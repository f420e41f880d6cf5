"""Small pictures of samples, found in a folder by the samples' names, to stand in a page.

A name is a path below the folder. Where nothing stands there, it is the one file below the folder that has
the name's last part, with its ending or without; where several have it, none is taken: it could be the
wrong one. A name that leads out of the folder finds nothing.
"""

from __future__ import annotations

import base64
import io
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.packages import package

__all__ = ["Thumbnails"]

#: Pixels of the longer side, and the quality of the JPEG.
_SIDE, _QUALITY = 96, 70


@dataclass
class Thumbnails:
    """The pictures of a folder.

    Args:
        folder: that holds them, also in folders below.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
        NotADirectoryError: there is no such folder.
    """

    folder: Path
    #: As data URIs, in the order in which they were asked for.
    images: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    #: With the reason.
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pillow = package("PIL.Image", "pictures in a report", "report")
        self._turned = package("PIL.ImageOps", "pictures in a report", "report").exif_transpose
        if not self.folder.is_dir():
            raise NotADirectoryError(f"{self.folder}: expected a folder of pictures")
        self._root = self.folder.resolve()

    def take(self, names: Sequence[str], most: int) -> list[int | None]:
        """For each sample the place of its picture in `images`; None where there is none.

        Args:
            names: of the samples; one that was taken before is not read again.
            most: how many pictures there may be.
        """
        places: dict[str, int | None] = {}
        for name in names:
            if name not in places:
                places[name] = self._read(name) if len(self.images) < most else None
        return [places[name] for name in names]

    def _read(self, name: str) -> int | None:
        path = self._find(name)
        if path is None:
            return None
        try:
            with warnings.catch_warnings():  # of a picture so large that it may be an attack
                warnings.simplefilter("error")
                self.images.append(self._small(path))
        except Exception as error:  # Pillow raises whatever a broken file leads to
            self.unreadable.append((name, f"{type(error).__name__}: {error}".replace(str(self._root), "")))
            return None
        return len(self.images) - 1

    def _small(self, path: Path) -> str:
        """The picture as a data URI."""
        out = io.BytesIO()
        with self._pillow.open(path) as image:
            image.draft("RGB", (2 * _SIDE, 2 * _SIDE))  # a large JPEG is read at a smaller scale
            small: Any = self._turned(image)
            small.thumbnail((_SIDE, _SIDE))
            if small.mode.startswith(("I", "F")):
                small = _grey(small, self._pillow)
            elif small.mode not in ("RGB", "L"):
                small = _on_white(small, self._pillow)
            small.save(out, "JPEG", quality=_QUALITY, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")

    # -- files -----------------------------------------------------------------------------------

    def _find(self, name: str) -> Path | None:
        there = self._inside(name)
        if there is not None:
            return there
        found = self._by_name.get(PurePosixPath(name.replace("\\", "/")).name, [])
        if len(found) == 1:
            return found[0]
        (self.several if found else self.missing).append(name)
        return None

    def _inside(self, name: str) -> Path | None:
        """The file of a path below the folder; None where there is none, or it leads out."""
        try:
            # As the name is written: links in the folder may lead anywhere, since its owner made them.
            path = Path(os.path.normpath(self._root / name.replace("\\", "/")))
            return path if path.is_relative_to(self._root) and path.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """The files below the folder by their names, with and without their endings; a pipe is none."""
        found: dict[str, list[Path]] = {}
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = Path(folder, name)
                if not path.is_file():
                    continue
                for key in {name, path.stem}:
                    found.setdefault(key, []).append(path)
        return found

    def told(self) -> list[str]:
        """What is to be said of names without a picture."""
        said = []
        for what, names in (("have no file", self.missing), ("have several files", self.several)):
            if names:
                one = what.replace("have", "has") if len(names) == 1 else what
                said.append(
                    f"{counted(len(names), 'sample')} {one} in {self.folder}: {quoted(names[0])}"
                    + (" and others" if len(names) > 1 else "")
                )
        if self.unreadable:
            name, reason = self.unreadable[0]
            said.append(
                f"{counted(len(self.unreadable), 'picture')} cannot be read: {quoted(name)} ({reason:.200})"
                + (" and others" if len(self.unreadable) > 1 else "")
            )
        return said


def _grey(image: Any, pillow: Any) -> Any:
    """More than 256 greys, stretched from the darkest to the lightest: their range says nothing."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    return pillow.fromarray((255 * (values - low) / max(high - low, 1e-300)).astype(np.uint8))


def _on_white(image: Any, pillow: Any) -> Any:
    """The picture in RGB; where it is transparent, on white."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    over = image.convert("RGBA")
    white = pillow.new("RGBA", over.size, "white")
    white.alpha_composite(over)
    return white.convert("RGB")
