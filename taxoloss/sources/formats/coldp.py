"""ColDP, the exchange format of the Catalogue of Life: its table of names, its archives and folders."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table, table_of_text
from taxoloss.sources.taxa.readings import all_columns, taxa_found, taxa_reading
from taxoloss.sources.taxa.words import bare
from taxoloss.taxonomy.file.reader import decoded, read_bytes

__all__ = ["FORMAT", "read_archive"]

_SUFFIXES = (".tsv", ".csv", ".txt")
#: Columns that are called names, and hold ids.
_IDS = frozenset(
    ("nameid", "parentnameusageid", "acceptednameusageid", "originalnameusageid", "scientificnameid")
)
#: Columns of the joined table, and where each stands: of the taxon or synonym, and of its name.
_OF_TAXON = ("id", "parentid", "status")
_OF_NAME = ("scientificname", "authorship", "rank", "uninomial", "genericname", "specificepithet")


def read_archive(path: Path, options: Options) -> Found:
    """A zip or a folder with NameUsage, or with Name, Taxon and Synonym.

    Raises:
        TaxonomyError: one of them is missing, or they make no tree.
    """
    names = _tables(path)
    if "nameusage" in names:
        return taxa_found(_opened(path, names["nameusage"], options), options, "coldp")
    missing = [table for table in ("name", "taxon") if table not in names]
    if missing:
        raise refuse(str(path), f"there is no table {missing[0].title()} in it", expected="Name and Taxon")
    used = [name for name in names if name in ("name", "taxon", "synonym")]
    tables = {name: _opened(path, names[name], options) for name in used}
    return taxa_found(_joined(path, tables), options, "coldp")


def _tables(path: Path) -> dict[str, str]:
    """The tables of an archive or a folder: what each is called, in lower case, and its file."""
    if path.is_dir():
        files = sorted(file.name for file in path.iterdir() if file.is_file())
    else:
        with foreign("a zip file", str(path), lines=False), zipfile.ZipFile(path) as archive:
            files = archive.namelist()
    return _called(files)


def _called(files: Iterable[str]) -> dict[str, str]:
    names = [PurePosixPath(file) for file in files]
    return {name.stem.casefold(): str(name) for name in names if name.suffix.lower() in _SUFFIXES}


def _opened(path: Path, name: str, options: Options) -> Table:
    """A table of the archive; FormError where it is larger than allowed, or no table."""
    file, most = f"{path}/{name}", options.limits.bytes
    if path.is_dir():
        data = read_bytes(path / name, options.limits)
    else:
        with foreign("a zip file", str(path), lines=False), zipfile.ZipFile(path) as archive:
            size = archive.getinfo(name).file_size
            if size > most:
                raise_all([Fault("T111", f"the table holds {size:,} bytes, more than {most:,}", file)])
            data = archive.read(name)
    return table_of_text(decoded(data, file, options.limits).text, file, options)


def _joined(path: Path, tables: dict[str, Table]) -> Table:
    """Taxa and synonyms, each with its name, as one table of names."""
    names = {row["id"]: row for row in _records(tables["name"])}
    rows: list[tuple[str, ...]] = []
    for row in _records(tables["taxon"]):
        status = "provisionally accepted" if row.get("provisional", "") in ("true", "1") else "accepted"
        rows.append(_row({**row, "status": status}, names))
    for row in _records(tables["synonym"]) if "synonym" in tables else ():
        key = row.get("id") or f"synonym {row.get('nameid', '')} of {row.get('taxonid', '')}"
        status = row.get("status") or "synonym"
        rows.append(_row({**row, "id": key, "parentid": row.get("taxonid", ""), "status": status}, names))
    return Table(str(path), (*_OF_TAXON, *_OF_NAME), rows, list(range(2, len(rows) + 2)))


def _records(table: Table) -> list[dict[str, str]]:
    header = [bare(name) for name in table.header]
    return [dict(zip(header, row, strict=True)) for row in table.rows]


def _row(taxon: dict[str, str], names: dict[str, dict[str, str]]) -> tuple[str, ...]:
    name = names.get(taxon.get("nameid", ""), {})
    return (*(taxon.get(key, "") for key in _OF_TAXON), *(name.get(key, "") for key in _OF_NAME))


def _is_archive(sample: Sample) -> bool:
    """NameUsage, or Name and Taxon, in a zip or a folder."""
    if sample.head is None:
        return bool(_usages(path.name for path in sample.path.iterdir() if path.is_file()))
    return _usages(sample.packed)


def _usages(files: Iterable[str]) -> bool:
    names = _called(files)
    return "nameusage" in names or {"name", "taxon"} <= names.keys()


def _readings(table: Table, options: Options) -> list[Reading]:
    """A table of names; of taxa without their names a refusal: no id becomes a name."""
    if _is_nameless(table.header):
        make = partial(_without_names, table.file)
        return [
            Reading(
                "coldp",
                "taxa",
                Grade.KNOWN,
                make,
                "--kind coldp",
                all_columns(table),
            )
        ]
    return taxa_reading(table, options, "coldp")


def _is_nameless(header: Sequence[str]) -> bool:
    """Whether taxa have parents, and ranks or the like, but no name."""
    names = {bare(name) for name in header}
    said = {"nameid", "taxonrank", "taxonomicstatus"} & names or {"rank", "status"} <= names
    above = {"parentid", "parentnameusageid"} & names
    called = any(word in name for name in names - _IDS for word in ("name", "label", "title", "epithet"))
    return bool(said and above and not called)


def _without_names(file: str) -> Found:
    message = "these are taxa without their names, and ids are no names"
    help = "those of ColDP's table Taxon stand in its table Name: give the folder, or the zip, with both"
    raise refuse(file, message, expected="a column of names", help=help)


_USAGES = """\
ID\tparentID\tstatus\tscientificName\tauthorship\trank
N\t\taccepted\tFelidae\t\tfamily
G\tN\taccepted\tFelis\tLinnaeus, 1758\tgenus
A\tG\taccepted\tFelis catus\tLinnaeus, 1758\tspecies
B\tG\tprovisionally accepted\tFelis silvestris\tSchreber, 1777\tspecies
C\tA\tsynonym\tFelis domesticus\t\tspecies
"""
FORMAT = Format(
    "coldp",
    read_archive,
    "ColDP",
    sniff=_is_archive,
    of_table=_readings,
    form="columns of ColDP: ID, parentID, status, scientificName, rank",
    example=("NameUsage.tsv", _USAGES),
)
