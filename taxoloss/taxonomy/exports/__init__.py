"""From a taxonomy to what other tools read. A new format: its file, and its line in `_FORMATS` below."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.exports import graphs, picture, tables
from taxoloss.taxonomy.exports.output_format import PARTS, OutputFormat
from taxoloss.taxonomy.file.writer import as_json
from taxoloss.taxonomy.file.yaml_writer import yaml_text
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "Exported", "export", "format_of"]

_FORMATS = (
    OutputFormat("yaml", yaml_text, (".yaml", ".yml"), keeps=PARTS),
    OutputFormat("json", as_json, (".json",), keeps=PARTS),
    *graphs.FORMATS,
    *tables.FORMATS,
    *picture.FORMATS,
)
#: What a taxonomy can be converted to, by name.
FORMATS = {format.name: format for format in _FORMATS}


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
    by_suffix = {suffix: format.name for format in FORMATS.values() for suffix in format.suffixes}
    try:
        return by_suffix[path.suffix.lower()]
    except KeyError:
        expected = ", ".join(by_suffix)
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
        help = did_you_mean(format, list(FORMATS)) or "one of " + ", ".join(FORMATS)
        raise ValueError(f"expected a format, got {format!r}; {help}")
    options = {"delimiter": delimiter, "depth": depth}
    data = FORMATS[format].write(taxonomy, **{name: options[name] for name in FORMATS[format].takes})
    written = data.encode() if isinstance(data, str) else data
    return Exported(written, format, tuple(_left_out(taxonomy, FORMATS[format])))


def _left_out(taxonomy: Taxonomy, format: OutputFormat) -> list[str]:
    """What the form cannot say, of what this taxonomy has."""
    head = [k for k in ("name", "description", "source", "version", "licence") if getattr(taxonomy, k)]
    named = tuple(f"depth_{i + 1}" for i in range(len(taxonomy.levels))) != taxonomy.levels
    tree = taxonomy.tree
    skipped = int((tree.level[1:] > tree.level_above[1:] + 1).sum())
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
        "parents": f"further parents of {counted(len(tree.several_parents), 'node')}"
        if not tree.is_tree
        else "",
    }
    lost = [text for part, text in parts.items() if text and part not in format.keeps]
    if format.name == "edges" and empty:
        lost.append(f"levels on which no node stands: {', '.join(empty)}")
    return lost
