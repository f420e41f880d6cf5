"""JSON and YAML: what stands in a document is looked at, whatever its keys are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from taxoloss.errors.suggestions import nearest
from taxoloss.sources.base import Found, Options, in_utf8
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.formats.json_documents import look_at_value
from taxoloss.sources.formats.json_named import is_written_out
from taxoloss.sources.formats.json_values import Place, plain_texts
from taxoloss.sources.reading import Grade, Look, Reading, choose
from taxoloss.taxonomy.file.document import Document, ListValue, MappingValue, Value
from taxoloss.taxonomy.file.json_tokens import is_json
from taxoloss.taxonomy.file.models import HEAD
from taxoloss.taxonomy.file.reader import decoded, read_bytes, read_text
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "read_as"]


def look_at_json(path: Path, options: Options) -> Look:
    """What a JSON or YAML file holds."""
    value, document = _opened(path, options)
    document.log.raise_all()  # a key that stands twice, an alias
    held = isinstance(value, MappingValue) and value.get("tree") is not None
    if held and (options.kind == "taxonomy" or (options.kind in (None, "json") and _is_own(value))):
        make = partial(_taxonomy, value, document)
        own = Reading("taxonomy", "a taxonomy file", Grade.PLAIN, make, "--kind taxonomy")
        return Look("a taxonomy file", [own])
    return look_at_value(value, Place(str(path), options))


def _is_own(value: Value) -> bool:
    """Whether a document with the key `tree` is a taxonomy file, or one with a slip in a key.

    Another document has keys of its own beside `tree`, and no `levels`; or a node as its tree.
    """
    tree = value.get("tree") if isinstance(value, MappingValue) else None
    if tree is None or not isinstance(value, MappingValue):
        return False
    keys = [key.text for key, _ in value.pairs]
    lists = {key.text for key, below in value.pairs if isinstance(below, ListValue)}
    if any(_is_slip(key, ["levels"]) for key in lists - {"tree"}):
        return True
    return not is_written_out(tree) and all(_is_slip(key, _OWN) for key in keys)


def _is_slip(key: str, names: Sequence[str]) -> bool:
    return key in names or nearest(key, names) is not None


def _taxonomy(value: Value, document: Document) -> Found:
    return Found(Taxonomy.from_values(value, document), "taxonomy", "a taxonomy file")


def _opened(path: Path, options: Options) -> tuple[Value, Document]:
    """The values of a file; of JSON Lines those of each line, as a list."""
    data = in_utf8(read_bytes(path, options.limits))
    text = decoded(data, str(path), options.limits).text
    lines = _lines_as_list(text, path)
    value, document = read_text(data if lines is None else lines, str(path), options.limits)
    return (plain_texts(value) if "@value" in text else value), document


def _lines_as_list(text: str, path: Path) -> str | None:
    """JSON Lines as one list, each record on its own line still; None where it is another text."""
    lines = text.splitlines()
    full = [number for number, line in enumerate(lines) if line.strip()]
    told = path.suffix.lower() in _LINES
    first = lines[full[0]].strip() if full else ""
    alike = len(full) > 1 and all(lines[number].lstrip()[:1] == first[:1] for number in full)
    if not full or not (told or (alike and first[:1] in "{[" and is_json(first))):
        return None
    for number in full[:-1]:
        lines[number] += ","
    lines[full[-1]] += "]"
    lines[full[0]] = "[" + lines[full[0]]
    return "\n".join(lines)


def read_as(path: Path, options: Options, kind: str) -> Found:
    """A file read as one kind; the error of what it is where it is none."""
    look = look_at_json(path, options)
    form = _FORMS[kind]
    readings = [reading for reading in look.readings if reading.kind == kind]
    reading = choose(Look(look.saw, readings, needs=form), str(path))
    found = reading.make()
    return replace(found, unused=found.unused or reading.unused)


# -- the formats -----------------------------------------------------------------------------------

#: The keys of a taxonomy file.
_OWN = (*HEAD, "levels", "tree")
_LINES = (".jsonl", ".ndjson")
_FORMS = {
    "nested": 'names below names ({"cat": ["Bengal", "Siamese"]}), or {"name": ..., "children": [...]}',
    "node-link": '{"nodes": [{"id": ...}], "links": [{"source": ..., "target": ...}]}',
    "taxonomy": "a mapping with the key `tree`",
    "obo": '{"graphs": [{"nodes": [{"id": ...}], "edges": [{"sub": ..., "pred": "is_a", "obj": ...}]}]}',
}
_NESTED = '{"cat": ["Bengal", "Siamese"], "dog": {"pug": null, "beagle": {}}}'
_GRAPH = """\
{"nodes": [{"id": "r"}, {"id": "a", "rank": "x"}, {"id": 2, "rank": "x"}],
 "links": [{"source": "r", "target": "a"}, {"source": "r", "target": 2}],
 "graph": {"levels": ["x"]}}
"""
_FILE = "levels: [a, b]\ntree:\n  cat: [Bengal]\n  dog: [pug]\n"
_NAMED = '{"name": "r", "children": [{"name": "a", "size": 3}, {"name": "b", "children": []}]}'
#: A brace; a bracket only before what a list of JSON may begin with: not [Term], nor [section].
_STARTS = re.compile(
    r"\{|\[\s*(?:'[^'\n]*'\s*,|"
    r'[\[{"\]]|-?\d[\d.eE+-]*\s*(?:,|\]\s*(?:,|$))|(?:true|false|null)\s*[,\]])'
)


def _is_json(sample: Sample) -> bool:
    return _STARTS.match(sample.start) is not None


def _shape(kind: str, file: str, text: str) -> Format:
    return Format(kind, partial(read_as, kind=kind), form=_FORMS[kind], example=(file, text))


FORMATS = (
    _shape("nested", "nested.json", _NESTED),
    _shape("node-link", "graph.json", _GRAPH),
    _shape("taxonomy", "taxonomy.yaml", _FILE),
    Format(
        "json",
        None,
        "JSON",
        (".json", ".yaml", ".yml", *_LINES),
        _is_json,
        look=look_at_json,
        example=("named.json", _NAMED),
    ),
)
