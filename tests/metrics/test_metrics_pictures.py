"""What the metrics draw: numbers that they computed, levels from the top, mistakes against chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from agg import drawn, labels, plt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from inner_cases import InnerCase, inner_cases
from metric_cases import MAKE, TREE, batch, of
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy, metrics
from taxoloss.metrics import Confusion

pytestmark = pytest.mark.one_form("draws what either form counts")

DEEP = Taxonomy.from_paths(
    [(f"z{i}", f"y{i}{j}", f"x{i}{j}{k}") for i in range(2) for j in range(2) for k in range(2)],
    ["zone", "yard", "a_tree"],  # not in the order of the alphabet
).bind(node_targets=True)


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    with drawn():
        yield


def few(number: int) -> settings:
    """Settings of a test that draws or counts pairs."""
    return settings(CALM, max_examples=examples(number))


# -- every metric ------------------------------------------------------------------------------------


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", MAKE)
def test_pictures(name: str) -> None:
    """A figure of what was counted, of a score, of a list of scores, and in axes that are given."""
    metric = MAKE[name](TREE)
    result = of(metric, batch(60))
    for figure, _ in (metric.plot(), metric.plot(result)):
        figure.canvas.draw()
    figure, ax = plt.subplots()
    assert metric.plot(ax=ax) == (figure, ax)
    if name != "LevelConfusionMatrix":
        metric.plot([result, result])[0].canvas.draw()
        with pytest.raises(ValueError, match="got an empty list"):
            metric.plot([])


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", MAKE)
def test_nothing_counted(name: str) -> None:
    """Is drawn too."""
    metric = MAKE[name](TREE)
    metric.update(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    metric.plot()[0].canvas.draw()


@pytest.mark.parametrize("kind", [metrics.LevelAccuracy, metrics.LevelCalibrationError])
def test_levels_are_in_the_order_of_the_tree(kind: Any) -> None:
    """In bars, in lines over steps and in the legend of calibration; heights are the scores."""
    metric = kind(DEEP)
    g = torch.Generator().manual_seed(0)
    result = of(metric, (torch.randn(30, 8, generator=g), torch.randint(0, 8, (30,), generator=g)))
    _, ax = metric.plot(dict(sorted(result.items())))
    assert labels(ax.get_xticklabels()) == list(DEEP.levels)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([float(result[level]) for level in DEEP.levels])
    _, ax = metric.plot([result, result])
    assert labels(ax.get_legend().get_texts()) == list(DEEP.levels)
    if kind is metrics.LevelCalibrationError:
        _, ax = metric.plot()
        words = [text.partition(",")[0] for text in labels(ax.get_legend().get_texts())]
        assert words == list(DEEP.levels)


def test_a_result_is_drawn_whatever_was_counted_since() -> None:
    """The bars of a result are its own, not those of the state."""
    for kind in (metrics.OperatingCurve, metrics.LevelCalibrationError, metrics.MistakeSeverity):
        metric = kind(TREE)
        result = of(metric, batch(40))
        metric.reset()
        metric.update(*batch(40, seed=1))
        _, ax = metric.plot(result)
        values = list(result.values()) if isinstance(result, dict) else [result]
        assert [bar.get_height() for bar in ax.patches] == pytest.approx([float(v) for v in values])


def test_levels_whose_names_are_odd() -> None:
    """Signs of mathematics are text; a legend shows what begins with an underscore."""
    t = taxoloss.load({"levels": ["$\\top{$", "_b"], "tree": {"x": ["p", "q"], "y": ["r"]}}).bind()
    accuracy, error = metrics.LevelAccuracy(t), metrics.LevelCalibrationError(t)
    preds = 3 * torch.eye(3)
    results = [of(metric, (preds, torch.arange(3))) for metric in (accuracy, error)]
    for figure, ax in (accuracy.plot([results[0]]), error.plot()):
        figure.canvas.draw()
        assert [text.split(",")[0].strip() for text in labels(ax.get_legend().get_texts())] == list(
            t.levels
        )


def test_intervals() -> None:
    """A point for each score, from its low to its high end, levels from the top."""
    made = metrics.bootstrap(metrics.collection(DEEP), draws=20)
    g = torch.Generator().manual_seed(0)
    made.update(torch.randn(50, 8, generator=g), torch.randint(0, 8, (50,), generator=g))
    found = made.compute()
    figure, ax = made.plot()
    figure.canvas.draw()
    names = labels(ax.get_yticklabels())
    assert sorted(names) == sorted(found)
    assert names[:3] == [f"accuracy/{level}" for level in DEEP.levels]
    bars = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    points = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    expected = [found[name] for name in names]
    np.testing.assert_array_equal(points, [one.value for one in expected])
    np.testing.assert_array_equal(bars, [[one.low, one.high] for one in expected])
    assert made.plot(found, ax=ax) == (figure, ax)


def test_the_collection_draws_each_of_its_scores() -> None:
    made = metrics.collection(TREE, ranking=True, curves=True)
    made.update(*batch(40))
    drawings: Any = made.plot()
    assert len(drawings) == len(made)
    for figure, ax in drawings:
        figure.canvas.draw()
        assert len(ax.patches) == 1


# -- mistakes by height ------------------------------------------------------------------------------


def pairs_of(case: Case, rng: np.random.Generator, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers and targets, any nodes but the root as a target."""
    nodes = case.taxonomy.num_nodes
    answers = torch.from_numpy(rng.integers(0, nodes, number))
    return answers, torch.from_numpy(rng.integers(0, nodes - 1, number))


@few(60)
@given(taxonomies(), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_heights_are_those_of_networkx(case: Case, seed: int, number: int) -> None:
    """Mistakes are counted at the height of the lowest common ancestor."""
    answers, targets = pairs_of(case, np.random.default_rng(seed), number)
    graph = nx.DiGraph([(case.parent[node], node) for node in range(1, len(case.parent))])
    expected = Counter[int]()
    for answer, target in zip(answers.tolist(), targets.tolist(), strict=True):
        one, other = case.by_id[answer], case.by_id[target]
        lca = nx.lowest_common_ancestor(graph, one, other)
        if lca != other:
            depths = nx.single_source_shortest_path_length(graph, lca)
            expected[max(depths.values())] += 1
    metric = metrics.MistakeSeverity(case.taxonomy)
    value = of(metric, (answers, targets))
    mistakes, chance = metric.by_height()
    assert dict(enumerate(mistakes.tolist(), 1)) == {h: expected[h] for h in range(1, len(mistakes) + 1)}
    if expected:
        assert float(value) == pytest.approx(sum(h * n for h, n in expected.items()) / expected.total())
        assert float(chance.sum()) == pytest.approx(expected.total())
    else:
        assert bool(chance.isnan().all())


def by_all_pairs(t: Taxonomy, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mistakes by height where each answer is given to each target."""
    metric = metrics.MistakeSeverity(t)
    metric.update(answers.repeat_interleave(len(targets)), targets.repeat(len(answers)))
    return metric.by_height()[0].double()


@few(60)
@given(taxonomies(), st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_chance_is_what_all_pairs_give(case: Case, seed: int, number: int) -> None:
    """Each answer with each target, all alike, is the draw of both apart from each other."""
    answers, targets = pairs_of(case, np.random.default_rng(seed), number)
    metric = metrics.MistakeSeverity(case.taxonomy)
    metric.update(answers, targets)
    mistakes, chance = metric.by_height()
    pairs = by_all_pairs(case.taxonomy, answers, targets)
    if int(mistakes.sum()):
        torch.testing.assert_close(chance, pairs * mistakes.sum() / pairs.sum())


@few(40)
@given(inner_cases(), st.integers(0, 2**32 - 1))
def test_chance_where_inner_nodes_are_classes(case: InnerCase, seed: int) -> None:
    """They have leaves of their own, and are seen as their nodes."""
    t, rng = case.taxonomy, np.random.default_rng(seed)
    answers, targets = (torch.from_numpy(rng.integers(0, len(t), 20)) for _ in range(2))
    metric = metrics.MistakeSeverity(t)
    metric.update(answers, targets)
    mistakes, chance = metric.by_height()
    pairs = by_all_pairs(t, answers, targets)
    if int(mistakes.sum()):
        torch.testing.assert_close(chance, pairs * mistakes.sum() / pairs.sum())


def test_bars_of_mistakes_and_of_chance() -> None:
    """Their heights are the numbers; ticks say what is shared; the title has both means."""
    metric = metrics.MistakeSeverity(DEEP)
    g = torch.Generator().manual_seed(0)
    value = of(metric, (torch.randint(0, 8, (80,), generator=g), torch.randint(0, 8, (80,), generator=g)))
    mistakes, chance = metric.by_height()
    _, ax = metric.plot()
    ours, theirs = ax.containers
    assert [bar.get_height() for bar in ours] == mistakes.tolist()
    assert [bar.get_height() for bar in theirs] == chance.tolist()
    assert labels(ax.get_xticklabels()) == ["1\nsame yard", "2\nsame zone", "3\nnothing shared"]
    mean = float((chance * torch.arange(1, 4)).sum() / chance.sum())
    assert f"{float(value):.2f} edges on average, {mean:.2f} by chance" in ax.get_title()


def test_uneven_heights_have_no_names() -> None:
    """A height at which nodes of several levels stand is a number."""
    t = taxoloss.load({"tree": {"a": ["p", "q"], "b": {"c": ["r", "s"], "d": ["u", "v"]}}}).bind()
    metric = metrics.MistakeSeverity(t)
    of(metric, (torch.tensor([0, 1]), torch.tensor([1, 2])))
    _, ax = metric.plot()
    assert labels(ax.get_xticklabels()) == ["1", "2\nsame depth_1", "3\nnothing shared"]


def test_batches_and_merges_count_heights() -> None:
    """Whole, in parts, merged and ignored: the same counts."""
    preds, target = batch(60)
    whole, parts, other = (metrics.MistakeSeverity(TREE) for _ in range(3))
    whole.update(preds, target)
    parts.update(preds[:7], target[:7])
    parts.update(preds[7:30], target[7:30])
    other.update(preds[30:], target[30:])
    parts.merge_state(other)
    for one, two in zip(whole.by_height(), parts.by_height(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    counted = (target >= 0) & (target != len(TREE.tree) - 1)
    kept = metrics.MistakeSeverity(TREE)
    kept.update(preds[counted], target[counted])
    torch.testing.assert_close(kept.by_height(), whole.by_height(), rtol=0, atol=0)


def test_a_state_that_holds_the_mean_alone() -> None:
    """As taxoloss 0.1 stored it: its mean is drawn, its heights are refused in words."""
    metric, again = metrics.MistakeSeverity(TREE), metrics.MistakeSeverity(TREE)
    metric.persistent(True)
    value = of(metric, batch(40))
    state = {name: sums for name, sums in metric.state_dict().items() if name.startswith("sums_")}
    again.load_state_dict(state)
    again.update(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    assert again.compute() == value
    with pytest.raises(ValueError, match=r"got 0: .* draws$"):
        again.plot()
    assert again.plot(again.compute())[1].patches[0].get_height() == pytest.approx(float(value))


# -- the worst pairs ---------------------------------------------------------------------------------


@few(60)
@given(taxonomies(), st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 12))
def test_the_worst_pairs(case: Case, seed: int, number: int, n: int) -> None:
    """The largest counts off the diagonal, of equal ones the first in the tree; names tell nodes apart."""
    t, rng = case.taxonomy, np.random.default_rng(seed)
    answers, targets = (rng.integers(0, len(t), number) for _ in range(2))
    metric = metrics.LevelConfusionMatrix(t)
    metric.update(torch.from_numpy(answers), torch.from_numpy(targets))
    for level in t.levels:
        depth, index = t.level_number(level), t.ancestor_index(level).tolist()
        place = [case.preorder.index(node) for node in case.at_level[depth - 1]]
        often = Counter((index[b], index[a]) for a, b in zip(answers, targets, strict=True))
        totals = Counter(index[b] for b in targets)
        wrong = [pair for pair in often if pair[0] != pair[1]]
        wrong.sort(key=lambda pair: (-often[pair], place[pair[0]], place[pair[1]]))
        paths, names = t.paths(level), t.nodes(level)
        called = ["/".join(path) if names.count(path[-1]) > 1 else path[-1] for path in paths]
        expected = [
            Confusion(called[row], called[column], often[row, column], often[row, column] / totals[row])
            for row, column in wrong[:n]
        ]
        assert metric.worst_pairs(n, level) == expected
    assert metric.worst_pairs(n) == metric.worst_pairs(n, t.levels[-1])


def test_bars_of_the_worst_pairs() -> None:
    """Widths are counts, from the top down; the figure grows with their number."""
    metric = metrics.LevelConfusionMatrix(DEEP)
    g = torch.Generator().manual_seed(0)
    of(metric, (torch.randint(0, 8, (200,), generator=g), torch.randint(0, 8, (200,), generator=g)))
    for n, level in ((1, None), (12, None), (2, "zone")):
        pairs = metric.worst_pairs(n, level)
        figure, ax = metric.plot_worst_pairs(n, level)
        figure.canvas.draw()
        assert [bar.get_width() for bar in ax.patches] == [pair.count for pair in pairs]
        assert labels(ax.get_yticklabels()) == [f"{pair.truth} → {pair.answer}" for pair in pairs]
        assert [text.get_text().strip() for text in ax.texts] == [
            f"{p.count} ({p.share:.0%})" for p in pairs
        ]
        assert ax.yaxis_inverted()
    assert metric.plot_worst_pairs(ax=ax)[1] is ax


def test_no_confusion() -> None:
    """No pair, and a picture that says so."""
    metric = metrics.LevelConfusionMatrix(TREE, ["leaf"])
    metric.update(torch.arange(4), torch.arange(4))
    assert metric.worst_pairs() == []
    figure, ax = metric.plot_worst_pairs()
    figure.canvas.draw()
    assert ax.get_title() == "leaf: nothing is taken for another"
    with pytest.raises(ValueError, match="expected a level, one of leaf; got 'top'"):
        metric.worst_pairs(level="top")
    refused: list[Any] = [0, 1.0, True, None]
    for n in refused:
        with pytest.raises(ValueError, match="expected n as an integer, 1 or larger, got"):
            metric.worst_pairs(n)
