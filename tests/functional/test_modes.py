"""What is kept with a taxonomy: made in any mode of torch it serves every later call."""

from __future__ import annotations

import threading
from typing import Any

import modes
import pytest
import torch
from fuzz_modes import programs, wrong
from modes import CALLS, MODES, USES, fresh, logits, targets
from torch import Tensor
from torch.testing import assert_close

from taxoloss import Taxonomy, TaxonomyLoss, functional, heads, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import chunks as rings
from taxoloss.functional.log_probs import level_log_probs

#: What may not be called in a mode for reasons of its own: what looks at numbers where there are none,
#: modules whose parameters have another dtype, or that are made inside of what is compiled.
DECISIONS = {"leaf", "climb", "top_down", "most_specific", "minimum_cost", "hedge", "ranking"}
HEADS = {name for name in USES if hasattr(heads, name)}
NOT_IN = {
    "fake": {"collection", *DECISIONS},
    "meta": {"collection"},
    "default_device": {"collection"},
    "float64": HEADS,
    "float16": HEADS,
    **{name: {"collection"} for name in ("grad", "vmap", "functionalize", "export")},
    **{name: {"collection", *DECISIONS} for name in ("hessian", "jacfwd", "make_fx")},
    **{
        name: {"collection", "schedule", "module", "module_smoothing", "per_level", *HEADS}
        for name in ("compile", "strict_export")
    },
}


def trained(use: str, taxonomy: Taxonomy) -> tuple[Tensor, Tensor | None]:
    """A number and its gradient, outside of all modes."""
    z = logits().requires_grad_()
    value = USES[use](taxonomy, z)
    return value.detach(), torch.autograd.grad(value, z)[0] if value.requires_grad else None


@pytest.mark.sample(13)
@pytest.mark.parametrize("use", sorted(USES))
@pytest.mark.parametrize("mode", sorted(MODES))
def test_first_use_inside_a_mode(mode: str, use: str) -> None:
    """Then training, as if nothing had been."""
    taxonomy = fresh()
    if use not in NOT_IN.get(mode, ()):
        with MODES[mode]():
            USES[use](taxonomy, logits())
    assert_close(trained(use, taxonomy), trained(use, fresh()), rtol=0, atol=0)


@pytest.mark.sample(13)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", sorted(USES))
@pytest.mark.parametrize("call", sorted(CALLS))
def test_first_use_inside_a_call(call: str, use: str) -> None:
    """Twice, since the second meets what the first has made; then training."""
    torch._dynamo.reset()
    taxonomy = fresh()
    if use not in NOT_IN.get(call, ()):
        CALLS[call](lambda z: USES[use](taxonomy, z))
        CALLS[call](lambda z: USES[use](taxonomy, z))
    assert_close(trained(use, taxonomy), trained(use, fresh()), rtol=0, atol=0)


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"float16", "meta", "default_device"}))
def test_a_loss_made_inside_a_mode(mode: str) -> None:
    """And a head: their tables are those of a module made outside."""
    with MODES[mode]():
        loss = TaxonomyLoss(modes_tree := fresh(), label_smoothing=0.1)
    assert all(table.device.type == "cpu" and not table.is_inference() for table in tensors(loss.tensors))
    want = TaxonomyLoss(modes_tree, label_smoothing=0.1)(logits(), targets())
    assert_close(loss(logits().requires_grad_(), targets()).detach(), want)


def tensors(tables: Any) -> list[Tensor]:
    """Every tensor of an object of ours."""
    return [value for value in vars(tables).values() if isinstance(value, Tensor)]


@pytest.mark.parametrize("name", ["meta", "cpu"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_default_device(name: str, smoothing: float) -> None:
    """The result is where the logits are, whatever the default device: torch's loss does so too."""
    with modes.default_device(name):
        loss = TaxonomyLoss(fresh(), label_smoothing=smoothing)
        z, y = logits(), targets()
        assert loss(z, y).device.type == torch.nn.functional.cross_entropy(z, y).device.type == name
        z, y = torch.sin(torch.arange(30.0, device="cpu").view(6, 5) * 7), torch.arange(6, device="cpu") % 5
        inside = loss(z, y), loss.per_level(z, y), level_log_probs(z, fresh())
    loss = TaxonomyLoss(fresh(), label_smoothing=smoothing)
    assert_close(inside, (loss(z, y), loss.per_level(z, y), level_log_probs(z, fresh())), rtol=0, atol=0)


# -- keys are values -------------------------------------------------------------------------------


@pytest.mark.sample(3)
@pytest.mark.parametrize("use", ["weights", "smoothing", "level_log_probs", "climb", "collection"])
def test_threads_on_a_fresh_taxonomy(use: str) -> None:
    """Many at once, at the first use and while weightings come and go."""
    taxonomy, found, wrong = fresh(), [], []

    def work(number: int) -> None:
        try:
            for step in range(20):
                weights = {"top": 1.0 + step, "leaf": 1.0 + number}
                functional.taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)
                found.append(trained(use, taxonomy)[0])
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    want = trained(use, fresh())[0]
    assert len(found) == 160
    assert all(torch.equal(value, want) for value in found)


# -- what else is looked up ------------------------------------------------------------------------


def test_schedules_under_torch_compile() -> None:
    """A schedule may say something else each time: the functional form refuses it, the module takes it."""
    torch._dynamo.reset()
    taxonomy, schedule = fresh(), weighting.geometric(0.5)

    def work(z: Tensor) -> Tensor:
        return taxonomy_cross_entropy(z, targets(), taxonomy, schedule)

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"compile a taxoloss\.TaxonomyLoss"):
        torch.compile(work, fullgraph=True, backend="eager")(logits())
    torch._dynamo.reset()
    loss = torch.compile(TaxonomyLoss(taxonomy, schedule), fullgraph=True, backend="eager")
    assert_close(loss(logits(), targets()), work(logits()))


@pytest.mark.sample(20)
@pytest.mark.parametrize("number", range(60))
def test_random_programs_of_modes(number: int) -> None:
    """First uses in nested modes and in threads, one after the other, then training."""
    assert wrong(programs(60, seed=2026)[number]) == ""


def test_rings_that_are_made_for_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for trees whose tables of rings would be too big; the default device does not matter."""
    monkeypatch.setattr(rings, "_TABLE_BYTES", 0)
    rows = [(f"o{i // 60}", f"f{i // 6}", f"c{i}") for i in range(300)]
    loss = TaxonomyLoss(Taxonomy.from_paths(rows).bind())
    assert loss.tensors.chunks.rings is None
    z, y = torch.sin(torch.arange(1200.0).view(4, 300)), torch.tensor([0, 7, 150, 299])
    want = loss(z, y)
    with modes.default_device("meta"):
        assert_close(loss(z, y), want, rtol=0, atol=0)
