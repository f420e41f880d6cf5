"""A file of predictions, scored in one call."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from taxoloss.evaluation.opening import open_samples
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.scores import Evaluation, Settings, evaluate
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["evaluate_file"]


def evaluate_file(
    path: str | PathLike[str],
    taxonomy: Taxonomy,
    request: Request | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """All metrics of a file of predictions, with intervals: `taxoloss evaluate` in Python.

    Args:
        path: .npz, or a table: a column for each class, or one of answers, and one of targets.
        taxonomy: in any order: the file, or the request, names its columns.
        request: how the file is read.
        settings: the decision, and the intervals.

    Raises:
        PredictionError: the file cannot be read so.
        BindingError: its classes are not those of the tree.

    >>> import pathlib, tempfile, taxoloss
    >>> from taxoloss.evaluation import Request, evaluate_file
    >>> t = taxoloss.load({"levels": ["species", "breed"], "tree": {"cat": ["Bengal"], "dog": ["pug"]}})
    >>> path = pathlib.Path(tempfile.mkdtemp(), "answers.csv")
    >>> _ = path.write_text("truth,answer\\nBengal,Bengal\\npug,Bengal\\n")
    >>> found = evaluate_file(path, t, Request(target=("truth",), prediction=("answer",)))
    >>> round(found.scores["accuracy/breed"].value, 2), found.reading
    (0.5, 'names in `answer` against the names in `truth`; an answer above a level is wrong on it')
    """
    bound, samples = open_samples(Path(path), taxonomy, request or Request())
    return evaluate(samples, bound, settings or Settings(), lambda rows: None)
