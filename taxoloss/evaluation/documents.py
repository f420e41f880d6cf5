"""Files of predictions that are read whole: JSON, workbooks, results of camera-trap models."""

from __future__ import annotations

from pathlib import Path

from taxoloss.evaluation.detections import detection_table
from taxoloss.evaluation.json_rows import record_table
from taxoloss.evaluation.json_values import JSON_SUFFIXES, read_json
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.tables import WORKBOOKS, SampleTable, open_samples_table

__all__ = ["open_document"]


def open_document(path: Path, request: Request) -> SampleTable | None:
    """The table of a file that is read whole; None where it is read in pieces.

    Args:
        path: of the file.
        request: how it is to be read.

    Raises:
        PredictionError: it is no such file, or says nothing of the truth, and nothing else does.
        TaxonomyError: its text is none.
    """
    suffix = path.suffix.lower()
    if suffix in WORKBOOKS:
        return open_samples_table(path)
    if suffix not in JSON_SUFFIXES:
        return None
    content = read_json(path)
    if not isinstance(content, dict):
        return record_table(path, content, request.values, request.prediction, request.score)
    table = detection_table(path, content, request.sample_id)
    if request.targets is None or request.sample_id is None:
        raise PredictionError(
            f"{path}: {table.what} say nothing of the truth: give its table as --targets FILE, "
            "and as --id the "
            "column of that table with the names of the image files"
        )
    return table
