"""Darwin Core (archives, taxon tables), iNaturalist's taxa table, NCBI's dumps."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, counted, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.formats.table_files import Table, open_table
from taxoloss.sources.graph import RANKS, SourceGraph
from taxoloss.sources.rows import Rows

__all__ = ["FORMATS", "is_taxon_table", "read_darwin_core", "read_inat", "read_ncbi", "taxa_in"]

_MAIN = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_TERMS = "http://rs.tdwg.org/dwc/terms/"


def is_taxon_table(header: Sequence[str]) -> str | None:
    """The kind of a table of taxa by its columns: "inat", "darwin-core" or neither."""
    names = {name.casefold() for name in header}
    if {"taxon_id", "ancestry", "rank", "name"} <= names:
        return "inat"
    core = {"scientificname", "taxonrank"} <= names
    return "darwin-core" if core and ("parentnameusageid" in names or "family" in names) else None


def read_darwin_core(path: Path, options: Options) -> Found:
    """An archive, or a table with its columns: parentNameUsageID where it is filled, else rank columns."""
    if path.is_file() and not zipfile.is_zipfile(path):
        return taxa_in(open_table(path, options), options)
    return _archive(path, options)


def taxa_in(table: Table, options: Options) -> Found:
    """The taxonomy of a table of taxa that was opened."""
    if is_taxon_table(table.header) == "inat":
        return _inat(table, options)
    return _core(table.rows, table.lines, table.header, table.file, options)


def _archive(path: Path, options: Options) -> Found:
    """A Darwin Core Archive (zip or folder), read by python-dwca-reader."""
    _check_archive(path, options)
    with foreign("a Darwin Core Archive", str(path)):
        from dwca.read import DwCAReader

        with DwCAReader(str(path)) as archive:
            found = [
                {str(key).removeprefix(_TERMS): str(value) for key, value in row.data.items()}
                | {"taxonID": str(row.data.get(f"{_TERMS}taxonID") or row.id)}
                for row in archive
            ]
    header = list(dict.fromkeys(key for row in found for key in row))
    rows = [tuple(row.get(key, "") for key in header) for row in found]
    return _core(rows, range(2, len(rows) + 2), header, str(path), options)


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


def _core(
    rows: Sequence[tuple[str, ...]],
    lines: Sequence[int],
    header: Sequence[str],
    file: str,
    options: Options,
) -> Found:
    """Names by id and parent, or by rank columns."""
    at = {name.casefold(): number for number, name in enumerate(header)}
    parent = at.get("parentnameusageid")
    if parent is None or not any(row[parent] for row in rows):
        return _by_ranks(rows, lines, at, file, options)
    options = replace(options, ranks=options.ranks or RANKS)
    nodes = SourceGraph(file, options)
    key, name, rank = at.get("taxonid", at.get("id")), at.get("scientificname"), at.get("taxonrank")
    if key is None or name is None:
        raise refuse(file, "there is no column taxonID or scientificName", expected="Darwin Core's columns")
    accepted = at.get("acceptednameusageid")
    synonyms = 0
    for row, line in zip(rows, lines, strict=True):
        if accepted is not None and row[accepted] and row[accepted] != row[key]:
            nodes.add(row[accepted], aliases=[row[name]])
            synonyms += 1
            continue
        rank_here = row[rank] if rank is not None else ""
        nodes.add(row[key], row[name] or row[key], rank=rank_here or None, line=line)
        if row[parent]:
            nodes.link(row[key], row[parent])
    if synonyms:
        nodes.notes.append(f"aliases of the accepted names: {counted(synonyms, 'synonym')}")
    how = f"{counted(len(rows), 'taxon row')} by parentNameUsageID"
    return Found(nodes.taxonomy(), "darwin-core", how, tuple(nodes.notes))


def _by_ranks(
    rows: Sequence[tuple[str, ...]], lines: Sequence[int], at: dict[str, int], file: str, options: Options
) -> Found:
    """Rank columns; the name of a row's own rank, which has no column for species, is scientificName."""
    wanted = [rank.casefold() for rank in options.ranks or _MAIN]
    used = [rank for rank in wanted if rank in at or rank == "species"]
    found = Rows(file, options, tuple(used))
    columns = [at.get(rank) for rank in used]
    rank, name = at.get("taxonrank"), at.get("scientificname")
    skipped = 0
    for row, line in zip(rows, lines, strict=True):
        names = ["" if column is None else row[column] for column in columns]
        here = row[rank].casefold() if rank is not None else ""
        if here in used and name is not None:
            names[used.index(here)] = names[used.index(here)] or row[name]
        elif here and here not in wanted:
            skipped += 1  # a subspecies, a section
            continue
        if any(names):
            found.add(names, line)
    if skipped:
        found.notes.append(f"taxa of other ranks are left out: {skipped:,}")
    how = f"{' > '.join(used)}, {counted(len(rows), 'taxon row')}"
    return Found(found.taxonomy(), "darwin-core", how, tuple(found.notes))


def read_inat(path: Path, options: Options) -> Found:
    """iNaturalist's open table of taxa: taxon_id, ancestry (ids joined by /), rank, name, active."""
    return _inat(open_table(path, options), options)


def _inat(table: Table, options: Options) -> Found:
    options = replace(options, ranks=options.ranks or _MAIN)
    nodes = SourceGraph(table.file, options)
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


def read_ncbi(path: Path, options: Options) -> Found:
    """NCBI's nodes.dmp and names.dmp in a folder, read by the package taxonomy."""
    folder = path if path.is_dir() else path.parent
    for name in ("nodes.dmp", "names.dmp"):
        file = folder / name
        if not file.is_file():
            raise refuse(str(folder), f"there is no file {name}", expected="nodes.dmp and names.dmp")
        if file.stat().st_size > 4 * options.limits.bytes:
            raise_all([Fault("T111", "the dump is larger than allowed", str(file))])
    options = replace(options, ranks=options.ranks or RANKS)
    nodes = SourceGraph(str(folder), options)
    with foreign("a dump of NCBI's taxonomy", str(folder)):
        import taxonomy

        tree = taxonomy.Taxonomy.from_ncbi(str(folder))
        found = [node for key in tree if (node := tree[key]) is not None]
    for node in sorted(found, key=lambda node: (len(node.id), node.id)):  # the package keeps no order
        nodes.add(node.id, node.name, rank=node.rank)
        if node.parent and node.parent != node.id:
            nodes.link(node.id, node.parent)
    return Found(nodes.taxonomy(), "ncbi", counted(len(found), "node"), tuple(nodes.notes))


# -- the formats -----------------------------------------------------------------------------------

_TAXA = """\
taxonID,parentNameUsageID,scientificName,taxonRank
1,,Animalia,kingdom
2,1,Aves,class
3,2,Anas a,species
4,2,Anas b,species
"""
_INAT = """\
taxon_id\tancestry\trank_level\trank\tname\tactive
1\t\t70\tkingdom\tAnimalia\ttrue
3\t1\t50\tclass\tAves\ttrue
4\t1/3\t10\tspecies\tAnas a\ttrue
6\t1/3\t10\tspecies\tAnas c\ttrue
"""


def _is_archive(sample: Sample) -> bool:
    """A zip, or what was in it; NCBI's dump is that whatever lies beside it."""
    zipped = (sample.head or b"").startswith(b"PK")
    return zipped or (sample.holds("meta.xml") and not sample.holds("nodes.dmp"))


FORMATS = (
    Format(
        "darwin-core",
        read_darwin_core,
        "Darwin Core",
        sniff=_is_archive,
        columns=lambda header: is_taxon_table(header) == "darwin-core",
        needs="python-dwca-reader",
        example=("taxa.csv", _TAXA),
    ),
    Format(
        "inat",
        read_inat,
        "iNaturalist",
        columns=lambda header: is_taxon_table(header) == "inat",
        example=("taxa.tsv", _INAT),
    ),
    Format(
        "ncbi",
        read_ncbi,
        "NCBI",
        suffixes=(".dmp",),
        sniff=lambda sample: sample.holds("nodes.dmp"),
        needs="taxonomy",
    ),
)
