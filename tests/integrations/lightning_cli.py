"""LightningCLI with a model that takes a Taxonomy: python lightning_cli.py fit --model.taxonomy pets"""

from __future__ import annotations

import sys
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningCLI
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import taxoloss
from taxoloss.integrations.lightning import TaxonomyCheckpoint


class CommandLesson(TaxonomyCheckpoint, LightningModule):
    """A linear head; says which tree it got."""

    def __init__(
        self, taxonomy: taxoloss.Taxonomy, classes: list[str] | None = None, lr: float = 0.1
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.taxonomy = taxonomy.bind(classes)
        self.head = torch.nn.Linear(4, len(taxonomy))
        self.loss, self.lr = taxoloss.TaxonomyLoss(self.taxonomy), lr
        print("taxonomy:", self.taxonomy, self.taxonomy.classes[0])

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        return self.loss(self.head(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain gradient descent."""
        return torch.optim.SGD(self.parameters(), self.lr)


class CommandData(LightningDataModule):
    """Eight samples of two classes."""

    def train_dataloader(self) -> DataLoader[Any]:
        """All of them."""
        return DataLoader(TensorDataset(torch.randn(8, 4), torch.arange(8) % 2), batch_size=4)


if __name__ == "__main__":
    if sys.argv[1] == "load":
        CommandLesson.load_from_checkpoint(sys.argv[2])
    else:
        LightningCLI(
            CommandLesson,
            CommandData,
            trainer_defaults={"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False},
        )
