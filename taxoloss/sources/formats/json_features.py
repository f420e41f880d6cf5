"""Features of a data set, as Hugging Face's `datasets` writes them: the class names of a ClassLabel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.formats.json_lists import look_at_texts
from taxoloss.sources.formats.json_mappings import by_number
from taxoloss.sources.formats.json_values import ONE_LIST, Place, is_numbered, scalars_in, text_of
from taxoloss.sources.formats.json_words import bare
from taxoloss.sources.reading import Look
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_features"]

#: Keys that say what a feature is made of, and are no part of its name.
_FORM = frozenset(
    ("datasetinfo", "features", "feature", "dtype", "classlabel", "struct", "list", "sequence")
)


@dataclass(frozen=True)
class _Label:
    """A ClassLabel: the keys that lead to it, and its names; none where only their number is known."""

    keys: tuple[str, ...]
    names: tuple[ScalarValue, ...]

    @property
    def name(self) -> str:
        """What the feature is called: "objects.category"."""
        return ".".join(key for key in self.keys if bare(key) not in _FORM)


def look_at_features(value: MappingValue, place: Place) -> Look | None:
    """The look at a document that describes features, of which some are ClassLabels; None of others."""
    labels = list(_labels(value))
    if not labels:
        return None
    lists: dict[tuple[str, ...], _Label] = {}
    for one in labels:
        lists.setdefault(tuple(name.text for name in one.names), one)
    listed = ", ".join(f"{quoted(one.name)} ({counted(len(one.names), 'name')})" for one in lists.values())
    saw = f"features of a data set, with the class labels {listed}{place.said}"
    (label, *others) = lists.values()
    if others or not label.names:
        return Look(saw, needs=ONE_LIST if others else "the names of the classes")
    at = replace(place, keys=(*place.keys, *label.keys))
    left = tuple(dict.fromkeys(key for key in _beside(value) if key not in label.keys))
    readings = [replace(one, unused=left) for one in look_at_texts(label.names, at).readings]
    return Look(saw, readings)


def _labels(value: Value) -> Iterator[_Label]:
    """The ClassLabels of a document, in its order."""
    for keys, node in _walked(value):
        said = node.get("_type") or node.get("class_label")
        told = node.get("class_label")
        label = told if isinstance(told, MappingValue) else node
        if label is node and text_of(said) != "ClassLabel":
            continue
        yield _Label(keys, tuple(_names(label.get("names"))))


def _names(value: Value | None) -> list[ScalarValue]:
    """The names of a list, or of a mapping of numbers to names, in the order of these."""
    if isinstance(value, MappingValue) and is_numbered(value):
        value = ListValue([below for _, below in by_number(value.pairs)])
    return scalars_in(value) or []


def _beside(value: MappingValue) -> Iterator[str]:
    """The keys at the top, and beside and below those that hold the features."""
    for keys, node in _walked(value):
        words = {bare(key.text): key.text for key, _ in node.pairs}
        if not keys or "features" in words or bare(keys[-1]) == "features":
            yield from (words[word] for word in words if word not in ("features", "configname"))
        elif len(keys) > 1 and bare(keys[-2]) == "features":
            yield keys[-1]


def _walked(value: Value) -> Iterator[tuple[tuple[str, ...], MappingValue]]:
    """Every mapping, with the keys that lead to it; those in lists only where features are listed."""
    stack: list[tuple[tuple[str, ...], Value]] = [((), value)]
    while stack:
        keys, here = stack.pop()
        if isinstance(here, MappingValue):
            yield keys, here
            stack += [((*keys, key.text), below) for key, below in reversed(here.pairs)]
        elif isinstance(here, ListValue) and keys and bare(keys[-1]) in _FORM:
            stack += [((*keys, _called(item)), item) for item in reversed(here.items)]


def _called(item: Value) -> str:
    """What an item of a list of features, or of configurations, is called."""
    if not isinstance(item, MappingValue):
        return ""
    return text_of(item.get("config_name")) or text_of(item.get("name")) or ""
