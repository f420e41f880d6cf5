"""What is kept with a taxonomy is found by its values, shared, and does not grow."""

from __future__ import annotations

import gc
import pickle
import random
import sys
import threading
import tracemalloc
from typing import Any

import pytest
import torch
from modes import fresh, logits, targets
from torch.testing import assert_close

from taxoloss import TaxonomyLoss, functional
from taxoloss.functional import cross_entropy
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.node_tensors import node_tensors


def test_a_weight_that_is_changed_in_place() -> None:
    """A tensor as a level's weight is its number at the call, not its identity."""
    taxonomy = fresh()
    weights = {"top": torch.tensor(1.0), "leaf": torch.tensor(0.0)}
    first = taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)  # type: ignore[arg-type]
    weights["top"].fill_(0.0)
    weights["leaf"].fill_(1.0)
    second = taxonomy_cross_entropy(logits(), targets(), taxonomy, weights)  # type: ignore[arg-type]
    assert first != second
    assert_close(second, torch.nn.functional.cross_entropy(logits(), targets()))


@pytest.mark.parametrize("wrong", [{"top": True, "leaf": 0.0}, {"top": "1", "leaf": 0.0}, {"top": 1.0}])
def test_what_is_kept_does_not_let_wrong_weights_pass(wrong: Any) -> None:
    """True equals 1.0, but is refused, also where tables for 1.0 are kept."""
    taxonomy = fresh()
    taxonomy_cross_entropy(logits(), targets(), taxonomy, {"top": 1.0, "leaf": 0.0})
    with pytest.raises((TypeError, ValueError)):
        taxonomy_cross_entropy(logits(), targets(), taxonomy, wrong)


@pytest.mark.slow
@pytest.mark.one_form("keeps weights, which are both forms'")
def test_ten_thousand_weightings_take_bounded_memory() -> None:
    """A curriculum through the functional form; and each value is that of its weights."""
    taxonomy, z, y = fresh(), logits(), targets()
    top, leaf = TaxonomyLoss(taxonomy, {"top": 1.0, "leaf": 0.0}), torch.nn.CrossEntropyLoss()

    def run(first: int, last: int) -> None:
        for step in range(first, last):
            share = step / 10_000
            functional.taxonomy_cross_entropy(z, y, taxonomy, {"top": share, "leaf": 1 - share + 1e-9})

    def held() -> int:
        gc.collect()  # which also empties the interpreter's lists of freed objects: they are not ours
        return tracemalloc.get_traced_memory()[0]

    run(1, 100)
    tracemalloc.start()
    run(100, 200)
    before = held()
    run(200, 10_000)
    after = held()
    tracemalloc.stop()
    assert len(taxonomy._shelf) <= 24  # type: ignore[attr-defined]
    assert after - before < 200_000
    got = functional.taxonomy_cross_entropy(z, y, taxonomy, {"top": 0.25, "leaf": 0.75})
    assert_close(got, 0.25 * top(z, y) + 0.75 * leaf(z, y))


def test_weightings_share_their_integers() -> None:
    """Only the weights are made anew, with zeros and without."""
    taxonomy = fresh()
    one = cross_entropy._tensors(taxonomy, {"top": 0.5, "leaf": 0.5})
    other = cross_entropy._tensors(taxonomy, {"top": 0.1, "leaf": 0.9})
    assert isinstance(one, LossTensors)
    assert isinstance(other, LossTensors)
    assert one.start is other.start
    assert one.weights is not other.weights
    assert cross_entropy._tensors(taxonomy, {"leaf": 0.5, "top": 0.5}) is one


def test_tables_by_device_are_one_object() -> None:
    """Asked for twice they are the same; a copy knows the original."""
    taxonomy = fresh()
    here, there = node_tensors(taxonomy), node_tensors(taxonomy, "meta")
    assert node_tensors(taxonomy, "meta") is there
    assert there.on(torch.device("cpu")) is here
    assert there.lines.device.type == "meta"
    assert pickle.loads(pickle.dumps(there)).lines.device.type == "cpu"


@pytest.mark.slow
def test_threads_that_let_tables_go() -> None:
    """More weightings than are kept, asked for by many threads: none is taken away from another."""
    taxonomy, wrong = fresh(), []

    def work(seed: int) -> None:
        draw = random.Random(seed)
        try:
            for _ in range(150):
                share = draw.randrange(40) / 41
                functional.taxonomy_cross_entropy(
                    logits(), targets(), taxonomy, {"top": 1 - share, "leaf": share}
                )
        except Exception as error:
            wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
