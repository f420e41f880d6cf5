"""The JSON Schema of a taxonomy file, for editors: draft-7 words only, which YAML language servers read.

pydantic judges the head, the levels and the nodes of a file (`models.py`); their keys are taken from there,
so that the schema cannot name others. What a schema cannot say (siblings with one name, levels below
their parent's) `taxoloss inspect` finds.
"""

from __future__ import annotations

from typing import Any

from taxoloss.taxonomy.file.models import HEAD, LevelSpec, NodeSpec
from taxoloss.taxonomy.names import MAX_NAME

__all__ = ["schema"]

_DESCRIPTIONS = {
    "name": "What to call it.",
    "description": "Text for people.",
    "source": "Where the classes come from.",
    "version": "Of the source.",
    "licence": "Of the names.",
    "levels": "Names of the levels, top to bottom, the root left out; by default depth_1, depth_2, ...",
    "weight": "What the level weighs in the loss: on every level, or on none.",
    "level": "The level of the node, where it is not the one below its parent's.",
    "aliases": "Other names that datasets give the node.",
    "also_under": "Further parents: the path of each, or its name where that is unique.",
    "tree": "The nodes; leaves are the classes.",
    "children": "A list of leaves or of nodes written out, or a mapping; left out for a leaf.",
}


def schema() -> dict[str, Any]:
    """The schema, as a dict.

    >>> schema()["required"]
    ['tree']
    """
    text = {"type": ["string", "number", "boolean", "null"]}
    name = {"$ref": "#/definitions/name"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "taxoloss taxonomy",
        "description": "A tree of classes with named levels.",
        "type": "object",
        "properties": {
            **{key: _described(name if key == "name" else text, key) for key in HEAD},
            "levels": {
                "description": _DESCRIPTIONS["levels"],
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/definitions/level"}, "maxItems": 64},
                    {"type": "null"},
                ],
            },
            "tree": _described({"$ref": "#/definitions/children"}, "tree"),
        },
        "required": ["tree"],
        "additionalProperties": False,
        "definitions": _definitions(name, text),
    }


def _definitions(name: dict[str, Any], text: dict[str, Any]) -> dict[str, Any]:
    names = {"type": "array", "items": name}
    return {
        # Other readers take 010 or no for a number or a truth value; here they are names.
        "name": {"type": ["string", "number", "boolean", "null"], "minLength": 1, "maxLength": MAX_NAME},
        "level": {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                _object(
                    LevelSpec,
                    {"weight": {"type": "number", "minimum": 0}, "description": text},
                    name,
                ),
            ]
        },
        "children": {
            "anyOf": [
                {"type": "array", "items": {"$ref": "#/definitions/item"}, "minItems": 1},
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {
                        "anyOf": [{"type": "null"}, {"$ref": "#/definitions/children"}],
                    },
                },
            ]
        },
        "item": {
            "anyOf": [
                name,
                _object(
                    NodeSpec,
                    {
                        "level": name,
                        "aliases": names,
                        "also_under": {"type": "array", "items": {"anyOf": [name, names]}},
                        "description": text,
                        "children": {"$ref": "#/definitions/children"},
                    },
                    name,
                ),
            ]
        },
    }


def _described(value: dict[str, Any], key: str) -> dict[str, Any]:
    """The value with its description; draft 7 ignores what stands beside a $ref."""
    return {**(value if "$ref" not in value else {"allOf": [value]}), "description": _DESCRIPTIONS[key]}


def _object(model: Any, properties: dict[str, Any], name: dict[str, Any]) -> dict[str, Any]:
    """An object with a name and the other keys of a model, and no others."""
    known = {*model.model_fields, "children"}
    return {
        "type": "object",
        "properties": {
            "name": _described(name, "name"),
            **{key: _described(value, key) for key, value in properties.items() if key in known},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
