"""PyYAML's events; its exceptions become faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from taxoloss.errors.faults import Note
from taxoloss.taxonomy.file.document import Document, Mark

__all__ = ["YAML_LOADER"]

#: Its events are read, its composer never is: see above.
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_DIRECTIVES = 100


def refuse_directives(text: str, document: Document) -> None:
    """libyaml compares each %TAG with all before it, before its first event: 100,000 take minutes."""
    for number, match in enumerate(re.finditer(r"(?m)^%", text)):
        if number == _MOST_DIRECTIVES:
            message = f"more than {_MOST_DIRECTIVES} lines start with %"
            document.refuse(
                "T111", message, document.mark_at(match.start()), help="put such names in quotes"
            )


# -- YAML events -----------------------------------------------------------------------------------


def yaml_events(text: str, document: Document) -> Iterator[yaml.Event]:
    """PyYAML's events; its exceptions become faults."""
    try:
        yield from yaml.parse(text, Loader=YAML_LOADER)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line + 1, at.column + 1) if at else None
        problem = error.problem or str(error)
        code = "T111" if "nesting depth" in problem else "T103"
        help = _yaml_help(problem, document.snippet(mark), mark)
        notes = _started(error, mark, document)
        document.fault(code, f"this is not YAML: {problem}", mark, help=help, notes=notes)
    except (yaml.YAMLError, RecursionError) as error:
        document.fault("T103", f"this is not YAML: {str(error).splitlines()[0]}")


# Where the parser was, in its words and in ours.
_STARTS = {
    "while parsing a flow sequence": "the list starts here",
    "while parsing a flow mapping": "the mapping starts here",
    "while parsing a block mapping": "the mapping starts here",
    "while parsing a block collection": "the list starts here",
    "while scanning a quoted scalar": "the quotes open here",
}


def _started(error: yaml.MarkedYAMLError, mark: Mark | None, document: Document) -> tuple[Note, ...]:
    """Where that which is not closed was opened, if on another line."""
    start, label = error.context_mark, _STARTS.get(error.context or "")
    if start is None or label is None or mark is None or start.line + 1 == mark.line:
        return ()
    return (document.note(label, Mark(start.line + 1, start.column + 1)),)


def _yaml_help(problem: str, snippet: str | None, mark: Mark | None) -> str | None:
    if snippet and mark and snippet[mark.column - 1 : mark.column] == "\t":
        return "indent with spaces, not with a tab"
    if "expected key" in problem and snippet and snippet.lstrip().startswith("- "):
        name = snippet.strip()[2:].strip()
        if name[:1] in "{[" or name.startswith("name:"):  # a node written out
            return "a dash cannot stand among keys: write the nodes beside it as list items too"
        if ":" in name:
            return "a dash cannot stand among keys: remove the dash"
        return f"a dash cannot stand among keys; a leaf beside inner nodes is a key with nothing: {name}:"
    if "could not find expected ':'" in problem:
        return "the name above this place has no colon; a leaf beside inner nodes is written `name:`"
    if "mapping values are not allowed" in problem or "cannot start any token" in problem:
        return 'put a name that holds ": " or starts with one of @`%&*!|>[{ in quotes'
    return None
