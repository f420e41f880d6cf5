"""From a taxonomy to what other tools read: tables, JSON, Newick, pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.exports import graphs
from taxoloss.taxonomy.exports import tables as csv_tables
from taxoloss.taxonomy.exports.picture import picture
from taxoloss.taxonomy.file.writer import as_json
from taxoloss.taxonomy.file.yaml_writer import yaml_text
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "Exported", "export", "format_of"]

_TEXTS: dict[str, Callable[[Taxonomy], str]] = {
    "yaml": yaml_text,
    "json": as_json,
    "nested": graphs.nested,
    "node-link": graphs.node_link,
    "newick": graphs.newick,
    "dot": graphs.dot,
    "mermaid": graphs.mermaid,
}
_TABLES: dict[str, Callable[[Taxonomy, str], str]] = {
    "ranks": csv_tables.ranks,
    "paths": csv_tables.paths,
    "edges": csv_tables.edges,
}
_PICTURES = ("svg", "png", "pdf")
#: What a taxonomy can be converted to.
FORMATS = (*_TEXTS, *_TABLES, *_PICTURES)
_BY_SUFFIX = {
    ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".csv": "ranks", ".tsv": "ranks", ".nwk": "newick",
    ".newick": "newick", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid",
    ".svg": "svg", ".png": "png", ".pdf": "pdf",
}  # fmt: skip
#: What each form says of nodes beside their names, parents and order.
_KEEPS = {
    "yaml": "head weights levels level_descriptions aliases descriptions",
    "json": "head weights levels level_descriptions aliases descriptions",
    "node-link": "levels aliases descriptions",
    "edges": "levels aliases descriptions",
    "ranks": "levels",
    "paths": "levels",
    "newick": "levels",
}


@dataclass(frozen=True)
class Exported:
    """The bytes of a file, and what of the taxonomy does not stand in them."""

    data: bytes
    format: str
    left_out: tuple[str, ...]


def format_of(path: Path) -> str:
    """The format that a suffix stands for; ValueError where it stands for none.

    >>> format_of(Path("tree.nwk"))
    'newick'
    """
    try:
        return _BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        expected = ", ".join(_BY_SUFFIX)
        raise ValueError(f"expected a suffix among {expected}, got {path.name!r}") from None


def export(taxonomy: Taxonomy, format: str, *, delimiter: str = ",", depth: int | None = None) -> Exported:
    """The taxonomy in another form.

    Args:
        taxonomy: bound or not: the order of the file is written.
        format: one of `FORMATS`.
        delimiter: of tables.
        depth: to which pictures are drawn.

    Raises:
        ValueError: there is no such format.
        ImportError: pictures need matplotlib.

    >>> import taxoloss
    >>> t = taxoloss.load({"levels": ["species", "breed"], "tree": {"cat": ["Bengal"], "dog": ["pug"]}})
    >>> print(export(t, "ranks").data.decode(), end="")
    species,breed
    cat,Bengal
    dog,pug
    """
    if format not in FORMATS:
        help = did_you_mean(format, FORMATS) or "one of " + ", ".join(FORMATS)
        raise ValueError(f"expected a format, got {format!r}; {help}")
    if format in _PICTURES:
        data = picture(taxonomy, format, depth)
    elif format in _TABLES:
        data = _TABLES[format](taxonomy, delimiter).encode()
    else:
        data = _TEXTS[format](taxonomy).encode()
    return Exported(data, format, tuple(_left_out(taxonomy, format)))


def _left_out(taxonomy: Taxonomy, format: str) -> list[str]:
    """What the form cannot say, of what this taxonomy has."""
    keeps = _KEEPS.get(format, "").split()
    head = [k for k in ("name", "description", "source", "version", "licence") if getattr(taxonomy, k)]
    named = tuple(f"depth_{i + 1}" for i in range(len(taxonomy.levels))) != taxonomy.levels
    tree = taxonomy.tree
    skipped = int((tree.level[1:] > tree.level[tree.parent[1:]] + 1).sum())
    empty = [level for i, level in enumerate(taxonomy.levels, 1) if not (tree.level == i).any()]
    parts = {
        "head": ", ".join(head),
        "weights": "the weights of the levels" if taxonomy.level_weights else "",
        "levels": "the names of the levels" if named or skipped or empty else "",
        "level_descriptions": "the descriptions of the levels" if taxonomy.level_descriptions else "",
        "aliases": f"aliases of {len(taxonomy.aliases):,} nodes" if taxonomy.aliases else "",
        "descriptions": f"descriptions of {len(taxonomy.descriptions):,} nodes"
        if taxonomy.descriptions
        else "",
    }
    lost = [text for part, text in parts.items() if text and part not in keeps]
    if format == "edges" and empty:
        lost.append(f"levels on which no node stands: {', '.join(empty)}")
    return lost
