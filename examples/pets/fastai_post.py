"""The post "Hierarchical Loss Function" (Isaac Flath, 2020) in today's fastai: breeds and species at once.

The Oxford-IIIT Pet pictures 56 pixels wide, resnet18, and the loss w * CE(breed) + (1 - w) * CE(species),
where P(species) is the sum over its breeds: `TaxonomyLoss(t, {"breed": w, "species": 1 - w})`. `train`
is the post's Learner with one w; `sweep` its experiment, every w from 0 to 1, several seeds of each.

    python examples/pets/fastai_post.py train --root FOLDER --epochs 3 --breed-weight 0.7
    python examples/pets/fastai_post.py sweep --root FOLDER --epochs 3 --step 0.1 --runs 5

FOLDER is laid out as torchvision.datasets.OxfordIIITPet(FOLDER) has it; with fewer breeds the tree is cut
to them. Nothing is downloaded: without ImageNet weights in torch's folder the net starts from random ones,
and says so. A species is answered by summed probability; the post took the species of the best breed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from data import find
from fastai.losses import CrossEntropyLossFlat
from fastai.vision import all as fv
from photos import SPLIT_SEED, album
from torchvision.models import ResNet18_Weights  # type: ignore[import-untyped]

import taxoloss
from taxoloss import sweep as sweeps
from taxoloss.integrations.fastai import TaxonomyCallback, level_metrics

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=__doc__)
Root = Annotated[Path, typer.Option(help="The pictures' folder.")]
Epochs = Annotated[int, typer.Option(min=1, help="After the one with a frozen body.")]
Limit = Annotated[int | None, typer.Option(min=20, help="Of pictures; every n-th is taken.")]
Size = Annotated[int, typer.Option(min=40, help="Of a picture, in pixels.")]
Resize = Annotated[int, typer.Option(min=40, help="Of each picture, before it is augmented.")]
Batch = Annotated[int, typer.Option(min=2, help="Pictures a step.")]


def breed_of(path: Path) -> str:
    """The breed in a file's name, as american_bulldog of american_bulldog_10.jpg."""
    return path.stem.rsplit("_", 1)[0]


def loaders(root: Path, limit: int | None, size: int, resize: int, batch: int) -> Any:
    """The post's DataBlock: both official parts, a fifth held out, aug_transforms."""
    paths = album(root).paths
    chosen = paths[:: max(1, math.ceil(len(paths) / (limit or len(paths))))]
    block = fv.DataBlock(
        (fv.ImageBlock, fv.CategoryBlock),
        get_y=breed_of,
        splitter=fv.RandomSplitter(0.2, seed=SPLIT_SEED),
        item_tfms=fv.Resize(resize),
        batch_tfms=fv.aug_transforms(size=size, min_scale=0.9),
    )
    return block.dataloaders(chosen, bs=batch, num_workers=0, path=root)


def tree_of(dls: Any) -> taxoloss.Taxonomy:
    """Pets, in fastai's order of the breeds that are there."""
    pets = taxoloss.load("pets")
    return pets.bind(dls.vocab) if len(dls.vocab) == len(pets) else pets.restrict(dls.vocab)


def weights_are_there() -> bool:
    """Whether torch has resnet18's ImageNet weights already."""
    name = ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[1]
    return (Path(torch.hub.get_dir()) / "checkpoints" / name).is_file()


def learner(dls: Any, loss: Any) -> Any:
    """The post's net, its loss, and the accuracy of both levels."""
    t = tree_of(dls)
    options = {"metrics": level_metrics(t), "cbs": TaxonomyCallback(t), "pretrained": weights_are_there()}
    learn = fv.vision_learner(dls, fv.resnet18, loss_func=loss, **options)
    learn.remove_cb(fv.ProgressCallback)
    return learn


def describe(dls: Any) -> None:
    """What is trained on, and from which weights."""
    start = (
        "ImageNet's weights" if weights_are_there() else "random weights (those of ImageNet are not there)"
    )
    print(
        f"{tree_of(dls)!r}\n{len(dls.train_ds)} pictures to train on, {len(dls.valid_ds)} held out; {start}"
    )


@app.command()
def train(
    root: Root,
    epochs: Epochs = 3,
    breed_weight: Annotated[float, typer.Option(min=0, max=1, help="w; species: 1 - w.")] = 0.7,
    limit: Limit = None,
    size: Size = 56,
    resize: Resize = 460,
    batch_size: Batch = 64,
    seed: Annotated[int, typer.Option(help="Of first weights and batches.")] = 42,
    out: Annotated[Path, typer.Option(help="Where show_batch draws.")] = Path("runs/fastai_post"),
) -> None:
    """Show a batch, then fine-tune one net on both levels."""
    fv.set_seed(seed, reproducible=True)
    dls = loaders(find(root), limit, size, resize, batch_size)
    describe(dls)
    out.mkdir(parents=True, exist_ok=True)
    dls.show_batch(max_n=9)
    fv.plt.savefig(out / "batch.png")
    weights = {"species": round(1 - breed_weight, 10), "breed": breed_weight}
    learn = learner(dls, taxoloss.TaxonomyLoss(tree_of(dls), weights))
    print(f"seed {seed}, weights {weights}; batch drawn to {out / 'batch.png'}")
    print(*learn.recorder.metrics.attrgot("name"))
    learn.fine_tune(epochs)
    for path in dls.valid_ds.items[:3]:
        answer, _, probabilities = learn.predict(path)
        print(f"{path.name}: {answer}, {float(probabilities.max()):.2f}")


@app.command()
def sweep(
    root: Root,
    epochs: Epochs = 3,
    step: Annotated[float, typer.Option(help="Between two weights of the breed; 1 is a multiple.")] = 0.1,
    runs: Annotated[int, typer.Option(min=1, help="Of each weight; a run is a seed.")] = 5,
    limit: Limit = None,
    size: Size = 56,
    resize: Resize = 460,
    batch_size: Batch = 64,
    out: Annotated[Path, typer.Option(help="Stop it and go on whenever you like.")] = Path(
        "runs/fastai_post/sweep"
    ),
) -> None:
    """Every weight of the breed, and fastai's own cross-entropy; a row for each epoch."""
    data: dict[str, Any] = {"limit": limit, "size": size, "resize": resize, "batch": batch_size}
    root = find(root)
    dls = loaders(root, **data)
    describe(dls)
    weights = sweeps.simplex(["species", "breed"], step)
    results = sweeps.run(
        partial(train_cell, root=root, epochs=epochs, data=data),
        [
            *sweeps.grid(arm=["taxonomy"], weights=weights, seed=range(runs)),
            *sweeps.grid(arm=["flat"], seed=range(runs)),
        ],
        out,
        taxonomy=tree_of(dls),
        config={**data, "epochs": epochs, "pretrained": weights_are_there()},
        split=album(root).digest(),
    )
    print(f"{results.csv}: {len(results.rows):,} rows, seeds 0 to {runs - 1}. Next: taxoloss plot {out}")
    raise typer.Exit(1 if results.failures else 0)


def train_cell(
    cell: sweeps.Cell, root: Path, epochs: int, data: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """A net of one cell: a row for each epoch after the frozen one."""
    fv.set_seed(cell.seed, reproducible=True)
    dls = loaders(root, **data)
    flat = cell["arm"] == "flat"
    loss = CrossEntropyLossFlat() if flat else taxoloss.TaxonomyLoss(tree_of(dls), cell.level_weights())
    learn = learner(dls, loss)
    with learn.no_logging():
        learn.fine_tune(epochs)
    names = [name.replace("/", "_") for name in learn.recorder.metric_names[1:-1]]
    for values in learn.recorder.values:
        row = dict(zip(names, map(float, values), strict=True))
        yield {name: value for name, value in row.items() if not math.isnan(value)}


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    app()
