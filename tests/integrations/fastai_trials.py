"""What the trials of fastai share: coloured pictures, their DataLoaders, a small net, a quiet Learner.

fastai changes torch.Tensor and the start of processes for everyone in its process, so trials are run in one
of their own: `run` prints what each returns, or the error that it ends with, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from fastai.vision import all as fv  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import taxoloss  # noqa: E402

FOLDER = Path(sys.argv[1])
#: Class -> colour; in fastai's order, which sorts, and which is not the tree's.
COLOURS = {"Bengal": (250, 10, 10), "Manx": (10, 250, 10), "beagle": (10, 10, 250), "pug": (120, 120, 120)}
NAMES = list(COLOURS)
TREE = taxoloss.load(
    {"levels": ["species", "breed"], "tree": {"dog": ["pug", "beagle"], "cat": ["Manx", "Bengal"]}}
)
FLAT = taxoloss.load({"levels": ["breed"], "tree": NAMES})
WEIGHTS = {"species": 0.4, "breed": 0.6}
TRIALS: dict[str, Callable[[], Any]] = {}


def trial(function: Callable[[], Any]) -> Callable[[], Any]:
    """Notes what is run."""
    TRIALS[function.__name__] = function
    return function


def pictures(count: int = 42) -> list[int]:
    """Numbers of pictures; number n is one of class n % 4."""
    return list(range(count))


def label(number: int) -> str:
    """The class of a picture."""
    return NAMES[number % 4]


def picture(number: int) -> Any:
    """Of one colour, with a little noise of its own."""
    noise = np.random.default_rng(number).integers(-40, 40, (8, 8, 3))
    return fv.PILImage.create((np.array(COLOURS[label(number)]) + noise).clip(0, 255).astype(np.uint8))


def loaders(**options: Any) -> Any:
    """DataLoaders of pictures and classes, batches of 5: the last one of 42's fifth is not full."""
    given: dict[str, Any] = {"get_x": picture, "get_y": label, "splitter": fv.RandomSplitter(0.2, seed=0)}
    blocks = (fv.ImageBlock, options.pop("block", fv.CategoryBlock))
    block = fv.DataBlock(blocks, **{**given, **options})
    return block.dataloaders(pictures(), bs=5, num_workers=0, path=FOLDER)


class Net(nn.Module):
    """Logits from the mean colour; the first weights are those of a seed."""

    def __init__(self, classes: int = 4, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.last = nn.Linear(3, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) to (N, classes)."""
        return self.last(x.mean((2, 3)))


def knowing(dls: Any) -> Net:
    """A net that knows the classes by their colours, whatever their numbers."""
    net = Net(len(dls.vocab))
    colours = torch.tensor([COLOURS[name] for name in dls.vocab]) / 255
    net.last.weight.data = 20 * colours
    net.last.bias.data = -10 * (colours**2).sum(1)
    return net


def learner(loss: Any, dls: Any = None, net: nn.Module | None = None, **options: Any) -> Any:
    """A Learner without a progress bar."""
    made = fv.Learner(dls or loaders(), net or Net(), loss_func=loss, **options)
    made.remove_cbs(fv.ProgressCallback)
    return made


@contextlib.contextmanager
def quiet() -> Any:
    """What fastai prints, kept."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        yield printed


def fitted(loss: Any, cbs: Any = None, epochs: int = 2) -> list[float]:
    """The weights of a net after some epochs from one seed."""
    fv.set_seed(1, reproducible=True)  # loaders draw the seeds of their shuffles when they are made
    made = learner(loss, cbs=cbs)
    with quiet():
        made.fit_one_cycle(epochs, 0.05)
    return [round(float(x), 6) for x in made.model.last.weight.detach().reshape(-1)]


def said(call: Callable[[], Any]) -> str:
    """The words of the error that a call ends with."""
    try:
        with quiet():
            call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def bound(dls: Any, **options: Any) -> taxoloss.Taxonomy:
    """The tree, bound to the vocab."""
    return TREE.bind(dls.vocab, **options)


def run() -> None:
    """Runs the trials, all or those that are named."""
    found: dict[str, Any] = {}
    for name in sys.argv[2:] or TRIALS:
        try:
            found[name] = TRIALS[name]()
        except Exception as error:
            found[name] = {"error": "".join(traceback.format_exception(error))[-3000:]}
    print(json.dumps(found))
