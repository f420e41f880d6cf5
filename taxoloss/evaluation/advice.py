"""What to do about classes that do not bind, in the words of the commands instead of those of Python."""

from __future__ import annotations

from dataclasses import replace

from taxoloss.errors.faults import BindingError, Fault

__all__ = ["for_command"]

_ALIASES = (
    "names that differ in spelling only become aliases by `taxoloss check TAXONOMY --classes FILE --write`"
)
_INNER = "where the model has an output for an inner node: --inner-classes"
_FEWER = "a model of fewer classes needs a taxonomy of these alone"


def for_command(error: BindingError) -> BindingError:
    """The error with the same faults, whose advice names options.

    >>> import taxoloss
    >>> try:
    ...     taxoloss.load({"tree": {"cat": ["Bengal"], "dog": ["pug", "beagle"]}}).bind(["cat", "pug"])
    ... except BindingError as error:
    ...     print([fault.help for fault in for_command(error).faults if fault.code == "T305"])
    ['where the model has an output for an inner node: --inner-classes']
    """
    return BindingError([replace(fault, help=_advice(fault)) for fault in error.faults])


def _advice(fault: Fault) -> str | None:
    if fault.code == "T305":
        return _INNER
    if fault.help is None:
        return None
    lines = fault.help.splitlines()
    if fault.code == "T304" and "('" in fault.help:
        return "give the path, its names with a separator between them"
    kept = [line for line in lines if not _is_python(line)]
    if len(kept) < len(lines):
        kept.append(_FEWER if fault.code == "T301" else _ALIASES)
    return "\n".join(kept)


def _is_python(line: str) -> bool:
    return line.startswith("t.") or "this mends" in line
