"""The augmentations of fastai's `aug_transforms(size, min_scale)`, as one warp of a whole batch.

Flip, rotation, zoom, perspective and crop are 3 x 3 matrices; their product is applied once, so that a
picture is interpolated once. Brightness and contrast follow, in logit space. The numbers are drawn on the
CPU from a generator: a seed's pictures are the same on every device and in every arm.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

P = 0.75  # of a rotation, a zoom, a change of light
DEGREES, ZOOM, WARP, LIGHT = 10.0, 1.1, 0.2, 0.2


def augment(pictures: Tensor, size: int, draw: Generator, min_scale: float = 0.9) -> Tensor:
    """Pictures (N, 3, H, W) from 0 to 1 as (N, 3, size, size), each changed at random."""
    count = len(pictures)
    matrix = warps(count, draw, min_scale)
    warped = sample(pictures, matrix.to(pictures), size)
    return light(warped, count, draw)


def plain(pictures: Tensor, size: int) -> Tensor:
    """Pictures (N, 3, H, W) as (N, 3, size, size), as they are validated."""
    same = torch.eye(3).expand(len(pictures), 3, 3)
    return sample(pictures, same.to(pictures), size)


def warps(count: int, draw: Generator, min_scale: float) -> Tensor:
    """Matrices (count, 3, 3) from places in the result to places in the picture, both from -1 to 1."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=draw)

    def sometimes(values: Tensor, otherwise: float, chance: float = P) -> Tensor:
        return values.where(torch.rand(count, generator=draw) < chance, otherwise)

    flip = sometimes(-torch.ones(count), 1.0, 0.5)
    angle = sometimes(uniform(-DEGREES, DEGREES), 0.0) * math.pi / 180
    zoom = sometimes(uniform(1.0, ZOOM), 1.0)
    rotated = _matrix(
        [[flip * angle.cos(), -angle.sin(), 0.0], [flip * angle.sin(), angle.cos(), 0.0], [0.0, 0.0, 1.0]],
        count,
    )
    zoomed = _inside(1 / zoom, 1 / zoom, uniform(-1, 1), uniform(-1, 1))
    bent = [sometimes(uniform(-WARP, WARP), 0.0) for _ in range(2)]
    tilted = _matrix([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [bent[0] / 2, bent[1] / 2, 1.0]], count)
    area, ratio = uniform(min_scale, 1.0), uniform(math.log(3 / 4), math.log(4 / 3)).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    cropped = _inside(width, height, uniform(-1, 1), uniform(-1, 1))
    return rotated @ tilted @ zoomed @ cropped


def _matrix(rows: list[list[Tensor | float]], count: int) -> Tensor:
    filled = [[torch.as_tensor(x).expand(count) for x in row] for row in rows]
    return torch.stack([torch.stack(row, -1) for row in filled], -2)


def _inside(width: Tensor, height: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A window of a share of the width and height; its place from -1 (one end) to 1 (the other)."""
    rows: list[list[Tensor | float]] = [
        [width, 0.0, (1 - width) * x],
        [0.0, height, (1 - height) * y],
        [0.0, 0.0, 1.0],
    ]
    return _matrix(rows, len(width))


def sample(pictures: Tensor, matrix: Tensor, size: int) -> Tensor:
    """The pictures (N, 3, H, W) at the places of the result (N, 3, size, size), reflected at the border."""
    line = (torch.arange(size, device=pictures.device) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], -1)  # (size, size, 3)
    there = torch.einsum("nij,hwj->nhwi", matrix, places.to(pictures))
    grid = there[..., :2] / there[..., 2:]
    # Bilinear sampling looks at four pixels: a larger picture is made smaller first, or it would alias.
    if (smaller := min(pictures.shape[-2:]) // size) > 1:
        pictures = F.avg_pool2d(pictures, smaller)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def light(pictures: Tensor, count: int, draw: Generator) -> Tensor:
    """Brightness and contrast, each for three pictures in four."""

    def sometimes(values: Tensor, otherwise: float) -> Tensor:
        kept = torch.rand(count, generator=draw) < P
        return values.where(kept, otherwise)[:, None, None, None].to(pictures)

    change = 0.5 + LIGHT / 2 * (2 * torch.rand(count, generator=draw) - 1)
    bright = sometimes(change.logit(), 0.0)
    reach = -math.log(1 - LIGHT)
    contrast = sometimes(((2 * torch.rand(count, generator=draw) - 1) * reach).exp(), 1.0)
    inside = pictures.clamp(1e-3, 1 - 1e-3)  # the logit of 0 is not finite
    changed: Tensor = ((inside.logit() + bright) * contrast).sigmoid()
    return changed
