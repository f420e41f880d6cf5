"""Darwin Core (archives, taxon tables), iNaturalist's taxa table, NCBI's dumps."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from taxoloss.errors import Fault
from taxoloss.paths import raise_all
from taxoloss.sources.found import Found, Options, counted, foreign, refuse
from taxoloss.sources.node_table import RANKS, NodeTable
from taxoloss.sources.rows import Rows
from taxoloss.sources.tables import open_table

__all__ = ["is_taxon_table", "read_archive", "read_inat", "read_ncbi", "read_taxon_table"]

_MAIN = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_TERMS = "http://rs.tdwg.org/dwc/terms/"


def is_taxon_table(header: Sequence[str]) -> str | None:
    """The kind of a table of taxa by its columns: "inat", "darwin-core" or neither."""
    names = {name.casefold() for name in header}
    if {"taxon_id", "ancestry", "rank", "name"} <= names:
        return "inat"
    core = {"scientificname", "taxonrank"} <= names
    return "darwin-core" if core and ("parentnameusageid" in names or "family" in names) else None


def read_taxon_table(path: Path, options: Options, kind: str | None = None) -> Found:
    """A table with Darwin Core's columns: parentNameUsageID where it is filled, else the rank columns."""
    table = open_table(path, options)
    rows = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    return _core(rows, table.header, str(path), options)


def read_archive(path: Path, options: Options, kind: str | None = None) -> Found:
    """A Darwin Core Archive (zip or folder), read by python-dwca-reader."""
    _check_archive(path, options)
    with foreign("a Darwin Core Archive", str(path)):
        from dwca.read import DwCAReader

        with DwCAReader(str(path)) as archive:
            rows = [
                {str(key).removeprefix(_TERMS): str(value) for key, value in row.data.items()}
                | {"_id": str(row.id)}
                for row in archive
            ]
    header = list(rows[0]) if rows else []
    for row in rows:
        row.setdefault("taxonID", row["_id"])
    return _core(iter(rows), [*header, "taxonID"], str(path), options)


def _check_archive(path: Path, options: Options) -> None:
    """A zip is unpacked by the reader: its sizes, and the XML that describes it, are looked at before."""
    most = options.limits.bytes
    if path.is_dir():
        meta = path / "meta.xml"
        texts = [meta.read_bytes()[:most]] if meta.is_file() else []
    else:
        with foreign("a zip file", str(path)), zipfile.ZipFile(path) as archive:
            total = sum(item.file_size for item in archive.infolist())
            if total > most:
                raise_all(
                    [Fault("T111", f"the archive holds {total:,} bytes, more than {most:,}", str(path))]
                )
            texts = [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
    if any(b"<!DOCTYPE" in text or b"<!ENTITY" in text for text in texts):
        raise refuse(str(path), "<!DOCTYPE is not allowed in its XML")


def _core(rows: Iterator[Mapping[str, str]], header: Sequence[str], file: str, options: Options) -> Found:
    """Names by id and parent, or by rank columns."""
    by_folded = {name.casefold(): name for name in header}

    def column(term: str) -> str | None:
        return by_folded.get(term.casefold())

    taxa = list(rows)
    parent = column("parentNameUsageID")
    if parent is None or not any(row.get(parent) for row in taxa):
        return _by_ranks(taxa, column, file, options)
    options = replace(options, ranks=options.ranks or RANKS)
    nodes = NodeTable(file, options)
    key, name = column("taxonID") or column("id"), column("scientificName")
    rank, accepted = column("taxonRank"), column("acceptedNameUsageID")
    if key is None or name is None:
        raise refuse(
            file, "there is no column taxonID or scientificName", expected="Darwin Core's taxon columns"
        )
    synonyms = 0
    for number, row in enumerate(taxa, 2):
        if accepted and row.get(accepted) and row[accepted] != row[key]:
            nodes.add(row[accepted], aliases=[row[name]])
            synonyms += 1
            continue
        nodes.add(row[key], row[name] or row[key], rank=row.get(rank or "") or None, line=number)
        if row.get(parent):
            nodes.link(row[key], row[parent])
    if synonyms:
        nodes.notes.append(f"{counted(synonyms, 'synonym')} are aliases of the accepted names")
    how = f"{counted(len(taxa), 'taxon row')} by parentNameUsageID"
    return Found(nodes.taxonomy(), "darwin-core", how, tuple(nodes.notes))


def _by_ranks(taxa: list[Mapping[str, str]], column: Any, file: str, options: Options) -> Found:
    ranks = options.ranks or _MAIN
    used = [rank for rank in ranks if column(rank) or rank == "species"]
    rows = Rows(file, options, tuple(used))
    rank_of, name_of = column("taxonRank"), column("scientificName")
    for number, row in enumerate(taxa, 2):
        names = [row.get(column(rank) or "", "") for rank in used]
        here = row.get(rank_of or "", "").casefold()
        if here in used and not names[used.index(here)]:
            names[used.index(here)] = row.get(name_of or "", "")
        if any(names):
            rows.add(names, number)
    how = f"{' > '.join(used)}, {counted(len(taxa), 'taxon row')}"
    return Found(rows.taxonomy(), "darwin-core", how, tuple(rows.notes))


def read_inat(path: Path, options: Options, kind: str | None = None) -> Found:
    """iNaturalist's open table of taxa: taxon_id, ancestry (ids joined by /), rank, name, active."""
    table = open_table(path, options)
    options = replace(options, ranks=options.ranks or _MAIN)
    nodes = NodeTable(table.file, options)
    at = {name: table.column(name) for name in ("taxon_id", "ancestry", "rank", "name")}
    inactive = 0
    for row, line in zip(table.rows, table.lines, strict=True):
        if "active" in table.header and row[table.column("active")].casefold() in ("f", "false", "0"):
            inactive += 1
            continue
        key, above = row[at["taxon_id"]], row[at["ancestry"]].rpartition("/")[2]
        nodes.add(key, row[at["name"]], rank=row[at["rank"]], line=line)
        if above:
            nodes.link(key, above, line)
    if inactive:
        nodes.notes.append(f"{counted(inactive, 'inactive taxon row')} left out")
    how = f"{counted(len(table.rows), 'taxon row')} by ancestry"
    return Found(nodes.taxonomy(), "inat", how, tuple(nodes.notes))


def read_ncbi(path: Path, options: Options, kind: str | None = None) -> Found:
    """NCBI's nodes.dmp and names.dmp in a folder, read by the package taxonomy."""
    folder = path if path.is_dir() else path.parent
    for name in ("nodes.dmp", "names.dmp"):
        file = folder / name
        if not file.is_file():
            raise refuse(str(folder), f"there is no file {name}", expected="nodes.dmp and names.dmp")
        if file.stat().st_size > 4 * options.limits.bytes:
            raise_all([Fault("T111", "the dump is larger than allowed", str(file))])
    options = replace(options, ranks=options.ranks or RANKS)
    nodes = NodeTable(str(folder), options)
    with foreign("a dump of NCBI's taxonomy", str(folder)):
        import taxonomy

        tree = taxonomy.Taxonomy.from_ncbi(str(folder))
        found = [node for key in tree if (node := tree[key]) is not None]
    for node in sorted(found, key=lambda node: (len(node.id), node.id)):  # the package keeps no order
        nodes.add(node.id, node.name, rank=node.rank)
        if node.parent and node.parent != node.id:
            nodes.link(node.id, node.parent)
    return Found(nodes.taxonomy(), "ncbi", counted(len(found), "node"), tuple(nodes.notes))
