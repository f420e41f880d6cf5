"""Texts of ICD-10-CM: read, checked, split by group, labels hidden, hashed into features."""

from __future__ import annotations

import hashlib
import importlib
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

import taxoloss
from taxoloss import Taxonomy

BUCKETS = 2**15  # rows of the embedding that words and pieces are hashed into
MIN_GROUPS = 5  # a category needs so many four-character groups to be a class
MAX_TEXTS = 6  # of one group: S and T codes repeat a title for left, right and each finger

# What simple-icd-10-cm 1.5.0 (the tables of April 2026) holds. The tables change twice a year, and
# numbers measured on others are not comparable: every run compares, and says what differs.
EXPECTED: dict[str, int | str] = {
    "texts": 58_637,
    "categories": 1_918,
    "blocks": 285,
    "chapters": 22,
    "texts kept": 26_832,
    "categories kept": 1_133,
    "blocks kept": 251,
    "chapters kept": 21,
    "groups to train": 6_993,
    "groups to test": 1_318,
    "hash of the texts kept": "f3f345c71757c785",
}


class Text(NamedTuple):
    """One description or inclusion term."""

    words: str  # lower-cased letters and digits, single blanks between
    category: str  # "A00"
    group: str  # "A000": the first four characters of its code; "A00" for the category's own texts


@dataclass(frozen=True)
class Corpus:
    """The kept texts, the tree of their categories, and their hashed features."""

    texts: list[Text]
    tree: Taxonomy  # classes in order of first appearance; any node may be a target
    classes: Tensor  # (texts,) class of each text
    features: Tensor  # (all features,) the features of one text after those of another
    ends: Tensor  # (texts,) where the features of each text end
    differences: list[str]  # from EXPECTED

    def bags(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The features of some rows, and where each row's begin: what an EmbeddingBag takes."""
        starts = torch.cat([self.ends.new_zeros(1), self.ends[:-1]])[rows]
        lengths = self.ends[rows] - starts
        offsets = lengths.cumsum(0) - lengths
        shift = (starts - offsets).repeat_interleave(lengths)
        return self.features[shift + torch.arange(len(shift))], offsets


class Split(NamedTuple):
    """Row numbers of the texts to learn from, to choose by, and to be tested on; no group is in two."""

    train: Tensor
    valid: Tensor
    test: Tensor


def load_corpus() -> Corpus:
    """Read the installed tables and keep the categories that have enough groups."""
    whole = taxoloss.load("icd10cm")
    paths = {path[-1]: path for path in whole.paths()}
    everything = read_texts()
    texts = keep(everything)
    kept = [paths[name] for name in dict.fromkeys(text.category for text in texts)]
    number = {path[-1]: index for index, path in enumerate(kept)}
    features, ends = hash_features([text.words for text in texts])
    facts = count(everything, paths, "") | count(texts, paths, " kept") | fingerprint(texts)
    return Corpus(
        texts=texts,
        tree=whole.restrict(kept, node_targets=True),
        classes=torch.tensor([number[text.category] for text in texts]),
        features=features,
        ends=ends,
        differences=[f"{k} {v}, not {EXPECTED[k]}" for k, v in facts.items() if v != EXPECTED[k]],
    )


# Reading


def read_texts() -> list[Text]:
    """Every distinct text that stands in one category only, in the order of the tables."""
    found: dict[str, Text] = {}
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for text in _all_texts():
        found.setdefault(text.words, text)
        homes[text.words].add(text.category)
    return [text for words, text in found.items() if len(homes[words]) == 1]


def _all_texts() -> Iterator[Text]:
    # Imported here: the package parses 10 MB of XML when it is imported (2 s, 180 MB of memory).
    tables = importlib.import_module("simple_icd_10_cm")
    # A set of names: 39 blocks hold one category of their own name, which then is listed twice.
    for code in dict.fromkeys(tables.get_all_codes(True)):
        if tables.is_category_or_subcategory(code) and not tables.is_extended_subcategory(code):
            plain = code.replace(".", "")
            for text in (tables.get_description(code), *tables.get_inclusion_term(code)):
                yield Text(" ".join(re.findall("[a-z0-9]+", text.lower())), plain[:3], plain[:4])


def keep(texts: Sequence[Text]) -> list[Text]:
    """The texts of categories with enough groups, and of each group the first few."""
    groups = {(text.category, text.group) for text in texts if text.group != text.category}
    size = Counter(category for category, _ in groups)
    seen: Counter[str] = Counter()
    kept = []
    for text in texts:
        seen[text.group] += 1
        if size[text.category] >= MIN_GROUPS and seen[text.group] <= MAX_TEXTS:
            kept.append(text)
    return kept


# Checking


def count(texts: Sequence[Text], paths: dict[str, tuple[str, ...]], suffix: str) -> dict[str, int | str]:
    """How many texts there are, and in how many nodes of each level."""
    mine = {paths[text.category] for text in texts}
    return {
        f"texts{suffix}": len(texts),
        f"categories{suffix}": len(mine),
        f"blocks{suffix}": len({path[:2] for path in mine}),
        f"chapters{suffix}": len({path[:1] for path in mine}),
    }


def fingerprint(texts: Sequence[Text]) -> dict[str, int | str]:
    """How many groups a split has, whatever the seed, and a hash that any change changes."""
    rows = split(texts, seed=0)
    train, test = (len({texts[row].group for row in part.tolist()}) for part in (rows.train, rows.test))
    lines = "\n".join("\t".join(text) for text in texts)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
    return {"groups to train": train, "groups to test": test, "hash of the texts kept": digest}


# Splitting and hiding


def split(texts: Sequence[Text], seed: int) -> Split:
    """Put whole groups aside: of each category a fifth to test, a fifth to validate, the rest to train.

    The category's own texts are in training. The demo trains at rates that were chosen before, and
    does not look at the second fifth.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for category, group in dict.fromkeys((text.category, text.group) for text in texts):
        if group != category:
            groups[category].append(group)
    test, valid = set(), set()
    shuffle = random.Random(seed).shuffle
    for names in groups.values():
        shuffle(names)
        fifth = max(1, len(names) // 5)
        test.update(names[:fifth])
        valid.update(names[fifth : 2 * fifth])

    def rows(part: Container[str], inside: bool = True) -> Tensor:
        return torch.tensor([n for n, text in enumerate(texts) if (text.group in part) is inside])

    return Split(train=rows(test | valid, inside=False), valid=rows(valid), test=rows(test))


# Features


def hash_features(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Hash words, word pairs and four-character pieces of words: all features, and their ends."""
    bucket: dict[str, int] = {}
    features: list[int] = []
    ends = []
    for text in texts:
        for piece in _pieces(text.split()):
            if piece not in bucket:
                bucket[piece] = zlib.crc32(piece.encode()) % BUCKETS
            features.append(bucket[piece])
        ends.append(len(features))
    return torch.tensor(features), torch.tensor(ends)


def _pieces(words: list[str]) -> Iterator[str]:
    yield from words
    yield from map(" ".join, pairwise(words))
    # "#": a piece of a word is not the short word that is spelled like it.
    yield from (f"#{word[i : i + 4]}" for word in words for i in range(len(word) - 3))
