"""The classes of a dataset, in its order: a text, a folder of images, a column, a Hugging Face dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taxoloss.binding import class_list
from taxoloss.errors import Fault, FormError
from taxoloss.names import did_you_mean
from taxoloss.reader import decoded, read_bytes
from taxoloss.sources.folders import IMAGES, class_folders
from taxoloss.sources.found import Options
from taxoloss.sources.tables import open_table
from taxoloss.values import Limits

__all__ = ["ClassList", "from_column", "from_file", "from_folder", "from_hugging_face"]


@dataclass(frozen=True)
class ClassList:
    """Names in the order of the dataset, how they were found, and the Python that makes the list."""

    names: tuple[str, ...]
    how: str
    python: str
    notes: tuple[str, ...] = field(default=())


def _fault(file: Path, message: str, **more: Any) -> FormError:
    return FormError([Fault("T121", message, str(file), **more)])


def from_file(path: Path, limits: Limits) -> ClassList:
    """A text, one class a line; or JSON: a list, class_to_idx or id2label."""
    text = decoded(read_bytes(path, limits), str(path), limits).text
    if path.suffix.lower() == ".json":
        names = _names(_json(text, path), path)
        return ClassList(names, f"{path}, JSON", f"json.loads(pathlib.Path({str(path)!r}).read_text())")
    # Spaces stay: a dataset that has them in its names has them in Python too.
    names = tuple(line for line in text.splitlines() if line.strip())
    return ClassList(names, f"{path}, one a line", f"pathlib.Path({str(path)!r}).read_text().splitlines()")


def from_folder(path: Path, limits: Limits) -> ClassList:
    """The folders of the top, as torchvision's ImageFolder numbers them; paths where folders nest."""
    top = class_folders(path)
    if not top:
        raise _fault(path, "the folder holds no folder", expected="a folder for each class")
    deeper = [name for name in top if class_folders(path / name)]
    if not deeper:
        how = f"the folders of {path}, by name, as ImageFolder numbers them"
        return ClassList(tuple(top), how, f"ImageFolder({str(path)!r}).classes")
    names = tuple(sorted(_leaves(path, limits)))
    note = "ImageFolder takes the folders of the top as classes; these are those at the bottom, as paths"
    files = f"pathlib.Path({str(path)!r}).rglob('*.*')"
    python = f"sorted({{str(file.parent.relative_to({str(path)!r})) for file in {files}}})"
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


def from_column(text: str, limits: Limits) -> ClassList:
    """FILE:COLUMN of a CSV, TSV or parquet: its different values, sorted."""
    file, _, column = text.rpartition(":")
    if not file or not column:
        raise ValueError(f"expected FILE:COLUMN, got {text!r}")
    table = open_table(Path(file), Options(limits=limits))
    at = table.column(column)
    values = sorted({row[at] for row in table.rows} - {""})
    note = "a column has no order: the classes are its values, sorted; most loaders do so, look at yours"
    how = f"column {table.header[at]} of {file}"
    reader = "read_parquet" if file.lower().endswith(".parquet") else "read_csv"
    python = f"sorted(pandas.{reader}({file!r})[{table.header[at]!r}].dropna().unique())"
    return ClassList(tuple(values), how, python, (note,))


# -- Hugging Face ----------------------------------------------------------------------------------


def from_hugging_face(text: str, limits: Limits) -> ClassList:
    """dataset_info.json, a dataset's README.md, a model's config.json; FILE:FEATURE picks one."""
    path, feature = Path(text), None
    if not path.exists() and ":" in text:
        file, _, feature = text.rpartition(":")
        path = Path(file)
    if path.is_dir():
        known = (path / name for name in ("dataset_info.json", "README.md", "config.json"))
        path = next((file for file in known if file.is_file()), path)
    content = decoded(read_bytes(path, limits), str(path), limits).text
    data = _front_matter(content, path) if path.suffix.lower() == ".md" else _json(content, path)
    if isinstance(data, Mapping) and isinstance(data.get("id2label"), Mapping):
        names = _names(data["id2label"], path)
        return ClassList(names, f"id2label of {path}", "model.config.id2label")
    found = dict(_features(data))
    if feature is None and len(found) > 1:
        raise _fault(
            path, f"{len(found)} features have classes: {', '.join(found)}", expected="FILE:FEATURE"
        )
    chosen = feature or next(iter(found), "")
    if chosen not in found:
        help = did_you_mean(chosen, list(found))
        raise _fault(
            path,
            f"no feature {chosen!r} has classes",
            expected=", ".join(found) or "a ClassLabel",
            help=help,
        )
    python = f"dataset.features[{chosen!r}].names"
    return ClassList(_names(found[chosen], path), f"the feature {chosen} of {path}", python)


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _fault(path, f"this is not JSON: {error}") from None


def _front_matter(text: str, path: Path) -> Any:
    """The YAML between the first two lines of dashes."""
    from taxoloss.reader import read_text
    from taxoloss.values import plain

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
        return tuple(name if isinstance(name, str) else "/".join(name) for name in class_list(data))
    except (TypeError, ValueError) as error:
        raise _fault(path, str(error)) from None
