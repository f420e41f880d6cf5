"""Darwin Core: archives, read by python-dwca-reader, and tables with its columns."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.formats.inat import MAIN_RANKS, is_inat, taxa_of_inat
from taxoloss.sources.graph import RANKS, SourceGraph
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.tables.table import Table, open_table

__all__ = ["FORMAT", "is_darwin_core", "read_darwin_core", "taxa_of_darwin_core"]

_TERMS = "http://rs.tdwg.org/dwc/terms/"


def is_darwin_core(header: Sequence[str]) -> bool:
    """Whether these are columns of Darwin Core, and not of iNaturalist's table."""
    names = {name.casefold() for name in header}
    core = {"scientificname", "taxonrank"} <= names and not is_inat(header)
    return core and ("parentnameusageid" in names or "family" in names)


def read_darwin_core(path: Path, options: Options) -> Found:
    """An archive, or a table with its columns: parentNameUsageID where it is filled, else rank columns."""
    if path.is_file() and not zipfile.is_zipfile(path):
        table = open_table(path, options)
        return (taxa_of_inat if is_inat(table.header) else taxa_of_darwin_core)(table, options)
    return _archive(path, options)


def taxa_of_darwin_core(table: Table, options: Options) -> Found:
    """The taxonomy of such a table that was opened."""
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
    wanted = [rank.casefold() for rank in options.ranks or MAIN_RANKS]
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


_TAXA = """\
taxonID,parentNameUsageID,scientificName,taxonRank
1,,Animalia,kingdom
2,1,Aves,class
3,2,Anas a,species
4,2,Anas b,species
"""


def _is_archive(sample: Sample) -> bool:
    """A zip, or what was in it; NCBI's dump is that whatever lies beside it."""
    zipped = (sample.head or b"").startswith(b"PK")
    return zipped or (sample.holds("meta.xml") and not sample.holds("nodes.dmp"))


def _readings(table: Table, options: Options) -> list[Reading]:
    if not is_darwin_core(table.header):
        return []
    make = partial(taxa_of_darwin_core, table, options)
    return [Reading("darwin-core", "its columns", Grade.STANDARD, make, "--kind darwin-core")]


FORMAT = Format(
    "darwin-core",
    read_darwin_core,
    "Darwin Core",
    sniff=_is_archive,
    of_table=_readings,
    needs="python-dwca-reader",
    example=("taxa.csv", _TAXA),
)
