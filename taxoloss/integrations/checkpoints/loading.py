"""Loading what was saved into a model of the same tree and order, or by names into another order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from taxoloss.integrations.checkpoints.bindings import refuse_other_parts, taxonomies_in
from taxoloss.integrations.checkpoints.file import Content, read
from taxoloss.integrations.checkpoints.fitting import refuse_misfits
from taxoloss.integrations.checkpoints.rows import head_names, reordered
from taxoloss.integrations.checkpoints.saving import checked_path, checked_taxonomy
from taxoloss.integrations.checkpoints.state import ModelState, state_of
from taxoloss.integrations.checkpoints.thresholds import AnyThreshold, reordered_threshold
from taxoloss.taxonomy.stored import difference, same_but_for_order
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Checkpoint", "load_checkpoint"]


class Checkpoint(NamedTuple):
    """What stands beside the weights of a checkpoint."""

    #: Bound to the order in which the model's outputs are now.
    taxonomy: Taxonomy
    #: What was saved as `threshold`; after a reordering that of the new order.
    threshold: AnyThreshold
    #: Of taxoloss, torch and safetensors, when it was saved; and the number of the form of the file.
    versions: Mapping[str, Any]


def load_checkpoint(
    path: str | Path,
    model: nn.Module | None,
    taxonomy: Taxonomy | None = None,
    *,
    reorder: bool = False,
    head: str | Iterable[str] | None = None,
) -> Checkpoint:
    """Loads into a model what `taxoloss.save` wrote, and refuses another tree or order of the classes.

    The order that must be met is that of `taxonomy`; where none is given, that of the model's heads,
    losses and metrics of taxoloss; where there are none, the caller takes the taxonomy that is returned.
    Whatever is refused, nothing of the model is changed.

    Args:
        path: the file.
        model: what it is loaded into, on any device; None: only what stands beside the weights is read,
            such as the taxonomy that a model is then made with.
        taxonomy: bound to the order that the model's outputs should have.
        reorder: whether to take a checkpoint of another order of the same tree, and to move the rows of
            taxoloss's heads and of what `head` names to their places by the names of their nodes.
        head: with `reorder`, by their names in the model ("classifier.3"), layers (nn.Linear, nn.Conv1d to
            Conv3d) whose outputs are the classes, losses with class weights, or tensors (C, ...). () says
            that nothing else than taxoloss's heads follows the classes.

    Returns:
        the taxonomy, the threshold, the versions.

    Raises:
        TypeError: an argument is another thing.
        ValueError: the file is of another tree or order (the first class that stands elsewhere is named);
            it is damaged, cut off, of another kind or of a newer form; its tensors are not those of the
            model (all that are missing, unexpected or of another shape are named); it is not plain what
            `reorder` should move; the model cannot be loaded into (meta, sharded).
        OSError: it cannot be read.

    >>> import tempfile, taxoloss, torch
    >>> pets = taxoloss.load("pets")
    >>> old, new = pets.bind(), pets.bind(sorted(pets.classes, key=str.casefold))
    >>> file = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> taxoloss.save(file, taxoloss.heads.Flat(8, old), old)
    >>> found = taxoloss.load_checkpoint(file, taxoloss.heads.Flat(8, new), new, reorder=True)
    >>> found.taxonomy == new, found.versions["format"]
    (True, 1)
    """
    file, names = checked_path(path), head_names(head, reorder)
    given = None if taxonomy is None else checked_taxonomy(taxonomy, "load_checkpoint")
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"expected a model, a torch.nn.Module, got {type(model).__name__} {model!r:.60}")
    state = ModelState({}, {}, {}) if model is None else state_of(model, "loaded")
    here = _order_here(state, given)
    content = read(file)
    _refuse_another(content, content.taxonomy if here is None else here, file, reorder)
    here = content.taxonomy if here is None else here
    tensors = content.tensors
    same = here.same_binding(content.taxonomy.binding_digest)
    if model is not None:
        if reorder:
            tensors = reordered(tensors, state, content.taxonomy, here, names, str(file))
        refuse_misfits(tensors, state, str(file))
        _load(model, state, tensors, content, str(file))
    if same:
        return Checkpoint(given or content.taxonomy, content.threshold, content.versions)
    threshold = reordered_threshold(content.threshold, content.taxonomy, here)
    return Checkpoint(here, threshold, content.versions)


def _order_here(state: ModelState, given: Taxonomy | None) -> Taxonomy | None:
    """The order that the model must have; ValueError where parts of it, or what is given, contradict."""
    here = given or next(iter(taxonomies_in(state).values()), None)
    if here is not None:
        refuse_other_parts(state, here)
    return here


def _refuse_another(content: Content, here: Taxonomy, file: Path, reorder: bool) -> None:
    """ValueError where the checkpoint is of another tree; or of another order, without reorder."""
    stored = content.taxonomy
    if reorder and same_but_for_order(stored, here):
        return
    order = (
        "reorder=True moves the rows of taxoloss's heads, and of the layers that head= names, to their "
        "places; or go on in its order, with load_checkpoint(path, None).taxonomy"
    )
    tree = (
        "load_checkpoint(path, None).taxonomy.diff(t), or taxoloss diff, says what changed, and t.migrate "
        "moves a head by its migration"
    )
    if said := difference(stored, here, str(file), order, tree):
        raise ValueError(said)


def _load(
    model: nn.Module, state: ModelState, tensors: Mapping[str, Tensor], content: Content, what: str
) -> None:
    """Writes the tensors into the model; where it refuses them, it is as it was."""
    before = {name: tensor.detach().clone() for name, tensor in state.live.items()}
    try:
        model.load_state_dict(_as_state(state, tensors, content.module_versions))
    except BaseException as error:
        _restore(model, state, before)
        if isinstance(error, Exception):
            told = " ".join(str(error).split())
            raise ValueError(f"{what} was refused by the model, which is as it was: {told}") from error
        raise


def _restore(model: nn.Module, state: ModelState, before: Mapping[str, Tensor]) -> None:
    with suppress(Exception):  # what is no tensor of the model itself (get_extra_state)
        model.load_state_dict(_as_state(state, before, state.versions))
    with torch.no_grad():
        for name, tensor in before.items():
            state.live[name].copy_(tensor)


def _as_state(
    state: ModelState, tensors: Mapping[str, Tensor], versions: Mapping[str, int]
) -> OrderedDict[str, Tensor]:
    """A state_dict in the model's own names, with the numbers of the forms of its modules' states."""
    found = OrderedDict((there, tensors[name]) for name, there in state.own_names.items())
    numbers = {name: {"version": versions.get(state.plain(name), 1)} for name in state.own_modules}
    found._metadata = OrderedDict(numbers)  # type: ignore[attr-defined]
    return found
