"""What a file is that is no whole checkpoint, in a sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["refuse_other_kinds", "what_is_wrong"]

_PICKLE = (
    "was written by torch.save, or is another pickle, which may run code when it is read: "
    "torch.load(path, weights_only=True) reads it, and t.check_state says whether it is of your tree"
)
#: How files of other kinds begin.
_KINDS = {
    b"\x80": _PICKLE,
    b"PK\x03\x04": "is a zip archive",
    b"\x89HDF": "is an HDF5 file",
    b"GGUF": "is a GGUF file",
    b"version https://git-lfs": "is a pointer of git-lfs: git lfs pull fetches the file",
}


def refuse_other_kinds(path: Path) -> None:
    """ValueError where a file is plainly another thing than a file of safetensors.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    if path.is_dir():
        raise IsADirectoryError(21, "expected a file that taxoloss.save wrote, got a folder", str(path))
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise ValueError(f"{path} is empty: it was never written, or cut off")
    if zipfile.is_zipfile(path) and _is_of_torch(path):
        raise ValueError(f"{path} {_PICKLE}")
    for begins, what in _KINDS.items():
        # The first eight bytes of a file of safetensors are a number: a brace follows.
        if start.startswith(begins) and start[8:9] != b"{":
            raise ValueError(f"{path} {what}; expected a file that taxoloss.save wrote")


def _is_of_torch(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def what_is_wrong(path: Path, error: Exception) -> str:
    """Why safetensors does not read a file: cut off, or damaged otherwise."""
    size = path.stat().st_size
    try:
        expected = _expected_size(path, size)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return f"{path} is no safetensors file, or damaged: {error}"
    if size < expected:
        return f"{path} is cut off: {size:,} of {expected:,} bytes are there"
    if size > expected:
        return f"{path} is damaged: {size - expected:,} bytes stand behind its last tensor"
    return f"{path} is damaged: {error}"


def _expected_size(path: Path, size: int) -> int:
    """How long the file should be by its own header; ValueError where it has none."""
    with open(path, "rb") as file:
        first = file.read(9)
        length = int.from_bytes(first[:8], "little")
        if first[8:] != b"{" or length > 100_000_000:
            raise ValueError("no header")
        if 8 + length > size:
            return 8 + length
        file.seek(8)
        header: dict[str, Any] = json.loads(file.read(length))
    ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)
