"""A fastai Learner over a tree: the loss, the table by level, answers, and a file of it all.

Coloured squares of four classes, two cats and two dogs; fastai sorts its classes, the tree does not.

    python examples/integrations/fastai_learner.py --epochs 5
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from fastai.vision import all as fv
from torch import nn

import taxoloss
from taxoloss.integrations.fastai import TaxonomyCallback, level_metrics

COLOURS = {"Bengal": (220, 120, 40), "Manx": (170, 40, 90), "beagle": (40, 90, 220), "pug": (90, 140, 170)}
TREE = {"levels": ["species", "breed"], "tree": {"dog": ["pug", "beagle"], "cat": ["Manx", "Bengal"]}}


def name(number: int) -> str:
    """The class of a square."""
    return list(COLOURS)[number % 4]


def square(number: int) -> Any:
    """A square of its class's colour, and noise."""
    noise = np.random.default_rng(number).normal(0, 25, (8, 8, 3))
    return fv.PILImage.create((np.array(COLOURS[name(number)]) + noise).clip(0, 255).astype(np.uint8))


def main() -> None:
    """Trains, answers, saves and loads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/fastai"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    fv.set_seed(0, reproducible=True)
    block = fv.DataBlock(
        (fv.ImageBlock, fv.CategoryBlock), get_x=square, get_y=name, splitter=fv.RandomSplitter(seed=0)
    )
    dls = block.dataloaders(range(400), bs=24, num_workers=0, path=args.out)
    t = taxoloss.load(TREE).bind(dls.vocab)  # fastai's order of classes
    net = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.BatchNorm1d(3), nn.Linear(3, 4))
    loss = taxoloss.TaxonomyLoss(t, {"species": 0.3, "breed": 0.7})
    cbs = [fv.MixUp(), fv.SaveModelCallback(monitor="accuracy/breed"), TaxonomyCallback()]
    learn = fv.Learner(dls, net, loss_func=loss, metrics=level_metrics(t), cbs=cbs)
    learn.remove_cb(fv.ProgressCallback)
    print(*learn.recorder.metrics.attrgot("name"))
    learn.fit_one_cycle(args.epochs, 0.5)
    learn.export("learner.pkl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a Learner is a pickle: load only what is yours
        loaded = fv.load_learner(args.out / "learner.pkl")
    print("predict:", *(f"{name(n)} -> {loaded.predict(square(n))[0]}" for n in range(1000, 1004)))
    logits, truth = learn.get_preds(act=fv.noop)  # without it: probabilities, which no decision takes
    answers = taxoloss.decisions.climb(logits, t, 0.7)
    print("climb:", *("/".join(t.path(int(node))) or "(nothing)" for node in answers[:4]))
    print("severity:", float(taxoloss.metrics.functional.mistake_severity(logits, truth, t)))


if __name__ == "__main__":
    main()
