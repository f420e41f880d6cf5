"""Trees in JSON (or YAML): nested mappings, {name, children}, node-link graphs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.taxonomy.file.document import ListValue, MappingValue, Mark, ScalarValue, Value
from taxoloss.taxonomy.file.reader import read_file
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "json_kind", "read_json"]

_CHILDREN = ("children", "subcategories", "categories", "nodes", "items", "narrower", "_children")
_NAME = ("name", "label", "title", "text", "id", "key")
_LINKS = ("links", "edges")


def json_kind(value: Value) -> str | None:
    """What a value from a file is: a taxonomy file, a node-link graph, a nested tree; None for neither."""
    if isinstance(value, MappingValue):
        if value.get("tree") is not None:
            return "taxonomy"
        if isinstance(value.get("nodes"), ListValue) and any(value.get(key) is not None for key in _LINKS):
            return "node-link"
        return "nested" if value.pairs else None
    return "nested" if isinstance(value, ListValue) and value.items else None


def read_json(path: Path, options: Options, kind: str | None = None) -> Found:
    """The taxonomy of a file of nested mappings and lists, or of nodes and links, or of a taxonomy."""
    value, document = read_file(path, options.limits)
    document.log.raise_all()  # a key that stands twice, an alias
    shown = json_kind(value)
    kind = kind if kind not in (None, "json") else shown
    if kind == "taxonomy":
        return Found(Taxonomy.from_values(value, document), "taxonomy", "a taxonomy file")
    nodes = SourceGraph(str(path), options, _levels_of(value) if kind == "node-link" else None)
    if kind == "node-link" and shown == "node-link" and isinstance(value, MappingValue):
        how = _links(value, nodes)
    elif kind == "nested" and isinstance(value, (MappingValue, ListValue)):
        how = _nested(value, nodes)
    else:
        raise refuse(str(path), f"the file is no {kind or 'tree'}: it holds another kind of value")
    return Found(nodes.taxonomy(), kind, how, tuple(nodes.notes))


def _line(mark: Mark | None) -> int | None:
    return mark.line if mark is not None else None


def _text(value: Value | None) -> str | None:
    return value.text if isinstance(value, ScalarValue) and not value.is_null else None


# -- nested ----------------------------------------------------------------------------------------


def _nested(value: MappingValue | ListValue, nodes: SourceGraph) -> str:
    """Walks with a stack; a node's key is its place in the file."""
    stack: list[tuple[Value, str | None]] = [(value, None)]
    numbers = 0
    while stack:
        here, parent = stack.pop()
        for name, below, mark, facts in reversed(_children(here, nodes, parent)):
            key = f"{len(nodes.nodes)}"
            nodes.add(
                key, name, line=_line(mark), rank=facts.get("rank"), description=facts.get("description")
            )
            if parent is not None:
                nodes.link(key, parent)
            if isinstance(below, (MappingValue, ListValue)):
                stack.append((below, key))
            elif isinstance(below, ScalarValue) and not below.is_null:
                numbers += 1
    _reorder(nodes)
    if numbers:
        nodes.notes.append(
            f"{counted(numbers, 'name')} hold a number or a text: it is left out, they are leaves"
        )
    return f"{counted(len(nodes.nodes), 'node')}"


def _reorder(nodes: SourceGraph) -> None:
    """Siblings were added last to first, so that a stack reads them first to last."""
    nodes.nodes = dict(reversed(nodes.nodes.items()))


_Facts = dict[str, str | None]


def _children(
    value: Value, nodes: SourceGraph, parent: str | None
) -> list[tuple[str, Value | None, Mark | None, _Facts]]:
    """Name, what is below, place and facts of each child that a value holds."""
    if isinstance(value, MappingValue):
        named = _node(value)
        if named is not None and parent is None:
            return [named]
        if named is not None:
            return _children(named[1], nodes, parent) if named[1] is not None else []
        return [(key.text, below, key.mark, {}) for key, below in value.pairs]
    found: list[tuple[str, Value | None, Mark | None, _Facts]] = []
    for item in value.items if isinstance(value, ListValue) else ():
        if isinstance(item, ScalarValue):
            found.append((item.text, None, item.mark, {}))
        elif isinstance(item, MappingValue) and (named := _node(item)) is not None:
            found.append(named)
        elif isinstance(item, MappingValue) and item.pairs:
            found += [(key.text, below, key.mark, {}) for key, below in item.pairs]
        else:
            nodes.fault("T116", "a list of nodes holds a list, or an empty mapping", _line(item.mark))
    return found


def _node(value: MappingValue) -> tuple[str, Value | None, Mark | None, _Facts] | None:
    """A mapping that is one node, {name, children}: not one whose keys are names of nodes."""
    keys = {key.text for key, _ in value.pairs}
    below = next((value.get(key) for key in _CHILDREN if isinstance(value.get(key), ListValue)), None)
    name = next((text for key in _NAME if (text := _text(value.get(key))) is not None), None)
    if name is None or (
        below is None and not keys <= {*_NAME, "value", "size", "rank", "description", *_CHILDREN}
    ):
        return None
    return (
        name,
        below,
        value.mark,
        {"rank": _text(value.get("rank")), "description": _text(value.get("description"))},
    )


# -- nodes and links -------------------------------------------------------------------------------


def _links(value: MappingValue, nodes: SourceGraph) -> str:
    """networkx's and d3's form: links from parent to child, by id or by number."""
    listed = value.get("nodes")
    links = next(v for key in _LINKS if (v := value.get(key)) is not None)
    keys: list[str] = []
    for item in listed.items if isinstance(listed, ListValue) else ():
        name = _text(item.get("id")) if isinstance(item, MappingValue) else _text(item)
        if isinstance(item, MappingValue):
            title = next(
                (t for k in ("label", "name", "title") if (t := _text(item.get(k))) is not None), None
            )
            key = name if name is not None else (title if title is not None else str(len(keys)))
            rank, description = _text(item.get("rank")), _text(item.get("description"))
            aliases = _texts(item.get("aliases"))
            nodes.add(
                key, title, rank=rank, aliases=aliases, description=description, line=_line(item.mark)
            )
        elif name is not None:
            key = name
            nodes.add(key, line=_line(item.mark))
        else:
            nodes.fault("T116", "a node is neither a text nor a mapping with an id", _line(item.mark))
            continue
        keys.append(key)
    for item in links.items if isinstance(links, ListValue) else ():
        ends = [_end(item, which, keys, nodes) for which in ("source", "target")]
        if isinstance(ends[0], str) and isinstance(ends[1], str):
            nodes.link(ends[1], ends[0], _line(item.mark))
        else:
            nodes.fault("T116", "a link has no `source` and `target` among the nodes", _line(item.mark))
    count = len(links.items) if isinstance(links, ListValue) else 0
    return f"{counted(len(nodes.nodes), 'node')}, {counted(count, 'link')} from parent to child"


def _texts(value: Value | None) -> tuple[str, ...]:
    return (
        tuple(item.text for item in value.items if isinstance(item, ScalarValue))
        if isinstance(value, ListValue)
        else ()
    )


def _levels_of(value: Value) -> tuple[str, ...] | None:
    """The levels that `taxoloss convert` writes beside nodes and links."""
    graph = value.get("graph") if isinstance(value, MappingValue) else None
    return _texts(graph.get("levels") if isinstance(graph, MappingValue) else None) or None


def _end(item: Value, which: str, keys: list[str], nodes: SourceGraph) -> str | None:
    text = _text(item.get(which)) if isinstance(item, MappingValue) else None
    if text is None or text in nodes.nodes:
        return text
    return keys[int(text)] if text.isdecimal() and len(text) < 12 and int(text) < len(keys) else None


# -- the formats -----------------------------------------------------------------------------------

_NESTED = '{"cat": ["Bengal", "Siamese"], "dog": {"pug": null, "beagle": {}}}'
_GRAPH = """\
{"nodes": [{"id": "r"}, {"id": "a", "rank": "x"}, {"id": 2, "rank": "x"}],
 "links": [{"source": "r", "target": "a"}, {"source": "r", "target": 2}],
 "graph": {"levels": ["x"]}}
"""
_FILE = "levels: [a, b]\ntree:\n  cat: [Bengal]\n  dog: [pug]\n"
_NAMED = '{"name": "r", "children": [{"name": "a", "size": 3}, {"name": "b", "children": []}]}'


def _is_json(sample: Sample) -> bool:
    return sample.start.startswith(("{", "["))


def look_at_json(path: Path, options: Options) -> Look:
    """What a JSON or YAML file holds."""
    value, document = read_file(path, options.limits)
    document.log.raise_all()  # a key that stands twice, an alias
    shown = json_kind(value)
    make = partial(read_json, path, options, shown)
    readings = [Reading(shown, "", Grade.PLAIN, make, f"--kind {shown}")] if shown else []
    return Look("a JSON document", readings)


def _shape(kind: str, file: str, text: str) -> Format:
    return Format(kind, partial(read_json, kind=kind), example=(file, text))


FORMATS = (
    _shape("nested", "nested.json", _NESTED),
    _shape("node-link", "graph.json", _GRAPH),
    _shape("taxonomy", "taxonomy.yaml", _FILE),
    Format(
        "json",
        None,
        "JSON",
        (".json", ".yaml", ".yml"),
        _is_json,
        look=look_at_json,
        example=("named.json", _NAMED),
    ),
)
