"""Every name that has no underscore says in a docstring what it gives."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import taxoloss

PACKAGE = Path(taxoloss.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def undocumented(file: str) -> Iterator[str]:
    """The names of a file without a docstring: itself, functions, classes, and what classes define.

    A method that overrides one with a docstring has that; a protocol says in its own what its members are.
    """
    tree = ast.parse(FILES[file].read_text(encoding="utf-8"))
    if not ast.get_docstring(tree):
        yield file
    for outer in public(tree):
        if not ast.get_docstring(outer):
            yield outer.name
        if isinstance(outer, ast.ClassDef) and "Protocol" not in map(ast.unparse, outer.bases):
            for inner in public(outer):
                if not ast.get_docstring(inner) and not is_inherited(file, outer.name, inner.name):
                    yield f"{outer.name}.{inner.name}"


def public(node: ast.Module | ast.ClassDef) -> list[Definition]:
    """The functions and classes that a module or class defines under names without an underscore."""
    return [one for one in node.body if isinstance(one, Definition) and not one.name.startswith("_")]


def is_inherited(file: str, outer: str, inner: str) -> bool:
    """Whether a method has the docstring of one that it overrides."""
    parts = ["taxoloss", *Path(file).with_suffix("").parts]
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    return bool(inspect.getdoc(getattr(getattr(module, outer), inner)))


@pytest.mark.parametrize("file", FILES)
def test_every_public_name_has_a_docstring(file: str) -> None:
    """Also those that `__all__` does not list: other files import them."""
    assert list(undocumented(file)) == []
