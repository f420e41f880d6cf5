"""The classes of a dataset, in its order: a text, a folder of images, a column, a Hugging Face dataset."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from taxoloss.errors.faults import Fault, FormError
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.sources.base import Options, listed, source_text
from taxoloss.sources.formats.image_folders import IMAGES, class_folders
from taxoloss.sources.split_words import split_levels
from taxoloss.sources.tables.table import open_table
from taxoloss.taxonomy.class_names import Name, class_list
from taxoloss.taxonomy.file.limits import Limits

__all__ = ["ClassList", "from_column", "from_file", "from_folder", "from_hugging_face"]


@dataclass(frozen=True)
class ClassList:
    """Names, or paths a/b/c, in the order of the dataset, how they were found, and the Python that does.

    `python` is a call of the function of this module that made the list.
    """

    names: tuple[str, ...]
    how: str
    python: str
    notes: tuple[str, ...] = field(default=())


Source: TypeAlias = "str | os.PathLike[str]"


def _call(reader: Callable[..., ClassList], source: Source, limits: Limits | None) -> str:
    """The Python that reads the list again."""
    more = f", limits=taxoloss.{limits!r}" if limits not in (None, Limits()) else ""
    return f"{reader.__name__}({os.fspath(source)!r}{more})"


def _fault(file: Path, message: str, **more: Any) -> FormError:
    return FormError([Fault("T121", message, str(file), **more)])


def from_file(source: Source, limits: Limits | None = None) -> ClassList:
    """A text, one class a line; or JSON: a list, class_to_idx or id2label.

    Raises:
        TaxonomyError: the file cannot be read, or holds no list of classes.
    """
    path, limits, python = Path(source), limits or Limits(), _call(from_file, source, limits)
    text = source_text(path, limits)
    if path.suffix.lower() == ".json":
        return ClassList(_names(_json(text, path), path), f"{path}, JSON", python)
    # Spaces stay: a dataset that has them in its names has them in Python too.
    names = tuple(line for line in text.splitlines() if line.strip())
    return ClassList(names, f"{path}, one a line", python)


def from_folder(source: Source, limits: Limits | None = None) -> ClassList:
    """The folders of the top, as torchvision's ImageFolder numbers them; paths where folders nest.

    Raises:
        TaxonomyError: the folder cannot be read, or holds no folder.
    """
    path, limits, python = Path(source), limits or Limits(), _call(from_folder, source, limits)
    top = class_folders(path)
    if not top:
        raise _fault(path, "the folder holds no folder", expected="a folder for each class")
    deeper = [name for name in top if class_folders(path / name)]
    if split_levels([(name,) for name in top]) and (deeper or len(top) > 1):
        help = f"give one of them: {path / top[0]}"
        raise _fault(path, f"the folders of the top are splits: {listed(top)}", help=help)
    if not deeper:
        how = f"the folders of {path}, by name, as ImageFolder numbers them"
        return ClassList(tuple(top), how, python)
    names = tuple(sorted(_leaves(path, limits)))
    if splits := split_levels([tuple(name.split("/")) for name in names]):
        message = f"a level of folders are splits, and no classes: {listed(next(iter(splits.values())))}"
        raise _fault(path, message, expected="folders of classes")
    note = "ImageFolder takes the folders of the top as classes; these are those at the bottom, as paths"
    return ClassList(names, f"the innermost folders of {path}, by path", python, (note,))


def _leaves(path: Path, limits: Limits) -> list[str]:
    found = []
    stack = [(path / name, name) for name in class_folders(path)]
    while stack:
        folder, name = stack.pop()
        below = class_folders(folder) if name.count("/") < limits.levels else []
        stack += [(folder / child, f"{name}/{child}") for child in below]
        if not below or any(file.suffix.lower() in IMAGES for file in folder.iterdir()):
            found.append(name)
    return found


def from_column(source: str, limits: Limits | None = None) -> ClassList:
    """FILE:COLUMN of a CSV, TSV or parquet: its different values as text, sorted.

    Raises:
        ValueError: the text is not FILE:COLUMN.
        TaxonomyError: the file cannot be read, or has no such column.
    """
    file, _, column = source.rpartition(":")
    if not file or not column:
        raise ValueError(f"expected FILE:COLUMN, got {source!r}")
    table = open_table(Path(file), Options(limits=limits or Limits()))
    at = table.column(column)
    values = sorted({row[at] for row in table.rows} - {""})
    notes = ["a column has no order: the classes are its values, sorted; most loaders do so, look at yours"]
    if all(value.isdecimal() for value in values) and values != sorted(values, key=int):
        notes.append("they are sorted as text (10 before 2): a loader that sorts numbers has another order")
    how = f"column {table.header[at]} of {file}"
    return ClassList(tuple(values), how, _call(from_column, source, limits), tuple(notes))


# -- Hugging Face ----------------------------------------------------------------------------------


def from_hugging_face(source: Source, limits: Limits | None = None) -> ClassList:
    """dataset_info.json, a dataset's README.md, a model's config.json; FILE:FEATURE picks one.

    Raises:
        TaxonomyError: the file cannot be read, has no such feature, or several and none is picked.
    """
    python, limits = _call(from_hugging_face, source, limits), limits or Limits()
    path, feature = _file_and_feature(os.fspath(source))
    content = source_text(path, limits)
    data = _front_matter(content, path) if path.suffix.lower() == ".md" else _json(content, path)
    if isinstance(data, Mapping) and isinstance(data.get("id2label"), Mapping):
        return ClassList(_names(data["id2label"], path), f"id2label of {path}", python)
    chosen, names = _chosen(list(_features(data)), feature, path)
    return ClassList(_names(names, path), f"the feature {chosen} of {path}", python)


def _file_and_feature(text: str) -> tuple[Path, str | None]:
    path, feature = Path(text), None
    if not path.exists() and ":" in text:
        file, _, feature = text.rpartition(":")
        path = Path(file)
    if path.is_dir():
        known = (path / name for name in ("dataset_info.json", "README.md", "config.json"))
        path = next((file for file in known if file.is_file()), path)
    return path, feature


def _chosen(found: list[tuple[str, Any]], feature: str | None, path: Path) -> tuple[str, Any]:
    """The feature that was asked for, or the only one; several of one name must have the same names."""
    called: dict[str, list[Any]] = {}
    for name, names in found:
        if names not in called.setdefault(name, []):
            called[name].append(names)
    if feature is None and len(called) > 1:
        message = f"{len(called)} features have classes: {', '.join(called)}"
        raise _fault(path, message, expected="FILE:FEATURE")
    chosen = feature or next(iter(called), "")
    if chosen not in called:
        expected = ", ".join(called) or "a ClassLabel"
        help = did_you_mean(chosen, list(called))
        raise _fault(path, f"no feature {chosen!r} has classes", expected=expected, help=help)
    if len(called[chosen]) > 1:
        first, second = (f"{names!r:.60}" for names in called[chosen][:2])
        raise _fault(path, f"the feature {chosen!r} stands there with other classes: {first} and {second}")
    return chosen, called[chosen][0]


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _fault(path, f"this is not JSON: {error}") from None
    except ValueError as error:
        raise _fault(path, str(error)) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; ValueError where a key stands twice, which json would settle by the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _front_matter(text: str, path: Path) -> Any:
    """The YAML between the first two lines of dashes."""
    from taxoloss.taxonomy.file.document import plain
    from taxoloss.taxonomy.file.reader import read_text

    match = re.match(r"---\s*\n(.*?)\n---\s*(?:\n|$)", text, re.DOTALL)
    if match is None:
        raise _fault(path, "the page has no YAML at its head", expected="a line of three dashes")
    return plain(read_text(match[1], f"{path} (head).yaml")[0])


def _features(data: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every feature that has the names of classes, wherever it stands, in the three forms there are."""
    found: list[tuple[str, Any]] = []
    stack = [(data, name)]
    while stack:
        value, name = stack.pop()
        if isinstance(value, Mapping):
            own = value.get("name") if isinstance(value.get("name"), str) else name
            names = value.get("names")
            if names is not None and (value.get("_type") == "ClassLabel" or name == "class_label"):
                found.append((str(own if name != "class_label" else ""), names))
                continue
            label = value.get("dtype") if isinstance(value.get("dtype"), Mapping) else None
            inner = label.get("class_label") if label is not None else None
            if isinstance(inner, Mapping) and inner.get("names") is not None:
                found.append((str(own), inner["names"]))
                continue
            stack += [(below, str(key)) for key, below in reversed(list(value.items()))]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            stack += [(below, name) for below in reversed(value)]
    return found


def _names(data: Any, path: Path) -> tuple[str, ...]:
    try:
        if isinstance(data, (str, bytes)) or not isinstance(data, (Mapping, Sequence)):
            raise TypeError(f"expected a list or a mapping of names, got {type(data).__name__}")
        return tuple(map(_text, class_list(data)))
    except (TypeError, ValueError) as error:
        raise _fault(path, str(error)) from None


def _text(name: Name) -> str:
    if isinstance(name, str):
        return name
    if any("/" in part for part in name):
        raise ValueError(f"the path {name!r} holds a name with a slash: it would be read as a deeper path")
    return "/".join(name)
