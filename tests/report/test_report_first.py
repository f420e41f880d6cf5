"""The first words of a report: their numbers are those of the scores, and the sentences are English."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from gathered_cases import Rows, flat, rows_of, some_rows, species
from graphs import wide_diamond
from hypothesis import given
from hypothesis_settings import SETTINGS

import taxoloss
from taxoloss.evaluation.scores import Evaluation
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.report.numbers.baselines import baselines
from taxoloss.report.numbers.first import first
from taxoloss.report.numbers.words import percent


def said(rows: Rows) -> dict[str, Any]:
    """The first words of rows."""
    return first(*rows.scored)


def stands_on(rows: Rows, ident: int, level: int) -> set[int]:
    """The ids of a level's nodes (0 .. L-1) that are an id or above it; of a tree one at most."""
    t = rows.taxonomy
    on_level = set(t.level_nodes(level + 1).tolist())
    return {int(t.ids_of_nodes[node]) for node in rows.above(int(t.nodes_by_id[ident])) & on_level}


@SETTINGS
@given(rows=some_rows())
def test_chance_and_majority_are_exact(rows: Rows) -> None:
    """Every class is tried as the answer to every row; every node of a level as the one always said."""
    g, t = rows.gathered, rows.taxonomy
    for level, base in enumerate(baselines(g)):
        truths = [stands_on(rows, int(y), level) for y in g.target[g.level_counted[:, level]]]
        assert base.rows == len(truths)
        if not truths:
            assert (base.chance, base.majority, base.node) == (None, None, None)
            continue
        lines = [stands_on(rows, label, level) for label in range(len(t))]
        right = sum(bool(line & truth) for line in lines for truth in truths)
        assert base.chance == pytest.approx(right / (len(truths) * len(t)))
        shares = {n: sum(n in truth for truth in truths) / len(truths) for n in set().union(*truths)}
        assert base.majority == pytest.approx(max(shares.values()))
        assert base.node is not None
        assert shares[int(t.ids_of_nodes[base.node])] == max(shares.values())


@SETTINGS
@given(rows=some_rows())
def test_levels_are_those_of_the_scores(rows: Rows) -> None:
    """From the top, with their intervals; nothing that JSON cannot hold."""
    found, scores = said(rows), rows.scored[1].scores
    assert [level["level"] for level in found["levels"]] == list(rows.taxonomy.levels)
    for level in found["levels"]:
        wanted = [None if math.isnan(x) else x for x in scores[f"accuracy/{level['level']}"]]
        assert [level[name] for name in ("accuracy", "low", "high")] == wanted
        assert level["rows"] == int(
            rows.gathered.level_counted[:, rows.taxonomy.levels.index(level["level"])].sum()
        )


@SETTINGS
@given(rows=some_rows())
def test_every_mistake_is_in_one_part(rows: Rows) -> None:
    """By the level of what answer and truth share: the deepest first, the root at last."""
    g, mistakes = rows.gathered, said(rows)["mistakes"]
    assert mistakes["rows"] == mistakes["right"] + mistakes["unspecific"] + mistakes["wrong"] == len(g)
    levels = [part["level"] for part in mistakes["shared"]]
    assert levels == [*reversed(rows.taxonomy.levels[:-1]), None]
    on = dict.fromkeys(levels, 0)
    for node in g.shared[g.wrong].tolist():
        at = int(rows.taxonomy.tree.level[node])
        on[rows.taxonomy.levels[at - 1] if at else None] += 1
    assert [part["count"] for part in mistakes["shared"]] == list(on.values())
    for part in mistakes["shared"]:
        wanted = part["count"] / mistakes["wrong"] if mistakes["wrong"] else None
        assert part["share"] == wanted


@SETTINGS
@given(rows=some_rows())
def test_sentences_end(rows: Rows) -> None:
    """One a level and more; none holds a number that is none."""
    sentences = said(rows)["sentences"]
    assert len(sentences) > len(rows.taxonomy.levels)
    for sentence in sentences:
        assert sentence.endswith(".")
        assert "nan" not in sentence.split()
        assert "None" not in sentence


def of_mistakes(answers: list[int], truths: list[int], t: taxoloss.Taxonomy | None = None) -> str:
    """The sentence on the mistakes of a tree of 3 families, 9 genera, 36 species."""
    found = said(rows_of(t or species(), answers, truths))
    of_levels = len((t or species()).levels)
    return next(line for line in found["sentences"][of_levels:] if "mistake" in line or "wrong" in line)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([1, 2, 4, 12], "Of 4 mistakes 2 stay in the genus, 1 stays in the family and 1 leaves it."),
        ([1, 2, 4, 5, 12, 13], "Of 6 mistakes 2 stay in the genus, 2 in the family and 2 leave it."),
        ([1, 2, 12, 13], "Of 4 mistakes 2 stay in the genus and 2 leave the family."),
        ([4, 5, 12], "Of 3 mistakes 2 stay in the family and 1 leaves it."),
        ([1], "The one mistake stays in the genus."),
        ([12], "The one mistake leaves the family."),
        ([4, 5], "Both mistakes stay in the family."),
        ([12, 13, 14], "All 3 mistakes leave the family."),
        ([0, 0], "No answer is wrong."),
    ],
)
def test_how_far_mistakes_go_in_words(answers: list[int], sentence: str) -> None:
    """Singular and plural, levels without a mistake, and no mistake at all."""
    assert of_mistakes(answers, [0] * len(answers)) == sentence


def test_in_a_flat_tree_no_mistake_is_nearer() -> None:
    """How many are wrong is all there is to say."""
    assert of_mistakes([0, 1, 1], [0, 0, 0], flat(3)) == "2 of 3 answers are wrong."
    assert of_mistakes([0, 1, 0], [0, 0, 0], flat(3)) == "1 of 3 answers is wrong."
    assert of_mistakes([1], [0], flat(3)) == "The one answer is wrong."


def test_one_row_is_said_as_one() -> None:
    """It is right on some levels and wrong on others."""
    assert said(rows_of(species(), [1], [0]))["sentences"][:3] == [
        "The one answer that counts at species is wrong.",
        "The one answer that counts at genus is right.",
        "The one answer that counts at family is right.",
    ]


def test_labels_that_stop_early_are_told_at_their_levels() -> None:
    """How many do not count, or that nothing does."""
    t = species()
    genus = t.node_id("G00")
    assert "; 1 other truth ends above it." in said(rows_of(t, [0, 1, 2], [0, 0, genus]))["sentences"][0]
    only = said(rows_of(t, [0, 1], [genus, genus]))
    assert only["sentences"][0] == "At species nothing is counted: no truth is known there."
    assert only["levels"][2]["chance"] is only["levels"][2]["majority_name"] is None


def test_answers_above_the_truth_are_told() -> None:
    """They are neither right nor wrong."""
    t = species()
    genus = t.node_id("G00")
    sentences = said(rows_of(t, [0, genus, genus, 0], [0, 0, 1, 0]))["sentences"]
    assert "2 answers (50.0 %) name a node above the truth: true, but not all that is known." in sentences


def test_truths_that_tell_nothing_are_told() -> None:
    """They are in no count."""
    t = species()
    found = said(rows_of(t, [0, 0], [0, t.num_nodes - 1]))
    assert found["mistakes"]["rows"] == 1
    assert found["sentences"][-1] == "1 row has the root as the truth, which tells nothing: left out."


def test_a_level_in_words() -> None:
    """The share, the rows and the interval, as the scores have them."""
    t = species()
    rows = rows_of(t, list(range(30)) * 4, [*range(30)] * 3 + [0] * 30)
    level = said(rows)["levels"][2]
    low, high = (percent(level[end]).removesuffix(" %") for end in ("low", "high"))
    wanted = f"{percent(level['accuracy'])} of 120 answers are right at species (95 %: {low} to {high})."
    assert said(rows)["sentences"][0] == wanted
    other = first(*rows.scored, confidence=0.9)["sentences"][0]
    assert other == wanted.replace("95 %", "90 %")


def test_a_graph_has_its_first_words() -> None:
    """Mistakes are split by the most informative node that both share."""
    t = wide_diamond()
    n = 200
    target = torch.randint(0, 40, (n,), generator=torch.Generator().manual_seed(0))
    logits = torch.randn(n, 40, generator=torch.Generator().manual_seed(1))
    rows = rows_of(t, logits, target)
    answer = logits.argmax(1)
    tensors = nodes_of(t)
    shared = t.nodes_by_id[tensors.lca(answer, target)[answer != target]]
    counts = [part["count"] for part in said(rows)["mistakes"]["shared"]]
    levels = t.tree.level[shared].tolist()
    assert counts == [levels.count(level) for level in range(len(t.levels) - 1, -1, -1)]


def test_nothing_counted_is_said() -> None:
    """Truths that are all the root leave no row."""
    t = species()
    rows = rows_of(t, [0, 0], [t.num_nodes - 1] * 2)
    evaluation: Evaluation = rows.scored[1]
    found = first(rows.gathered, evaluation)
    assert [warning["kind"] for warning in found["warnings"]] == ["nothing"]
    assert found["mistakes"]["wrong"] == 0
