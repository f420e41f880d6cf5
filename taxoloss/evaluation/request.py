"""What a person says of a file of predictions; no torch, since the options of the commands read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from taxoloss.taxonomy.names import nfc

__all__ = ["UNKNOWN", "Request"]

#: What may become of the rows of unknown names.
UNKNOWN = ("error", "wrong", "drop", "root")


@dataclass(frozen=True)
class Request:
    """What a person says of a file of predictions; the options of the command.

    Args:
        target: the column of the truth, or those of its ranks from the top.
        prediction: the column of answers, or those of a ranking; empty: a column for each class.
        sample_id, group, score: columns with the names of the samples, the camera or patient of each, and
            the probabilities of answers.
        classes: a file that names the columns, or the numbers, in order.
        file_order: they are in the order of the taxonomy's file.
        inner_classes: some classes are inner nodes.
        migration: a map from the older tree whose names the file has.
        values: what the numbers are.
        separator: between the names of a path.
        ranking: between several answers in a cell.
        targets: a file of the truth, joined by the names of the samples; None: the predictions hold it.
        unknown: "error", "wrong" or "drop": what becomes of rows with unknown names; "root": an empty
            answer says nothing, as the root does, and unknown names are an error.
        decimal: the mark in the numbers of a text.
    """

    target: tuple[str, ...] = ("target",)
    prediction: tuple[str, ...] = ()
    sample_id: str | None = None
    group: str | None = None
    score: str | None = None
    classes: Path | None = None
    file_order: bool = False
    inner_classes: bool = False
    migration: Path | None = None
    values: str | None = None
    separator: str | None = None
    ranking: str | None = None
    targets: Path | None = None
    unknown: str = UNKNOWN[0]
    decimal: str = "."

    def __post_init__(self) -> None:
        """Names of columns in the form in which those of files are read: é is one letter, or two."""
        for name in ("target", "prediction"):
            object.__setattr__(self, name, tuple(map(nfc, getattr(self, name))))
        for name in ("sample_id", "group", "score"):
            said = getattr(self, name)
            object.__setattr__(self, name, None if said is None else nfc(said))
