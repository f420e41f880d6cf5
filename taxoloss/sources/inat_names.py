"""Names of folders as iNaturalist's data sets have them: an id, the ranks, the epithet, `_` between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.graph import clear_aliases
from taxoloss.sources.species import is_epithet, is_genus, species_name
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["RankedNames", "ranked_names"]

_KINGDOMS = ("Animalia", "Plantae", "Fungi", "Chromista", "Protozoa", "Bacteria", "Archaea", "Viruses")
_LEVELS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_ID = re.compile(r"\d+")


@dataclass(frozen=True)
class RankedNames:
    """Names of folders cut into ranks, the species by its whole name.

    Args:
        names: the names as they are, which become aliases of the species.
        paths: of each the ranks, the genus and the species.
    """

    names: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]

    @property
    def levels(self) -> tuple[str, ...] | None:
        """The ranks, where they are those from the kingdom on."""
        whole = len(self.paths[0]) == len(_LEVELS) and all(path[0] in _KINGDOMS for path in self.paths)
        return _LEVELS if whole else None

    @property
    def note(self) -> str:
        """What was cut and joined."""
        shown = f"{quoted(self.names[0])} is {quoted(self.paths[0][-1])}"
        cut = f"{counted(len(self.names), 'name')} cut into an id, ranks, and the words of the species"
        return f"{cut}: {shown}"

    def with_aliases(self, taxonomy: Taxonomy) -> Taxonomy:
        """The taxonomy with each whole name as an alias of its species: what classes are called."""
        count = Counter(path[-1] for path in self.paths)
        whole = {path[-1]: name for path, name in zip(self.paths, self.names, strict=True)}
        tree = taxonomy.tree
        species = {int(node): tree.names[node] for node in tree.leaves if count[tree.names[node]] == 1}
        given = {node: (whole[name],) for node, name in species.items()}
        return taxonomy.replace(aliases=clear_aliases(tree, given)[0])


def ranked_names(names: Sequence[str]) -> RankedNames | None:
    """Names that are all an id of their own, as many ranks, a genus and an epithet; None of others.

    >>> names = ["001_Aves_Corvidae_Corvus_corax", "002_Aves_Corvidae_Pica_pica"]
    >>> ranked_names(names).paths[0]
    ('Aves', 'Corvidae', 'Corvus', 'Corvus corax')
    >>> ranked_names(["001_Black_footed_Albatross", "002_Laysan_Albatross"]) is None
    True
    """
    parts = [name.strip().split("_") for name in names]
    if len(parts) < 2 or len({len(row) for row in parts}) > 1 or len(parts[0]) < 5:
        return None
    if not all(_is_ranked(row) for row in parts) or len({row[0] for row in parts}) < len(parts):
        return None
    paths = tuple((*row[1:-1], species_name(row[-2], row[-1])) for row in parts)
    if len(set(paths)) < len(paths):
        return None
    return RankedNames(tuple(name.strip() for name in names), paths)


def _is_ranked(parts: Sequence[str]) -> bool:
    number, *ranks, genus, epithet = parts
    above = all(rank[:1].isupper() for rank in ranks)
    return bool(_ID.fullmatch(number)) and above and is_genus(genus) and is_epithet(epithet)
