"""Pydantic's findings, at their place in the file."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.file.document import (
    Document,
    ListValue,
    MappingValue,
    Mark,
    Other,
    ScalarValue,
    Value,
    describe,
)
from taxoloss.taxonomy.file.models import LevelSpec

# -- pydantic's findings, at their place in the file -----------------------------------------------


def validate(
    model: type[Any],
    value: MappingValue,
    document: Document,
    path: tuple[str, ...],
    keys: tuple[str, ...] | None = None,
) -> Any:
    """The model of a mapping; without the keys that are at fault, or None where that is not enough."""
    try:
        return model.model_validate(_plain(value))
    except ValidationError as error:
        details = error.errors(include_url=False)
    for fault in details:
        _note_fault(fault, value, document, path, keys or tuple(model.model_fields))
    faulty = {fault["loc"][0] for fault in details if fault["loc"]}
    sound = MappingValue([pair for pair in value.pairs if pair[0].text not in faulty], value.mark)
    try:
        return model.model_validate(_plain(sound))
    except ValidationError:
        return None


def _plain(value: Value, *, in_list: bool = False) -> Any:
    """What pydantic sees: a null is None as the value of a key, and a name as the item of a list."""
    if isinstance(value, MappingValue):
        return {key.text: _plain(item) for key, item in value.pairs if not key.repeated}
    if isinstance(value, ListValue):
        return tuple(_plain(item, in_list=True) for item in value.items)
    if isinstance(value, Other):
        return value.value
    return None if value.is_null and not (in_list and value.text) else value.text


def _locate(value: Value, location: tuple[int | str, ...]) -> tuple[Value, Mark | None, Mark | None]:
    """The value at a location, its mark, and the mark of its key (the nearest that there is)."""
    key_mark = value.mark
    for step in location:
        if isinstance(value, MappingValue):
            pair = next((pair for pair in value.pairs if pair[0].text == step), None)
            if pair is None:
                break
            key_mark, value = pair[0].mark, pair[1]
        elif isinstance(value, ListValue) and isinstance(step, int):
            value = value.items[step]
            key_mark = value.mark
        else:
            break
    return value, value.mark, key_mark


def _note_fault(
    details: ErrorDetails,
    value: MappingValue,
    document: Document,
    path: tuple[str, ...],
    keys: tuple[str, ...],
) -> None:
    location, kind = details["loc"], details["type"]
    found, mark, key_mark = _locate(value, location)
    place: dict[str, Any] = {"path": (*path, *(str(step) for step in location))}
    key = next((step for step in reversed(location) if isinstance(step, str)), "")
    if kind == "extra_forbidden":
        if location[:1] == ("levels",):
            keys = tuple(LevelSpec.model_fields)
        expected = "one of " + ", ".join(keys)
        place |= {"found": key, "expected": expected, "help": did_you_mean(key, keys)}
        document.fault("T114", f"there is no key {quoted(key)}", key_mark, **place)
    elif kind == "missing":
        document.fault("T115", f"the key {quoted(key)} is missing", mark, **place)
    elif kind.startswith("T1"):
        shown = found.text if isinstance(found, ScalarValue) else None
        document.fault(kind, details["msg"], mark, found=shown, **place)
    elif kind.startswith(("float", "finite", "greater")):
        place |= {"found": describe(found), "expected": "a number, 0 or larger"}
        document.fault("T119", f"the weight is {describe(found)}", mark, **place)
    else:
        expected = "text" if kind.startswith("string") else _EXPECTED.get(key, "text or a mapping")
        place |= {"found": describe(found), "expected": expected}
        document.fault("T116", f"{quoted(key)} holds {describe(found)}", mark, **place)


_EXPECTED = {
    "levels": "a list of names, one a level, top to bottom",
    "aliases": "a list of names",
    "also_under": "a list of nodes, each by its path or by a name that is unique",
}
