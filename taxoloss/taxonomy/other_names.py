"""Class names that are none: numbers of a model without names, descriptions of classes called by ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from taxoloss.errors.characters import quoted

__all__ = ["descriptions_given", "missing_given", "numbers_given", "rows_given"]

#: What stands for a name where there is none: LABEL_0 (transformers), 0 (datasets), class_0.
_NUMBER = re.compile(r"(?:(?:label|class)[ _-]?)?(\d+)", re.IGNORECASE)


def numbers_given(names: Sequence[str | tuple[str, ...]]) -> str:
    """One sentence where names are the numbers of the classes, from 0 or 1, in any order; else "".

    >>> numbers_given(["tench", "goldfish"])
    ''
    """
    found = [_NUMBER.fullmatch(name) if isinstance(name, str) else None for name in names]
    numbers = sorted((int(match[1]), match[0]) for match in found if match)
    if not names or len(numbers) < len(names) or numbers[0][0] > 1:
        return ""
    if [number for number, _ in numbers] != list(range(numbers[0][0], numbers[0][0] + len(names))):
        return ""
    return (
        f"the classes have no names, only numbers, {quoted(numbers[0][1])} to {quoted(numbers[-1][1])}: "
        "give the class names of the dataset that the model was trained on, in the order of its outputs (a "
        "transformers model keeps them as id2label=dict(enumerate(names)), a datasets.ClassLabel as names=)"
    )


def missing_given(name: str | tuple[str, ...]) -> str | None:
    """What to do about the class that fastai adds for labels that are missing; None for another name."""
    if name != "#na#":
        return None
    return (
        "fastai's class for labels that are missing has no node: CategoryBlock(add_na=False), without them"
    )


def rows_given(names: Sequence[str | tuple[str, ...]]) -> str:
    """One sentence where names are the labels of a dataset's rows, most of them several times; else "".

    >>> rows_given(["cat", "dog", "cat", "cat", "dog"])[:63]
    'the 5 names are 2, most of them several times: these are labels'
    """
    different = len(set(names))
    if len(names) < 2 * different or different < 2:
        return ""
    return (
        f"the {len(names):,} names are {different:,}, most of them several times: these are labels of "
        "rows; give each class once, in the order of the numbers of your targets"
    )


def descriptions_given(names: Sequence[str], described: Mapping[str, str]) -> str:
    """One sentence where most names are what classes are described by; "" where they are not.

    Args:
        names: as they were given; none is the name of a class.
        described: class name -> its description, of whose parts, between commas, each may be given.
    """
    parts: dict[str, list[str]] = {}
    for name, text in described.items():
        for part in {text, *(part.strip() for part in text.split(","))}:
            parts.setdefault(part, []).append(name)
    names = [name if name in parts else name.partition(": ")[0] for name in names]  # timm: with a gloss
    known = [name for name in names if name in parts]
    if len(known) < max(2, 0.9 * len(names)):
        return ""
    example = f"{quoted(parts[known[0]][0])} is {quoted(known[0])}"
    said = (
        f"{len(known):,} of the {len(names):,} names describe classes of this tree and are not their names"
    )
    order = sorted(described)
    same = sum(own in parts.get(name, ()) for name, own in zip(names, order, strict=False))
    if len(names) == len(order) and same == len(known):
        return (
            f"{said} ({example}): all of these stand where their classes stand in sorted(t.classes), "
            "so t.bind(sorted(t.classes)) is their order"
        )
    return f"{said} ({example}): give the names"
