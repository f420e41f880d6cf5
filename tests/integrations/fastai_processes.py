"""Scores of a validation in one process or, under torchrun, in several: `fastai_processes.py FOLDER`."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import torch
from fastai import distributed
from fastai.vision import all as fv
from fastai_trials import Net, bound, learner, loaders, quiet

import taxoloss
from taxoloss.integrations import fastai as ours


def on_cpu(self: Any, numbers: list[int], rank: int) -> list[int]:
    """As DistributedDL._broadcast, which asks for a GPU."""
    tensor = torch.LongTensor(numbers)
    torch.distributed.broadcast(tensor, rank)
    return [int(number) for number in tensor]


def main() -> None:
    """Prints what the columns show, all of the collection: 21 samples, uneven over two processes."""
    distributed.DistributedDL._broadcast = on_cpu
    dls = loaders(splitter=fv.RandomSplitter(0.5, seed=0))
    t = bound(dls)
    columns = ours.metric_columns(taxoloss.metrics.collection(t))
    made = learner(taxoloss.TaxonomyLoss(t), dls, Net(), metrics=columns)
    several = made.distrib_ctx(cpu=True) if os.environ.get("WORLD_SIZE") else contextlib.nullcontext()
    with several, quiet():
        made.validate()
        found = [float(value) for value in made.final_record[1:]]  # 0 is the loss
    print(f"{json.dumps(found)}\n", end="", flush=True)


if __name__ == "__main__":
    main()
