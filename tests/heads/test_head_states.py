"""The class order of a head's state: what is written into it, loaded, averaged, cast, compiled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import modes
import pytest
import torch
from modes import fresh, logits, targets
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.testing import assert_close

from taxoloss import TaxonomyLoss, heads
from taxoloss.heads.head import Head

HEADS = sorted(name for name in modes.USES if issubclass(getattr(heads, name, int), Head))


@pytest.mark.one_form("calls neither")
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("way", ["in_place", "assigned", "compiled", "inference", "reset"])
def test_a_head_of_another_order(name: str, way: str) -> None:
    """Whatever wrote the state past load_state_dict (distributed checkpoints, from_pretrained) is found."""
    torch._dynamo.reset()
    kind = getattr(heads, name)
    other, head = kind(5, fresh().bind([*modes.ORDER[1:], modes.ORDER[0]])), kind(5, fresh())
    if way == "in_place":
        head(logits())  # compared once, and then written to
    if way in ("assigned", "compiled"):
        head.binding = other.binding.clone()
    else:
        with torch.no_grad():
            head.binding.copy_(other.binding)
    called = torch.compile(head, backend="eager") if way == "compiled" else head
    if way == "reset":
        head.reset_parameters()
        assert_close(head(logits()).softmax(-1), torch.full((6, 5), 0.2))
        return
    mode = torch.inference_mode() if way == "inference" else torch.enable_grad()
    with mode, pytest.raises(Exception, match=f"state of {name} was stored for another taxonomy"):
        called(logits())


def test_a_head_is_compared_by_its_taxonomy() -> None:
    """load_state_dict compares with the tree, not with what the buffer holds by then."""
    other, head = heads.Flat(5, fresh().bind(sorted(modes.ORDER))), heads.Flat(5, fresh())
    with torch.no_grad():
        head.binding.copy_(other.binding)
    with pytest.raises(RuntimeError, match="another order of classes"):
        head.load_state_dict(other.state_dict())


@pytest.mark.one_form("calls neither")
@pytest.mark.sample(4)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEADS)
def test_a_distributed_checkpoint(tmp_path: Path, name: str) -> None:
    """It is read into the tensors of the module: into the same order right, into another not in silence."""
    kind = getattr(heads, name)
    stored, same = kind(5, fresh()), kind(5, fresh())
    with torch.no_grad():
        stored.weight.copy_(torch.sin(torch.arange(float(stored.weight.numel()))).view_as(stored.weight))
    save(stored.state_dict(), checkpoint_id=tmp_path, no_dist=True)
    other = kind(5, fresh().bind(sorted(modes.ORDER)))
    for head in (same, other):
        head(logits())  # compared, and then written to
        load(head.state_dict(), checkpoint_id=tmp_path, no_dist=True)
    assert_close(same(logits()), stored(logits()), rtol=0, atol=0)
    with pytest.raises(RuntimeError, match=f"the state of {name} was stored for another taxonomy"):
        other(logits())


@pytest.mark.one_form("calls neither")
@pytest.mark.sample(6)
@pytest.mark.parametrize("weights", [None, {"top": 0.5, "leaf": 2.0}])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_level_heads_compile_at_their_first_call(mode: Any, weights: Any) -> None:
    """Their loss looks its tables up, and traces no numpy."""
    torch._dynamo.reset()
    head = heads.LevelHeads(5, fresh())
    work = torch.compile(head.loss, fullgraph=True, backend="aot_eager")
    with mode():
        found = work(logits(), targets(), weights)
    assert_close(found.detach(), head.loss(logits(), targets(), weights).detach())


@pytest.mark.slow
@pytest.mark.parametrize("label", [5, 8, 9, -1])
def test_compiled_labels_that_are_no_target(label: int) -> None:
    """C, from labels that are numbered from 1, is no inner node: not in the tables of all nodes either."""
    torch._dynamo.reset()
    tree = fresh()
    assert tree.num_nodes == 9
    head, loss, wrong = heads.LevelHeads(5, tree), TaxonomyLoss(tree), torch.tensor([0, label])
    for work in (head.loss, loss, loss.per_level):
        with pytest.raises((IndexError, RuntimeError)):
            torch.compile(work, backend="aot_eager")(logits(2), wrong)


@pytest.mark.one_form("calls neither")
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999, 0.9999])
def test_a_head_that_is_averaged(name: str, decay: float) -> None:
    """An average over time averages every buffer, the digest too, and cuts off: it is the same order."""
    head = getattr(heads, name)(5, fresh())
    average = copy.deepcopy(head)
    with torch.no_grad():
        for _ in range(20):
            for one, other in zip(average.state_dict().values(), head.state_dict().values(), strict=True):
                one.copy_(decay * one + (1 - decay) * other)
    average(logits())
    getattr(heads, name)(5, fresh()).load_state_dict(average.state_dict())
    with pytest.raises(RuntimeError, match="another order of classes"):
        getattr(heads, name)(5, fresh().bind(sorted(modes.ORDER))).load_state_dict(average.state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int32])
def test_a_digest_in_another_dtype(dtype: torch.dtype) -> None:
    """Of a module or a checkpoint that was cast as a whole."""
    head, other = heads.Flat(5, fresh()), heads.Flat(5, fresh().bind(sorted(modes.ORDER)))
    state = {key: value.to(dtype) for key, value in head.state_dict().items()}
    heads.Flat(5, fresh()).load_state_dict(state)
    with pytest.raises(RuntimeError, match="another order of classes"):
        other.load_state_dict(state)
    if dtype.is_floating_point:
        cast = heads.Flat(5, fresh()).type(dtype)  # nn.Module.type casts buffers too
        cast(logits().to(dtype))


@pytest.mark.one_form("calls neither")
@pytest.mark.parametrize("way", ["compiled", "data", "inference"])
def test_a_head_that_was_called_before(way: str) -> None:
    """A warm-up, then the state of another order is written into it: found at the next call."""
    torch._dynamo.reset()
    head, other = heads.Flat(5, fresh()), heads.Flat(5, fresh().bind(sorted(modes.ORDER)))
    with torch.inference_mode(way == "inference"):
        head = copy.deepcopy(head)
        called = torch.compile(head, fullgraph=True, backend="aot_eager") if way == "compiled" else head
        called(logits())
        with torch.no_grad():
            for one, value in zip(head.state_dict().values(), other.state_dict().values(), strict=True):
                (one.data if way == "data" else one).copy_(value)
        with pytest.raises(RuntimeError, match="order of classes"):
            called(logits())


@pytest.mark.one_form("calls neither")
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("name", HEADS)
def test_a_refused_state_leaves_a_head_as_it_was(name: str, assign: bool) -> None:
    """Also one whose weight is computed; in a model, of which torch has loaded parts, the call raises."""
    kind = getattr(heads, name)
    other, head = kind(5, fresh().bind(sorted(modes.ORDER))), kind(5, fresh())
    for one in (other, head):
        torch.nn.init.normal_(one.weight)
        torch.nn.utils.parametrizations.weight_norm(one)
    state, before = other.state_dict(), {key: value.clone() for key, value in head.state_dict().items()}
    with pytest.raises(RuntimeError, match="another order of classes"):
        head.load_state_dict(state, assign=assign)
    assert_close(head.state_dict(), before, rtol=0, atol=0)
    assert state.keys() == before.keys()
    head(logits())
    model, stored = (torch.nn.Sequential(torch.nn.Linear(5, 5), one) for one in (head, other))
    with pytest.raises(RuntimeError, match="another order of classes"):
        model.load_state_dict(stored.state_dict(), assign=assign)
    with pytest.raises(RuntimeError, match=f"state of {name}|stored for another taxonomy"):
        model(logits())
