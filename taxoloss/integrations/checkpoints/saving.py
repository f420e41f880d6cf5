"""Saving a model with its tree, the order of its classes and its threshold, in one file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from taxoloss.integrations.checkpoints.bindings import refuse_other_buffers, refuse_other_parts
from taxoloss.integrations.checkpoints.file import Content, versions_here, write
from taxoloss.integrations.checkpoints.state import held_apart, state_of
from taxoloss.integrations.checkpoints.thresholds import AnyThreshold, checked_threshold
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["checked_path", "checked_taxonomy", "save"]

_SUFFIX = ".safetensors"


def save(
    path: str | Path,
    model: nn.Module | Mapping[str, Tensor],
    taxonomy: Taxonomy,
    threshold: AnyThreshold = None,
) -> None:
    """Writes a model's state with the tree, the order of its classes and its threshold, in one file.

    The file is one of safetensors, never pickle, whole or not there; its tensors load on machines without
    a GPU, and with or without `DistributedDataParallel` and `torch.compile`. Its metadata are JSON:
    `taxoloss` (what `Taxonomy.to_dict` gives), `classes` (their paths, in the order of the outputs),
    `levels`, `threshold`, `versions`. Tied weights are written once. Buffers that are not persistent,
    hyperparameters and the state of the optimizer are no part of it.

    Args:
        path: the file, called `.safetensors`; one that is there is replaced.
        model: the model, wrapped or not; or a state_dict, such as one that was gathered.
        taxonomy: bound to the order of the model's outputs.
        threshold: what its answers are made with: a `Threshold` (`decisions.calibrate_threshold`), a
            `LevelCalibration` (`decisions.calibrate_levels`) or a probability.

    Raises:
        TypeError: a part of the state is no tensor (`get_extra_state`); or an argument is another thing.
        ValueError: the taxonomy is not bound; a head, loss or metric of the model, or the threshold, is of
            another tree or order; tensors without numbers (meta, lazy), spread over processes, sparse, or
            of a kind that safetensors has not; the path has another suffix.
        OSError: it cannot be written; what was there is still there.

    >>> import tempfile, taxoloss, torch
    >>> t = taxoloss.load("pets").bind()
    >>> file = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> taxoloss.save(file, torch.nn.Linear(8, 37), t)
    >>> taxoloss.load_checkpoint(file, torch.nn.Linear(8, 37)).taxonomy == t
    True
    """
    to = _checked_suffix(checked_path(path))
    taxonomy = checked_taxonomy(taxonomy, "save")
    kept = checked_threshold(threshold, taxonomy)
    state = state_of(model, "saved")
    refuse_other_parts(state, taxonomy)
    refuse_other_buffers(state, taxonomy)
    held, tied = held_apart(state.live)
    write(to, Content(taxonomy, held, tied, kept, versions_here(), state.versions))


def checked_path(path: Any) -> Path:
    """A path; TypeError where it is none."""
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"expected a path, got {type(path).__name__} {path!r:.60}")
    return Path(path)


def _checked_suffix(path: Path) -> Path:
    """ValueError where other tools would take the file for one of theirs."""
    if path.suffix != _SUFFIX:
        others = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".onnx", ".json")
        better = path.with_suffix(_SUFFIX) if path.suffix in others else f"{path}{_SUFFIX}"
        raise ValueError(f"expected a path that ends in {_SUFFIX}, got {str(path)!r}: {str(better)!r}")
    return path


def checked_taxonomy(taxonomy: Any, what: str) -> Taxonomy:
    """A bound taxonomy.

    Raises:
        TypeError: another thing.
        ValueError: it is not bound.
    """
    if not isinstance(taxonomy, Taxonomy):
        raise TypeError(f"expected a Taxonomy, got {type(taxonomy).__name__} {taxonomy!r:.60}")
    taxonomy.require_bound(what)
    return taxonomy
