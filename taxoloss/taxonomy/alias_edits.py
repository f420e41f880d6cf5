"""Aliases added to the text of a taxonomy file, which else stays as it was written.

Only the nodes concerned are touched: a leaf `Bengal` in a list becomes `{name: Bengal, aliases: [...]}`;
the keys of a mapping become the items of a list, as the format asks where a node is written out. The new
text is read again, and handed on only if it says the same tree, with the aliases, and has every comment.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from taxoloss.errors.faults import TaxonomyError
from taxoloss.taxonomy.file.document import Document
from taxoloss.taxonomy.file.reader import read_text
from taxoloss.taxonomy.file.writer import as_json
from taxoloss.taxonomy.file.yaml_events import YAML_LOADER
from taxoloss.taxonomy.file.yaml_writer import scalar
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["with_aliases"]


_COLON = re.compile(r"\s*:")
_REST_OF_LINE = re.compile(r"[^\r\n]*")


class _Lines:
    """Where the lines of a text start, and how each of them ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]

    def number(self, index: int) -> int:
        """The line (from 0) that a character stands on."""
        return bisect_right(self.starts, index) - 1

    def end(self, line: int) -> str:
        """The line break behind a line; of the last, which has none, the one before it."""
        line = min(line, len(self.starts) - 2)
        if line < 0:
            return "\n"
        whole = self.text[self.starts[line] : self.starts[line + 1]]
        return whole[len(whole.rstrip("\r\n")) :]


@dataclass
class _Span:
    """A value of the text: where it starts and ends, and what it holds."""

    kind: str
    start: int
    stop: int
    flow: bool
    text: str = ""
    items: list[_Span] = field(default_factory=list)

    @property
    def pairs(self) -> Iterator[tuple[_Span, _Span]]:
        """Keys and values of a mapping."""
        return zip(self.items[::2], self.items[1::2], strict=True)

    def get(self, key: str) -> _Span | None:
        """The value of a key of a mapping."""
        return next((value for name, value in self.pairs if name.text == key), None)


def with_aliases(taxonomy: Taxonomy, document: Document, added: Mapping[int, tuple[str, ...]]) -> str:
    """The text of the document with more aliases for some nodes (depth-first numbers).

    Raises:
        ValueError: the text is written so that the aliases cannot be added without changing more.
    """
    aliases = {node: (*taxonomy.aliases.get(node, ()), *names) for node, names in added.items()}
    wanted = taxonomy.replace(aliases={**taxonomy.aliases, **aliases})
    mark = "\ufeff" if document.has_mark else ""
    if (document.file or "").lower().endswith(".json"):
        return mark + as_json(wanted).replace("\n", _Lines(document.text).end(0))
    text = _Edits(document, taxonomy, added).applied()
    if not _says(text, wanted, document):
        names = ", ".join(sorted({name for more in added.values() for name in more})[:3])
        raise ValueError(
            f"the aliases {names} cannot be added without changing more of the file: write them by hand"
        )
    return mark + text


def _says(text: str, wanted: Taxonomy, document: Document) -> bool:
    """Whether an edited text is the tree that is wanted, and has every comment of the document."""
    try:
        again = Taxonomy.from_values(*read_text(text, document.file or "<text>", document.limits))
    except TaxonomyError:  # of the edited text, which nobody has seen
        return False
    same = again.digest == wanted.digest and dict(again.aliases) == dict(wanted.aliases)
    return same and _comments(Document(text)) == _comments(document)


def _comments(document: Document) -> list[str]:
    """Every comment of a text: what stands behind a # that is in no scalar."""
    masked = list(document.text)
    for event in yaml.parse(document.text, Loader=YAML_LOADER):
        if isinstance(event, yaml.ScalarEvent):
            for index in range(_index(document, event.start_mark), _index(document, event.end_mark)):
                masked[index] = " " if masked[index] not in "\r\n" else masked[index]
    return sorted(re.findall(r"(?:^|\s)(#.*)$", "".join(masked), re.MULTILINE))


def _index(document: Document, mark: Any) -> int:
    """The character that a mark stands for; parse() marks every event."""
    return document.index_of(mark.line, mark.column)


class _Edits:
    """Replacements in a text, and how far each of its lines moves to the right."""

    def __init__(
        self, document: Document, taxonomy: Taxonomy, added: Mapping[int, tuple[str, ...]]
    ) -> None:
        self.document, self.text = document, document.text
        self.lines = _Lines(self.text)
        self.added = added
        self.names = taxonomy.tree.names
        self.shift = [0] * (len(self.lines.starts) + 1)
        self.edits: list[tuple[int, int, str]] = []
        #: Texts with lines behind them: from, to, the text, the lines, the line that they are moved with.
        self.pending: list[tuple[int, int, str, list[str], int]] = []
        self.node = 0
        tree = self._spans().get("tree")
        if tree is not None:
            self.children(tree)

    # -- the text as spans -------------------------------------------------------------------------

    def _spans(self) -> _Span:
        root = _Span("root", 0, len(self.text), False)
        stack = [root]
        for event in yaml.parse(self.text, Loader=YAML_LOADER):
            start, stop = (_index(self.document, mark) for mark in (event.start_mark, event.end_mark))
            if isinstance(event, yaml.ScalarEvent):
                if event.style in ("|", ">"):  # its end is where the next thing starts
                    stop = start + len(self.text[start:stop].rstrip())
                stack[-1].items.append(_Span("scalar", start, stop, bool(event.style), event.value))
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
                stack[-1].items.append(_Span(kind, start, stop, bool(event.flow_style)))
                stack.append(stack[-1].items[-1])
            elif isinstance(event, yaml.CollectionEndEvent):
                closed = stack.pop()
                # In block style the end is where the next thing starts: the last item's end is meant.
                closed.stop = (
                    stop if closed.flow else max((item.stop for item in closed.items), default=stop)
                )
        return root.items[0]

    def _line(self, index: int) -> int:
        return self.lines.number(index)

    def _column(self, index: int) -> int:
        return index - self.lines.starts[self._line(index)]

    # -- nodes, in the order of the file -----------------------------------------------------------

    def children(self, value: _Span) -> None:
        """Counts the nodes of a list or mapping depth-first, and edits those that get names."""
        if value.kind == "mapping":
            self.mapping(value)
            return
        for item in value.items:
            self.node += 1
            names = self.added.get(self.node)
            if item.kind == "scalar":
                if names:
                    self.edits.append((item.start, item.stop, self.leaf(self.node, names)))
                continue
            if names:
                self.written_out(item, names)
            below = item.get("children")
            if below is not None:
                self.children(below)

    def leaf(self, node: int, names: tuple[str, ...]) -> str:
        """A leaf that was a name alone, written out."""
        return f"{{name: {scalar(self.names[node])}, aliases: [{', '.join(map(scalar, names))}]}}"

    def written_out(self, item: _Span, names: tuple[str, ...]) -> None:
        """Adds names to the aliases of a node that is a mapping with a name, or the key."""
        listed = ", ".join(map(scalar, names))
        aliases, name = item.get("aliases"), item.get("name")
        if aliases is not None and aliases.kind == "sequence" and not aliases.items:
            self.edits.append((aliases.start + 1, aliases.start + 1, listed))
        elif aliases is not None and aliases.kind == "sequence":
            last = aliases.items[-1]
            if aliases.flow:
                self.edits.append((last.stop, last.stop, f", {listed}"))
            else:
                dash = " " * self._column(aliases.start) + "- "
                self.new_lines(last.stop, [dash + scalar(more) for more in names])
        elif name is not None and item.flow:
            self.edits.append((name.stop, name.stop, f", aliases: [{listed}]"))
        elif name is not None:
            key = next(key for key, _ in item.pairs if key.text == "name")
            self.new_lines(name.stop, [" " * self._column(key.start) + f"aliases: [{listed}]"])

    def new_lines(self, after: int, lines: list[str]) -> None:
        """Lines behind the one that a value ends on; they move as far to the right as it does."""
        end = after + len(_REST_OF_LINE.match(self.text, after)[0])  # type: ignore[index]  # it matches ""
        self.pending.append((end, end, "", lines, self._line(after)))

    # -- a mapping becomes a list ------------------------------------------------------------------

    def mapping(self, value: _Span) -> None:
        """Only where a child with nothing below it gets an alias: else its keys stay keys."""
        numbers: list[int] = []
        concerned = False
        for _, below in value.pairs:
            self.node += 1
            numbers.append(self.node)
            concerned |= self.node in self.added
            if below.kind != "scalar":
                self.children(below)
        if not concerned:
            return
        if value.flow:
            self.edits += [(value.start, value.start + 1, "["), (value.stop - 1, value.stop, "]")]
        for number, (key, below) in zip(numbers, value.pairs, strict=True):
            self.pair(number, key, below, value.flow)

    def pair(self, number: int, key: _Span, below: _Span, flow: bool) -> None:
        """A name and what is below it, as an item of a list."""
        names = self.added.get(number)
        name = scalar(self.names[number])
        aliases = f", aliases: [{', '.join(map(scalar, names))}]" if names else ""
        behind = _COLON.match(self.text, key.stop)
        colon = behind.end() if behind else key.stop  # a key of {Bengal, Pug} has none
        if below.kind == "scalar":
            item = f"{{name: {name}{aliases}}}" if names else name
            stop = max(colon, below.stop) if behind else colon
            self.edits.append((key.start, stop, item if flow else f"- {item}"))
        elif flow:
            space = "" if self.text[colon : colon + 1].isspace() else " "
            self.edits.append((key.start, colon, f"{{name: {name}{aliases}, children:{space}"))
            self.edits.append((below.stop, below.stop, "}"))
        else:
            line, indent = self._line(key.start), " " * (self._column(key.start) + 2)
            head = f"- name: {name}"
            more = [f"{indent}aliases: [{', '.join(map(scalar, names))}]"] if names else []
            self.pending.append((key.start, colon, head, [*more, f"{indent}children:"], line))
            for moved in range(line + 1, self._line(max(below.stop - 1, below.start)) + 1):
                self.shift[moved] += 4

    def applied(self) -> str:
        """The text with all edits."""
        edits = list(self.edits)
        for start, stop, before, lines, line in self.pending:
            lead = self.lines.end(line) + " " * self.shift[line]
            edits.append((start, stop, before + "".join(lead + text for text in lines)))
        for line, start in enumerate(self.lines.starts):
            if self.shift[line] and self.text[start : start + 1] not in ("\n", "\r", ""):
                edits.append((start, start, " " * self.shift[line]))
        pieces, at = [], 0
        for start, stop, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
            pieces += [self.text[at:start], new]
            at = stop
        return "".join([*pieces, self.text[at:]])
