"""The Oxford-IIIT Pet pictures of pets.py: where they are, what labels mean, how they split."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path
from typing import TypeAlias

import torch
from torch.utils.data import ConcatDataset, Subset
from torchvision import transforms  # type: ignore[import-untyped]
from torchvision.datasets import OxfordIIITPet  # type: ignore[import-untyped]

DOWNLOADS = Path("runs") / "data"
SPLITS = ("trainval", "test")
OFFLINE = (
    "without a network, name the pictures by --data FOLDER and take --backbone efficientnet-lite0 or none"
)
# torchvision's errors of a download: no network, a broken file, a broken connection.
DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException)

Pictures: TypeAlias = "Subset[tuple[torch.Tensor, int]] | ConcatDataset[tuple[torch.Tensor, int]]"
Normalisation: TypeAlias = tuple[list[float], list[float]]


def find(folder: Path | None) -> Path:
    """The folder with the pictures, downloaded first where none is named."""
    if folder is None:
        try:
            OxfordIIITPet(DOWNLOADS, download=True)
        except DOWNLOAD_ERRORS as error:
            raise SystemExit(f"The pictures cannot be downloaded ({error}): {OFFLINE}.") from None
        return DOWNLOADS
    if not all((folder / "oxford-iiit-pet" / part).is_dir() for part in ("annotations", "images")):
        raise SystemExit(
            f"No pictures in {folder}: expected the folders annotations and images "
            "in its folder oxford-iiit-pet."
        )
    return folder


def label_names(folder: Path) -> dict[int, str]:
    """Label -> breed, read from the lists of pictures, in the order of the labels.

    With all 37 breeds a label is a position in torchvision's `classes`; with fewer it is not.
    """
    names: dict[int, str] = {}
    labels: dict[str, int] = {}
    for picture, label in rows_of(folder / "oxford-iiit-pet"):
        name = picture.rsplit("_", 1)[0]
        first = names.setdefault(label, name), labels.setdefault(name, label)
        if first != (name, label):
            raise SystemExit(
                f"The lists in {folder} do not agree: {picture} has label {label}, but label "
                f"{label} is {first[0]} and {name} has label {first[1]} in an earlier line."
            )
    return dict(sorted(names.items()))


def split(
    folder: Path, labels: list[int], size: int, normalisation: Normalisation, seed: int
) -> tuple[Pictures, Pictures]:
    """80 % to train on, lightly augmented, and 20 % held out; targets are class numbers."""
    last = [transforms.ToTensor(), transforms.Normalize(*normalisation)]
    crop = transforms.RandomResizedCrop(size, scale=(0.6, 1.0))
    light = transforms.Compose([crop, transforms.RandomHorizontalFlip(), *last])
    plain = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size), *last])
    train, held_out = _all(folder, labels, light), _all(folder, labels, plain)
    places, others = halves(len(train), seed)
    return Subset(train, places), Subset(held_out, others)


def halves(count: int, seed: int) -> tuple[list[int], list[int]]:
    """80 % of the places 0 to count - 1, and the other 20 %, each in the order of the draw."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    cut = count * 4 // 5
    return order[:cut], order[cut:]


def _all(folder: Path, labels: list[int], transform: transforms.Compose) -> Pictures:
    """Both official parts as one; a picture's class is the position of its label."""
    sets = [
        OxfordIIITPet(folder, name, transform=transform, target_transform=labels.index) for name in SPLITS
    ]
    return ConcatDataset(sets)


def rows_of(base: Path) -> list[tuple[str, int]]:
    """(picture, label) of every line of the lists; the lists count labels from 1."""
    try:
        texts = [(base / "annotations" / f"{name}.txt").read_text() for name in SPLITS]
        lines = [line.split() for text in texts for line in text.splitlines()]
        rows = [(picture, int(label) - 1) for picture, label, _, _ in lines]
    except (OSError, ValueError) as error:
        raise SystemExit(f"The lists of pictures in {base} cannot be read: {error}.") from None
    if not rows:
        raise SystemExit(f"The lists of pictures in {base} are empty.")
    lost = [name for name, _ in rows if not (base / "images" / f"{name}.jpg").is_file()]
    if lost:
        missing = f"{len(lost)} of the {len(rows)} pictures"
        raise SystemExit(f"{missing} are not in {base}, the first is {lost[0]}.jpg.")
    return rows
