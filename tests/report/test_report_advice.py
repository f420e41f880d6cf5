"""Advice of a report: every pair of siblings, and of a node and a foreign one, is tried by hand."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from graphs import wide_diamond
from hypothesis import given
from hypothesis_settings import SETTINGS
from rows_by_hand import children, gathered, line, random_answers, wrong
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.report.numbers.advice import advice
from taxoloss.report.numbers.gathered import Gathered

PETS = taxoloss.load(
    {"tree": {"cat": ["Bengal", "Sphynx", "Manx"], "dog": ["pug", "beagle", "Akita"]}}
).bind(node_targets=True)
BENGAL, SPHYNX, MANX, PUG, BEAGLE, AKITA = range(6)


def chance(first: int, other: int) -> float:
    """P(Binomial(first + other, 1/2) >= first), term by term."""
    n = first + other
    return sum(math.comb(n, i) for i in range(first, n + 1)) / 2**n


def tried(found: Gathered) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """Every pair of siblings and every node with every foreign one, with ten rows or more."""
    t = found.taxonomy
    known = [place for place in range(len(found)) if not found.unknown[place]]
    rows = [(int(found.node_target[p]), int(found.node_answer[p])) for p in known]
    under = {node: {n for n in range(len(t.tree)) if node in line(t, n)} for node in range(len(t.tree))}

    def as_(one: int, other: int) -> int:
        return sum(y in under[one] and a in under[other] for y, a in rows)

    merge, move = [], []
    for parent in range(len(t.tree)):
        for a, b in combinations(children(t, parent), 2):
            entry = {
                "a": a, "b": b, "parent": parent, "a_as_b": as_(a, b), "b_as_a": as_(b, a),
                "a_right": as_(a, a), "b_right": as_(b, b),
            }  # fmt: skip
            if sum(entry[key] for key in ("a_as_b", "b_as_a", "a_right", "b_right")) >= 10:
                merge.append(entry)
    for node in range(1, len(t.tree)):
        parent = int(t.tree.parent[node])
        siblings = [one for one in children(t, parent) if one != node]
        if parent == 0 or not siblings:
            continue
        home = sum(as_(node, one) for one in siblings)
        foreign = [
            u for u in range(1, len(t.tree))
            if children(t, u) and t.tree.level[u] <= t.tree.level[parent] and u not in line(t, node)
        ]  # fmt: skip
        counts: Counter[int] = Counter()
        for y, a in rows:
            if y in under[node] and wrong(t, y, a):
                above = [u for u in line(t, a) if t.tree.level[u] <= t.tree.level[parent]]
                counts[above[-1]] += 1
        total = sum(y in under[node] for y in found.node_target.tolist())
        for u in foreign:
            if home + counts[u] >= 10:
                entry = {"node": node, "to": u, "home": home, "away": counts[u], "rows": total}
                move.append(entry)
    return merge, move


def offered(found: Gathered) -> dict[str, Any]:
    """Checked against what is tried by hand."""
    part = advice(found)
    merge, move = tried(found)
    looked_at = len(merge) + len(move)
    assert part["looked_at"] == looked_at
    assert part["why"] is None
    least = 0.05 / max(1, looked_at)

    def sure(first: int, other: int) -> bool:
        return first > other and chance(first, other) <= least

    wanted = [e for e in merge if sure(e["a_as_b"] + e["b_as_a"], e["a_right"] + e["b_right"])]
    moved = [e for e in move if sure(e["away"], e["home"])]
    for kind, entries in (("merge", wanted), ("move", moved)):
        bare = [{key: value for key, value in e.items() if key != "text"} for e in part[kind]]
        assert sorted(bare, key=str) == sorted(entries, key=str)
    return part


@SETTINGS
@given(taxonomies(), seeds)
def test_every_pair_is_looked_at(case: Case, rng: np.random.Generator) -> None:
    """Random answers on random trees: chains, missing ranks, labels above the classes."""
    offered(random_answers(case.taxonomy, rng, 150))


@SETTINGS
@given(taxonomies(min_depth=2), seeds)
def test_confusions_that_were_planted(case: Case, rng: np.random.Generator) -> None:
    """Most rows of a few classes are taken for one other class each."""
    t = case.taxonomy
    target = rng.integers(0, min(3, len(t)), 200)
    taken_for = rng.integers(0, len(t), 3)
    answer = np.where(rng.random(200) < 0.9, taken_for[target], target)
    offered(gathered(t, answer, target))


def test_siblings_that_are_one() -> None:
    """Bengal and Sphynx at random, the others right."""
    target = torch.tensor([BENGAL, SPHYNX] * 60 + [MANX, PUG] * 10)
    answer = torch.tensor([SPHYNX, BENGAL, SPHYNX, BENGAL, BENGAL, SPHYNX] * 20 + [MANX, PUG] * 10)
    part = offered(gathered(PETS, answer, target))
    (only,) = part["merge"]
    assert (only["a_as_b"], only["b_as_a"], only["a_right"], only["b_right"]) == (40, 40, 20, 20)
    assert part["move"] == []
    assert '"Bengal" and "Sphynx" in "cat"' in only["text"]
    assert "consider" in only["text"]


def test_a_node_that_is_nearer_to_another_branch() -> None:
    """A pug that is taken for cats."""
    target = torch.tensor([PUG] * 40 + [BEAGLE] * 20)
    answer = torch.tensor([MANX, BENGAL] * 15 + [BEAGLE] * 5 + [PUG] * 5 + [BEAGLE] * 20)
    part = offered(gathered(PETS, answer, target))
    (only,) = part["move"]
    names = [PETS.tree.names[only[key]] for key in ("node", "to")]
    assert names == ["pug", "cat"]
    assert (only["home"], only["away"], only["rows"]) == (5, 30, 40)
    assert '"pug" in "dog"' in only["text"]
    assert "consider" in only["text"]


@pytest.mark.parametrize("rows", [9, 10])
def test_less_than_ten_rows_say_nothing(rows: int) -> None:
    """Nine rows that are all confused are not looked at; of two pairs ten are enough."""
    target = torch.tensor([BENGAL] * rows)
    part = offered(gathered(PETS, torch.full_like(target, SPHYNX), target))
    assert len(part["merge"]) == (rows == 10)


def test_all_right_and_all_unknown() -> None:
    """Pairs are looked at, and nothing is offered."""
    own = torch.arange(6).repeat(20)
    assert offered(gathered(PETS, own, own))["looked_at"] == 7
    root = torch.full_like(own, PETS.num_nodes - 1)
    none = gathered(PETS, root, own, unknown=torch.ones(len(own), dtype=torch.bool))
    assert offered(none)["looked_at"] == 0


def test_ten_thousand_siblings() -> None:
    """Their fifty million pairs are counted, and one is offered."""
    t = Taxonomy.from_paths([(f"c{number}",) for number in range(10_000)]).bind(node_targets=True)
    target = torch.arange(10_000).repeat(6)
    answer = target.clone()
    target, answer = (
        torch.cat([target, torch.zeros(100).long()]),
        torch.cat([answer, torch.ones(100).long()]),
    )
    part = advice(gathered(t, answer, target))
    assert part["looked_at"] == 10_000 * 9_999 // 2
    (only,) = part["merge"]
    assert [t.tree.names[only[key]] for key in ("a", "b")] == ["c0", "c1"]
    assert only["a_as_b"] == 100


def test_several_parents_are_refused_in_words() -> None:
    """Siblings below each of its parents."""
    part = advice(gathered(wide_diamond(), torch.tensor([0, 1]), [0, 0]))
    assert part["merge"] == []
    assert "several parents" in part["why"]
