"""Cats, dogs and their breeds: one net with one output a breed, trained on both levels of the tree.

The setting is that of Isaac Flath's post "Hierarchical Loss Function" (2020): the Oxford-IIIT Pet
pictures, 56 pixels wide so that it is not too easy, resnet18, and the loss
w * breed + (1 - w) * species. `train` shows how, with one w and one seed; `sweep` is the post's
experiment, with cross-entropy beside it; `show-batch` draws what a net sees.

    python examples/pets/pets.py sweep --epochs 3 --step 0.05 --runs 5   (downloads pictures and weights)
    python examples/pets/pets.py sweep --epochs 10 --step 0.1 --runs 5
    python examples/pets/pets.py sweep --data FOLDER --backbone efficientnet-lite0  (downloads nothing)
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import training
import typer
from model import Backbone

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=__doc__)
Data = Annotated[Path | None, typer.Option(help="The pictures' folder; else download.")]
Size = Annotated[int, typer.Option(min=40, help="Width of the pictures in pixels.")]
Resize = Annotated[int, typer.Option(min=40, help="Of each picture, before it is augmented.")]
BatchSize = Annotated[int, typer.Option(min=1)]


class Engine(str, Enum):
    """Where cells are trained."""

    inline = "inline"
    processes = "processes"
    ray = "ray"


@app.command()
def train(
    data: Data = None,
    breed_weight: Annotated[float, typer.Option(min=0, max=1, help="w; species: 1 - w.")] = 0.7,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    size: Size = 56,
    batch_size: BatchSize = 64,
    lr: Annotated[float | None, typer.Option(help="Highest; else .001, or .01 if frozen.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, first weights and batches.")] = 42,
    out: Annotated[Path, typer.Option(help="Where best.pt is written.")] = Path("runs/pets"),
    backbone: Annotated[Backbone, typer.Option(help="Where its weights come from.")] = Backbone.imagenet,
    freeze: Annotated[bool, typer.Option("--freeze", help="Train the head only.")] = False,
    readers: Annotated[int, typer.Option(min=0, help="Processes that read pictures.")] = 2,
) -> None:
    """Train one net on breeds and species at once, and keep the best of its epochs."""
    training.run(data, breed_weight, epochs, size, batch_size, lr, seed, out, backbone, freeze, readers)


@app.command()
def sweep(
    data: Data = None,
    epochs: Annotated[int, typer.Option(min=1, help="After the one with a frozen backbone.")] = 3,
    step: Annotated[float, typer.Option(help="Between two weights of the breed; 1 is a multiple.")] = 0.05,
    runs: Annotated[int, typer.Option(min=1, help="Of each weight; a run is a seed.")] = 5,
    controls: Annotated[
        bool, typer.Option("--controls", help="Also label smoothing, and a head for each level.")
    ] = False,
    size: Size = 56,
    resize: Resize = 460,
    batch_size: BatchSize = 64,
    backbone: Annotated[
        Backbone, typer.Option(help="Its weights; efficientnet-lite0 stays frozen, its features are kept.")
    ] = Backbone.imagenet,
    readers: Annotated[int, typer.Option(min=0, help="Processes that read pictures, for each cell.")] = 2,
    out: Annotated[Path | None, typer.Option(help="Default: runs/pets-EPOCHS-BACKBONE.")] = None,
    engine: Annotated[Engine, typer.Option(help="Where cells are trained.")] = Engine.inline,
    workers: Annotated[int | None, typer.Option(min=1, help="Cells at once.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster.")] = None,
) -> None:
    """The post's experiment: every weight of the breed, several runs of each; and cross-entropy.

    Stop it and go on whenever you like. Accuracies are read in three ways: by summed probability
    (marginal), by the species of the best breed (leaf), as the post has it, and by least cost (crm).
    """
    import protocol

    folder = out or Path(f"runs/pets-{epochs}-{backbone.value}")
    try:
        common = protocol.prepare(data, epochs, size, resize, batch_size, backbone, readers)
        cells = protocol.cells(step, runs, controls)
        results = protocol.run(common, cells, folder, engine.value, workers, address)
    except (ValueError, ModuleNotFoundError, ConnectionError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{results.csv}: {len(results.rows):,} rows. Next: taxoloss plot {folder}")
    raise typer.Exit(1 if results.failures else 0)


@app.command("show-batch")
def show_batch(
    data: Data = None,
    size: Size = 56,
    resize: Resize = 460,
    rows: Annotated[int, typer.Option(min=1, help="Of pictures.")] = 3,
    columns: Annotated[int, typer.Option(min=1, help="Of pictures.")] = 4,
    seed: Annotated[int, typer.Option(help="Of the batch and the augmentations.")] = 0,
    out: Annotated[Path, typer.Option(help="A PNG file.")] = Path("runs/pets/batch.png"),
) -> None:
    """Draw augmented pictures as a net sees them, breed and species under each."""
    import batch

    typer.echo(f"Wrote {batch.draw(data, size, resize, rows, columns, seed, out)}")


if __name__ == "__main__":
    app()
