"""iNaturalist's tables of taxa: the open data with `ancestry`, and the export of the vision model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options, listed
from taxoloss.sources.formats.format import Format
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table
from taxoloss.sources.taxa.readings import all_columns, taxa_reading
from taxoloss.sources.taxa.taxon_tree import Taxon, TaxonTree
from taxoloss.sources.taxa.words import FINER, KNOWN_RANKS, RANK_LEVELS, bare, is_none, rank_of

__all__ = ["FORMAT"]

_KEY = ("taxonid", "id")
_PARENT = ("parenttaxonid", "parentid")
_ACTIVE = ("active", "isactive")
_RANK_KINDS = frozenset((*KNOWN_RANKS, *FINER))


def _columns(table: Table) -> dict[str, int] | None:
    """The columns by role; None where the table is none of iNaturalist's."""
    at = {bare(name): number for number, name in reversed(list(enumerate(table.header)))}
    roles = {role: at[name] for role in ("name", "rank", "ancestry") if (name := role) in at}
    for role, names in (("key", _KEY), ("parent", _PARENT), ("active", _ACTIVE)):
        found = next((at[name] for name in names if name in at), None)
        roles |= {} if found is None else {role: found}
    roles |= {"level": at["ranklevel"]} if "ranklevel" in at else {}
    roles |= {"class": at["leafclassid"]} if "leafclassid" in at else {}
    ranked = "level" in roles or ("rank" in roles and "ancestry" in roles)
    above = "ancestry" in roles or ("parent" in roles and "level" in roles)
    return roles if {"key", "name"} <= roles.keys() and ranked and above else None


def _above(roles: dict[str, int]) -> int:
    """The column that says what is above a taxon."""
    return roles["ancestry"] if "ancestry" in roles else roles["parent"]


def _readings(table: Table, options: Options) -> list[Reading]:
    roles = _columns(table)
    if roles is None:
        return taxa_reading(table, options, "inat")
    if options.columns is not None and options.kind is None:
        return []
    used = {table.header[at] for at in roles.values()}
    make = partial(_found, table, roles, options)
    how = f"{table.header[roles['key']]} below {table.header[_above(roles)]}"
    unused = tuple(name for name in table.header if name not in used)
    return [
        Reading(
            "inat",
            how,
            Grade.KNOWN,
            make,
            "--kind inat",
            all_columns(table),
            unused,
        )
    ]


def _found(table: Table, roles: dict[str, int], options: Options) -> Found:
    """The taxonomy; what is above an inactive taxon, or one without row, holds what is below it."""
    tree = TaxonTree(table.file, options)
    classes: dict[str, str] = {}
    inactive = 0
    for row, line in zip(table.rows, table.lines, strict=True):
        taxon = _taxon(row, line, roles)
        if not taxon.key and not taxon.name:
            continue
        if "active" in roles and row[roles["active"]].strip().casefold() in ("f", "false", "0"):
            inactive += 1
            taxon.out = "inactive"
        tree.add(taxon)
        if "class" in roles and not is_none(row[roles["class"]]):
            classes[taxon.key] = _number(row[roles["class"]])
    if inactive:
        tree.notes.append(f"{counted(inactive, 'inactive taxon row')} left out")
    if classes:
        _as_outputs(tree, classes, table.header[roles["class"]])
    by = table.header[_above(roles)]
    how = f"{counted(len(table.rows), 'taxon row')} by {by}"
    return Found(tree.taxonomy(), "inat", how, tuple(tree.notes))


def _taxon(row: Sequence[str], line: int, roles: dict[str, int]) -> Taxon:
    def cell(role: str) -> str:
        return "" if role not in roles or is_none(row[roles[role]]) else row[roles[role]].strip()

    key = _number(cell("key"))
    above = [
        _number(part) for part in re.split(r"[/,;| ]+", cell("ancestry")) if part and _number(part) != key
    ]
    above = above[::-1] or ([_number(cell("parent"))] if cell("parent") else [])
    return Taxon(key, cell("name"), _rank(cell("rank"), cell("level")), line, tuple(above))


def _rank(rank: str, level: str) -> str:
    """The rank, by its name or else by iNaturalist's number of it."""
    if rank_of(rank) in _RANK_KINDS:
        return rank_of(rank)
    try:
        return RANK_LEVELS.get(float(level), "")
    except ValueError:
        return ""


def _number(text: str) -> str:
    """An id, without the point that a column with gaps gives it."""
    return re.sub(r"^(\d+)\.0+$", r"\1", text.strip())


def _as_outputs(tree: TaxonTree, classes: dict[str, str], column: str) -> None:
    """The outputs of the model are the classes, whatever their rank; their order is told."""
    tree.classes = set(classes)
    above = {key for taxon in tree.taxa.values() for key in taxon.above[:1]}
    main = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
    plain = all(tree.taxa[key].rank in main and key not in above for key in classes)
    tree.by_depth = not plain
    order = sorted(classes, key=lambda key: (len(classes[key]), classes[key]))
    shown = listed([f"{classes[key]} {tree.taxa[key].name}" for key in order])
    said = f"the model's {counted(len(order), 'class')} stand in the order of {quoted(column)}"
    tree.notes.append(f"{said}, which is not that of the file: {shown}")


_INAT = """\
taxon_id\tancestry\trank_level\trank\tname\tactive
1\t\t70\tkingdom\tAnimalia\ttrue
3\t1\t50\tclass\tAves\ttrue
4\t1/3\t10\tspecies\tAnas a\ttrue
6\t1/3\t10\tspecies\tAnas c\ttrue
"""
FORMAT = Format(
    "inat",
    title="iNaturalist",
    of_table=_readings,
    form="columns of iNaturalist: taxon_id, name, and ancestry, rank or parent_taxon_id, rank_level",
    example=("taxa.tsv", _INAT),
)
