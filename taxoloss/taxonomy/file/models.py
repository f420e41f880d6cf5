"""The parts of a taxonomy file that pydantic judges: its head, its levels, a node that is written out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from taxoloss.taxonomy.names import name_faults, nfc, text_faults

__all__ = ["HEAD", "LevelSpec", "NodeSpec", "TaxonomySpec"]


def _checked_name(text: str) -> str:
    for code, message in name_faults(text):
        raise PydanticCustomError(code, "{message}", {"message": message})
    return nfc(text)


def _checked_text(text: str) -> str:
    for code, message in text_faults(text):
        raise PydanticCustomError(code, "{message}", {"message": message})
    return text


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("float_parsing", "expected a number")
    return value


def _listed(value: Any) -> Any:
    """pydantic takes a set, whose order is another in each process, and what has no items by number."""
    if value is not None and not isinstance(value, (list, tuple)):
        raise PydanticCustomError("list_type", "expected a list")
    return value


def _reference(value: Any) -> Any:
    """A fault of neither form, text or list, before pydantic says one of each and by its own names."""
    names = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(name, str) for name in names):
        raise PydanticCustomError("reference_type", "expected a name or a path")
    checked = tuple(_checked_name(name) for name in names)
    return checked if isinstance(value, (list, tuple)) else checked[0]


Name = Annotated[str, AfterValidator(_checked_name)]
#: A node by its name or path; a path of names that hold slashes as a list of them.
Reference = Annotated[str | tuple[str, ...], BeforeValidator(_reference)]
Text = Annotated[str, AfterValidator(_checked_text)]
Weight = Annotated[float, BeforeValidator(_no_truth_value), Field(ge=0, allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelSpec(_Form):
    """One level: `species`, or `{name: species, weight: 0.3, description: ...}`."""

    name: Name
    weight: Weight | None = None
    description: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data


class NodeSpec(_Form):
    """A node written out as a list item, where its name alone is not enough."""

    name: Name
    level: Name | None = None
    aliases: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = ()
    also_under: Annotated[tuple[Reference, ...], BeforeValidator(_listed)] = ()
    description: Text | None = None


class TaxonomySpec(_Form):
    """The head of a taxonomy file: everything but the tree."""

    name: Name | None = None
    description: Text | None = None
    source: Text | None = None
    version: Text | None = None
    licence: Text | None = None
    levels: Annotated[tuple[LevelSpec, ...] | None, BeforeValidator(_listed)] = None


#: The keys of the head that hold text for people.
HEAD = tuple(key for key in TaxonomySpec.model_fields if key != "levels")
