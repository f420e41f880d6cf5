"""What a frozen backbone sees in every picture, computed once and kept by the digest of its content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from augment import plain
from data import DOWNLOADS
from model import frozen_backbone, normalised
from photos import Album, Photos, batches
from torch import Tensor


class Features:
    """The features (pictures, width) of a file, scaled by the pictures that are trained on."""

    def __init__(self, path: Path, album: Album) -> None:
        with np.load(path, allow_pickle=False) as file:
            values = torch.from_numpy(file["features"])
        known = values[list(album.train)]
        self.values = (values - known.mean(0)) / known.std(0).clamp(min=1e-6)

    @property
    def width(self) -> int:
        """Of a picture's features."""
        return self.values.shape[1]

    def of(self, places: Sequence[int]) -> Tensor:
        """Those of some pictures."""
        return self.values[list(places)]


def features_of(album: Album, size: int, resize: int, batch: int, readers: int) -> Path:
    """The file of the features; made where it is not there, named by what it is made of."""
    model, weights = frozen_backbone()
    parts = f"{album.digest()} {weights} {size} {resize}"
    name = hashlib.sha256(parts.encode()).hexdigest()[:20]
    path = DOWNLOADS.parent / "features" / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{os.getpid()}-{path.name}")
        with unfinished.open("wb") as file:
            np.savez(file, features=_compute(model, album, size, resize, batch, readers))
        os.replace(unfinished, path)
    return path.absolute()


@torch.no_grad()
def _compute(
    model: torch.nn.Module, album: Album, size: int, resize: int, batch: int, readers: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    places = range(len(album.paths))
    seen = batches(Photos(album, resize), places, batch, readers)
    found = [model(normalised(plain(pictures, size), lite=True)) for pictures, _ in seen]
    return torch.cat(found).numpy()
