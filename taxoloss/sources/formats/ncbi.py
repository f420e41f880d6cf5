"""NCBI's dumps: nodes.dmp and names.dmp, read by the package taxonomy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import Fault, raise_all
from taxoloss.sources.base import Found, Options, foreign, refuse
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import RANKS, SourceGraph

__all__ = ["FORMAT", "read_ncbi"]


def read_ncbi(path: Path, options: Options) -> Found:
    """NCBI's nodes.dmp and names.dmp in a folder, or one of them in the folder of the other."""
    folder = path if path.is_dir() else path.parent
    for name in ("nodes.dmp", "names.dmp"):
        file = folder / name
        if not file.is_file():
            raise refuse(str(folder), f"there is no file {name}", expected="nodes.dmp and names.dmp")
        if file.stat().st_size > 4 * options.limits.bytes:
            raise_all([Fault("T111", "the dump is larger than allowed", str(file))])
    options = replace(options, ranks=options.ranks or RANKS)
    nodes = SourceGraph(str(folder), options)
    with foreign("a dump of NCBI's taxonomy", str(folder), lines=False):
        import taxonomy

        tree = taxonomy.Taxonomy.from_ncbi(str(folder))
        found = [node for key in tree if (node := tree[key]) is not None]
    for node in sorted(found, key=lambda node: (len(node.id), node.id)):  # the package keeps no order
        nodes.add(node.id, node.name, rank=node.rank)
        if node.parent and node.parent != node.id:
            nodes.link(node.id, node.parent)
    return Found(nodes.taxonomy(), "ncbi", counted(len(found), "node"), tuple(nodes.notes))


FORMAT = Format(
    "ncbi",
    read_ncbi,
    "NCBI",
    suffixes=(".dmp",),
    sniff=lambda sample: sample.holds("nodes.dmp"),
    needs="taxonomy",
)
