"""The compiled kernel as a library of C: found and loaded when it is first asked for.

The variable TAXOLOSS_NATIVE says what is wanted at run time: 0 the Python forms; `require` an error where
the kernel is not there; 1, or nothing, the kernel where it is there. No torch here: `taxoloss --version`
asks.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import warnings
from ctypes import POINTER, Structure, c_double, c_int, c_int64, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxoloss.functional.kernels.native.build import NAME

__all__ = [
    "FORMS",
    "Call",
    "Kernel",
    "LevelCall",
    "LevelTree",
    "SpreadCall",
    "TallyCall",
    "TallyTree",
    "Tree",
    "Units",
    "kernel",
]

#: What the forms are called, by their number in dispatch.c.
FORMS = ("plain", "AVX2", "AVX-512")
_LOCK = threading.Lock()
_WANTED = ("0", "1", "require")
#: Not empty in a child of fork, where torch's threads are none; a library that is loaded notices by itself.
_FORKED: list[bool] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _FORKED.append(True))


if TYPE_CHECKING:
    _Simple = ctypes._SimpleCData[Any]

#: How every call of rows begins.
_LOGITS: list[tuple[str, type[_Simple]]] = [
    ("samples", c_int64),
    ("places", c_int64),
    ("logits", c_void_p),
    ("logits_by_sample", c_int64),
    ("logits_by_class", c_int64),
    ("logits_by_place", c_int64),
]
#: What a loss is handed to write into, and what it writes.
_RESULTS: list[tuple[str, type[_Simple]]] = [
    ("gradient", c_void_p),
    ("gradient_by_sample", c_int64),
    ("gradient_by_class", c_int64),
    ("gradient_by_place", c_int64),
    ("losses", c_void_p),
    ("total", c_void_p),
    ("lost", c_void_p),
    ("threads", c_int64),
    ("sum", c_double),
    ("count", c_double),
    ("bad_row", c_int64),
    ("lost_rows", c_int64),
]


class Tree(Structure):
    """`tree` of kernel.c."""

    _fields_ = [
        *((name, c_int64) for name in ("classes", "targets", "levels")),
        *((name, c_void_p) for name in ("edges", "weights", "order", "position")),
        ("blocks", c_int64),
        *((name, c_void_p) for name in ("first", "block_at", "block", "listed", "ends")),
    ]


class Call(Structure):
    """`call` of kernel.c."""

    _fields_ = [
        *_LOGITS,
        ("target", c_void_p),
        ("node_weight", c_void_p),
        ("row_weights", c_void_p),
        ("ignored", c_int64),
        ("mean", c_int64),
        *_RESULTS,
        ("look", c_int64),
    ]


class Units(Structure):
    """`units` of spread_call.h."""

    _fields_ = [(name, c_int64) for name in ("classes", "units", "levels", "targets", "groups")] + [
        (name, c_void_p)
        for name in (
            *("leaf", "leaf_start", "kid", "kid_start", "parent", "above", "first", "last"),
            *("group", "leaf_group"),
            *("per_node", "weights", "point_start", "point", "point_weight", "run", "leaf_run"),
            *("group_run", "part_start", "part", "part_class", "part_weight"),
        )
    ]


class SpreadCall(Structure):
    """`spread_call` of spread_call.h."""

    _fields_ = [
        *_LOGITS,
        ("target", c_void_p),
        ("soft", c_void_p),
        ("sources", c_int64),
        ("soft_by_sample", c_int64),
        ("soft_by_class", c_int64),
        ("soft_by_place", c_int64),
        ("row_uniform", c_void_p),
        ("own_weight", c_void_p),
        ("unit_weight", c_void_p),
        ("smoothing", c_double),
        ("ignored", c_int64),
        ("mean", c_int64),
        *_RESULTS,
        ("look", c_int64),
    ]


class LevelTree(Structure):
    """`level_tree` of levels.h."""

    _fields_ = [(name, c_int64) for name in ("classes", "nodes", "levels")] + [
        (name, c_void_p) for name in ("order", "ends", "node", "width", "lines", "start", "stop")
    ]


class LevelCall(Structure):
    """`level_call` of levels.h."""

    _fields_ = [
        *_LOGITS,
        ("best", c_void_p),
        ("stated", c_void_p),
        ("masses", c_void_p),
        ("chosen", c_void_p),
        ("odds", c_void_p),
        ("lost", c_void_p),
        ("threads", c_int64),
        ("bad_row", c_int64),
        ("lost_rows", c_int64),
    ]


class TallyTree(Structure):
    """`tally_tree` of tally.h."""

    _fields_ = [(name, c_int64) for name in ("nodes", "levels", "heights")] + [
        (name, c_void_p) for name in ("lines", "ancestors", "counted", "depth", "height")
    ]


class TallyCall(Structure):
    """`tally_call` of tally.h."""

    _fields_ = [
        ("rows", c_int64),
        ("best", c_void_p),
        ("stated", c_void_p),
        ("target", c_void_p),
        *((name, c_int64) for name in ("targets", "ignored", "bins")),
        *((name, c_void_p) for name in ("mistakes", "distances", "edges", "shared")),
        *((name, c_void_p) for name in ("levels", "paths", "counts", "calibration")),
    ]


class Kernel:
    """The functions of the library."""

    def __init__(self, path: Path) -> None:
        self.path = path
        library = ctypes.CDLL(str(path))
        self.rows = library.taxoloss_rows
        self.rows.argtypes = [POINTER(Tree), POINTER(Call), c_int, c_int]
        self.rows.restype = c_int
        self.spread = library.taxoloss_spread
        self.spread.argtypes = [POINTER(Units), POINTER(SpreadCall), c_int, c_int]
        self.spread.restype = c_int
        self.levels = library.taxoloss_levels
        self.levels.argtypes = [POINTER(LevelTree), POINTER(LevelCall), c_int, c_int]
        self.levels.restype = c_int
        self.tally = library.taxoloss_tally
        self.tally.argtypes = [POINTER(TallyTree), POINTER(TallyCall), c_int]
        self.tally.restype = c_int
        self.count = library.taxoloss_count
        pointers = [POINTER(kind) for kind in (LevelTree, LevelCall, TallyTree, TallyCall)]
        self.count.argtypes = [*pointers, c_int, c_int]
        self.count.restype = c_int
        #: The widest that the processor has.
        self.form: int = library.taxoloss_form()
        if _FORKED:
            library.taxoloss_forget_team()


_loaded: list[Kernel | None] = []


def kernel() -> Kernel | None:
    """The kernel, or None where the Python forms run.

    Raises:
        RuntimeError: TAXOLOSS_NATIVE=require, and it is not there or does not load.
        ValueError: TAXOLOSS_NATIVE is something else than 0, 1 or require.
    """
    if not _loaded:
        with _LOCK:
            if not _loaded:
                _loaded.append(_load())
    return _loaded[0]


def _load() -> Kernel | None:
    wanted = os.environ.get("TAXOLOSS_NATIVE", "1")
    if wanted not in _WANTED:
        raise ValueError(f"expected TAXOLOSS_NATIVE as 0, 1 or require, got {wanted!r}")
    if wanted == "0":
        return None
    path = Path(__file__).with_name(NAME)
    problem = "it was not compiled when taxoloss was installed"
    if path.exists():
        try:
            if _is_cut(path):
                raise OSError(f"{path} is cut short")
            return Kernel(path)
        except (OSError, AttributeError) as error:
            problem = str(error)
    if wanted == "require":
        raise RuntimeError(f"TAXOLOSS_NATIVE=require, and the native kernel is not there: {problem}")
    if path.exists():
        warnings.warn(f"the native kernel does not load, the Python form runs: {problem}", stacklevel=2)
    return None


def _is_cut(path: Path) -> bool:
    """Whether a 64-bit ELF library ends before its table of sections: loading it would end the process."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"\x7fELF\x02\x01"):
        return False
    if len(head) < 64:
        return True
    (table,), (size, count) = struct.unpack_from("<Q", head, 40), struct.unpack_from("<HH", head, 58)
    whole: int = table + size * count
    return path.stat().st_size < whole
