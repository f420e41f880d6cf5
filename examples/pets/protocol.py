"""The post's experiment: weights of the breed x runs, and the arms that they are compared with.

Of each run: the post's split, pictures and augmentations; its net (a backbone, average and largest value
of each feature, two layers with batch norm and dropout); one epoch with the backbone frozen, then one
cycle with rates that grow towards the head. The last layer starts at 0, so that every arm starts at the
uniform distribution; runs of one seed have the same first weights, order and augmentations in every arm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from augment import augment, plain
from data import find
from features import Features, features_of
from finetune import fine_tune
from model import Backbone, Body, body_of
from photos import Album, Photos, album, batches, shuffled
from torch import Tensor

from taxoloss import controls, sweep

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Protocol:
    """What all cells have in common; small, for it goes to every process."""

    folder: Path
    epochs: int
    size: int
    resize: int
    batch: int
    backbone: str
    readers: int
    #: The file of the features of a frozen backbone.
    features: Path | None

    def config(self) -> dict[str, Any]:
        """What the numbers depend on."""
        values = asdict(self)
        for name in ("folder", "readers", "features"):
            del values[name]
        return values


def prepare(
    data: Path | None,
    epochs: int,
    size: int,
    resize: int,
    batch: int,
    backbone: Backbone,
    readers: int,
) -> Protocol:
    """Finds the pictures; of a frozen backbone, computes what it sees in them, once."""
    folder = find(data)
    kept = None
    if backbone is Backbone.efficientnet_lite0:
        kept = features_of(album(folder), size, resize, batch, readers)
    else:
        body_of(backbone, None)  # downloads its weights, or says here that it cannot
    return Protocol(folder, epochs, size, resize, batch, backbone.value, readers, kept)


def cells(step: float, runs: int, more: bool) -> Cells:
    """Every weight of the breed, and cross-entropy; more: label smoothing, and a head a level."""
    weights = sweep.simplex(["species", "breed"], step)
    names = ["flat", "smoothing", "level_heads"] if more else ["flat"]
    return [
        *sweep.grid(arm=["taxonomy"], weights=weights, seed=range(runs)),
        *sweep.grid(arm=names, seed=range(runs)),
    ]


def run(
    protocol: Protocol,
    cells: Cells,
    out: Path,
    engine: Any,
    workers: int | None,
    address: str | None,
) -> sweep.Results:
    """Trains the cells that the folder does not have."""
    pictures = album(protocol.folder)
    return sweep.run(
        partial(train, protocol=protocol),
        cells,
        out,
        taxonomy=pictures.tree(),
        config=protocol.config(),
        split=pictures.digest(),
        engine=engine,
        workers=workers,
        address=address,
    )


# -- one cell --------------------------------------------------------------------------------------


@cache
def pictures_of(folder: Path) -> Album:
    """Read once a process."""
    return album(folder)


def train(cell: sweep.Cell, protocol: Protocol) -> Iterator[dict[str, Any]]:
    """A row for each epoch and reading."""
    lesson = Lesson(cell, protocol)
    for train_loss in lesson.epochs():
        valid_loss, rows = lesson.validate()
        for row in rows:
            yield {"train_loss": train_loss, "valid_loss": valid_loss, **row}


class Lesson:
    """A net and an arm, taught epoch by epoch."""

    def __init__(self, cell: sweep.Cell, protocol: Protocol) -> None:
        self.seed, self.protocol = cell.seed, protocol
        self.album = pictures_of(protocol.folder)
        self.tree = self.album.tree()
        torch.manual_seed(cell.seed)
        self.seen: Features | None = None
        if protocol.features is not None:
            self.seen = Features(protocol.features, self.album)
        self.body: Body = body_of(Backbone(protocol.backbone), self.seen.width if self.seen else None)
        self.arm = controls.arm(cell["arm"], self.body.width, self.tree, cell.level_weights(), bias=False)
        self.body.to(DEVICE)
        self.arm.head.to(DEVICE)

    def epochs(self) -> Iterator[float]:
        """The mean loss of each epoch after the frozen one."""
        groups = [*self.body.groups[:-1], torch.nn.ModuleList([self.body.groups[-1], self.arm.head])]
        steps = sum(1 for _ in self._places(0))
        for epoch, cycle in fine_tune(groups, self.protocol.epochs, steps):
            self.body.train()
            costs = []
            for inputs, classes in self._lessons(epoch):
                cost = self.arm.loss(self.body(inputs), classes)
                cost.backward()
                cycle.step()
                costs.append(cost.detach())
            if epoch:
                yield float(torch.stack(costs).mean())

    def _places(self, epoch: int) -> Iterator[list[int]]:
        """The pictures of each step; whole batches, as batch norm wants them."""
        order, size = shuffled(self.album.train, self.seed, epoch), self.protocol.batch
        ends = range(size, len(order) + 1, size) if len(order) >= size else [len(order)]
        yield from (order[max(0, end - size) : end] for end in ends)

    def _lessons(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """What the body sees, and the classes."""
        if self.seen is not None:
            for places in self._places(epoch):
                yield self.seen.of(places).to(DEVICE), self.album.classes[places].to(DEVICE)
            return
        photos = Photos(self.album, self.protocol.resize, self.seed)
        photos.epoch = epoch
        draw = torch.Generator().manual_seed(self.seed * 10_007 + epoch)
        order = [place for places in self._places(epoch) for place in places]
        for pictures, classes in batches(photos, order, self.protocol.batch, self.protocol.readers):
            seen = augment(pictures.to(DEVICE), self.protocol.size, draw)
            yield self.body.normal(seen), classes.to(DEVICE)

    @torch.no_grad()
    def validate(self) -> tuple[float, list[dict[str, float | str]]]:
        """The arm's own loss, and the scores of every reading."""
        self.body.eval()
        truth = self.album.classes[list(self.album.valid)].to(DEVICE)
        features = torch.cat([self.body(inputs) for inputs in self._held_out()])
        cost = float(self.arm.loss(features, truth))
        return cost, controls.readings(self.arm.head, features, truth, self.tree)

    def _held_out(self) -> Iterator[Tensor]:
        if self.seen is not None:
            yield self.seen.of(self.album.valid).to(DEVICE)
            return
        photos, size = Photos(self.album, self.protocol.resize), self.protocol.size
        places = list(self.album.valid)
        for pictures, _ in batches(photos, places, self.protocol.batch, self.protocol.readers):
            yield self.body.normal(plain(pictures.to(DEVICE), size))
