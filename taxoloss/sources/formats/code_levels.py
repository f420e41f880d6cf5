"""A column that says how deep codes stand: it bears out the tree that the codes hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from taxoloss.sources.code_rules import Rule, with_sections
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.table import Table
from taxoloss.sources.tables.words import is_depth

__all__ = ["CodeLevels", "code_levels"]


@dataclass(frozen=True)
class CodeLevels:
    """The column that says the level of each code: 1, 2, 3, or section, division, group.

    Args:
        name: of the column.
        of: the level of each code.
        covers: the columns of the level, the code and the title.
    """

    name: str
    of: Mapping[str, str]
    covers: frozenset[str]

    def agrees(self, rule: Rule) -> bool:
        """Whether a rule puts each code as deep as its level says, on two levels or more."""
        depths = (with_sections(rule, list(rule.parent)) or rule).depths
        pairs = {(depth, self.of.get(code, "")) for code, depth in depths.items()}
        levels = [level for _, level in sorted(pairs)]
        one = len(pairs) == len(set(levels)) == rule.depth > 1 and not rule.contradicted
        numbers = [int(float(level)) for level in levels if level.replace(".", "", 1).isdecimal()]
        steps = {low - high for high, low in pairwise(numbers)}  # 1, 2, 3, or the digits: 2, 4, 6
        even = len(numbers) == len(levels) and len(steps) == 1 and min(steps) > 0
        return one and (not numbers or even)


def code_levels(table: Table, columns: Sequence[int]) -> CodeLevels | None:
    """The levels of the codes in a table that names no parents; None where no column says them.

    Args:
        columns: of the codes, and of their titles.
    """
    judgement = judged(table)
    level = next((c for c in judgement.columns if is_depth(c.word) and c.number not in columns), None)
    if level is None or level.filled < len(level.cells) or judgement.edges:
        return None
    codes = (row[columns[0]].strip().rstrip(".") for row in table.rows)
    covers = frozenset(str(number) for number in (level.number, *columns))
    return CodeLevels(level.name, dict(zip(codes, level.cells, strict=True)), covers)
