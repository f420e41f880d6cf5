"""Trains and scores on one process or two, and writes weights and scores.

    python lightning_ranks.py trainer|plain|fabric DEVICES FILE

Each batch of 8 is dealt out to the processes in turn, the last of 5 too: together they count one batch.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning_lesson import BOUND, Lesson, samples, trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import taxoloss

TRAIN, VALIDATION = 45, 37


def dealt(number: int, seed: int, rank: int, ranks: int) -> DataLoader[Any]:
    """This process's share of each batch of 8; the first samples of training have no label."""
    x, target = samples(number, seed)
    target[:3] = -100
    orders = [list(range(first, min(first + 8, number))) for first in range(0, number, 8)]
    data = TensorDataset(x.double(), target)
    return DataLoader(data, batch_sampler=[order[rank::ranks] for order in orders])


class Share(Lesson):
    """The mean over all samples that all processes count in a step."""

    def __init__(self, exact: bool) -> None:
        super().__init__(BOUND, "PathSum")
        self.exact = exact
        self.total = taxoloss.TaxonomyLoss(BOUND, reduction="sum")

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """DDP takes the mean of the processes: so the sum, over the count of all, times their number."""
        x, target = batch
        if not self.exact:
            return self.loss(self(x), target)
        counted = torch.as_tensor(self.all_gather((target != -100).sum())).sum()
        return self.total(self(x), target) * self.trainer.world_size / counted

    def train_dataloader(self) -> DataLoader[Any]:
        """Lightning's own sampler would shuffle, and count samples twice where they do not divide."""
        return dealt(TRAIN, 0, self.global_rank, self.trainer.world_size)

    def val_dataloader(self) -> DataLoader[Any]:
        """Another draw."""
        return dealt(VALIDATION, 1, self.global_rank, self.trainer.world_size)


def by_trainer(devices: int, exact: bool) -> dict[str, Any]:
    """The weights and the scores of Lightning's loop."""
    lesson = Share(exact)
    options: dict[str, Any] = {"devices": devices, "strategy": "ddp" if devices > 1 else "auto"}
    run = trainer(epochs=3, precision="64-true", use_distributed_sampler=False, **options)
    run.fit(lesson)
    scores = {name: float(value) for name, value in run.callback_metrics.items()}
    return {"rank": run.global_rank, "weight": lesson.head.weight.tolist(), "scores": scores}


def by_fabric(devices: int) -> dict[str, Any]:
    """The same by a loop of one's own."""
    fabric = Fabric(accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto")
    fabric.launch()
    rank, ranks = fabric.global_rank, fabric.world_size
    model = taxoloss.heads.PathSum(8, BOUND).double()
    total = taxoloss.TaxonomyLoss(BOUND, reduction="sum")
    scores = taxoloss.metrics.collection(BOUND, prefix="val/", ranking=True, curves=True).to(fabric.device)
    wrapped, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), 0.5))
    for _ in range(3):
        for x, target in fabric.setup_dataloaders(
            dealt(TRAIN, 0, rank, ranks), use_distributed_sampler=False
        ):
            counted = fabric.all_reduce((target != -100).sum(), reduce_op="sum")
            optimizer.zero_grad()
            fabric.backward(total(wrapped(x), target) * ranks / counted)
            optimizer.step()
    with torch.inference_mode():
        for x, target in fabric.setup_dataloaders(
            dealt(VALIDATION, 1, rank, ranks), use_distributed_sampler=False
        ):
            scores.update(wrapped(x), target)
    found = {name: float(value) for name, value in scores.compute().items()}  # of all processes
    return {"rank": rank, "weight": model.weight.tolist(), "scores": found}


if __name__ == "__main__":
    loop, devices = sys.argv[1], int(sys.argv[2])
    found = by_fabric(devices) if loop == "fabric" else by_trainer(devices, loop == "trainer")
    torch.save(found, f"{sys.argv[3]}.{found['rank']}")
