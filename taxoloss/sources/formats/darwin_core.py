"""Darwin Core: archives, read by python-dwca-reader, and tables with its columns (GBIF, OBIS)."""

from __future__ import annotations

import traceback
import warnings
import zipfile
from functools import partial
from pathlib import Path

from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format, Sample
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.table import Table
from taxoloss.sources.taxa.readings import all_columns, backbone_table, taxa_found, taxa_reading

__all__ = ["FORMAT", "read_archive"]

_TERMS = "http://rs.tdwg.org/dwc/terms/"


def read_archive(path: Path, options: Options) -> Found:
    """A Darwin Core Archive (zip or folder), read by python-dwca-reader.

    Raises:
        TaxonomyError: it is none, or makes no tree.
        ImportError: the reader is not installed.
    """
    _check_archive(path, options)
    found = _records(path)
    header = tuple(dict.fromkeys(key for row in found for key in row))
    rows = [tuple(row.get(key, "") for key in header) for row in found]
    table = Table(str(path), header, rows, list(range(2, len(rows) + 2)))
    return taxa_found(table, options, "darwin-core")


def _records(path: Path) -> list[dict[str, str]]:
    """The rows of the archive, by the terms of their columns."""
    with foreign("a Darwin Core Archive", str(path), lines=False), warnings.catch_warnings():
        from dwca.read import DwCAReader

        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with DwCAReader(str(path)) as archive:
                return [
                    {str(key).removeprefix(_TERMS): str(value) for key, value in row.data.items()}
                    | {"taxonID": str(row.data.get(f"{_TERMS}taxonID") or row.id)}
                    for row in archive
                ]
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # the reader leaves files open where it fails
            raise


def _check_archive(path: Path, options: Options) -> None:
    """A zip is unpacked by the reader: its sizes, and the XML that describes it, are looked at before."""
    most = options.limits.bytes
    if path.is_dir():
        meta = path / "meta.xml"
        texts = [meta.read_bytes()[:most]] if meta.is_file() else []
    else:
        with foreign("a zip file", str(path), lines=False), zipfile.ZipFile(path) as archive:
            total = sum(item.file_size for item in archive.infolist())
            if total > most:
                message = f"the archive holds {total:,} bytes, more than {most:,}"
                raise_all([Fault("T111", message, str(path))])
            texts = [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
    if any(b"<!DOCTYPE" in text or b"<!ENTITY" in text for text in texts):
        raise refuse(str(path), "<!DOCTYPE is not allowed in its XML")


_TAXA = """\
taxonID,parentNameUsageID,scientificName,taxonRank
1,,Animalia,kingdom
2,1,Aves,class
3,2,Anas a,species
4,2,Anas b,species
"""


def _is_archive(sample: Sample) -> bool:
    """A zip, or what was in it, with its description; NCBI's dump is that whatever lies beside it."""
    if sample.head is None:
        return sample.holds("meta.xml") and not sample.holds("nodes.dmp")
    return "meta.xml" in {Path(name).name for name in sample.packed}


def _readings(table: Table, options: Options) -> list[Reading]:
    """As Darwin Core says it, and GBIF's backbone without a header."""
    named = backbone_table(table)
    if named is not None:
        make = partial(taxa_found, named, options, "darwin-core")
        how = "GBIF's backbone, 30 columns without names"
        return [
            Reading(
                "darwin-core",
                how,
                Grade.KNOWN,
                make,
                "--kind darwin-core",
                all_columns(table),
            )
        ]
    return taxa_reading(table, options, "darwin-core")


FORMAT = Format(
    "darwin-core",
    read_archive,
    "Darwin Core (GBIF, OBIS)",
    sniff=_is_archive,
    of_table=_readings,
    form="columns of Darwin Core: scientificName and taxonRank, with parentNameUsageID or rank columns",
    needs="python-dwca-reader",
    example=("taxa.csv", _TAXA),
)
