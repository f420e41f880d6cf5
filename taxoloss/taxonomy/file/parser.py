"""The form of a taxonomy file: which keys there are, and what may stand under them.

Values with marks go in; pydantic judges the head, the levels and the written-out nodes; out comes a
flat table of nodes, parents first, as they stand in the file. Whether the nodes make a usable tree is
not asked here (`from_file` does that).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import nearest
from taxoloss.taxonomy.file.document import (
    Document,
    ListValue,
    MappingValue,
    Mark,
    ScalarValue,
    Value,
    describe,
)
from taxoloss.taxonomy.file.limits import MORE
from taxoloss.taxonomy.file.models import NodeSpec, TaxonomySpec
from taxoloss.taxonomy.file.validation import validate
from taxoloss.taxonomy.names import name_faults, nfc

__all__ = ["NodeRow", "ParsedFile", "parse_spec"]


@dataclass(slots=True)
class NodeRow:
    """One node of the file; `parent` is the index of its row, -1 for the root."""

    name: str
    parent: int
    level: str | None = None
    aliases: tuple[str, ...] = ()
    description: str | None = None
    mark: Mark | None = None
    level_mark: Mark | None = None
    #: Further parents, each by its name or path, and where they are named.
    also_under: tuple[tuple[str | tuple[str, ...], Mark | None], ...] = ()


@dataclass(frozen=True)
class ParsedFile:
    """What a file says: its head (None where it is at fault), its nodes, where its levels stand."""

    spec: TaxonomySpec | None
    rows: list[NodeRow]
    level_marks: tuple[Mark | None, ...]
    document: Document


def parse_spec(value: Value, document: Document) -> ParsedFile:
    """The head and the nodes of a file; faults are noted in the document, not yet raised.

    A name that is at fault is "" in the rows: the faults of meaning can then be found as well.
    """
    if not isinstance(value, MappingValue):
        expected = "a mapping with the keys `name`, `levels` and `tree`"
        found = describe(value)
        help = "of tables and lists, `taxoloss init FILE -o taxonomy.yaml` makes a taxonomy"
        document.fault(
            "T116", f"the file holds {found}", value.mark, found=found, expected=expected, help=help
        )
        return ParsedFile(None, [], (), document)
    head = MappingValue([pair for pair in value.pairs if pair[0].text != "tree"], value.mark)
    spec = validate(TaxonomySpec, head, document, (), keys=(*TaxonomySpec.model_fields, "tree"))
    rows = _Flattener(document).flatten(value)
    levels = value.get("levels")
    written = levels is not None and not (isinstance(levels, ScalarValue) and levels.is_null)
    if written and spec is not None and spec.levels is None:
        spec = None  # it has levels, but they are at fault: nothing is known of the depth
    marks = tuple(item.mark for item in levels.items) if isinstance(levels, ListValue) else ()
    return ParsedFile(spec, rows, marks, document)


# -- the tree, flattened ---------------------------------------------------------------------------

_CHILDREN = "a list or a mapping of children, or nothing for a leaf"
_NODE_KEYS = (*NodeSpec.model_fields, "children")


class _Flattener:
    """Walks the tree of the file and writes its nodes into a table, parents before children."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.rows: list[NodeRow] = []

    def flatten(self, file: MappingValue) -> list[NodeRow]:
        """The rows of a file's nodes, depth-first."""
        tree = file.get("tree")
        if tree is None:
            keys = [key.text for key, _ in file.pairs if key.text not in TaxonomySpec.model_fields]
            guess = next((key for key in keys if nearest("tree", [key])), None)
            help = f"did you mean `tree` by {quoted(guess)}?" if guess else None
            message = "the key `tree` is missing"
            self.document.fault("T115", message, file.mark, path=("tree",), help=help)
        else:
            self.children(tree, -1, ())
        return self.rows

    def fault(self, code: str, message: str, value: Value, path: tuple[str, ...], **more: Any) -> None:
        """Notes a fault at a value."""
        self.document.fault(code, message, value.mark, path=path, **more)

    def children(self, value: Value, parent: int, path: tuple[str, ...]) -> None:
        """Adds what is below a node: a mapping of names, or a list of items."""
        if len(path) >= self.document.limits.levels:
            message = f"the tree is deeper than {self.document.limits.levels} levels"
            self.fault("T111", message, value, path)
        elif isinstance(value, MappingValue) and value.pairs:
            for key, item in value.pairs:
                self.named(key, item, parent, path)
        elif isinstance(value, ListValue) and value.items:
            for item in value.items:
                self.item(item, parent, path)
        elif isinstance(value, (MappingValue, ListValue)):
            where = f"{quoted(path[-1])} has" if path else "the tree has"
            message = f"{where} no children: {describe(value)}"
            help = "a leaf is written with nothing after the colon" if path else None
            self.fault("T118", message, value, path, expected="at least one child", help=help)
        else:
            self.not_children(value, path)

    def not_children(self, value: Value, path: tuple[str, ...]) -> None:
        """Notes a value that stands where children are expected."""
        where = quoted(path[-1]) if path else "`tree`"
        found = describe(value)
        help = None
        if isinstance(value, ScalarValue) and not value.is_null:
            help = f"one child is written as a list: [{value.text}]"
        message = f"{where} holds {found}"
        self.fault("T116", message, value, path, found=found, expected=_CHILDREN, help=help)

    def named(self, key: ScalarValue, value: Value, parent: int, path: tuple[str, ...]) -> None:
        """A key of a mapping: the name of a node, and what is below it."""
        row = self.add(key, parent, path)
        if not (isinstance(value, ScalarValue) and value.is_null):
            self.children(value, row, (*path, key.text))

    def item(self, value: Value, parent: int, path: tuple[str, ...]) -> None:
        """An item of a list: a leaf by its name, or a node written out."""
        if isinstance(value, ScalarValue):
            self.add(value, parent, path)
        elif isinstance(value, MappingValue) and value.get("name") is not None:
            self.written_out(value, parent, path)
        elif isinstance(value, MappingValue) and value.pairs:
            self.dash(value, path)
        else:
            expected = "a name, or a node written out with `name` and `children`"
            message = f"a list of nodes holds {describe(value)}"
            self.fault("T116", message, value, path, found=describe(value), expected=expected)

    def dash(self, value: MappingValue, path: tuple[str, ...]) -> None:
        """`- cat: [...]`: a mapping in a list, the commonest slip."""
        key, item = value.pairs[0]
        guess = nearest("name", [key.text]) if isinstance(item, ScalarValue) else None
        help = "remove the dash" if guess is None else f"did you mean `name` by {quoted(key.text)}?"
        before = (self.document.snippet(key.mark) or "")[: key.mark.column - 1 if key.mark else 0]
        if guess is None and isinstance(item, ScalarValue) and before.rstrip()[-1:] in ("[", ","):
            help = f'put a name that holds ": " in quotes: "{key.text}: {item.text}"'
        self.document.fault(
            "T120",
            f"{quoted(key.text)} is a mapping inside a list",
            key.mark,
            path=(*path, key.text),
            found=key.text,
            expected="a name, or a node written out with the key `name`",
            help=help,
        )

    def written_out(self, value: MappingValue, parent: int, path: tuple[str, ...]) -> None:
        """Adds a node that is a mapping with a name, and what is below it."""
        name = value.get("name")
        here = (*path, name.text if isinstance(name, ScalarValue) else "?")
        head = MappingValue([pair for pair in value.pairs if pair[0].text != "children"], value.mark)
        spec = validate(NodeSpec, head, self.document, here, _NODE_KEYS)
        row = len(self.rows)
        if spec is None:  # a stand-in, so that the faults below it are found too
            self.rows.append(NodeRow("", parent, mark=value.mark))
        else:
            mark = name.mark if isinstance(name, ScalarValue) else value.mark
            level = value.get("level")
            level_mark = level.mark if level is not None else None
            named = value.get("also_under")
            marks = [item.mark for item in named.items] if isinstance(named, ListValue) else []
            also = tuple(zip(spec.also_under, marks, strict=False))
            self.rows.append(
                NodeRow(
                    spec.name, parent, spec.level, spec.aliases, spec.description, mark, level_mark, also
                )
            )
        self.check_count(value.mark)
        children = value.get("children")
        if children is not None:
            self.written_out_children(children, row, here)

    def written_out_children(self, value: Value, row: int, path: tuple[str, ...]) -> None:
        """Adds what the key `children` of a node holds."""
        if isinstance(value, ScalarValue) and value.is_null:
            message = f"`children` of {quoted(path[-1])} is empty"
            help = "leave the key out for a leaf"
            self.fault("T118", message, value, path, expected="at least one child", help=help)
        else:
            self.children(value, row, path)

    def add(self, name: ScalarValue, parent: int, path: tuple[str, ...]) -> int:
        """Adds a node by its name, and gives its row."""
        text = "" if name.repeated else nfc(name.text)
        for code, message in name_faults(name.text):
            self.fault(code, message, name, (*path, name.text), found=name.text)
            text = ""
        self.rows.append(NodeRow(text, parent, mark=name.mark))
        self.check_count(name.mark)
        return len(self.rows) - 1

    def check_count(self, mark: Mark | None) -> None:
        """Refuses a file with too many nodes."""
        if len(self.rows) > (most := self.document.limits.nodes):
            self.document.refuse("T112", f"more than {most:,} nodes", mark, help=MORE)
