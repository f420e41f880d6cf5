"""What the names of columns say: ranks, parents, ids, names, paths, and what is no part of a tree."""

from __future__ import annotations

import re

__all__ = [
    "CLASS",
    "GROUP",
    "NAMES",
    "PLACES",
    "RANKS",
    "folded",
    "is_beside",
    "is_depth",
    "is_head",
    "is_hierarchy",
    "is_id",
    "is_known",
    "is_level",
    "is_level_stem",
    "is_name",
    "is_nameless",
    "is_of_one_field",
    "is_parent",
    "is_path",
    "is_rank_word",
    "is_sure_order",
    "is_sure_parent",
    "is_text",
    "is_vernacular",
    "number_of",
    "rank_number",
    "rank_of",
    "stands_above",
]

#: Ranks of living things, from top to leaf.
RANKS = (
    "domain", "superkingdom", "realm", "kingdom", "subkingdom", "infrakingdom", "superphylum",
    "phylum", "division", "subphylum", "infraphylum", "superclass", "class", "subclass",
    "infraclass", "superorder", "order", "suborder", "infraorder", "parvorder", "superfamily",
    "family", "subfamily", "supertribe", "tribe", "subtribe", "genus", "subgenus", "species",
    "subspecies", "variety", "breed", "cultivar", "strain",
)  # fmt: skip
_EPITHETS = {
    "specificepithet": "species", "speciesepithet": "species", "epithet": "species",
    "infraspecificepithet": "subspecies", "subspeciesepithet": "subspecies",
}  # fmt: skip
#: Places, from top to leaf.
PLACES = (
    "continent", "country", "state", "province", "region", "county", "district", "municipality", "city",
    "town", "village", "suburb", "locality",
)  # fmt: skip
#: What a column of classes is called, beside a column of their groups; the likelier first.
CLASS = (
    "class", "class_name", "label", "label_name", "leaf", "fine", "fine_label", "fine_class",
    "fine_name", "name", "species", "breed", "category", "category_name", "subcategory", "subclass",
    "child", "title", "code", "model", "variant", "product", "article", "item",
)  # fmt: skip
#: What a column of groups is called.
GROUP = (
    "bin", "group", "group_name", "superclass", "super_class", "coarse", "coarse_label",
    "coarse_class", "coarse_name", "supercategory", "super_category", "parent", "parent_class",
    "parent_category", "category", "category_name", "maincategory", "main_category", "family",
    "genus", "department", "section", "make", "manufacturer", "brand", "topic", "sector",
    "division", "superlabel", "superordinate", "supergroup",
)  # fmt: skip
# Words of levels of all fields; the cells tell their order.
_LEVELS = frozenset(RANKS) | frozenset(CLASS) | frozenset(GROUP) | frozenset((
    "abteilung", "aisle", "area", "block", "chapter", "cluster", "commodity", "commodity_group",
    "discipline", "element", "generation", "heading", "index", "industry", "industry_group",
    "level", "line", "middle", "major_group", "minor_group", "nature", "product_group", "product_type",
    "region", "segment", "series", "subarea", "subchapter", "subdivision", "subfield", "subgroup",
    "subheading", "subindustry", "subsection", "subsector", "subtopic", "subtype", "sub_category",
    "sub_class", "sub_family", "sub_group", "sub_industry", "sub_sector", "sub_topic", "sub_type",
    "subsubcategory", "sub_sub_category", "submajor_group", "sub_major_group", "taxon", "theme",
    "unit_group", "super_family", "superfamily",
)) - {"index", "level", "code"}  # fmt: skip
# Levels of all fields from top to leaf, where they have the same groups: nothing else would tell.
_ORDER = (
    "domain", "nature", "theme", "field", "area", "discipline", "subject", "department", "sector",
    "abteilung", "chapter", "section", "industry", "division", "aisle", "segment", "block",
    "heading", "group", "make", "manufacturer", "brand", "topic", "bin", "coarse", "middle",
    "cluster", "category", "class", "family", "line", "type", "product_type", "series", "model", "variant",
    "generation", "product", "item", "fine", "label", "leaf", "name",
)  # fmt: skip
_DEPTHS = frozenset((
    "depth", "level", "lvl", "indent", "indentation", "outline_level", "hierarchy_level", "tree_level",
    "tree_depth", "node_depth", "node_level",
))  # fmt: skip
_MODIFIER = re.compile(
    r"^(super|main|coarse|major|parent|top(?!ic)|(sub(?!ject)_?)+|fine|minor)_?(?=.)|_(name|label|title|class|category)$"
)
_HIGHER = re.compile(r"super|main|coarse|major|parent|top(?!ic)")
_HEADS = frozenset((
    "bin", "category", "child", "class", "class_name", "classes", "coarse", "coarse_label", "concept",
    "fine", "fine_label", "group", "id", "label", "label_name", "labels", "leaf", "name", "names",
    "node", "parent", "parent_id", "parent_name", "subcategory", "supercategory", "superclass",
    "target", "taxon",
))  # fmt: skip
_PATH = frozenset((
    "path", "paths", "taxonomy", "lineage", "hierarchy", "taxonomy_string", "category_path",
    "full_path", "class_path", "taxon_path", "breadcrumb", "breadcrumbs", "classification",
    "higherclassification", "taxonomy_path", "full_taxonomy", "categories", "tree",
    "product_category", "google_product_category",
))  # fmt: skip
_PARENT = re.compile(
    r"parent|(^|_)(broader|hypernym|superordinate|belongs_to|child_of|part_of|is_a|isa|subclass_of|above)(_|$)"
)
_SUPER = re.compile(r"super.*(id|idx|index|key|code)")
_NOT_PARENT = re.compile(r"apparent|transparent")
_ID = re.compile(
    r"(.*_)?(id|ids|key|code|idx|index|uid|uuid|guid|identifier|nr|no|node|concept|aphiaid|mid|wnid|synset)"
    r"|.*[a-z](id|key|code|idx)|#"
)
_NAME = (
    "name", "label", "title", "term", "text", "caption", "scientific_name", "scientificname",
    "display_name", "displayname", "class_name", "classname", "category_name", "node_name",
    "nodename", "label_name", "taxon_name", "preferred_name", "preflabel", "pref_label", "name_en",
    "english", "words", "category", "description", "definition", "vernacular", "vernacular_name",
    "vernacularname", "common_name", "commonname",
)  # fmt: skip
#: What a node is called, where that is no text about it.
NAMES = frozenset(_NAME) - {"title", "text", "caption", "description", "definition", "words"}
_TEXTS = frozenset((
    "abstract", "body", "caption", "content", "definition", "description", "details", "headline",
    "sentence", "summary", "text",
))  # fmt: skip
_VERNACULAR = frozenset(("common_name", "commonname", "vernacular", "vernacular_name", "vernacularname"))
# What stands beside a class without being above it.
_BESIDE = re.compile(
    r"(.*_)?("
    r"text|sentence|content|body|abstract|document|utterance|question|answer|filename|file|image|img|photo|picture|url|uri|link|date|time|timestamp|datetime|year|month|day|split|set|"
    r"subset|fold|source|dataset|license|licence|rights|author|photographer|observer|user|owner|location|site|"
    r"camera|station|lat|lon|lng|latitude|longitude|country|county|state|city|place|locality|habitat|n|count|"
    r"counts|images|annotations|instances|samples|observations|occurrences|num|number|weight|width|height|x|y|x1|x2|y1|y2|xmin|xmax|ymin|ymax|score|confidence|prob|"
    r"probability|note|notes|comment|comments|remark|remarks|status|color|colour|quality|sex|age|md5|sha|sha1|"
    r"sha256|hash|size|price|rating|flag|valid|verified|frequency|freq|total|train|val|test|iucn|redlist|"
    r"common_name|vernacular|vernacularname|language|lang|version|modified|created|updated|reference|"
    r"collector|recorder|recorded_?by|identified_?by|specimen|voucher|keywords|references|"
    r"doi|grade|quality_grade|sku|gtin|ean|barcode|annotator|reviewer|bbox|area_px|iscrowd|isthing|is_thing|sequence|seq|video|frame"
    r")"
)
_STEMS = ("level", "l", "depth", "tier", "lvl", "category", "cat", "rank", "hierarchy", "h")
_PREFIX = re.compile(r"^(col|dwc|dc|dcterms|gbif|skos|rdfs|taxon)[:.]", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?[a-z])_?(\d{1,2})(?:_?(name|label|title))?")


def folded(name: str) -> str:
    """The name of a column as it is compared: no case, no space, no namespace.

    >>> folded("Parent ID"), folded("col:parentID"), folded("dwc.scientificName")
    ('parent_id', 'parentid', 'scientificname')
    """
    name = _PREFIX.sub("", name.strip().rpartition("/")[2])
    return re.sub(r"[\s_\-.:]+", "_", name.casefold()).strip("_")


def is_path(name: str) -> bool:
    """Whether a column of that (folded) name holds paths."""
    return name in _PATH


def is_head(name: str) -> bool:
    """Whether a (folded) name above a list of names or paths is no name of a class."""
    return name in _HEADS or name in RANKS or is_path(name)


def is_parent(name: str) -> bool:
    """Whether a column of that (folded) name says what is above."""
    return is_sure_parent(name) or bool(_SUPER.fullmatch(name))


def is_sure_parent(name: str) -> bool:
    """Whether the name says parent; the id of a superclass may be that of another table."""
    return bool(_PARENT.search(name)) and not _NOT_PARENT.search(name)


def is_id(name: str) -> bool:
    """Whether a column of that (folded) name holds ids."""
    return bool(_ID.fullmatch(name)) and not is_parent(name)


def is_name(name: str) -> int:
    """How likely a column of that (folded) name is what a node is called: 1 is the likeliest, 0 is not."""
    if is_parent(name) or _names_beside(name):
        return 0
    if name in _NAME:
        return _NAME.index(name) + 1
    return len(_NAME) + 1 if re.search(r"(name|label|title|term)$", name) else 0


def is_depth(name: str) -> bool:
    """Whether numbers in a column of that (folded) name say how deep a row stands in a tree."""
    return name in _DEPTHS


def is_beside(name: str) -> bool:
    """Whether a column of that (folded) name says something else of a class or an image."""
    return bool(_BESIDE.fullmatch(name)) or _names_beside(name)


def _names_beside(name: str) -> bool:
    """Whether a name is that of something beside the classes: station_name, user_name."""
    base = name.removesuffix("_name")
    return base != name and name not in _NAME and bool(_BESIDE.fullmatch(base))


def is_text(name: str) -> bool:
    """Whether a column of that (folded) name holds a text about a class, or a row, and no name.

    >>> is_text("description"), is_text("image_caption"), is_text("name")
    (True, True, False)
    """
    return name in _TEXTS or name.rpartition("_")[2] in _TEXTS


def is_vernacular(name: str) -> bool:
    """Whether a column of that (folded) name says what people call a living thing."""
    return name in _VERNACULAR


def rank_of(name: str) -> str | None:
    """The rank of living things that a column of that (folded) name holds; epithets are of the species.

    >>> rank_of("taxon_family"), rank_of("specific_epithet"), rank_of("group")
    ('family', 'species', None)
    """
    name = re.sub(r"^(taxon_|tax_|taxonomy_)|(_name|_label|_title)$", "", name)
    name = _EPITHETS.get(name.replace("_", ""), name)
    return name if name in RANKS else None


def rank_number(name: str) -> int | None:
    """The place of a rank of living things, 0 the top."""
    rank = rank_of(name)
    return None if rank is None else RANKS.index(rank)


def is_hierarchy(name: str) -> bool:
    """Whether a column of that (folded) name is a level of some field's trees."""
    return name in _LEVELS or re.sub(r"_(name|label|title)$", "", name) in _LEVELS


def stands_above(name: str, other: str) -> bool | None:
    """Whether a level of one (folded) name stands above one of another; None where that is not known.

    >>> stands_above("main_category", "category"), stands_above("sub_category", "category")
    (True, False)
    >>> stands_above("family", "genus"), stands_above("level_2", "level_1"), stands_above("x", "y")
    (True, False, None)
    """
    numbers = number_of(name), number_of(other)
    if numbers[0] and numbers[1] and numbers[0][0] == numbers[1][0]:
        return numbers[0][1] < numbers[1][1]
    for place in (rank_number, _place, _in_order):
        one, two = place(name), place(other)
        if one is not None and two is not None and one != two:
            return one < two
    return None


def is_sure_order(name: str, other: str) -> bool:
    """Whether two (folded) names say themselves which is above: level_1, level_2; superclass, class.

    >>> is_sure_order("subclass", "class"), is_sure_order("family", "genus"), is_sure_order("area", "topic")
    (True, False, False)
    """
    numbers = number_of(name), number_of(other)
    if numbers[0] and numbers[1]:
        return numbers[0][0] == numbers[1][0]
    return _MODIFIER.sub("", name) == _MODIFIER.sub("", other)


def is_of_one_field(name: str, other: str) -> bool:
    """Whether two (folded) names are ranks of living things both, or places."""
    return any(None not in (place(name), place(other)) for place in (rank_number, _place))


def _place(name: str) -> int | None:
    return PLACES.index(name) if name in PLACES else None


def _in_order(name: str) -> float | None:
    base = _MODIFIER.sub("", name)
    if base not in _ORDER:
        return None
    deeper = name.count("sub") + name.startswith(("fine", "minor")) - bool(_HIGHER.match(name))
    return _ORDER.index(base) + deeper / 8


def number_of(name: str) -> tuple[str, int] | None:
    """Stem and number of a numbered column.

    >>> number_of("level_1"), number_of("cat2_name"), number_of("name"), number_of("column_1")
    (('level', 1), ('cat', 2), None, None)
    """
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match and not is_nameless(name) else None


def is_nameless(name: str) -> bool:
    """Whether a (folded) name is that of a column without one.

    >>> is_nameless(""), is_nameless("column_3"), is_nameless("unnamed_0"), is_nameless("level_1")
    (True, True, True, False)
    """
    return re.fullmatch(r"((column|col|field|unnamed|v|x|var)_?\d+)?", name) is not None


def is_level_stem(stem: str) -> bool:
    """Whether numbered columns of that stem are levels, whatever their cells: level_1, category_2.

    >>> is_level_stem("level"), is_level_stem("answer")
    (True, False)
    """
    return stem in _STEMS or is_hierarchy(stem)


def is_level(name: str) -> bool:
    """Whether a column of that (folded) name is a level above others: a rank, level_1, department."""
    numbered = number_of(name)
    known = rank_of(name) is not None or (numbered is not None and is_level_stem(numbered[0]))
    return known or (is_hierarchy(name) and not is_name(name))


def is_rank_word(name: str) -> bool:
    """Whether a (folded) name is that of a level: a rank, a word of any field, level_2.

    >>> is_rank_word("family"), is_rank_word("level_2"), is_rank_word("cat")
    (True, True, False)
    """
    return is_level(name) or is_hierarchy(name)


def is_known(name: str) -> bool:
    """Whether a (folded) name leaves no doubt that it names a column."""
    kinds = (is_path(name), is_parent(name), bool(is_name(name)), is_hierarchy(name), is_beside(name))
    numbered = name.startswith("column") and is_nameless(name)
    return (
        any(kinds) or numbered or (is_id(name) and len(name) > 0) or (number_of(name) or ("",))[0] in _STEMS
    )
