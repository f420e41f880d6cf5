"""A model of heads and a loss: buffers, loaders that leave memory unset, the meta device, copies."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from modes import USES, fresh, logits, targets
from torch import Tensor
from torch.testing import assert_close

from taxoloss import Taxonomy, TaxonomyLoss, heads

HEADS = {name for name in USES if hasattr(heads, name)} - {"TaxonomyOutput"}


def everything(taxonomy: Taxonomy) -> torch.nn.Module:
    """A model with every head and a loss with class weights."""
    made: dict[str, torch.nn.Module] = {name: getattr(heads, name)(5, taxonomy) for name in sorted(HEADS)}
    made["loss"] = TaxonomyLoss(taxonomy, weight=torch.arange(1.0, 6.0, device="cpu"))
    model = torch.nn.ModuleDict(made)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.sin(torch.arange(parameter.numel()) + number).view_as(parameter))
    return model


def results(model: Any) -> list[Tensor]:
    """Of all parts of the model."""
    found = [model[name](logits()) for name in sorted(HEADS)]
    return [*found, model["loss"](logits(), targets())]


def test_every_buffer_is_in_the_state() -> None:
    """A loader that fills what a checkpoint holds leaves nothing else to chance."""
    model = everything(fresh())
    assert {name for name, _ in model.named_buffers()} <= set(model.state_dict())
    assert not list(model["loss"].state_dict()), "a loss has no state"  # type: ignore[index]


@pytest.mark.parametrize("how", ["to_empty", "meta_init", "to_meta", "empty_like"])
def test_a_checkpoint_into_a_model_without_memory(how: str) -> None:
    """Deferred initialisation, `to_empty`, and `from_pretrained`, which empties what is not persistent."""
    stored = everything(taxonomy := fresh())
    if how == "meta_init":
        with torch.device("meta"):
            model = everything(taxonomy)
    else:
        model = everything(taxonomy)
    if how == "to_meta":
        model.to("meta")
    if how == "empty_like":
        state = set(model.state_dict())
        for name, buffer in list(model.named_buffers()):
            if name not in state:
                module, _, last = name.rpartition(".")
                setattr(model.get_submodule(module), last, torch.empty_like(buffer).fill_(1 << 40))
    else:
        model.to_empty(device="cpu")
    model.load_state_dict(stored.state_dict())
    assert_close(results(model), results(stored), rtol=0, atol=0)


def test_on_the_meta_device_shapes_are_known() -> None:
    """A loss that was moved there, or not, takes meta logits; and comes back."""
    loss = TaxonomyLoss(fresh(), weight=torch.arange(1.0, 6.0))
    before = loss(logits(), targets())
    for module in (loss, loss.to("meta")):
        assert module(logits().to("meta"), targets().to("meta")).device.type == "meta"
    assert_close(loss(logits(), targets()), before)
    model = everything(fresh()).to("meta")
    for name in HEADS:
        assert model[name](logits().to("meta")).shape == (6, 5)  # type: ignore[index]


def test_class_weights_without_numbers_are_refused() -> None:
    """Weights that were made on the meta device have none."""
    with torch.device("meta"):
        loss = TaxonomyLoss(fresh(), weight=torch.ones(5))
    with pytest.raises(RuntimeError, match=r"class weights with numbers .* on the meta device"):
        loss(logits(), targets())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_class_weights_follow_the_dtype(dtype: torch.dtype) -> None:
    """As torch's buffer does; the level weights keep their digits."""
    weight = torch.arange(1.0, 6.0)
    loss = TaxonomyLoss(fresh(), {"top": 0.3, "leaf": 0.7}, weight=weight).to(dtype)
    flat = torch.nn.CrossEntropyLoss(weight=weight).to(dtype)
    assert loss.weight is not None
    assert flat.weight is not None
    assert_close(loss.weight, flat.weight)
    assert loss.tensors.weights.dtype == torch.float64


@pytest.mark.parametrize("way", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), copy.copy, None])
def test_copies_of_modules(way: Any) -> None:
    """Their tables are there, and weights that change in one do not change in the other."""
    model = everything(fresh())
    if way is None:
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        twin = torch.load(file, weights_only=False)
    else:
        twin = way(model)
    assert_close(results(twin), results(model), rtol=0, atol=0)
    if way is not copy.copy:
        twin["loss"].set_level_weights({"top": 0.0, "leaf": 1.0})
        twin["loss"].set_level_weights({"top": 0.0, "leaf": 2.0})
        model["loss"].set_level_weights({"top": 2.0, "leaf": 1.0})  # type: ignore[index]
        assert_close(twin["loss"].per_level(logits(), targets())["leaf"].double() * 0 + 2,
                     twin["loss"].tensors.weights.max())  # fmt: skip
