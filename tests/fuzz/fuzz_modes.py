"""Random programs of first uses in nested modes of torch and in threads, each followed by training.

In short in tests/functional/test_modes.py; nightly: python tests/fuzz/fuzz_modes.py --count 2000.
"""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import rounds
import torch
from modes import MODES, USES, fresh, logits
from torch import Tensor

from taxoloss import Taxonomy

__all__ = ["Step", "programs", "wrong"]

#: Of two modes at once torch itself refuses some; and a module made at float16 takes no float32.
_NESTED = ("inference_mode", "no_grad", "default_device", "meta", "autocast", "dispatch", "fake")


@dataclass(frozen=True)
class Step:
    """A use inside of modes, the outer one first, here or in a thread of its own."""

    modes: tuple[str, ...]
    use: str
    thread: bool


def programs(count: int, seed: int) -> list[tuple[Step, ...]]:
    """Random programs of one to five steps."""
    draw = random.Random(seed)
    return [tuple(_step(draw) for _ in range(draw.randint(1, 5))) for _ in range(count)]


def _step(draw: random.Random) -> Step:
    nested = tuple(draw.sample(_NESTED, draw.randint(1, 3)))
    alone = (draw.choice(sorted(MODES)),)
    return Step(draw.choice([nested, alone]), draw.choice(sorted(USES)), draw.random() < 0.2)


def wrong(program: tuple[Step, ...]) -> str:
    """What training after the program says that it should not; "" where all is as it was."""
    taxonomy = fresh()
    for step in program:
        if step.thread:
            thread = threading.Thread(target=_run, args=(step, taxonomy))
            thread.start()
            thread.join()
        else:
            _run(step, taxonomy)
    for use in sorted(USES):
        try:
            got, want = _trained(use, taxonomy), _trained(use, fresh())
        except Exception as error:
            return f"{use}: {type(error).__name__}: {error}"
        if not all(torch.equal(one, other) for one, other in zip(got, want, strict=True)):
            return f"{use}: got {got}, expected {want}"
    return ""


def _run(step: Step, taxonomy: Taxonomy) -> None:
    # What a mode refuses is not the question: what stays behind is.
    try:
        with ExitStack() as stack:
            for mode in step.modes:
                stack.enter_context(MODES[mode]())
            USES[step.use](taxonomy, logits())
    except Exception:
        return


def _trained(use: str, taxonomy: Taxonomy) -> list[Tensor]:
    z = logits().requires_grad_()
    value = USES[use](taxonomy, z)
    return [value.detach(), *torch.autograd.grad(value, z)] if value.requires_grad else [value]


if __name__ == "__main__":
    rounds.main("programs of modes", programs, wrong, 1_000)
