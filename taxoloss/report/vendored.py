"""The scripts of others that stand in a report's page, as they were published, with their licences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["Vendored", "licences", "texts", "vendored"]


@dataclass(frozen=True)
class Vendored:
    """One file that others wrote.

    Args:
        name: of its package.
        version: of its package.
        file: where it stands below the folder of such files.
        licence: its SPDX identifier.
        licence_file: its text, below the same folder.
        notices: the licences of what was built into the file, below the same folder; None: nothing was.
        sha256: of the file, in hexadecimal.
        address: of the package's sources.
    """

    name: str
    version: str
    file: str
    licence: str
    licence_file: str
    notices: str | None
    sha256: str
    address: str


@cache
def vendored() -> tuple[Vendored, ...]:
    """The files, in the order in which a page needs them.

    >>> [script.name for script in vendored() if script.file.endswith(".js")]
    ['tabulator-tables', 'vega', 'vega-lite', 'vega-embed']
    """
    rows = json.loads(_folder().joinpath("vendored.json").read_text(encoding="utf-8"))
    return tuple(Vendored(**row) for row in rows)


def texts(ending: Literal[".js", ".css"]) -> list[tuple[str, str]]:
    """Names and texts of the files with this ending, in the order in which a page needs them.

    >>> [name for name, text in texts(".css")]
    ['tabulator_simple.min.css']
    """
    wanted = (script.file for script in vendored() if script.file.endswith(ending))
    return [
        (file.rpartition("/")[2], _folder().joinpath(file).read_text(encoding="utf-8")) for file in wanted
    ]


def licences() -> str:
    """The licences of all of them, which go with the page wherever it is sent."""
    parts, told = [], set[str]()
    for script in vendored():
        if script.name not in told:
            told.add(script.name)
            files_of = filter(None, (script.licence_file, script.notices))
            read = (_folder().joinpath(file).read_text(encoding="utf-8").strip() for file in files_of)
            parts.append("\n\n".join([f"{script.name} {script.version}, {script.address}", *read]))
    return "\n\n\n".join(parts)


def _folder() -> Traversable:
    """Where the files stand, in the checkout and in the wheel."""
    return files("taxoloss.report") / "page" / "vendor"
