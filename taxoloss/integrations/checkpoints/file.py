"""The file: tensors as safetensors holds them, and what they are of as JSON in its metadata."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from taxoloss.errors.formats import installed_version
from taxoloss.errors.packages import package
from taxoloss.integrations.checkpoints.damage import refuse_other_kinds, what_is_wrong
from taxoloss.integrations.checkpoints.state import NEEDED, safetensors_torch
from taxoloss.integrations.checkpoints.thresholds import AnyThreshold, plain_threshold, threshold_of
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Content", "read", "versions_here", "write"]

_T = TypeVar("_T")
_FORMAT = 1
#: safetensors reads no longer header.
_LONGEST = 100_000_000


@dataclass(frozen=True)
class Content:
    """What one file holds."""

    taxonomy: Taxonomy
    tensors: Mapping[str, Tensor]
    #: Names whose tensor is that of another name.
    tied: Mapping[str, str]
    threshold: AnyThreshold
    #: taxoloss, torch, safetensors: texts; format: a number.
    versions: Mapping[str, Any]
    #: The numbers of the forms of modules' states, where not 1.
    module_versions: Mapping[str, int]


def write(path: Path, content: Content) -> None:
    """Writes the file, whole or not at all.

    Raises:
        FileNotFoundError: the folder is not there.
        ValueError: what stands beside the tensors is too long for the form.
        OSError: it cannot be written.
    """
    metadata = {key: _text(value) for key, value in _metadata(content).items()}
    length = sum(len(_text(text).encode()) for text in metadata.values()) + 200 * len(content.tensors)
    if length > _LONGEST:
        raise ValueError(
            f"a safetensors file holds at most {_LONGEST:,} bytes beside its tensors, and this tree of "
            f"{len(content.taxonomy):,} classes takes {length:,}: write the tree with t.save, and "
            f"t.binding_digest beside the state"
        )
    if not (folder := path.absolute().parent).is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(folder)!r} to save in", str(path))
    write_whole(path, safetensors_torch().save(dict(content.tensors), metadata))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def versions_here() -> dict[str, Any]:
    """What a file says of what wrote it."""
    return {
        "format": _FORMAT,
        "taxoloss": installed_version(),
        "torch": str(torch.__version__),
        "safetensors": version("safetensors"),
    }


def _metadata(content: Content) -> dict[str, Any]:
    return {
        "taxoloss": content.taxonomy.to_dict(),
        "classes": content.taxonomy.paths(),
        "levels": content.taxonomy.levels,
        "threshold": plain_threshold(content.threshold),
        "versions": dict(content.versions),
        "tied": dict(content.tied),
        "module_versions": dict(content.module_versions),
    }


# -- what is read ----------------------------------------------------------------------------------


def read(path: Path) -> Content:
    """What a file holds.

    Raises:
        ValueError: it is none that `write` wrote, or damaged, or of a newer form.
        OSError: it cannot be read.
    """
    refuse_other_kinds(path)
    open_file, damaged = safetensors_torch().safe_open, package("safetensors", *NEEDED).SafetensorError
    try:
        with open_file(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except damaged as error:
        raise ValueError(what_is_wrong(path, error)) from None
    return _content(path, metadata, tensors)


def _content(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Content:
    if not {"taxoloss", "versions"} <= metadata.keys():
        raise ValueError(
            f"{path} is a safetensors file that taxoloss.save did not write: nothing in it says which "
            f"column is which class (safetensors.torch.load_file reads its tensors)"
        )
    versions = _parsed(path, metadata, "versions", _versions)
    taxonomy = _parsed(path, metadata, "taxoloss", Taxonomy.from_dict)
    for key, there in (("classes", taxonomy.paths()), ("levels", taxonomy.levels)):
        _parsed(path, metadata, key, partial(_same, list(map(_listed, there))))
    tied = _parsed(path, metadata, "tied", _texts)
    if wrong := [name for name, of in tied.items() if of not in tensors or name in tensors]:
        raise ValueError(f"{path} is damaged or was changed: its `tied` names {wrong[0]!r:.60}")
    return Content(
        taxonomy,
        {**tensors, **{name: tensors[of] for name, of in tied.items()}},
        tied,
        _parsed(path, metadata, "threshold", partial(threshold_of, taxonomy=taxonomy)),
        versions,
        _parsed(path, metadata, "module_versions", _numbers),
    )


def _parsed(path: Path, metadata: Mapping[str, str], key: str, read: Callable[[Any], _T]) -> _T:
    """A part of the metadata; ValueError where it is not what was written."""
    try:
        return read(json.loads(metadata[key]))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        if isinstance(error, NewerFormError):
            raise ValueError(f"{path} {error}") from None
        why = (
            f"it has no {key!r}" if key not in metadata else f"its {key!r} is not what was written: {error}"
        )
        raise ValueError(f"{path} is damaged or was changed: {why}") from None


class NewerFormError(ValueError):
    """The file is of a form that came later."""


def _versions(data: Any) -> dict[str, Any]:
    number = data["format"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"expected the number of its form, got {number!r:.40}")
    if number > _FORMAT:
        raise NewerFormError(
            f"has form {number}, and taxoloss {installed_version()} reads forms up to {_FORMAT}: taxoloss "
            f"{data.get('taxoloss')!s:.20} wrote it; pip install --upgrade taxoloss"
        )
    return dict(data)


def _listed(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)


def _same(there: Any, data: Any) -> None:
    if data != there:
        raise ValueError("it does not fit the tree beside it")


def _texts(data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise ValueError(f"expected names, got {data!r:.40}")
    return data


def _numbers(data: Any) -> dict[str, int]:
    if not isinstance(data, dict) or not all(type(value) is int for value in data.values()):
        raise ValueError(f"expected numbers, got {data!r:.40}")
    return data
