"""Faults for machines: JSON, SARIF (code scanning, editors), the lines that GitHub's runners annotate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

from taxoloss.errors.characters import escape_invisible
from taxoloss.errors.faults import Fault, Note, faults_text

__all__ = ["FORMATS", "as_format", "fault_data", "installed_version"]

#: What `--format` takes.
FORMATS = ("text", "json", "sarif", "github")


def as_format(faults: Sequence[Fault], format: str) -> str:
    """The faults in one of the formats.

    >>> print(as_format([Fault("T117", "a name is empty", file="a.yaml", line=3, column=5)], "github"))
    ::error file=a.yaml,line=3,col=5,title=T117::a name is empty
    """
    if format == "github":
        return "\n".join(map(_github, faults))
    if format == "sarif":
        return _dumped(_sarif(faults))
    if format == "json":
        valid = all(fault.severity == "warning" for fault in faults)
        return _dumped({"valid": valid, "faults": [fault_data(fault) for fault in faults]})
    return faults_text(faults)


def _dumped(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=True)


def fault_data(fault: Fault) -> dict[str, Any]:
    """A fault as plain dicts, lists, text and numbers."""
    return {"severity": fault.severity, **asdict(fault)}


# -- GitHub: "Setting an error message", workflow commands ------------------------------------------


def _github(fault: Fault) -> str:
    places = {"file": fault.file, "line": fault.line, "col": fault.column, "title": fault.code}
    written = (f"{key}={_property(str(value))}" for key, value in places.items() if value is not None)
    return f"::{fault.severity} {','.join(written)}::{_escaped(_text(fault))}"


def _text(fault: Fault) -> str:
    """The message, what was expected and the help, in one text."""
    parts = [fault.message]
    parts += [f"expected: {fault.expected}"] if fault.expected else []
    parts += [f"help: {fault.help}"] if fault.help else []
    return "\n".join(escape_invisible(line) for part in parts for line in part.splitlines())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(escape_invisible(text)).replace(":", "%3A").replace(",", "%2C")


# -- SARIF 2.1.0 -----------------------------------------------------------------------------------


def _sarif(faults: Sequence[Fault]) -> dict[str, Any]:
    rules = [{"id": code} for code in dict.fromkeys(fault.code for fault in faults)]
    driver = {"name": "taxoloss", "semanticVersion": installed_version(), "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(fault) for fault in faults],
            }
        ],
    }


def _result(fault: Fault) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": fault.code,
        "level": fault.severity,
        "message": {"text": _text(fault)},
    }
    if fault.file:
        result["locations"] = [_location(fault.file, fault)]
        notes = [note for note in fault.notes if note.line is not None]
        if notes:
            result["relatedLocations"] = [_location(fault.file, note) for note in notes]
    return result


def _location(file: str, place: Fault | Note) -> dict[str, Any]:
    uri = PurePath(file).as_posix() if not PurePath(file).is_absolute() else PurePath(file).as_uri()
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri}}}
    if place.line is not None:
        region = {"startLine": place.line}
        if place.column is not None:
            region |= {"startColumn": place.column, "endColumn": place.column + place.width}
        location["physicalLocation"]["region"] = region
    if isinstance(place, Note):
        location["message"] = {"text": escape_invisible(place.text)}
    return location


def installed_version() -> str:
    """The version in the metadata of the installed package; a checkout without any says so.

    >>> from importlib.metadata import version
    >>> installed_version() == version("taxoloss")
    True
    """
    try:
        return version("taxoloss")
    except PackageNotFoundError:
        return "0.0.0+not.installed"
