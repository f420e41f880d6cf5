"""Random taxa, and the tables of them as GBIF, the Catalogue of Life, WoRMS and iNaturalist export them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import numpy as np

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_FIRST = (
    "Al",
    "Bru",
    "Cor",
    "Dae",
    "El",
    "Fri",
    "Gly",
    "Hor",
    "Ix",
    "Jun",
    "Kra",
    "Lu",
    "Mel",
    "Nyx",
    "Oph",
)
_MIDDLE = ("ba", "ca", "do", "fe", "gi", "lo", "mu", "na", "pe", "ri", "su", "to", "vi", "xo", "zu")
_EPITHETS = ("domestica", "vulgaris", "minor", "major", "alba", "novae-angliae", "communis", "nigra")
_AUTHORS = ("Linnaeus, 1758", "(L.) Mill.", "Schreber, 1777", "Erxleben, 1777", "de Vries & Smith, 1900")

Row = dict[str, str]


@dataclass
class Taxa:
    """Taxa in their order, each with the number of its parent (-1: none); other names of some species."""

    names: list[str] = field(default_factory=list)
    ranks: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    synonyms: list[tuple[str, int]] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)

    def line(self, taxon: int) -> list[int]:
        """The taxon and what is above it, top down."""
        line = [taxon]
        while self.parents[line[0]] >= 0:
            line.insert(0, self.parents[line[0]])
        return line

    def leaves(self) -> list[int]:
        """The taxa that nothing is below."""
        return [taxon for taxon in range(len(self.names)) if taxon not in self.parents]

    def paths(self) -> set[tuple[str, ...]]:
        """The path of each leaf."""
        return {tuple(self.names[i] for i in self.line(leaf)) for leaf in self.leaves()}

    def cell(self, taxon: int, rank: str) -> str:
        """What stands above a taxon, or is it, on a rank."""
        return next((self.names[i] for i in self.line(taxon) if self.ranks[i] == rank), "")


def random_taxa(rng: np.random.Generator) -> Taxa:
    """A tree of two to thirty leaves; ranks above the genus may be missing, epithets are shared."""
    taxa, used = Taxa(), set[str]()
    first = int(rng.integers(0, 5))

    def new(name: str, rank: str, parent: int) -> int:
        taxa.names.append(name)
        taxa.ranks.append(rank)
        taxa.parents.append(parent)
        taxa.authors.append(str(rng.choice(_AUTHORS)))
        return len(taxa.names) - 1

    def called() -> str:
        while (name := str(rng.choice(_FIRST)) + "".join(rng.choice(_MIDDLE, 3))) in used:
            pass
        used.add(name)
        return name

    def grow(parent: int, level: int) -> None:
        if level < 5 and level > first and rng.random() < 0.15:
            return grow(parent, level + 1)  # a rank is missing
        for _ in range(int(rng.integers(1, 3))):
            grow(new(called(), RANKS[level], parent), level + 1) if level < 5 else genus(parent)
        return None

    def genus(parent: int) -> None:
        here = new(called(), "genus", parent)
        for epithet in rng.choice(_EPITHETS, int(rng.integers(0, 4)), replace=False):
            species = new(f"{taxa.names[here]} {epithet}", "species", here)
            if rng.random() < 0.4:
                taxa.synonyms.append((f"{called()} {epithet}", species))

    grow(-1, first)
    grow(-1, first)
    return taxa


# -- tables -----------------------------------------------------------------------------------------


def coldp(taxa: Taxa, rng: np.random.Generator) -> list[Row]:
    """NameUsage: synonyms below the accepted name, or below another synonym of it."""
    ids = _ids(taxa, rng)
    rows = [
        {
            "ID": ids[i],
            "parentID": ids[parent] if parent >= 0 else "",
            "status": str(rng.choice(("accepted", "provisionally accepted"))),
            "scientificName": taxa.names[i],
            "authorship": taxa.authors[i],
            "rank": taxa.ranks[i],
        }
        for i, parent in enumerate(taxa.parents)
    ]
    last: dict[int, str] = {}
    for number, (name, accepted) in enumerate(taxa.synonyms):
        status = str(rng.choice(("synonym", "ambiguous synonym", "misapplied")))
        key = f"s{number}"
        above = last.get(accepted, ids[accepted])
        last[accepted] = key
        rows.append(
            {"ID": key, "parentID": above, "status": status, "scientificName": name, "rank": "species"}
        )
    return rows


def backbone(taxa: Taxa, rng: np.random.Generator) -> list[Row]:
    """GBIF's Taxon.tsv: names with their author, canonicalName without."""
    ids = _ids(taxa, rng)
    rows = [
        {
            "taxonID": ids[i],
            "parentNameUsageID": ids[parent] if parent >= 0 else "",
            "acceptedNameUsageID": "",
            "scientificName": f"{taxa.names[i]} {taxa.authors[i]}",
            "canonicalName": taxa.names[i],
            "taxonRank": taxa.ranks[i],
            "taxonomicStatus": str(rng.choice(("accepted", "doubtful"))),
        }
        for i, parent in enumerate(taxa.parents)
    ]
    for number, (name, accepted) in enumerate(taxa.synonyms):
        genus = ids[taxa.parents[accepted]]
        rows.append(
            {
                "taxonID": f"{7000 + number}",
                "parentNameUsageID": genus,
                "acceptedNameUsageID": ids[accepted],
                "scientificName": f"{name} {taxa.authors[0]}",
                "canonicalName": name,
                "taxonRank": "species",
                "taxonomicStatus": "heterotypic synonym",
            }
        )
    return rows


def occurrences(taxa: Taxa, rng: np.random.Generator) -> list[Row]:
    """A GBIF download: rows repeat, the rank columns hold plain names; subspecies tell their species."""
    rows = []
    for leaf in [*taxa.leaves(), *rng.choice(taxa.leaves(), 3)]:
        row = {rank: taxa.cell(int(leaf), rank) for rank in RANKS}
        name = taxa.names[leaf]
        row |= {"taxonRank": taxa.ranks[leaf].upper(), "scientificName": f"{name} {taxa.authors[leaf]}"}
        if taxa.ranks[leaf] == "species" and rng.random() < 0.3:
            row |= {"taxonRank": "SUBSPECIES", "scientificName": f"{name} minima {taxa.authors[leaf]}"}
        rows.append(row)
    for name, accepted in taxa.synonyms:
        row = {rank: taxa.cell(accepted, rank) for rank in RANKS}
        rows.append({**row, "taxonRank": "SPECIES", "scientificName": f"{name} {taxa.authors[0]}"})
    return rows


def worms(taxa: Taxa, rng: np.random.Generator) -> list[Row]:
    """WoRMS: the species column holds epithets; an unaccepted name has its own old genus."""
    ids = _ids(taxa, rng)
    rows = []
    for leaf in taxa.leaves():
        row = {rank.title(): taxa.cell(leaf, rank) for rank in RANKS}
        row["Species"] = row["Species"].partition(" ")[2]
        own = {"AphiaID": ids[leaf], "ScientificName": taxa.names[leaf]}
        own |= {f"{key}_accepted": value for key, value in own.items()}
        rows.append({**row, **own, "taxonRank": taxa.ranks[leaf].title(), "Status": "accepted"})
    for number, (name, accepted) in enumerate(taxa.synonyms):
        row = {rank.title(): taxa.cell(accepted, rank) for rank in RANKS[:-2]}
        row["Genus"], _, row["Species"] = name.partition(" ")
        row |= {"AphiaID": f"{7000 + number}", "ScientificName": name, "taxonRank": "Species"}
        row |= {"AphiaID_accepted": ids[accepted], "ScientificName_accepted": taxa.names[accepted]}
        rows.append({**row, "Status": "unaccepted"})
    return rows


def inat(taxa: Taxa, rng: np.random.Generator) -> list[Row]:
    """iNaturalist's open data, with ranks between that are inactive, or have no row."""
    rows = []
    for i in range(len(taxa.names)):
        line = ["48460"]
        for above in taxa.line(i)[:-1]:
            line.append(str(above + 1))
            line += [f"9{above:04}"] if above % 2 else []
        row = {
            "taxon_id": str(i + 1),
            "ancestry": "/".join(line),
            "rank": taxa.ranks[i],
            "name": taxa.names[i],
        }
        rows.append({**row, "rank_level": "1", "active": "true"})
        if i % 4 == 1:
            old = {"taxon_id": f"9{i:04}", "ancestry": "/".join([*line, str(i + 1)]), "rank": "subgenus"}
            rows.append({**old, "name": "Inactive", "rank_level": "15", "active": "false"})
    rows.append({"taxon_id": "48460", "rank": "stateofmatter", "name": "Life", "active": "true"})
    return rows


def _ids(taxa: Taxa, rng: np.random.Generator) -> list[str]:
    return [str(number) for number in rng.permutation(5000)[: len(taxa.names)] + 1]


TABLES = {"coldp": coldp, "darwin-core": backbone, "occurrences": occurrences, "worms": worms, "inat": inat}


# -- as people have them ----------------------------------------------------------------------------


def disguised(rows: list[Row], rng: np.random.Generator, prefix: str) -> str:
    """The table as CSV: columns and rows shuffled, columns called otherwise, others of no use beside."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    called = {name: _renamed(name, rng, prefix) for name in names}
    junk = {
        "datasetKey": lambda i: "7ddf754f-d193-4cc9-b351-99906754a03b",
        "modified": lambda i: f"20{10 + i % 9}-0{1 + i % 8}-11",
        "remarks": lambda i: "seen, perhaps / not > sure" if i % 3 else "",
        "count": lambda i: str(i % 5),
        "locality": lambda i: ("Ghent", "Oslo", "Graz")[i % 3],
    }
    kept = [str(name) for name in rng.choice(list(junk), int(rng.integers(0, 5)), replace=False)]
    header = [*names, *kept]
    order = rng.permutation(len(header))
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([called.get(header[at], header[at]) for at in order])
    for number in rng.permutation(len(rows)):
        cells = [rows[number].get(n, "") if n in called else junk[n](int(number)) for n in header]
        writer.writerow([cells[at] for at in order])
    return file.getvalue()


def _renamed(name: str, rng: np.random.Generator, prefix: str) -> str:
    ways = (name, f"{prefix}:{name}", name.upper(), name.lower(), f"{prefix}:{name.lower()}")
    return str(rng.choice(ways))
