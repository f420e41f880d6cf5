"""Nodes that are written out: {name, children}, whatever else they hold, in lists or below their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_values import (
    Place,
    held_texts,
    holds_names,
    is_empty,
    is_number,
    is_text,
    line_of,
    may_hold_names,
    repeated,
    text_of,
)
from taxoloss.sources.formats.json_words import CHILD_LISTS, NAMES, NEVER, bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["facts_of", "is_written_out", "left_out", "named_readings"]

_Child = tuple[str | None, Value]  # the key that a node stands below, where it stands below one


@dataclass
class _Form:
    """How the nodes of a document are written."""

    name: str | None  # the key of the name; None: a node stands below its name
    children: frozenset[str]
    nodes: int
    depth: int  # 1: all of them side by side
    sure: bool
    keys: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # keys of lists of names that are not those of the children
    one_top: bool = False

    def name_of(self, key: str | None, node: Value) -> str | None:
        """What a node is called."""
        if isinstance(node, ScalarValue):
            return text_of(node) if key is None else key
        if self.name is not None and isinstance(node, MappingValue):
            return text_of(node.get(self.name)) or key
        return key

    def below(self, node: Value) -> Iterator[_Child]:
        """The nodes below a node."""
        for key, value in node.pairs if isinstance(node, MappingValue) else ():
            if key.text in self.children:
                yield from _listed(value)


def _listed(value: Value) -> Iterator[_Child]:
    """The nodes in a list, or in a mapping of names to nodes; a single text is one node."""
    if isinstance(value, ListValue):
        yield from ((None, item) for item in value.items)
    elif isinstance(value, MappingValue):
        yield from ((key.text, item) for key, item in value.pairs)
    elif not is_empty(value):
        yield None, value


def facts_of(node: Value) -> dict[str, object]:
    """Rank, aliases and description of a node, where it says them; a number is no rank."""
    if not isinstance(node, MappingValue):
        return {}
    known = {bare(key.text): value for key, value in reversed(node.pairs)}
    rank, description = known.get("rank"), known.get("description")
    return {
        "rank": text_of(rank) if rank is not None and not is_number(rank) else None,
        "aliases": held_texts(known.get("aliases")),
        "description": text_of(description),
    }


def is_written_out(value: Value) -> bool:
    """Whether a value is one node, {"name": ..., "children": [...]}: a name, and a key of what is below."""
    return (
        isinstance(value, MappingValue)
        and _known_name(value)
        and any(_leads_down(key.text, below, sure=True) for key, below in value.pairs)
    )


# -- what shows that a document holds nodes --------------------------------------------------------


def named_readings(value: Value, place: Place) -> list[Reading]:
    """The readings of a node, a list of nodes or a mapping of names to nodes; none where it is neither."""
    value = _unwrapped(value)
    form = _form(value)
    if form is None:
        return []
    used = {form.name or "", *form.children, *_FACTS}
    return [
        Reading(
            "nested",
            f"{_written(form)}, {counted(form.nodes, 'node')}{place.said}",
            Grade.PLAIN if form.sure else Grade.CELLS,
            partial(_found, value, form, place),
            "--kind nested",
            unused=tuple(key for key in form.keys if key not in used),
        )
    ]


def left_out(value: Value, named: Sequence[Reading]) -> tuple[str, ...]:
    """The keys of lists of names, or of records, that the readings of nodes leave out."""
    if not any(may_hold_names(key) for reading in named for key in reading.unused):
        return ()
    form = _form(_unwrapped(value))
    return form.left if form is not None else ()


def _unwrapped(value: Value) -> Value:
    """The nodes of d3.hierarchy, {"data": {"name": ...}, "children": [...]}, with what `data` holds."""
    tops = value.items if isinstance(value, ListValue) else [value]
    if not tops or not all(_wraps(top) for top in tops):
        return value
    made: list[Value] = []
    stack: list[tuple[Value, list[Value]]] = [(top, made) for top in reversed(tops)]
    while stack:
        node, siblings = stack.pop()
        if not isinstance(node, MappingValue) or not _wraps(node):
            siblings.append(node)
            continue
        pairs = _own_pairs(node)
        siblings.append(MappingValue(pairs, node.mark))
        for number, (key, below) in enumerate(pairs):
            if bare(key.text) in CHILD_LISTS and isinstance(below, ListValue):
                pairs[number] = (key, inner := ListValue([], below.mark))
                stack += [(item, inner.items) for item in reversed(below.items)]
    return made[0] if isinstance(value, MappingValue) else ListValue(made, value.mark)


def _wraps(node: Value) -> bool:
    data = node.get("data") if isinstance(node, MappingValue) else None
    return isinstance(node, MappingValue) and isinstance(data, MappingValue) and not _known_name(node)


def _own_pairs(node: MappingValue) -> list[tuple[ScalarValue, Value]]:
    """The pairs of `data` without the nodes below it, which d3 keeps there too, and those beside it."""
    data = node.get("data")
    told = data.pairs if isinstance(data, MappingValue) else []
    pairs = [pair for pair in told if bare(pair[0].text) not in CHILD_LISTS]
    known = {key.text for key, _ in pairs}
    return pairs + [pair for pair in node.pairs if pair[0].text not in {"data", *known}]


_FACTS = ("rank", "aliases", "description")


def _written(form: _Form) -> str:
    below = " or ".join(sorted(form.children))
    return (
        f"{form.name} with what is below it in {below}" if form.name else f"names with {below} below them"
    )


@dataclass
class _Seen:
    """The mappings of a document that may be nodes, by the key that leads down to them."""

    nodes: list[MappingValue] = field(default_factory=list)
    keyed: int = 0  # nodes that stand below a key, not in a list
    depth: int = 0
    downs: Counter[str] = field(default_factory=Counter)


def _form(value: Value) -> _Form | None:
    tops = _tops(value)
    if not tops:
        return None
    strong = _seen(tops, sure=True)
    seen = strong if strong.downs else _seen(tops, sure=False)
    if not seen.downs:
        return None
    keys = tuple(dict.fromkeys(key.text for node in seen.nodes for key, _ in node.pairs))
    name = _name_key(seen, tops) if seen.keyed < len(seen.nodes) else _own_name_key(seen.nodes)
    bare_top = len(tops) == 1 and name is not None and not _holds(tops[0][1], name)
    if _are_linked(seen, tops) or repeated(seen.nodes) or (bare_top and not strong.downs):
        return None  # records that list each other; or a document around a list
    if (name is None or bare_top) and _holds_more(seen, tops, only_top=name is not None):
        return None  # names: {"children": ["boy"], "adults": ["woman"]}
    if name is None and seen.keyed < len(seen.nodes) - (len(tops) == 1):
        return None
    children, sure = frozenset(seen.downs), bool(strong.downs)
    left = _left_out(seen, name)
    return _Form(name, children, len(seen.nodes), seen.depth, sure, keys, left, len(tops) == 1)


def _left_out(seen: _Seen, name: str | None) -> tuple[str, ...]:
    """The keys of lists of names, or of records, that lead down from no node."""
    found = (
        key.text
        for node in seen.nodes
        for key, below in node.pairs
        if isinstance(below, ListValue) and key.text not in seen.downs and holds_names(key.text, below)
    )
    return tuple(dict.fromkeys(key for key in found if key != name and bare(key) not in CHILD_LISTS))


def _holds(node: Value, key: str) -> bool:
    return isinstance(node, MappingValue) and text_of(node.get(key)) is not None


def _holds_more(seen: _Seen, tops: list[_Child], *, only_top: bool) -> bool:
    """Whether nodes without a name hold lists or mappings beside those of the nodes below them."""
    nodes = [node for _, node in tops if isinstance(node, MappingValue)] if only_top else seen.nodes
    return any(
        not isinstance(below, ScalarValue) and not is_empty(below) and bare(key.text) not in NEVER
        for node in nodes
        for key, below in node.pairs
        if key.text not in seen.downs
    )


def _are_linked(seen: _Seen, tops: list[_Child]) -> bool:
    """Whether nodes stand side by side and list ids, or names, of others."""
    if len(tops) < 2 or sum(_reference(node) is None for node in seen.nodes) > len(tops):
        return False
    owner: dict[str, int] = {}
    for number, (key, node) in enumerate(tops):
        pairs = node.pairs if isinstance(node, MappingValue) else ()
        cells = [below.text for _, below in pairs if isinstance(below, ScalarValue) and not is_empty(below)]
        for text in [*cells, *([key] if key is not None else [])]:
            owner.setdefault(text, number)
    listed = (
        (number, _reference(item) or text_of(item))
        for number, (_, node) in enumerate(tops)
        for key, below in (node.pairs if isinstance(node, MappingValue) else ())
        if key.text in seen.downs
        for _, item in _listed(below)
    )
    return any(text is not None and owner.get(text, number) != number for number, text in listed)


def _reference(node: Value) -> str | None:
    """The id in {"id": "x"}, which stands for a node that is written elsewhere; None of other values."""
    pairs = node.pairs if isinstance(node, MappingValue) else []
    return text_of(pairs[0][1]) if len(pairs) == 1 and bare(pairs[0][0].text) in ("id", "uri") else None


def _tops(value: Value) -> list[_Child]:
    """The first nodes: one mapping, those of a list, or those below the keys of a mapping."""
    if isinstance(value, ListValue):
        maps = [item for item in value.items if isinstance(item, MappingValue)]
        return [(None, item) for item in maps] if maps else []
    if not isinstance(value, MappingValue):
        return []
    if any(_leads_down(key.text, below, sure=True) for key, below in value.pairs):
        return [(None, value)]
    inner = [below for _, below in value.pairs]
    if inner and all(isinstance(below, MappingValue) or is_empty(below) for below in inner):
        sure = any(
            _leads_down(key.text, below, sure=True)
            for item in inner
            if isinstance(item, MappingValue)
            for key, below in item.pairs
        )
        if sure:
            return [(key.text, below) for key, below in value.pairs]
    return [(None, value)]


def _leads_down(key: str, value: Value, *, sure: bool) -> bool:
    """Whether a key says that nodes are below; or, where none says so, whether what it holds are nodes."""
    word = bare(key)
    if sure or word in CHILD_LISTS:
        return word in CHILD_LISTS and not isinstance(value, ScalarValue)
    if word in NEVER or not isinstance(value, ListValue) or not value.items:
        return False
    return all(isinstance(item, MappingValue) and _known_name(item) for item in value.items)


def _known_name(node: MappingValue) -> bool:
    return any(bare(key.text) in NAMES and text_of(value) is not None for key, value in node.pairs)


def _seen(tops: list[_Child], *, sure: bool) -> _Seen:
    """Walks down with a stack."""
    seen = _Seen()
    stack = [(key, node, 1) for key, node in reversed(tops)]
    while stack:
        key, node, depth = stack.pop()
        seen.depth = max(seen.depth, depth)
        if not isinstance(node, MappingValue):
            continue
        seen.nodes.append(node)
        seen.keyed += key is not None
        for word, below in node.pairs:
            if _leads_down(word.text, below, sure=sure):
                seen.downs[word.text] += not is_empty(below)
                stack += [(k, item, depth + 1) for k, item in _listed(below)]
    seen.downs = +seen.downs  # keys below which something stands
    return seen


def _name_key(seen: _Seen, tops: list[_Child]) -> str | None:
    """The key that holds the name of every node, or of most; the single top may have none."""
    nodes = seen.nodes[1:] if len(tops) == 1 and len(seen.nodes) > 1 else seen.nodes
    counts: Counter[str] = Counter()
    for node in nodes:
        counts.update(key.text for key, value in node.pairs if text_of(value))
    known = sorted((NAMES.index(bare(key)), key) for key in counts if bare(key) in NAMES)
    best = [key for _, key in known if counts[key] == len(nodes)]
    best += sorted((key for _, key in known if 2 * counts[key] > len(nodes)), key=lambda key: -counts[key])
    return best[0] if best else _only_text(nodes, counts)


def _own_name_key(nodes: list[MappingValue]) -> str | None:
    """The key of the names of nodes that stand below keys, where they say one of their own."""
    words = {bare(key.text): key.text for node in nodes for key, _ in node.pairs}
    named = (words[word] for word in NAMES[:-4] if word in words)
    return next((key for key in named if all(_holds(node, key) for node in nodes)), None)


def _only_text(nodes: list[MappingValue], counts: Counter[str]) -> str | None:
    """The only key that holds a text in every node."""
    every = [key for key, count in counts.items() if count == len(nodes)]
    texts = [key for key in every if all(is_text(v) for node in nodes if (v := node.get(key)) is not None)]
    called = [key for key in texts if bare(key).endswith("name")]
    return called[0] if len(called) == 1 else (texts[0] if len(texts) == 1 else None)


# -- the tree --------------------------------------------------------------------------------------


def _found(value: Value, form: _Form, place: Place) -> Found:
    """A node's key is its place in the file."""
    nodes = SourceGraph(place.file, place.options)
    stack: list[tuple[Value, str | None]] = []
    tops: list[_Child] = _tops(value)
    if isinstance(value, ListValue):
        tops = [(None, item) for item in value.items]
    if form.one_top and form.name_of(*tops[0]) is None:
        tops = list(form.below(tops[0][1]))  # a document around the nodes
    _add(tops, None, form, nodes, stack)
    while stack:
        node, parent = stack.pop()
        _check_downs(node, form, nodes)
        _add(list(form.below(node)), parent, form, nodes, stack)
    taxonomy = nodes.taxonomy()
    return Found(taxonomy, "nested", f"{counted(len(nodes.nodes), 'node')}", tuple(nodes.notes))


def _add(
    children: list[_Child],
    parent: str | None,
    form: _Form,
    nodes: SourceGraph,
    stack: list[tuple[Value, str | None]],
) -> None:
    for above, node in children:
        name = None if isinstance(node, ListValue) else form.name_of(above, node)
        if name is None:
            what = "a list" if isinstance(node, ListValue) else f"no {quoted(form.name or 'name')}"
            nodes.fault("T116", f"a node holds {what}", line_of(node), expected="its name")
            continue
        key = f"{len(nodes.nodes)}"
        nodes.add(key, name, line=line_of(node), **facts_of(node))  # type: ignore[arg-type]
        if parent is not None:
            nodes.link(key, parent)
        stack.append((node, key))


def _check_downs(node: Value, form: _Form, nodes: SourceGraph) -> None:
    """Two lists of nodes in one node are two trees, unless both keys say that they are one."""
    if not isinstance(node, MappingValue):
        return
    downs = [key.text for key, value in node.pairs if key.text in form.children and not is_empty(value)]
    if len(downs) > 1:
        message = f"a node holds nodes in {' and in '.join(map(quoted, downs))}"
        nodes.fault("T116", message, line_of(node), expected="one list of the nodes below it")
