"""A picture of a batch: each photograph as a net sees it, its breed and species below."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from augment import augment
from data import find
from photos import Photos, album, batches, shuffled

from taxoloss.taxonomy.file.atomic import write_whole


def draw(data: Path | None, size: int, resize: int, rows: int, columns: int, seed: int, out: Path) -> Path:
    """Writes rows x columns augmented pictures of the first batch of a seed to a PNG file."""
    from matplotlib.figure import Figure

    pictures = album(find(data))
    tree = pictures.tree()
    places = shuffled(pictures.train, seed, 0)[: rows * columns]
    found, classes = next(batches(Photos(pictures, resize, seed), places, len(places), 0))
    seen = augment(found, size, torch.Generator().manual_seed(seed)).permute(0, 2, 3, 1)
    figure = Figure(figsize=(1.7 * columns, 2.1 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    paths = tree.paths()
    for axes, picture, number in zip(panels, seen.numpy(), classes.tolist(), strict=False):
        axes.imshow(picture)
        species, breed = paths[number]
        axes.set_xlabel(f"{breed}\n{species}")
    out.parent.mkdir(parents=True, exist_ok=True)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_whole(out, picture.getvalue())
    return out
