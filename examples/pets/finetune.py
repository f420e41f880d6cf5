"""fastai's `fine_tune`: the head alone for an epoch, then all layers, the first with the smallest rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

BASE, SMALLEST = 2e-3, 100.0  # the rate of the head; how much smaller that of the first layers is
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Cycle:
    """AdamW and one cycle of its rate: up to the highest, down to almost nothing, momentum the other way.

    Args:
        groups: modules from the first layers to the head.
        rates: the highest rate of each.
        steps: of the cycle.
        rise: the share of steps on the way up.
        start: what the highest rate is divided by at the beginning.
    """

    def __init__(
        self,
        groups: Sequence[nn.Module],
        rates: Sequence[float],
        steps: int,
        rise: float,
        start: float,
    ) -> None:
        parts = [
            {"params": values, "lr": rate, "weight_decay": decay}
            for group, rate in zip(groups, rates, strict=True)
            for decay, values in zip((0.01, 0.0), _with_decay(group), strict=True)
            if values
        ]
        self.adam = torch.optim.AdamW(parts, lr=BASE, betas=(0.95, 0.99), eps=1e-5)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.adam,
            [part["lr"] for part in self.adam.param_groups],
            total_steps=steps,
            pct_start=rise,
            div_factor=start,
            final_div_factor=1e5 / start,
            base_momentum=0.85,
        )

    def step(self) -> None:
        """One step, and the next rate."""
        self.adam.step()
        self.cycle.step()
        self.adam.zero_grad()


def _with_decay(group: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The trained values that weight decay pulls to 0, and the others: norms and biases."""
    norms = {id(x) for part in group.modules() if isinstance(part, NORMS) for x in part.parameters()}
    trained = [(name, value) for name, value in group.named_parameters() if value.requires_grad]
    free = [value for name, value in trained if id(value) in norms or name.endswith("bias")]
    kept = {id(value) for value in free}
    return [value for _, value in trained if id(value) not in kept], free


def fine_tune(groups: Sequence[nn.Module], epochs: int, steps: int) -> Iterator[tuple[int, Cycle]]:
    """(epoch, its cycle): epoch 0 with all but the head and the norms frozen, then 1 to epochs.

    Args:
        groups: modules from the first layers to the head.
        epochs: after the frozen one.
        steps: of an epoch.
    """
    for group in groups[:-1]:
        for part in group.modules():
            for value in part.parameters(recurse=False):
                value.requires_grad_(isinstance(part, NORMS))
    small = [BASE / 10] * (len(groups) - 1)
    yield 0, Cycle(groups, [*small, BASE], steps, rise=0.99, start=25.0)
    for group in groups:
        group.requires_grad_(True)
    away = range(len(groups) - 1, -1, -1)  # of each group from the head
    shares = [SMALLEST ** (-steps_away / max(1, len(groups) - 1)) for steps_away in away]
    cycle = Cycle(groups, [BASE / 2 * share for share in shares], epochs * steps, rise=0.3, start=5.0)
    for epoch in range(1, epochs + 1):
        yield epoch, cycle
