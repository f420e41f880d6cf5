"""The reference, from docstrings: of a module that <!-- api: MODULE --> names, or of names behind it."""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pydoc import locate
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.logging import getLogger
from torch.nn import Module

from builder.docstrings import escaped

__all__ = ["public_names", "setup"]

_LOGGER = getLogger(__name__)
_MARK = re.compile(r"^<!-- api: (\S+)(.*) -->$", re.MULTILINE)
#: Whose members every class below them has, and nobody looks for here.
_BASES = "Exception, Enum, tuple, dict, int, object"
#: Where a docstring's `name` may stand, beside the module that it is in.
_ROOMS = (
    "",
    "metrics.",
    "decisions.",
    "weighting.",
    "heads.",
    "functional.",
    "sources.",
    "sweep.",
    "evaluation.",
)


def public_names(module: ModuleType) -> list[str]:
    """What a module says is its own, its modules left out."""
    return [name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)]


def _comment(room: str, name: str) -> str:
    """What the #: above a variable says, in whichever module of the room it stands."""
    for home, module in sorted(sys.modules.items()):
        if f"{home}.".startswith(f"{room}.") and getattr(module, "__file__", None):
            docs = ModuleAnalyzer.for_module(home).find_attr_docs()
            if ("", name) in docs:
                return " ".join(docs["", name]).strip()
    raise ValueError(f"{room}.{name} has no #: comment that says what it is")


def _is_data(value: Any) -> bool:
    """Neither a class nor a function; an alias of a type is data too."""
    return not isinstance(value, type) and not inspect.isroutine(value)


def _entry(room: str, name: str, value: Any) -> list[str]:
    """What Sphinx is told of one name."""
    path = f"{room}.{name}"
    if _is_data(value):
        return [f".. py:data:: {name}", "", f"   {_comment(room, name)}", ""]
    if isinstance(value, type):
        inherited = [] if issubclass(value, Module) else [f"   :inherited-members: {_BASES}"]
        return [f".. autoclass:: {path}", "   :members:", *inherited, ""]
    return [f".. autofunction:: {path}", ""]


def _summary(room: str, name: str, value: Any) -> list[str]:
    """A line of the list above: a link, and the first sentence."""
    text = _comment(room, name) if _is_data(value) else inspect.getdoc(value) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:]) (?=[A-Z])", paragraph)[0].rstrip(":")
    return [f"- :py:obj:`{name} <{room}.{name}>`: {escaped(sentence)}"]


def _reference(mark: re.Match[str]) -> str:
    """A list of the names with their first sentences, then each in full."""
    module = import_module(mark[1])
    names = mark[2].split() or public_names(module)
    lines = [f".. currentmodule:: {mark[1]}", ""]
    for part in (_summary, _entry) if len(names) > 1 else (_entry,):
        for name in names:
            lines += part(mark[1], name, getattr(module, name))
        lines.append("")
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = _MARK.sub(_reference, source[0])


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """A name in `...` of a docstring, looked for in the whole package; what is none of ours is text."""
    if node.get("reftype") != "obj":
        return None
    target = node["reftarget"].partition("(")[0]
    domain = env.domains.python_domain
    for path in (f"taxoloss.{room}{target}" for room in _ROOMS):
        if path in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, content)
    if target.startswith("taxoloss.") and locate(target) is None:
        _LOGGER.warning("there is no `%s`", target, location=node)
    return content


def _skip(app: Sphinx, what: str, name: str, value: Any, skip: bool, options: object) -> bool | None:
    """Members that a framework put into a class of ours."""
    made_of = getattr(value, "fget", None) or getattr(value, "func", None) or value  # of a property
    home = getattr(made_of, "__module__", None) or "taxoloss"
    return True if not home.startswith("taxoloss") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
