"""Groups whose names hold what else is known of them: {"cat": {"id": 0}}; groups of labels by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from taxoloss.sources.base import listed
from taxoloss.sources.formats.json_lists import names_reading
from taxoloss.sources.formats.json_nested import are_splits, nested_readings
from taxoloss.sources.formats.json_titles import CALLED
from taxoloss.sources.formats.json_values import (
    Place,
    is_empty,
    is_number,
    is_numbered,
    is_text,
    said,
    scalars_in,
    text_of,
)
from taxoloss.sources.formats.json_words import (
    ABOUT,
    CHILD_IDS,
    CHILD_LISTS,
    GROUPS,
    HOLDERS,
    IDS,
    NAMES,
    NEVER,
    PARENTS,
    PATHS,
    PLAIN,
    bare,
)
from taxoloss.sources.reading import Grade, Look
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_groups"]

#: Keys that tell of a name, and are none.
_FACTS = frozenset((*IDS, *NAMES, *PLAIN, "weight", "score", "level", "rank", "total"))
#: Keys of records that say themselves what stands above or below.
_LINKS = CHILD_IDS | CHILD_LISTS | GROUPS | PARENTS | PATHS
#: Keys of a document around names.
_AROUND = HOLDERS | ABOUT | NEVER


def look_at_groups(value: MappingValue, place: Place) -> Look | None:
    """The look at names below names of which more is known; None where it is another thing."""
    if are_splits(value) or any(bare(key.text) in _AROUND for key, _ in value.pairs):
        return None
    if (lists := _as_lists(value)) is not None:
        return Look(said(value) + place.said, nested_readings(lists, place))
    below = list(_mappings_below(value))
    facts, shared = _facts(below)
    if not (facts or shared) or any(bare(key.text) in _LINKS for one in below for key, _ in one.pairs):
        return None
    if _may_be_classes(below, facts or shared):
        return _asked(value, facts, place)
    if not facts or not any(isinstance(held, MappingValue) for one in below for _, held in one.pairs):
        return None
    if not _are_groups(below, facts):
        return _refused(value, facts, place)
    holders = _holders(below, facts)
    called = next((key for key in sorted(facts, key=_rank) if _name_all(key, holders)), None)
    if called is None and any(is_numbered(one) for one in below):
        return None
    readings = nested_readings(_bared(value, facts, called), place)
    unused = tuple(key for key in facts if key != called)
    return Look(said(value) + place.said, [replace(one, unused=unused) for one in readings])


def _mappings_below(value: MappingValue) -> Iterator[MappingValue]:
    """The mappings below a mapping, to any depth, that stand in no list."""
    stack = [value]
    while stack:
        inner = [below for _, below in stack.pop().pairs if isinstance(below, MappingValue)]
        yield from inner
        stack += inner


# -- which keys are no names -----------------------------------------------------------------------


def _facts(below: Sequence[MappingValue]) -> tuple[list[str], list[str]]:
    """The keys that surely tell of names; and those that stand in all that is lowest, and may tell of it.

    Sure are known words that stand again and again, and all keys of the lowest where these are the same.
    """
    counts = Counter(key.text for one in below for key, held in one.pairs if isinstance(held, ScalarValue))
    lead = {key.text for one in below for key, held in one.pairs if not isinstance(held, ScalarValue)}
    lowest = [keys for one in below if (keys := {key.text for key, _ in one.pairs}) and not keys & lead]
    again = [key for key, count in counts.items() if count > 1 and key not in lead]
    known = [key for key in again if bare(key) in _FACTS]
    shared = [key for key in again if len(lowest) > 1 and all(key in keys for keys in lowest)]
    both = [key for key in again if key in known or key in shared]
    return (both if all(keys <= set(both) for keys in lowest) else known), shared


def _holders(below: Sequence[MappingValue], facts: Sequence[str]) -> list[MappingValue]:
    return [one for one in below if any(key.text in facts for key, _ in one.pairs)]


def _may_be_classes(below: Sequence[MappingValue], facts: Sequence[str]) -> bool:
    """Whether numbers, or lists, stand beside facts below keys of their own: {"count": 30, "cat": 10}.

    These may be classes with their counts, or facts that only some records have.
    """
    others = [
        {key.text for key, held in one.pairs if key.text not in facts and _may_be_class(held)}
        for one in _holders(below, facts)
    ]
    counts = Counter(key for keys in others for key in keys)
    full = [keys for keys in others if keys]
    return len(full) > 1 and all(any(counts[key] == 1 for key in keys) for keys in full)


def _may_be_class(value: Value) -> bool:
    return is_number(value) or any(map(is_text, scalars_in(value) or ()))


def _asked(value: MappingValue, facts: Sequence[str], place: Place) -> Look | None:
    """Numbers as classes, or as facts of the keys above them: both are shown."""
    nested = nested_readings(_bared(value, facts, None), place)
    if not nested:
        return None
    flat = names_reading([key for key, _ in value.pairs], place, "keys are classes, the rest tells of them")
    rest = tuple(dict.fromkeys(key.text for one in _mappings_below(value) for key, _ in one.pairs))
    readings = [replace(one, unused=tuple(facts), grade=Grade.CELLS) for one in nested]
    return Look(said(value) + place.said, [*readings, replace(flat, unused=rest)])


def _are_groups(below: Sequence[MappingValue], facts: Sequence[str]) -> bool:
    """Whether what is no fact are names: most stand once; beside facts only what holds more."""
    names = Counter(key.text for one in below for key, _ in one.pairs if key.text not in facts)
    again = sum(count for count in names.values() if count > 1)
    beside = [
        (key.text, held)
        for one in _holders(below, facts)
        for key, held in one.pairs
        if key.text not in facts
    ]
    leads = all(isinstance(held, MappingValue) or is_empty(held) for _, held in beside)
    own = all(names[key] == 1 for key, _ in beside)
    return bool(names) and leads and own and 2 * again <= sum(names.values())


def _refused(value: MappingValue, facts: Sequence[str], place: Place) -> Look | None:
    """No reading, where all stands in groups, of which some name holds a list beside its facts."""
    groups = [below for _, below in value.pairs if isinstance(below, MappingValue)]
    pure = all(isinstance(held, MappingValue) for one in groups for _, held in one.pairs)
    if len(groups) < 2 or len(groups) < len(value.pairs) or not pure:
        return None
    why = f", and it is not plain what are names and what tells of them, as {listed(facts)} may"
    return Look(said(value) + place.said + why, needs=_NEEDS)


_NEEDS = 'names below names: {"animal": {"cat": {}, "dog": {}}, "plant": {"oak": {}}}'


def _rank(key: str) -> int:
    return CALLED.index(bare(key)) if bare(key) in CALLED else len(CALLED)


def _name_all(key: str, holders: Sequence[MappingValue]) -> bool:
    """Whether a key says what every name is called."""
    return bare(key) in CALLED and all(
        (held := one.get(key)) is not None and is_text(held) for one in holders
    )


def _bared(value: MappingValue, facts: Sequence[str], called: str | None) -> MappingValue:
    """The names alone, without facts; each called as its own key says, where there is one."""
    bared = MappingValue([], value.mark)
    stack = [(value, bared)]
    while stack:
        here, made = stack.pop()
        for key, held in here.pairs:
            if here is not value and key.text in facts:
                continue
            own = text_of(held.get(called)) if called and isinstance(held, MappingValue) else None
            name = replace(key, text=own) if own is not None else key
            if isinstance(held, MappingValue):
                inner = MappingValue([], held.mark)
                made.pairs.append((name, inner))
                stack.append((held, inner))
            else:
                made.pairs.append((name, held))
    return bared


# -- labels by number ------------------------------------------------------------------------------


def _as_lists(value: MappingValue) -> MappingValue | None:
    """{"animal": {"1": "cat", "2": "dog"}, "plant": {"3": "oak"}} with lists of the labels.

    None where a number stands twice: then labels of one number may belong together.
    """
    held = [below for _, below in value.pairs]
    labels = [below for below in held if isinstance(below, MappingValue) and is_numbered(below)]
    if len(held) < 2 or not labels or not all(map(_are_labels, held)):
        return None
    numbers = [int(key.text) for one in labels for key, _ in one.pairs if len(key.text) < 12]
    if len(set(numbers)) < sum(len(one.pairs) for one in labels):
        return None
    return MappingValue([(key, _labels(below)) for key, below in value.pairs], value.mark)


def _are_labels(value: Value) -> bool:
    if isinstance(value, MappingValue):
        return is_numbered(value) and all(is_text(below) for _, below in value.pairs)
    return isinstance(value, ListValue) and bool(value.items) and all(map(is_text, value.items))


def _labels(value: Value) -> Value:
    return (
        ListValue([below for _, below in value.pairs], value.mark)
        if isinstance(value, MappingValue)
        else value
    )
