"""A step of the loss where nodes have several parents, beside flat cross-entropy and beside a tree.

    python -m benchmarks.scripts.graphs [ROUNDS]

5,000 classes below 1,000 inner nodes, about 12 of them above a class; 256 rows, forward and backward in
float32 on one thread. Prints the median of the ratios of CPU time, step by step in turn: for random logits,
for those of a trained model (the target 40 above the rest), for label smoothing, class probabilities;
then the most memory that a step takes beside its logits, in multiples of these.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss
from taxoloss.taxonomy.plan import graph_plan_of

ROWS, WIDTHS, CLASSES = 256, (8, 40, 152, 300, 500), 5_000
_MORE_PARENTS = 0.2


def graph(seed: int = 0) -> Taxonomy:
    """Levels of inner nodes, each below one or two of the level above; classes below one to three."""
    rng = np.random.default_rng(seed)
    layers: list[list[str]] = []
    edges: dict[str, list[str]] = {}
    for number, width in enumerate(WIDTHS):
        layers.append([f"{number}_{node}" for node in range(width)])
        for name in layers[-1] if number else ():
            edges[name] = _some(rng, layers[number - 1], 1 + int(rng.random() < _MORE_PARENTS))
    inner = [name for layer in layers[2:] for name in layer]
    childless = [name for name in inner if not any(name in above for above in edges.values())]
    for number in range(CLASSES):
        more = _some(rng, inner, int(rng.integers(0, 3)))
        edges[f"class {number}"] = list(dict.fromkeys([childless[number % len(childless)], *more]))
    below: dict[str, list[str]] = {}
    for name, above in edges.items():
        below.setdefault(above[0], []).append(name)

    def item(name: str) -> dict[str, Any]:
        further = {"also_under": edges[name][1:]} if len(edges.get(name, [])) > 1 else {}
        children = {"children": [item(child) for child in below[name]]} if name in below else {}
        return {"name": name, **further, **children}

    return taxoloss.load({"tree": [item(name) for name in layers[0]]}).bind()


def _some(rng: np.random.Generator, names: list[str], count: int) -> list[str]:
    return [names[at] for at in rng.choice(len(names), min(count, len(names)), replace=False).tolist()]


def seconds(loss: Callable[[Tensor, Tensor], Tensor], z: Tensor, target: Tensor) -> float:
    """CPU seconds of a step on this thread."""
    z.grad = None
    start = time.thread_time()
    loss(z, target).backward()
    return time.thread_time() - start


def ratio(loss: Callable[[Tensor, Tensor], Tensor], z: Tensor, target: Tensor, rounds: int) -> float:
    """The median of the ratios to flat cross-entropy of class numbers."""
    labels = target if not target.is_floating_point() else target.argmax(1)
    pairs = [(seconds(loss, z, target), seconds(F.cross_entropy, z, labels)) for _ in range(rounds + 3)]
    return statistics.median(one / flat for one, flat in pairs[3:])


def memory(loss: Callable[[Tensor, Tensor], Tensor], z: Tensor, target: Tensor) -> float:
    """The most that is held at once in a step, beside logits and target, in multiples of the logits."""
    z.grad = None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        loss(z, target).backward()
    held, most = 0, 0
    for event in found.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / (z.numel() * z.element_size())


def main(rounds: int) -> None:
    """Prints a line for each kind of step."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    taxonomy = graph()
    plan = graph_plan_of(taxonomy)
    above = (plan.ancestors.sizes[:CLASSES] - 1).mean()
    reached = plan.classes.sizes[plan.ancestors.items]
    each = np.add.reduceat(reached, plan.ancestors.starts[:-2])[:CLASSES].mean()
    print(
        f"{CLASSES:,} classes, {taxonomy.num_nodes - CLASSES - 1:,} inner nodes, {above:.1f} above a class,"
    )
    print(f"which reach {each:,.0f} classes in all; {ROWS} rows")
    target = torch.randint(CLASSES, (ROWS,))
    random = torch.randn(ROWS, CLASSES)
    sure = random + 40 * F.one_hot(target, CLASSES)
    plain, smooth = TaxonomyLoss(taxonomy), TaxonomyLoss(taxonomy, label_smoothing=0.1)
    mixed = F.one_hot(target, CLASSES) * 0.7 + F.one_hot(target.flip(0), CLASSES) * 0.3
    steps = {
        "node ids": (plain, random, target),
        "node ids, a trained model": (plain, sure, target),
        "label smoothing": (smooth, random, target),
        "class probabilities": (plain, random, mixed),
    }
    for name, (loss, z, wanted) in steps.items():
        z = z.clone().requires_grad_()
        times = ratio(loss, z, wanted, rounds)
        print(
            f"{name:26} {times:5.2f} x flat cross-entropy, {memory(loss, z, wanted):5.2f} logits of memory"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
