"""One process of a training of Trainer or accelerate: python transformers_process.py KIND FOLDER.

Rank 0 prints, as JSON, the weights that came out, the losses that were logged, and the scores.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from tiny_transformers import WEIGHTS, Sequential, arguments, images, tree, vit
from torch.utils.data import DataLoader

import taxoloss
from taxoloss.integrations.transformers import compute_loss_func, compute_metrics

PROCESSES = int(os.environ.get("WORLD_SIZE", "1"))


def trainer(folder: str, **settings: Any) -> dict[str, Any]:
    """Trains and evaluates with Trainer: a batch is 8 samples, whatever the number of processes."""
    t = tree(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS)
    args = arguments(
        folder, per_device_train_batch_size=8 // PROCESSES, per_device_eval_batch_size=3,
        ddp_backend="gloo" if PROCESSES > 1 else None, **settings,
    )  # fmt: skip
    data = images(24, 8), images(11, 8, ignored=False)
    trained = Sequential(
        model=vit(t), args=args, train_dataset=data[0], eval_dataset=data[1],
        compute_loss_func=compute_loss_func(loss, args), compute_metrics=compute_metrics(t, loss=loss),
    )  # fmt: skip
    trained.train()
    scores = {k: v for k, v in trained.evaluate().items() if "runtime" not in k and "second" not in k}
    losses = [entry["loss"] for entry in trained.state.log_history if "loss" in entry]
    weights = trained.model.state_dict()["classifier.weight"]  # type: ignore[union-attr]
    return {"weights": weights.tolist(), "losses": losses, "scores": scores}


def trainer_by_batches(folder: str) -> dict[str, Any]:
    """The same, whose scores are counted batch by batch."""
    return trainer(folder, batch_eval_metrics=True)


def accelerated(folder: str) -> dict[str, Any]:
    """A loop of accelerate: the sum over a piece by the labels of all pieces of all processes."""
    t = tree(node_targets=True)
    accelerator = Accelerator(cpu=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS, reduction="sum")  # not prepared: it has no parameters
    model = vit(t)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    loader: Any = DataLoader(images(24, 8), batch_size=4 // PROCESSES)  # type: ignore[arg-type]
    held: Any = DataLoader(images(11, 8, ignored=False), batch_size=3)  # type: ignore[arg-type]
    model, optimizer, loader, held = accelerator.prepare(model, optimizer, loader, held)
    pieces = iter(loader)
    for _ in range(len(loader) // 2):
        batches = [next(pieces) for _ in range(2)]
        labels = torch.stack([(batch["labels"] != -100).sum() for batch in batches]).sum()
        total = accelerator.reduce(labels, "sum")
        for number, batch in enumerate(batches):
            with accelerator.no_sync(model) if number == 0 else nullcontext():
                logits = model(batch["pixel_values"]).logits
                # DDP takes the mean over processes.
                cost = loss(logits, batch["labels"]) * accelerator.num_processes
                accelerator.backward(cost / total)
        optimizer.step()
        optimizer.zero_grad()
    metrics = taxoloss.metrics.collection(t)
    model.eval()
    with torch.no_grad():
        for batch in held:
            logits = model(batch["pixel_values"]).logits
            metrics.update(*accelerator.gather_for_metrics((logits, batch["labels"])))
    weights = accelerator.unwrap_model(model).state_dict()["classifier.weight"]
    scores = {name: float(value) for name, value in metrics.compute().items()}
    return {"weights": weights.tolist(), "losses": [], "scores": scores}


if __name__ == "__main__":
    found = {"trainer": trainer, "batches": trainer_by_batches, "accelerate": accelerated}[sys.argv[1]](
        sys.argv[2]
    )
    if os.environ.get("RANK", "0") == "0":
        print("FOUND", json.dumps(found))
