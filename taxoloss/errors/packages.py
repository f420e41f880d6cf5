"""Packages that taxoloss can do without: found when they are asked for, and missed in words."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

__all__ = ["package"]


def package(module: str, purpose: str, extra: str, at_least: str = "") -> ModuleType:
    """A module of an optional package.

    Args:
        module: its name, such as "fastai.learner".
        purpose: what needs it, the start of the sentence.
        extra: of taxoloss, that installs it.
        at_least: the lowest version that serves, such as "2.8".

    Raises:
        ModuleNotFoundError: the package is not installed; it says how to install it.
        ImportError: it is older than that.

    >>> package("numpy", "this example", "sources").__name__
    'numpy'
    >>> package("nosuch.part", "a loss of nosuch", "nosuch")
    Traceback (most recent call last):
    ModuleNotFoundError: a loss of nosuch needs nosuch: pip install "taxoloss[nosuch]"
    """
    name = module.partition(".")[0]
    install = f'pip install "taxoloss[{extra}]"'
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name:
            raise  # it is there, and misses something itself
        raise ModuleNotFoundError(f"{purpose} needs {name}: {install}", name=name) from error
    here = _version(name)
    if here and at_least and _numbers(here) < _numbers(at_least):
        raise ImportError(
            f"{purpose} needs {name} {at_least} or newer, found {here}: {install} --upgrade", name=name
        )
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # the module has another name than its distribution
        return str(getattr(import_module(name), "__version__", ""))


def _numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)[:3]]
