"""Answers that say nothing: an empty cell as the root."""

from __future__ import annotations

from pathlib import Path

import pytest

import taxoloss
from taxoloss.evaluation import PredictionError, Request, evaluate_file


def test_an_empty_answer_that_says_nothing(tmp_path: Path) -> None:
    """--unknown root: the root, as a decision answers it; a name that is unknown stays an error."""
    content = "truth,answer\nBengal,Bengal\nBengal,\npug,cat\n"
    path = tmp_path / "answers.csv"
    path.write_text(content, encoding="utf-8")
    t = taxoloss.load("pets")
    request = Request(target=("truth",), prediction=("answer",), unknown="root")
    found = evaluate_file(path, t, request)
    assert any("1 empty answer" in note for note in found.notes)
    bound = t.bind(node_targets=True)
    answers = bound.node_ids(["Bengal", (), "cat"])
    scores = taxoloss.metrics.collection(bound, calibration=False)
    scores.update(answers, bound.node_ids(["Bengal", "Bengal", "pug"]))
    for name, value in scores.compute().items():
        assert found.scores[name].value == pytest.approx(float(value), nan_ok=True)
    path.write_text(content + "pug,pgu\n", encoding="utf-8")
    with pytest.raises(PredictionError, match="pgu"):
        evaluate_file(path, t, request)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PredictionError, match="--unknown root"):
        evaluate_file(path, t, Request(target=("truth",), prediction=("answer",)))
