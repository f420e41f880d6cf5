"""What the scripts in this folder share: text for YAML, and the option -o."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

#: The first line of every file: editors complete and check it by the schema beside it.
MODELINE = "# yaml-language-server: $schema=taxonomy.schema.json\n"
_PLAIN = re.compile(r"[A-Za-z][\w -]*", re.ASCII)
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def quoted(text: str) -> str:
    """The text in double quotes: JSON's escapes are YAML's too."""
    return json.dumps(text, ensure_ascii=False)


def scalar(text: str) -> str:
    """The text without quotes where every YAML reader takes it as text, else with them."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _NOT_TEXT
    return text if plain else quoted(text)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows -o."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("-o", "--output", type=Path, help="the file to write (default: stdout)")
    return result


def write(text: str, output: Path | None) -> None:
    """Writes UTF-8 with plain line ends on every system, since the checksums are of bytes."""
    data = text.encode("utf-8")
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        output.write_bytes(data)
