"""The words that keys of documents are called by, as `bare` writes them."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = [
    "ABOUT",
    "BESIDE",
    "CHILD_IDS",
    "CHILD_LISTS",
    "GROUPS",
    "HOLDERS",
    "IDS",
    "MEMBERS",
    "NAMES",
    "NEVER",
    "PARENTS",
    "PATHS",
    "PLAIN",
    "RANKS",
    "SAMPLES",
    "bare",
]


@lru_cache(maxsize=10_000)
def bare(key: str) -> str:
    """A key as it is compared: without case, spaces and signs.

    >>> bare("Child_IDs")
    'childids'
    """
    return re.sub(r"[\W_]+", "", key.casefold())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Keys that hold what a node is called, the surest first.
NAMES = (
    "name", "label", "lbl", "labelname", "title", "text", "displayname", "classname", "categoryname",
    "nodename", "taxonname", "caption", "scientificname", "canonicalname", "value", "key", "id", "code",
)  # fmt: skip
#: Keys that hold what a record is known by.
IDS = (
    "id", "key", "code", "uuid", "nodeid", "taxonid", "categoryid", "classid", "labelid", "index", "idx",
    "labelname", "name", "label", "title", "text",
)  # fmt: skip
#: Ranks, from top to leaf.
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
#: Keys that hold the nodes below a node, or their ids, whatever else stands beside them.
CHILD_LISTS = _set(
    "children childs kids subcategory subcategories subclass subclasses subgroup subgroups subtypes "
    "subtopics subconcepts subtaxa narrower descendants hyponyms childnodes childnames subnodes childlist"
)
#: Keys that hold ids of the nodes below a node, never the nodes themselves.
CHILD_IDS = _set("childids childrenids childid childrenid childkeys childcodes")
#: Keys that hold the classes of a group, where groups are records.
MEMBERS = _set("members member classes class items leaves labels breeds species values elements")
#: Keys that hold the id of the node above a node, or several.
PARENTS = _set("parents parentids parentid parent broader isa hypernyms superclasses parentnames")
#: Keys that hold the group of a class.
GROUPS = _set("supercategory supercategoryname superclass supergroup")
#: Keys that hold the names from the top down to a node.
PATHS = _set("path paths taxonomy lineage hierarchy ancestors taxonomypath categorypath")
#: Keys that never hold classes, though what they hold has names too.
NEVER = _set(
    "images image annotations annotation attributes attribute licenses licences license info videos video "
    "tracks files file part parts keypoints skeleton sublabels properties instances samples examples "
    "shapes points users contributors sources resources deployments media observations predictions result "
    "results bbox segmentation segments metadata meta settings config tags links edges"
)
#: Keys whose lists tell of a class: other names of it, and words about it.
BESIDE = _set(
    "synonyms synonym aliases alias altnames alternatenames alternativenames altlabels altlabel "
    "hiddenlabels preflabels vernacularnames commonnames othernames translations keywords notes comments "
    "descriptions definitions references citations urls uris colors colours related relatedterms "
    "exactmatch sameas xrefs crossreferences externalreferences externalids inclusions exclusions "
    "inclusion exclusion restrictions positiveexamples negativeexamples history precursors revocations "
    "mappings languages flags icons wordnet wnids synsets lemmas"
)
#: Keys of records that are pictures or tasks, not classes.
SAMPLES = _set(
    "annotations predictions shapes objects bbox segmentation regions filename filepath imageid boxes "
    "detections"
)
#: Keys of records that group nothing.
PLAIN = _set(
    "color colour shape type hotkey isthing frequency enabled enable count size visible geometry order "
    "icon geometrytype alias shortcut background trainid index definition description def url wiki "
    "imagecount instancecount"
)
#: Keys of a document below which its classes stand.
HOLDERS = _set(
    "categories classes taxonomic taxonomy taxonomies taxa labels names groups classnames labelnames "
    "categorynames id2label idtolabel classtoidx labelgroups hierarchy root nodes tree data records "
    "concepts species ontology label category finetocoarse coarse2fine fine2coarse classhierarchy "
    "labeltree superclasses supercategories"
)
#: Keys that a document has beside its classes.
ABOUT = _set(
    "info version description author licenses license date datecreated created url year path train val "
    "test nc dataset database contributors resources sources images annotations videos shape type format "
    "schema id label2id labeltoid idxtoclass modeltype architectures numlabels profile project homepage "
    "citation settings config meta metadata count total "
    "numclasses nclasses numcategories numgroups"
)
