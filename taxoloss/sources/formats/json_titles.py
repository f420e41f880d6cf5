"""Which key of records holds what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taxoloss.errors.characters import quoted
from taxoloss.sources.formats.json_values import first_key, is_text, text_of
from taxoloss.sources.formats.json_words import IDS, NAMES, NEVER, PARENTS, PLAIN, bare
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.tables import words
from taxoloss.taxonomy.file.document import Value

__all__ = ["CALLED", "titles_of"]

#: Keys that say what a record is called, and no id of it.
CALLED = tuple(word for word in NAMES if word not in ("value", "key", "id", "code"))


def titles_of(
    records: Sequence[Mapping[str, Value]], ids: Sequence[str], nodes: SourceGraph
) -> list[str | None]:
    """What each record is called: None where it has no name but its id.

    A fault where several keys hold a text that may be the name, and none of them is called so.
    """
    keys = dict.fromkeys(key for record in records for key in record)
    columns = {key: [text_of(record.get(key)) for record in records] for key in keys}
    filled = [key for key, texts in columns.items() if any(texts)]
    known = first_key(filled, CALLED)
    if known is not None:
        return columns[known]
    others = [key for key in filled if _may_be_names(key, [record.get(key) for record in records], ids)]
    called = [key for key in others if words.is_name(words.folded(key))]
    best = called if len(called) == 1 else others
    if len(best) > 1:
        shown = " or ".join(map(quoted, best[:4]))
        nodes.fault("T121", f"it is not plain which key holds the names: {shown}", expected="a key `name`")
    return columns[best[0]] if best else [None] * len(records)


def _may_be_names(key: str, values: Sequence[Value | None], ids: Sequence[str]) -> bool:
    """Texts in nearly every record, most of them different, that are not the ids."""
    word, texts = bare(key), [text_of(value) or "" for value in values]
    if (
        word in PLAIN
        or word in NEVER
        or word in PARENTS
        or word in IDS
        or words.is_beside(words.folded(key))
    ):
        return False
    named = sum(value is not None and is_text(value) for value in values)
    different = len(set(filter(None, texts)))
    return 10 * named >= 9 * len(values) and 2 * different > len(values) and list(ids) != texts
