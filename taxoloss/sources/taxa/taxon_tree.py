"""Taxa that name their parent, or all that is above them, and the tree that they make.

Names that are not in use point to the accepted one: they become its aliases. A taxon without a name, or
one that is left out, does not cut the branch: what is below it hangs on the nearest one above.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Options, listed
from taxoloss.sources.graph import RANKS, SourceGraph
from taxoloss.sources.species import is_epithet, is_epithets, joined_note, species_name, species_of
from taxoloss.sources.taxa.words import FINER, KNOWN_RANKS
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Taxon", "TaxonTree"]

_RANK_NUMBER = {rank: number for number, rank in enumerate(KNOWN_RANKS)}
_SHOWN = 200  # faults of one kind: a table may lack every parent


@dataclass
class Taxon:
    """A row of a table of taxa.

    Args:
        key: its id.
        name: what it is called; "" where it has no name.
        rank: in lower case; "" where it has none.
        line: of the file.
        above: the ids of what is above it, the nearest first.
        aliases: its other names.
        accepted: the id of the accepted name, where this is not one.
        out: why it is no node, though it is a row: "inactive".
        species: of a finer rank: the species that it tells.
    """

    key: str
    name: str
    rank: str
    line: int
    above: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    accepted: str | None = None
    out: str = ""
    species: str = ""

    @property
    def is_node(self) -> bool:
        """Whether it stands in the tree."""
        return bool(self.name) and self.accepted is None and not self.out


@dataclass
class TaxonTree:
    """The taxa of a file by id, in their order.

    Args:
        classes: the ids of what becomes a class; None: whatever is above nothing.
        by_depth: whether levels are depths, though there are ranks.
    """

    file: str
    options: Options
    taxa: dict[str, Taxon] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    classes: set[str] | None = None
    by_depth: bool = False

    def __post_init__(self) -> None:
        self.graph = SourceGraph(self.file, self.options)
        self._none: list[str] = []

    def add(self, taxon: Taxon) -> None:
        """One row; a second row of the same id has to say the same."""
        first = self.taxa.setdefault(taxon.key, taxon)
        if first is taxon or replace(taxon, line=first.line) == first:
            return
        if first.name == taxon.name and first.above == taxon.above and first.accepted == taxon.accepted:
            first.aliases = tuple(dict.fromkeys((*first.aliases, *taxon.aliases)))
            return
        message = f"the id {quoted(taxon.key)} stands in line {first.line} too, with another name or parent"
        self._fault("T121", message, taxon, expected="one row for each id")

    def taxonomy(self) -> Taxonomy:
        """The taxonomy; TaxonomyError with every fault."""
        accepted = self._accepted()
        self._hang_orphans()
        self._name_epithets()
        above = {key: self._nearest(taxon) for key, taxon in self.taxa.items() if taxon.is_node}
        self._infer_ranks(above)
        options = self._with_ranks()
        graph = self.graph = self._filled(options, above, accepted)
        graph.notes = self.notes
        graph.classes = self.classes
        return graph.taxonomy()

    # -- synonyms ----------------------------------------------------------------------------------

    def _accepted(self) -> dict[str, list[str]]:
        """The names that are not in use, by the id of the accepted one; notes."""
        aliases: defaultdict[str, list[str]] = defaultdict(list)
        joined, lost = [], []
        for taxon in self.taxa.values():
            if taxon.accepted is None or taxon.out or not taxon.name:
                continue
            target = self._in_use(taxon)
            if target is None:
                lost.append(taxon.name)
            else:
                aliases[target] += [taxon.name, *taxon.aliases]
                joined.append(f"{taxon.name} ({self.taxa[target].name})")
        self.graph.log.raise_all()
        if joined:
            self.notes.append(
                f"aliases of the accepted names: {counted(len(joined), 'synonym')}, {listed(joined)}"
            )
        if lost:
            said = f"{counted(len(lost), 'synonym')} left out, whose accepted name has no row"
            self.notes.append(f"{said}: {listed(lost)}")
        return aliases

    def _in_use(self, taxon: Taxon) -> str | None:
        """The id of the accepted name, through other synonyms; None where it has no row."""
        seen: list[Taxon] = []
        here: Taxon | None = taxon
        while here is not None and here.accepted is not None:
            if any(here is one for one in seen):
                shown = ", ".join(quoted(one.name) for one in seen[:5])
                self._fault("T121", f"these synonyms point to each other only: {shown}", seen[0])
                return None
            seen.append(here)
            here = self.taxa.get(here.accepted)
        return here.key if here is not None and here.is_node else None

    # -- what is above -----------------------------------------------------------------------------

    def _nearest(self, taxon: Taxon) -> str | None:
        """The nearest node above a taxon; through what is no node to what is above that."""
        waiting, seen = list(taxon.above), {taxon.key}
        while waiting:
            up = self.taxa.get(waiting.pop(0))
            if up is None or up.key in seen:
                continue
            if up.is_node:
                return up.key
            seen.add(up.key)
            target = self._in_use(up) if up.accepted is not None and up.name and not up.out else None
            if target is not None and target not in seen:
                return target
            waiting = [*up.above, *waiting]
        return None

    def _hang_orphans(self) -> None:
        """Taxa whose parent has no row: a fault, or what `missing_parent` says."""
        for taxon in self.taxa.values():
            if (
                len(taxon.above) == 1
                and taxon.above[0] in ("0", "-1", taxon.key)
                and (taxon.above[0] not in self.taxa or taxon.above[0] == taxon.key)
            ):
                self._none.append(taxon.above[0])
                taxon.above = ()
        if self._none:
            shown = listed(list(dict.fromkeys(self._none)))
            self.notes.append(f"{counted(len(self._none), 'parent')} taken as none: {shown}")
        orphans = [taxon for taxon in self.taxa.values() if taxon.is_node and self._is_orphan(taxon)]
        if orphans and self.options.missing_parent is None:
            orphans = self._without_top(orphans)
        if not orphans:
            return
        how = self.options.missing_parent
        if how is None:
            for taxon in orphans[:_SHOWN]:
                self._orphan_fault(taxon, len(orphans))
            self.graph.log.raise_all()
        shown = listed([f"{taxon.name} (below {taxon.above[0]})" for taxon in orphans])
        done = "put at the top" if how == "top" else "left out, with what is below"
        self.notes.append(f"{counted(len(orphans), 'taxon row')} whose parent has no row, {done}: {shown}")
        if how == "drop":
            self._drop(orphans)

    def _is_orphan(self, taxon: Taxon) -> bool:
        return bool(taxon.above) and not any(key in self.taxa for key in taxon.above)

    def _without_top(self, orphans: list[Taxon]) -> list[Taxon]:
        """The orphans without those at the top of a part that was cut from a larger tree.

        That is where no taxon lacks a parent, and these are of the highest rank of all.
        """
        nodes = [taxon for taxon in self.taxa.values() if taxon.is_node]
        ranked = [_RANK_NUMBER[taxon.rank] for taxon in nodes if taxon.rank in _RANK_NUMBER]
        cut = ranked and all(taxon.above for taxon in nodes) and len(orphans) < len(nodes)
        top = [taxon for taxon in orphans if cut and _RANK_NUMBER.get(taxon.rank) == min(ranked)]
        if top:
            shown = listed([taxon.name for taxon in top])
            self.notes.append(f"at the top, what is above has no row: {shown}")
        return [taxon for taxon in orphans if not any(taxon is one for one in top)]

    def _orphan_fault(self, taxon: Taxon, count: int) -> None:
        message = f"the parent {quoted(taxon.above[0])} of {quoted(taxon.name)} has no row"
        help = "--missing-parent top puts it at the top, --missing-parent drop leaves it out"
        if count > _SHOWN and not self.graph.log.faults:
            help += f"; {count:,} rows are such"
        self._fault("T212", message, taxon, found=taxon.above[0], expected="the id of a row", help=help)

    def _drop(self, orphans: Iterable[Taxon]) -> None:
        """Leaves them out, and all that is below them."""
        below: defaultdict[str, list[Taxon]] = defaultdict(list)
        for taxon in self.taxa.values():
            for key in taxon.above[:1]:
                below[key].append(taxon)
        waiting = list(orphans)
        while waiting:
            taxon = waiting.pop()
            taxon.out = taxon.out or "no parent"
            waiting += [one for one in below[taxon.key] if not one.out]

    # -- names and ranks ---------------------------------------------------------------------------

    def _name_epithets(self) -> None:
        """Species that are called by their epithet, the genus being their parent."""
        pairs = []
        for taxon in self.taxa.values():
            if taxon.is_node and taxon.rank == "species":
                genus = self._of_rank(taxon, "genus")
                if genus is not None:
                    pairs.append((taxon, genus.name))
        if not is_epithets([taxon.name for taxon, _ in pairs], [genus for _, genus in pairs]):
            return
        joined = {}
        for taxon, called in pairs:
            if is_epithet(taxon.name):
                name = species_name(called, taxon.name)
                joined[name] = taxon.name
                taxon.name = name
        for taxon in self.taxa.values():
            finer = taxon.rank in FINER and is_epithet(taxon.name)
            above = self._of_rank(taxon, "species") if finer else None
            if above is not None:
                taxon.name = species_name(above.name, taxon.name)
        self.notes.append(joined_note(joined))

    def _of_rank(self, taxon: Taxon, rank: str) -> Taxon | None:
        """The nearest node above of that rank."""
        seen = {taxon.key}
        key = self._nearest(taxon)
        while key is not None and key not in seen:
            seen.add(key)
            if self.taxa[key].rank == rank:
                return self.taxa[key]
            key = self._nearest(self.taxa[key])
        return None

    def _infer_ranks(self, above: dict[str, str | None]) -> None:
        """A taxon without rank, called by its genus and one word more, is a species."""
        for key, up in above.items():
            taxon = self.taxa[key]
            parent = self.taxa[up] if up is not None else None
            if taxon.rank or parent is None or parent.rank != "genus":
                continue
            words = taxon.name.split(" ")
            if len(words) == 2 and words[0] == parent.name and is_epithet(words[1]):
                taxon.rank = "species"

    def _with_ranks(self) -> Options:
        """Ranks become levels where most of the taxa have one that does."""
        ranks = [taxon.rank for taxon in self.taxa.values() if taxon.is_node]
        known = sum(rank in RANKS or rank in FINER for rank in ranks)
        if self.options.ranks is not None or self.by_depth or 2 * known < len(ranks) or not known:
            return self.options
        return replace(self.options, ranks=RANKS)

    def _filled(
        self, options: Options, above: dict[str, str | None], accepted: dict[str, list[str]]
    ) -> SourceGraph:
        """The graph of all nodes, with the species that finer ranks tell."""
        graph = SourceGraph(self.file, options)
        nodes = [taxon for taxon in self.taxa.values() if taxon.is_node]
        species = {taxon.name: taxon.key for taxon in nodes if taxon.rank == "species"}
        told: dict[str, str] = {}
        for key, up in above.items():
            taxon = self.taxa[key]
            aliases = dict.fromkeys((*taxon.aliases, *accepted.get(key, ())))
            rank = None if self.by_depth else taxon.rank or None
            graph.add(key, taxon.name, rank=rank, aliases=aliases, line=taxon.line)
            if taxon.rank in FINER and options.ranks and self._of_rank(taxon, "species") is None:
                name = taxon.species or species_of(taxon.name)
                if name and name in species:
                    up = species[name]
                elif name:
                    told[name] = taxon.name
                    graph.add(f"{name} ", name, rank="species", line=taxon.line)
                    graph.link(key, f"{name} ")
                    key = f"{name} "
            if up is not None:
                graph.link(key, up)
        if told:
            name, finer = next(iter(told.items()))
            said = f"{counted(len(told), 'species name')} told by a finer rank alone"
            self.notes.append(f"{said}, e.g. {quoted(name)} by {quoted(finer)}")
        return graph

    def _fault(self, code: str, message: str, taxon: Taxon, **details: object) -> None:
        self.graph.fault(code, message, taxon.line, **details)
