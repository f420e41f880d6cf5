"""What stands in a JSON or YAML document: texts, numbers, records; the words that keys are called by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from taxoloss.errors.characters import counted, escape_invisible
from taxoloss.sources.base import Options
from taxoloss.sources.formats.json_words import BESIDE, CHILD_IDS, GROUPS, NEVER, PARENTS, PATHS, bare
from taxoloss.sources.reading import Look
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = [
    "ONE_LIST",
    "Place",
    "first_key",
    "held_texts",
    "holds_names",
    "is_empty",
    "is_float",
    "is_number",
    "is_numbered",
    "is_text",
    "line_of",
    "may_hold_names",
    "merged",
    "nothing",
    "plain_texts",
    "records_in",
    "repeated",
    "said",
    "scalars_in",
    "text_of",
]

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WHOLE = re.compile(r"-?\d+")
_TRUTHS = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})


@dataclass(frozen=True)
class Place:
    """Where a value is looked at: the file, how it is to be read, the keys that lead to it."""

    file: str
    options: Options
    keys: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """ " at `a.b`", or nothing at the top."""
        return f" at `{escape_invisible('.'.join(self.keys))}`" if self.keys else ""

    def below(self, key: str) -> Place:
        """The place of the value of a key."""
        return Place(self.file, self.options, (*self.keys, key))


def text_of(value: Value | None) -> str | None:
    """The text of a scalar that is not null."""
    return value.text if isinstance(value, ScalarValue) and not value.is_null else None


def line_of(value: Value) -> int | None:
    """The line that a value starts on."""
    return value.mark.line if value.mark is not None else None


def is_empty(value: Value) -> bool:
    """Null, or an empty text, list or mapping."""
    if isinstance(value, ScalarValue):
        return value.is_null or not value.text
    return not value.items if isinstance(value, ListValue) else not getattr(value, "pairs", True)


def is_number(value: Value) -> bool:
    """A number or a truth value: written without quotes."""
    return (
        isinstance(value, ScalarValue)
        and value.plain
        and (value.text in _TRUTHS or _NUMBER.fullmatch(value.text) is not None)
    )


def is_float(value: Value) -> bool:
    """A number that counts nothing and names nothing: 0.5, true."""
    return is_number(value) and isinstance(value, ScalarValue) and not _WHOLE.fullmatch(value.text)


def is_numbered(value: Value) -> bool:
    """A mapping of whole numbers to what they stand for: {"0": "cat", "10": "dog"}."""
    return (
        isinstance(value, MappingValue)
        and bool(value.pairs)
        and all(key.text.isdecimal() for key, _ in value.pairs)
    )


def is_text(value: Value) -> bool:
    """A text with something in it: no number, no null."""
    return isinstance(value, ScalarValue) and not is_empty(value) and not is_number(value)


def scalars_in(value: Value | None) -> list[ScalarValue] | None:
    """The scalars of a list that holds nothing else; None where it does, or is no list."""
    if not isinstance(value, ListValue):
        return None
    found = [item for item in value.items if isinstance(item, ScalarValue) and not item.is_null]
    return found if len(found) == len(value.items) else None


def held_texts(value: Value | None) -> tuple[str, ...]:
    """The texts of a list; () where it is none, or holds something else."""
    return tuple(item.text for item in scalars_in(value) or ())


#: Keys of a record whose lists hold no classes below it.
_NOT_BELOW = NEVER | BESIDE | CHILD_IDS | PARENTS | GROUPS | PATHS


def may_hold_names(key: str) -> bool:
    """Whether a key of a record may be that of classes below it."""
    return bare(key) not in _NOT_BELOW


def holds_names(key: str, value: Value) -> bool:
    """Whether a key of a record holds what may be classes below it: texts, or records, in a list."""
    if not may_hold_names(key):
        return False
    if isinstance(value, MappingValue):  # {"families": {"Felidae": ["Felis catus"]}}
        return any(isinstance(below, (ListValue, MappingValue)) for _, below in value.pairs)
    items = value.items if isinstance(value, ListValue) else []
    return any(
        is_text(item) or (isinstance(item, MappingValue) and any(is_text(below) for _, below in item.pairs))
        for item in items
    )


def first_key(keys: Iterable[str], words: Sequence[str]) -> str | None:
    """The key that comes first in a list of words."""
    known = {bare(key): key for key in reversed(list(keys))}
    return next((known[word] for word in words if word in known), None)


def records_in(value: Value) -> list[MappingValue] | None:
    """The mappings of a list that look alike; None where they share no key with a text."""
    if not isinstance(value, ListValue):
        return None
    records = [item for item in value.items if isinstance(item, MappingValue) and item.pairs]
    if not records or 2 * len(records) < len(value.items):
        return None
    counts = Counter(key.text for record in records for key, below in record.pairs if text_of(below))
    least = max(2, len(records) / 2) if len(records) > 1 else 1
    shared = {key for key, count in counts.items() if count >= least}
    alike = sum(any(key.text in shared for key, _ in record.pairs) for record in records)
    return records if 10 * alike >= 9 * len(records) else None


def repeated(nodes: Iterable[MappingValue]) -> bool:
    """Whether two nodes have the same id and the same name: one of them is written elsewhere."""
    seen = set()
    for node in nodes:
        keys = [key.text for key, below in node.pairs if text_of(below)]
        id, name = first_key(keys, _OWN_IDS), first_key(keys, _OWN_NAMES)
        if id is None or name is None:
            continue
        told = (text_of(node.get(id)), text_of(node.get(name)))
        if told in seen:
            return True
        seen.add(told)
    return False


_OWN_IDS = ("id", "uri", "key", "code", "uuid", "nodeid", "taxonid", "categoryid")
_OWN_NAMES = ("name", "label", "title", "text", "displayname", "preflabel", "scientificname")


def merged(value: ListValue) -> MappingValue | None:
    """[{"a": ..}, {"b": ..}], as YAML's lists of single keys are read, as one mapping."""
    pairs = [p for item in value.items if isinstance(item, MappingValue) for p in item.pairs]
    single = all(isinstance(item, MappingValue) and len(item.pairs) == 1 for item in value.items)
    different = len({key.text for key, _ in pairs}) == len(pairs) > 1
    return MappingValue(pairs, value.mark) if single and different else None


def plain_texts(value: Value) -> Value:
    """A document whose texts with a language, {"@value": "cat", "@language": "en"}, are these texts.

    Those in a list stay as they are: there may be one for each language.
    """
    top = MappingValue([(ScalarValue(""), value)])
    stack: list[Value] = [top]
    while stack:
        here = stack.pop()
        if isinstance(here, MappingValue):
            here.pairs = [(key, _plain_text(below)) for key, below in here.pairs]
            stack += [below for _, below in here.pairs if not isinstance(below, ScalarValue)]
        elif isinstance(here, ListValue):
            stack += here.items
    return top.pairs[0][1]


def _plain_text(value: Value) -> Value:
    text = value.get("@value") if isinstance(value, MappingValue) else None
    return text if isinstance(text, ScalarValue) else value


# -- in words --------------------------------------------------------------------------------------


def said(value: Value) -> str:
    """What a value is, for people: "a list of 80 records with the keys id, name, supercategory"."""
    if isinstance(value, MappingValue):
        keys = [key.text for key, _ in value.pairs]
        return f"a mapping with the {_keys(keys)}" if keys else "an empty mapping"
    if not isinstance(value, ListValue):
        return "a single text"
    if not value.items:
        return "an empty list"
    if (records := records_in(value)) is not None:
        keys = list(dict.fromkeys(key.text for record in records for key, _ in record.pairs))
        return f"a list of {counted(len(records), 'record')} with the {_keys(keys)}"
    return f"a list of {counted(len(value.items), _noun(value.items))}"


def _keys(keys: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(escape_invisible(key[:60]) for key in keys[:most])
    more = f" and {len(keys) - most:,} more" if len(keys) > most else ""
    return f"{'key' if len(keys) == 1 else 'keys'} {shown}{more}"


def _noun(items: Sequence[Value]) -> str:
    kinds = {ListValue: "list", MappingValue: "mapping"}
    nouns = {kinds.get(type(item), "number" if is_number(item) else "text") for item in items}
    return nouns.pop() if len(nouns) == 1 else "thing"


# -- what is no tree, though it may look like one --------------------------------------------------

_NEEDS = (
    'names below names ({"cat": ["Bengal", "Siamese"]}), {"name": ..., "children": [...]}, '
    "nodes and links, a mapping of classes to groups, or records with ranks, a group or the id of a parent"
)

#: What is needed where several lists of names stand side by side, and nothing says which are the classes.
ONE_LIST = (
    "one of these lists of names alone, or the group of each class: "
    '{"cat": "animal", "dog": "animal", "oak": "plant"}'
)


def nothing(value: Value, place: Place, why: str = "") -> Look:
    """A look that finds no tree."""
    return Look(said(value) + place.said + why, needs=_NEEDS)
