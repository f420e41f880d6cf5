"""The pictures of a sweep: pooled, split, and the same for every arm of a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from data import halves, label_names, rows_of
from PIL import Image
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as T  # type: ignore[import-untyped]

import taxoloss
from taxoloss import Taxonomy

SPLIT_SEED = 42  # of the post


@dataclass(frozen=True)
class Album:
    """All pictures of the data set, their classes, and how they are split."""

    paths: Sequence[Path]
    #: (pictures,) positions in `breeds`.
    classes: Tensor
    breeds: Sequence[str]
    train: Sequence[int]
    valid: Sequence[int]

    def tree(self) -> Taxonomy:
        """Pets, bound to the classes by name: the data set numbers its breeds in another order."""
        pets = taxoloss.load("pets")
        return pets.bind(self.breeds) if len(self.breeds) == len(pets) else pets.restrict(self.breeds)

    def digest(self) -> str:
        """Of every picture's name and content, and of the split."""
        found = hashlib.sha256()
        for path in self.paths:
            found.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        found.update(repr((list(self.train), list(self.valid))).encode())
        return found.hexdigest()


def album(folder: Path) -> Album:
    """Both official parts as one, split 80 to 20 as the post has it."""
    names = label_names(folder)
    place = {label: number for number, label in enumerate(names)}
    rows = rows_of(folder / "oxford-iiit-pet")
    paths = [folder / "oxford-iiit-pet" / "images" / f"{picture}.jpg" for picture, _ in rows]
    classes = torch.tensor([place[label] for _, label in rows])
    return Album(paths, classes, list(names.values()), *halves(len(rows), SPLIT_SEED))


class Photos(Dataset[tuple[Tensor, Tensor]]):
    """Square pictures (3, resize, resize) as bytes, cut from the middle or, with a seed, at random."""

    def __init__(self, album: Album, resize: int, seed: int | None = None) -> None:
        self.album, self.resize, self.seed = album, resize, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.album.paths)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        with Image.open(self.album.paths[place]) as opened:
            picture = T.resize(opened.convert("RGB"), self.resize)
        x, y = self._corner(place, picture.width - self.resize, picture.height - self.resize)
        square = T.crop(picture, y, x, self.resize, self.resize)
        return T.pil_to_tensor(square), self.album.classes[place]

    def _corner(self, place: int, width: int, height: int) -> tuple[int, int]:
        """Where the square begins; drawn from seed, epoch and place, whichever process reads it."""
        if self.seed is None:
            return width // 2, height // 2
        draw = Generator().manual_seed((self.seed * 10_007 + self.epoch) * 1_000_003 + place)
        shares = torch.rand(2, generator=draw).tolist()
        return round(shares[0] * width), round(shares[1] * height)


def batches(
    photos: Photos, places: Sequence[int], size: int, readers: int, whole: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of pictures from 0 to 1 and their classes, in the order of the places.

    Args:
        photos: all pictures.
        places: of those that are read.
        size: of a batch.
        readers: processes.
        whole: leave out the last batch where it is smaller and not the only one.
    """
    chunks = [list(places[start : start + size]) for start in range(0, len(places), size)]
    if whole and len(chunks) > 1 and len(chunks[-1]) < size:
        chunks.pop()
    loader = DataLoader(photos, batch_sampler=chunks, num_workers=readers)
    for pictures, classes in loader:
        yield pictures.float() / 255, classes


def shuffled(places: Sequence[int], seed: int, epoch: int) -> list[int]:
    """The order of an epoch, the same in every arm."""
    order = torch.randperm(len(places), generator=Generator().manual_seed(seed * 10_007 + epoch))
    return [places[number] for number in order.tolist()]
