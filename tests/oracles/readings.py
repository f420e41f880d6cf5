"""What `sources.read` makes of a text, written as a short line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError
from taxoloss.sources.name_lists import names_of_option

__all__ = ["asked", "leaf_paths", "paths_of", "read_text", "reader", "refusal_of"]


def read_text(folder: Path, text: str, file: str = "a.json", **options: Any) -> sources.Found:
    """What a file with that text is read as."""
    path = folder / file
    path.write_text(text, encoding="utf-8", newline="")
    return sources.read(path, **options)


def reader(file: str) -> Callable[..., sources.Found]:
    """`read_text` whose files are called so where nothing else is said."""

    def read(folder: Path, text: str, name: str = file, **options: Any) -> sources.Found:
        return read_text(folder, text, name, **options)

    return read


def leaf_paths(found: sources.Found) -> list[str]:
    """The paths of the classes, in the order of the tree."""
    return ["/".join(path) for path in found.taxonomy.paths()]


def paths_of(found: sources.Found) -> str:
    """The paths of the classes, sorted: "cat/Bengal dog/pug", with _ for a space."""
    return " ".join(sorted("/".join(path).replace(" ", "_") for path in found.taxonomy.paths()))


def refusal_of(folder: Path, text: str, file: str = "a.json", **options: Any) -> TaxonomyError:
    """The error of a file with that text; AssertionError, with the tree, where there is none."""
    try:
        found = read_text(folder, text, file, **options)
    except TaxonomyError as error:
        shown = str(error)
        for word in ("Traceback", "NoneType", "expected str", "object", "TypeError", "KeyError"):
            assert word not in shown, shown
        return error
    raise AssertionError(f"read as {found.kind}: {paths_of(found)}")


def asked(folder: Path, text: str, file: str = "a.csv") -> list[str]:
    """The trees that T122 offers for a text, each read by the option that it shows; they differ."""
    (fault,) = refusal_of(folder, text, file).faults
    assert fault.code == "T122", str(fault)
    trees = []
    for line in (fault.help or "").splitlines()[1:]:
        words = shlex.split(line[line.rindex("(--") + 1 : -1])
        options: dict[str, Any] = dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True))
        if "columns" in options:
            options["columns"] = names_of_option(options["columns"])
        trees.append(paths_of(read_text(folder, text, file, **options)))
    assert len(set(trees)) == len(trees) > 1, trees
    return trees
