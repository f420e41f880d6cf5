"""The two forms of the loss on a CPU, the native kernel and Python, and which of them tests run over.

tests/conftest.py runs every test of the folders below over each form; `make test` over the first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from taxoloss.functional.kernels.native import library

__all__ = ["COMPILED", "FOLDERS", "FORMS", "NATIVE", "PYTHON", "only", "python_form"]

NATIVE, PYTHON = "native", "python"
#: The kernel, or None: asked for once, before a test changes what is there.
COMPILED = library.kernel()
#: What there is to be tested; the first is that of `make test`.
FORMS = [PYTHON] if COMPILED is None else [NATIVE, PYTHON]
#: Folders of tests whose calls the kernel may serve.
FOLDERS = ("decisions", "functional", "heads", "metrics")


@contextmanager
def python_form() -> Iterator[None]:
    """Inside, the kernel is not there."""
    before, library._loaded[:] = library._loaded[:], [None]
    try:
        yield
    finally:
        library._loaded[:] = before


@contextmanager
def only(form: str) -> Iterator[None]:
    """Inside, this form computes, also in processes that are started; none is traced of another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "_loaded", [COMPILED if form == NATIVE else None])
        patch.setenv("TAXOLOSS_NATIVE", "require" if form == NATIVE else "0")
        if "torch._dynamo" in sys.modules:
            sys.modules["torch._dynamo"].reset()
        yield
