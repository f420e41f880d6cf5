"""A LightningModule with the loss, the metrics and checkpoints that know their tree: seconds on a CPU.

python examples/integrations/lightning_module.py [EPOCHS SAMPLES]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import taxoloss
from taxoloss.integrations.lightning import TaxonomyCheckpoint


class Lesson(TaxonomyCheckpoint, LightningModule):
    """Two layers, the loss over the tree, and all scores of it in validation."""

    def __init__(self, taxonomy: taxoloss.Taxonomy, classes: list[str], lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters(ignore="taxonomy")
        self.taxonomy = t = taxonomy.bind(classes)
        self.model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), taxoloss.heads.Flat(32, t))
        self.loss = taxoloss.TaxonomyLoss(t, {"species": 0.3, "breed": 0.7})
        self.scores = taxoloss.metrics.collection(t, prefix="val/")

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 16) -> leaf logits (N, C)."""
        return self.model(x)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        loss: Tensor = self.loss(self(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Counts a batch; the collection is logged: scores of all samples, not means of batches."""
        self.scores.update(self(batch[0]), batch[1])
        self.log_dict(self.scores)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), self.hparams["lr"])


def batches(classes: int, samples: int, seed: int) -> DataLoader[Any]:
    """Points (16,) around the middle of their class; the middles are the same for every seed."""
    middles = torch.randn(classes, 16, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(classes, (samples,), generator=generator)
    x = middles[target] + 0.8 * torch.randn(samples, 16, generator=generator)
    return DataLoader(TensorDataset(x, target), batch_size=64)


def main() -> None:
    """Trains, prints the scores, and loads the checkpoint again."""
    epochs, samples = map(int, sys.argv[1:] or (5, 2000))
    seed_everything(0, verbose=False)
    pets = taxoloss.load("pets")
    lesson = Lesson(pets, sorted(pets.classes, reverse=True))
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.fit(lesson, batches(37, samples, 1), batches(37, 500, 2))
    for name, value in trainer.callback_metrics.items():
        print(f"{name:32}{float(value):.3f}")
    with TemporaryDirectory() as folder:
        trainer.save_checkpoint(f"{folder}/lesson.ckpt")
        print(Lesson.load_from_checkpoint(f"{folder}/lesson.ckpt", taxonomy=pets).taxonomy)


if __name__ == "__main__":
    main()
