"""Decisions and trees for the tests of exports; no framework is imported."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from taxoloss import Taxonomy, decisions, load

#: Ranks are missing, classes stand at three depths, two names repeat.
_TREE = {
    "levels": ["order", "sub family", "kind/form", "Größe"],
    "tree": {
        "cat": ["a", "b", {"name": "e", "level": "Größe"}],
        "dog": {"x": ["a", "d"]},
        "pig": {"x": {"deep": ["f", "g"]}, "y": ["h", "i"]},
        "cow": None,
    },
}


def fresh() -> Taxonomy:
    """A taxonomy that nothing was made for yet, in an order that is not the tree's."""
    tree = load(_TREE)
    return tree.bind(tree.paths()[::-1])


def logits(rows: int = 7, *more: int, scale: float = 3.0) -> Tensor:
    """(rows, 10, ...), each time the same."""
    generator = torch.Generator().manual_seed(rows)
    return scale * torch.randn(rows, 10, *more, generator=generator)


#: Of a taxonomy the decision.
DECISIONS: dict[str, Callable[[Taxonomy], Any]] = {
    "none": lambda t: None,
    "leaf": lambda t: decisions.leaf,
    "leaf_probability": lambda t: partial(decisions.leaf, return_probability=True),
    "at_level": lambda t: partial(decisions.at_level, level="sub family"),
    "climb": lambda t: partial(decisions.climb, threshold=0.7, return_probability=True),
    "calibrated": lambda t: partial(decisions.climb, threshold=threshold(t)),
    "top_down": lambda t: decisions.top_down,
    "most_specific": lambda t: partial(decisions.most_specific, threshold=0.6),
    "minimum_cost": lambda t: decisions.minimum_cost,
    "hedge": lambda t: partial(decisions.hedge, tradeoff=0.5),
    "allowed": lambda t: partial(decisions.climb, threshold=0.7, allowed=[0, 2, 5, t.node_id("cat")]),
}


def threshold(t: Taxonomy) -> decisions.Threshold:
    """Calibrated on rows that no test shows a model."""
    truth = torch.arange(10).repeat(20)
    z = 2 * torch.eye(10)[truth] + torch.randn(200, 10, generator=torch.Generator().manual_seed(99))
    return decisions.calibrate_threshold(z, truth, t, risk=0.2)


def leaves(output: Any) -> list[Tensor]:
    """What TaxonomyOutput gives, as a list."""
    log_probs, answer = output if isinstance(output, tuple) else (output, ())
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [*log_probs.values(), *parts]


def check_equal(found: Any, wanted: Any) -> None:
    """All levels to 1e-5, answers exactly, and each level's probabilities sum to 1."""
    one, other = ([torch.as_tensor(part) for part in leaves(output)] for output in (found, wanted))
    assert len(one) == len(other)
    for here, there in zip(one, other, strict=True):
        torch.testing.assert_close(here, there.detach(), rtol=1e-5, atol=1e-5)
    log_probs = found[0] if isinstance(found, tuple) else found
    for level in map(torch.as_tensor, log_probs.values()):
        total = level.double().exp().sum(1)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-5)
