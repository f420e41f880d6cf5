"""The classes of a dataset in the order of their numbers, whatever holds them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from taxoloss.taxonomy.names import integer_of, nfc, require_order

__all__ = ["Name", "class_list", "refuse_two_orders"]

Name: TypeAlias = "str | tuple[str, ...]"


def class_list(names: Iterable[Name] | Mapping[Name, int] | Mapping[int, Name]) -> list[Name]:
    """Class names in index order, from a list, `class_to_idx`, `id2label` or a `datasets.ClassLabel`.

    Raises:
        TypeError: the names are no list, or a set, which has no order.
        ValueError: the numbers of a mapping are not 0 to C - 1, each once.

    >>> class_list({"dog": 1, "cat": 0})
    ['cat', 'dog']
    """
    if isinstance(names, (str, bytes)):
        raise TypeError(f"expected a list of class names, got the text {names!r:.60}")
    _refuse_holders(names)
    if isinstance(names, Mapping):
        return _all_checked(_by_number(names))
    require_order(names, "class names")
    if isinstance(getattr(names, "features", None), Mapping):  # a datasets.Dataset is a list of its rows
        raise TypeError(
            f"expected a list of class names, got {_kind(names)}: give its .features[column], of the labels"
        )
    if type(names).__name__ == "ClassLabel" and isinstance(getattr(names, "names", None), (list, tuple)):
        return _all_checked(names.names)  # type: ignore[attr-defined]
    if hasattr(names, "columns") and hasattr(names, "shape"):
        raise TypeError(f"expected a list of class names, got {_kind(names)}: give one of its columns")
    if isinstance(names, os.PathLike):
        read = f"pathlib.Path({os.fspath(names)!r}).read_text().splitlines()"
        raise TypeError(f"expected a list of class names, got {_kind(names)}: its lines are {read}")
    if not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0:
        more = _held_in(names) or _help_for(names)
        raise TypeError(f"expected a list of class names, got {_kind(names)}{more}")
    return _all_checked(names)


def _refuse_holders(names: Any) -> None:
    """TypeError for what holds class names deeper inside: Hugging Face's models, configurations, datasets.

    >>> class Config:
    ...     id2label = {0: "Bengal", 1: "pug"}
    >>> _refuse_holders(Config())
    Traceback (most recent call last):
    TypeError: expected a list of class names, got Config: give its .id2label
    """
    features = names if isinstance(names, Mapping) else getattr(names, "features", None)
    held = [".config.id2label"] if _maps(getattr(names, "config", None)) else []
    if _maps(names):
        held = [".id2label"]
    if isinstance(features, Mapping):
        way = "" if features is names else ".features"
        labels = [key for key, value in features.items() if type(value).__name__ == "ClassLabel"]
        held = [f"{way}[{key!r}]" for key in labels]
    if held:
        raise TypeError(
            f"expected a list of class names, got {type(names).__name__}: give its {' or '.join(held)}"
        )


def _maps(value: object) -> bool:
    return isinstance(getattr(value, "id2label", None), Mapping)


def _held_in(names: object) -> str:
    """Where an object has names; a Subset or a DataLoader has them in its dataset."""
    within, place = names, "."
    for _ in range(4):
        held = next((name for name in _HELD if getattr(within, name, None) is not None), None)
        if held or within is None:
            break
        within, place = getattr(within, "dataset", None), f"{place}dataset."
    return f": give its {place}{held}" if held else ""


def _help_for(names: object) -> str:
    if type(names).__module__.startswith("datasets."):
        return ", a column without class names: give the names, or a datasets.ClassLabel"
    return ""


def _kind(names: object) -> str:
    """The type of what is no list, and of an array of no dimension its value."""
    name = type(names).__name__
    return name if getattr(names, "ndim", None) != 0 else f"{name} {names!r:.60}, of no dimension"


def refuse_two_orders(names: Any) -> None:
    """ValueError where names stand in one order, and by their class numbers in another.

    These are the index of a series, or the codes of a categorical, which is a column of labels.
    """
    categories = getattr(getattr(names, "dtype", None), "categories", None)
    if isinstance(categories, Iterable) and [*names] != [*categories]:
        raise ValueError(
            f"expected one order of the classes, got two: {_first(names)} as they stand, "
            f"{_first(categories)} by the codes: give .dtype.categories where the targets are the codes"
        )
    index = getattr(names, "index", None)
    if isinstance(names, Mapping) or not hasattr(names, "to_dict") or not isinstance(index, Iterable):
        return
    numbers = [_index_number(value) for value in index]
    order = list(range(len(numbers)))
    if None in numbers or numbers == order or set(numbers) != set(order) or len(numbers) != len(order):
        return
    by_number = dict(zip(numbers, names, strict=True))
    raise ValueError(
        f"expected one order of the classes, got two: {_first(names)} as they stand, "
        f"{_first(by_number[number] for number in order)} by the numbers in the index: give "
        ".reset_index(drop=True) for the first, .to_dict() for the second"
    )


def _index_number(value: object) -> int | None:
    """The class number that an index may hold: an integer, its digits, or a whole float."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() else None
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else integer_of(value)  # type: ignore[call-overload]


def _first(names: Iterable[Any]) -> str:
    shown = [*islice(names, 4)]
    return ", ".join(map(repr, shown[:3])) + (", .." if len(shown) > 3 else "")


#: Who has names for numbers.
_WHOSE = " (a dataset's classes, class_to_idx, id2label), or none where they are numbered as in the file"
#: Where an object that is no list of names has one: datasets, torchvision, scikit-learn, pandas, fastai.
_HELD = ("names", "classes", "classes_", "categories", "feature", "vocab")


def _by_number(names: Mapping[Any, Any]) -> list[Any]:
    """The names of `class_to_idx` (name -> number) or `id2label` (number, or digits, -> name)."""
    values = [integer_of(value) for value in names.values()]
    keys = [integer_of(key) for key in names]
    if all(value is not None for value in values):
        numbers, held = values, list(names)
    elif all(key is not None for key in keys):
        numbers, held = keys, list(names.values())
    elif all(isinstance(key, str) and key.isdecimal() for key in names):  # as JSON has it
        numbers, held = [int(key) for key in names], list(names.values())
        _refuse_two_readings(names)
    else:
        key, value = next(iter(names.items()))
        raise ValueError(
            "expected class_to_idx (name -> number) or id2label (number -> name), "
            f"got a mapping such as {key!r:.40} -> {value!r:.40}"
        )
    by_number = dict(zip(numbers, held, strict=True))
    if set(by_number) != set(range(len(names))):
        raise ValueError(
            f"expected the class numbers 0 to {len(names) - 1}, each once, got {numbers!r:.80}"
        )
    return [by_number[number] for number in range(len(names))]


def _refuse_two_readings(names: Mapping[str, Any]) -> None:
    """ValueError where digits -> digits is one order as number -> name, and another as name -> number."""
    if set(names) != set(names.values()) or all(names[name] == number for number, name in names.items()):
        return
    numbers = sorted(names, key=int)
    inverse = {name: number for number, name in names.items()}
    raise ValueError(
        f"expected one order of the classes, got two: {_first(names[number] for number in numbers)} where "
        f"this is number -> name, {_first(inverse[number] for number in numbers)} where it is name -> "
        "number: write the numbers as int"
    )


def _all_checked(names: Iterable[object]) -> list[Name]:
    return [_checked(name, place) for place, name in enumerate(names)]


def _checked(name: object, place: int) -> Name:
    if isinstance(name, str):
        return nfc(name)
    if isinstance(name, (tuple, list)) and all(isinstance(part, str) for part in name):
        return tuple(nfc(part) for part in name)
    expected, where = "expected a name, or a path as a tuple of names, got", f"(position {place})"
    if isinstance(name, (tuple, list)):
        at, part = next((at, part) for at, part in enumerate(name) if not isinstance(part, str))
        kind = f"{type(part).__name__} {part!r:.40}"
        raise TypeError(
            f"{expected} a {type(name).__name__} with {kind} in place {at}: {name!r:.60} {where}"
        )
    help = "" if _index_number(name) is None else f": give the names, in the order of the numbers{_WHOSE}"
    if isinstance(name, bytes):
        help = ": its text is name.decode()"
    elif isinstance(name, Sequence) or getattr(name, "ndim", None) or hasattr(name, "o2i"):
        # fastai's [tokens, classes], an array of rows
        help = f": where these are the classes, give them alone, class_names[{place}]"
    raise TypeError(f"{expected} {type(name).__name__} {name!r:.60}{help} {where}")
