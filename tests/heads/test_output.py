"""TaxonomyOutput: what it gives, what it refuses, its state, and the ways of torch it goes through."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from taxoloss import Taxonomy, decisions, load
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.heads import TaxonomyOutput

TREE = load({"tree": {"cat": ["a", "b", "e"], "dog": ["c", "d"], "cow": None}})
ORDER = ["d", "cow", "a", "c", "b", "e"]
CLIMB = partial(decisions.climb, threshold=0.6, return_probability=True)


def fresh(order: list[str] = ORDER) -> Taxonomy:
    """Nothing was made for it yet."""
    return load({"tree": {"cat": ["a", "b", "e"], "dog": ["c", "d"], "cow": None}}).bind(order)


def logits(*shape: int, scale: float = 3.0) -> Tensor:
    """Each time the same."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("shape", [(6,), (5, 6), (0, 6), (2, 6, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_it_is_the_functions(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Levels from the top down, and the decision's answer beside them."""
    t, z = fresh(), logits(*shape).to(dtype)
    wanted = level_log_probs(z, t)
    plain = TaxonomyOutput(t)(z)
    log_probs, (ids, probability) = TaxonomyOutput(t, CLIMB)(z)
    assert list(plain) == list(log_probs) == list(t.levels)
    for level, values in wanted.items():
        assert torch.equal(plain[level], values)
        assert torch.equal(log_probs[level], values)
    answer, sure = CLIMB(z, t)
    assert torch.equal(ids, answer)
    assert torch.equal(probability, sure)


def test_logits_that_are_far_apart() -> None:
    """A gap of 1e4 is no NaN and no infinity, and every level sums to 1."""
    z = torch.tensor([[1e4, 0, -1e4, 3, 2, 1], [-1e4, 1e4, 1e4, 0, 0, 0]])
    for level in TaxonomyOutput(fresh())(z).values():
        assert level.isfinite().all()
        torch.testing.assert_close(level.exp().sum(1), torch.ones(2))


def test_a_stack_ends_in_it() -> None:
    """And trains through it."""
    model = nn.Sequential(nn.Linear(4, 6), TaxonomyOutput(fresh(), decisions.leaf))
    log_probs, _ = model(logits(3, 4))
    log_probs["depth_1"].sum().backward()
    grad: Any = model[0].weight.grad
    assert grad.isfinite().all()


# -- what is refused -------------------------------------------------------------------------------


def test_probabilities_are_refused() -> None:
    """A softmax before it is the commonest mistake."""
    with pytest.raises(ValueError, match=r"look like probabilities; .*or pass p\.log\(\)"):
        TaxonomyOutput(fresh())(logits(4, 6).softmax(1))


def test_another_number_of_classes_is_refused() -> None:
    """With both numbers."""
    with pytest.raises(ValueError, match=r"expected logits of 6 classes .*got 5"):
        TaxonomyOutput(fresh())(logits(4, 5))
    with pytest.raises(ValueError, match="bound taxonomy"):
        TaxonomyOutput(TREE)
    with pytest.raises(TypeError, match="expected a bound Taxonomy, got str 'pets'"):
        TaxonomyOutput("pets")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("climb", "expected decision as a callable f\\(logits, taxonomy\\).*got str 'climb'"),
        (0.9, "got float 0.9"),
        (decisions.Threshold, "got type"),
        (decisions.climb, "fails there: missing a required argument: 'threshold'"),
        (lambda z: z, "fails there: too many positional arguments"),
    ],
)
def test_what_is_no_decision(decision: Any, words: str) -> None:
    """One sentence, when it is made."""
    with pytest.raises(TypeError, match=words):
        TaxonomyOutput(fresh(), decision)


def test_an_answer_that_is_none() -> None:
    """Scores are no node ids."""
    with pytest.raises(TypeError, match=r"integer node ids.*got torch\.float32"):
        TaxonomyOutput(fresh(), lambda z, t: z)(logits(2, 6))


def test_a_threshold_of_another_order_is_refused_at_once() -> None:
    """When the module is made, not when it is used."""
    truth = torch.arange(6).repeat(20)
    z = 3 * torch.eye(6)[truth] + logits(120, 6)
    threshold = decisions.calibrate_threshold(z, truth, fresh(), risk=0.2)
    TaxonomyOutput(fresh(), partial(decisions.climb, threshold=threshold))
    with pytest.raises(ValueError, match="the class order that this threshold was calibrated on"):
        TaxonomyOutput(fresh(ORDER[::-1]), partial(decisions.climb, threshold=threshold))


# -- its state -------------------------------------------------------------------------------------


def test_a_state_of_another_order_is_refused() -> None:
    """That of the model alone has no order, and is loaded."""
    model: Any
    other: Any
    model, other = (nn.Sequential(nn.Linear(4, 6), TaxonomyOutput(fresh(o))) for o in (ORDER, ORDER[::-1]))
    with pytest.raises(
        RuntimeError, match="TaxonomyOutput was stored for another taxonomy or another order"
    ):
        model.load_state_dict(other.state_dict())
    model = nn.Sequential(nn.Linear(4, 6), TaxonomyOutput(fresh()))
    alone = {key: value for key, value in other.state_dict().items() if not key.endswith("binding")}
    model.load_state_dict(alone)
    model(logits(2, 4))
    assert torch.equal(model[0].weight, other[0].weight)
    with torch.no_grad():
        model[1].binding.copy_(other[1].binding)  # as distributed checkpoints do
    with pytest.raises(RuntimeError, match="another order"):
        model(logits(2, 4))


# -- ways of torch ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["vmap", "copy", "pickle", "trace", "autocast", "inference", "int8"])
def test_ways_of_torch(way: str) -> None:
    """Each gives what a plain call does."""
    made, z = TaxonomyOutput(fresh(), decisions.leaf), logits(5, 6)
    ways: dict[str, Any] = {
        "vmap": torch.func.vmap(made),
        "copy": copy.deepcopy(made),
        "pickle": pickle.loads(pickle.dumps(made)),
        "autocast": torch.autocast("cpu", torch.bfloat16)(made),
        "inference": torch.inference_mode()(made),
    }
    if way == "trace":
        ways[way] = torch.jit.trace(made, (z,), strict=False)  # strict takes no dict
    elif way == "int8":
        ways[way] = torch.ao.quantization.quantize_dynamic(nn.Sequential(made), {nn.Linear})
    log_probs, answer = ways[way](z)
    wanted = TaxonomyOutput(fresh(), decisions.leaf)(z)
    torch.testing.assert_close((log_probs, answer), wanted)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_takes_no_taxonomy() -> None:
    """Tracing is the way there."""
    with pytest.raises((RuntimeError, ValueError)):
        torch.jit.script(TaxonomyOutput(fresh()))
