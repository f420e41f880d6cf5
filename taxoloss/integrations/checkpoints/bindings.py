"""Parts of a model that know their taxonomy: heads, losses, metrics. All of them must mean one order."""

from __future__ import annotations

from torch import Tensor, nn

from taxoloss.errors.characters import quoted
from taxoloss.heads.binding import Binding
from taxoloss.heads.head import Head
from taxoloss.integrations.checkpoints.state import ModelState
from taxoloss.taxonomy.stored import difference
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["called", "heads_in", "refuse_other_buffers", "refuse_other_parts", "taxonomies_in"]


def taxonomies_in(state: ModelState) -> dict[str, Taxonomy]:
    """By the names of the modules the bound taxonomies that they have as `taxonomy`."""
    found = {name: vars(module).get("taxonomy") for name, module in state.modules.items()}
    return {name: t for name, t in found.items() if isinstance(t, Taxonomy) and t.is_bound}


def heads_in(state: ModelState) -> dict[str, Head]:
    """The heads of taxoloss by the names of the modules."""
    return {name: module for name, module in state.modules.items() if isinstance(module, Head)}


def refuse_other_parts(state: ModelState, taxonomy: Taxonomy) -> None:
    """ValueError where a part of the model is made for another tree or order than is given."""
    for name, own in taxonomies_in(state).items():
        what = f"{called(name, state.modules[name])} of the model"
        advice = "give the taxonomy that the model was made for"
        if said := difference(own, taxonomy, what, advice, f"{advice}, one for the whole model"):
            raise ValueError(said)


def refuse_other_buffers(state: ModelState, taxonomy: Taxonomy) -> None:
    """ValueError where the digest that a head keeps in its state is not that of the taxonomy."""
    found = [
        (called(name, head), key)
        for name, head in heads_in(state).items()
        for key in state.names_of(head.binding)
    ]
    if not state.modules:  # a state_dict alone
        found = [(quoted(key), key) for key, value in state.live.items() if _is_digest(key, value)]
    binding = Binding(taxonomy)
    for name, key in found:
        if said := binding.words(state.live[key], name):
            raise ValueError(said)


def _is_digest(name: str, value: Tensor) -> bool:
    return name.rpartition(".")[2] == "binding" and value.shape == (32,) and not value.is_complex()


def called(name: str, module: nn.Module) -> str:
    """A module for a message, by its kind and its name."""
    kind = type(module).__name__
    return f"the {kind} {quoted(name)}" if name else f"the {kind}"
