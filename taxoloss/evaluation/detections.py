"""Results of camera-trap models: predictions of SpeciesNet and result files of MegaDetector.

Both say what was found in each image, and nothing of what is true.

Sources: the output formats of google/cameratrapai (README, "Output format") and of MegaDetector
(agentmorris/MegaDetector, "Batch processing API output format").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.json_values import Number, kind_of
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.tables import SampleTable

__all__ = ["COLUMNS", "detection_table"]

#: The columns of the answers; before them stands that of the files.
COLUMNS = ("prediction", "score", "ranking")
#: uuid, class, order, family, genus, species, common name.
_FIELDS = 7

Spellings = dict[str, tuple[str, ...]]


def detection_table(path: Path, content: Mapping[str, Any], sample_id: str | None) -> SampleTable:
    """The table of an object of JSON.

    Args:
        path: of the file.
        content: what it holds.
        sample_id: how the column of files is to be called.

    Raises:
        PredictionError: it is no such file, or something in it has not the form that it should.
    """
    if isinstance(content.get("predictions"), list):
        reader: _Images = _SpeciesNet(path, "predictions", "filepath", content)
    elif isinstance(content.get("images"), list):
        reader = _MegaDetector(path, "images", "file", content)
    else:
        shown = ", ".join(map(quoted, list(content)[:6])) or "no key"
        raise PredictionError(
            f"{path}: expected a list of records, predictions of SpeciesNet (`predictions`) or a "
            "result file "
            f"of MegaDetector (`images`), got an object with {shown}"
        )
    return reader.table(sample_id or "file")


class _Images:
    """The images of a file, each with a name; what was answered is the subclass's."""

    what = ""

    def __init__(self, path: Path, key: str, name: str, content: Mapping[str, Any]) -> None:
        self.path, self.key, self.name, self.content = path, key, name, content
        self.images = content[key]
        self.spellings: Spellings = {}
        self.notes: list[str] = []

    def answer(self, row: int, image: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
        """The answer to an image, its score, and a ranking; "" and () where there is none."""
        raise NotImplementedError

    def called(self, row: int) -> str:
        """An image, from 0, in messages."""
        return f"image {row + 1}"

    def table(self, sample_id: str) -> SampleTable:
        """The table of the images."""
        if not self.images:
            raise PredictionError(f"{self.path}: expected an image or more, got none")
        files, answers = [], []
        for row, image in enumerate(self.images):
            if not isinstance(image, dict):
                raise self.wrong(row, "an object", image)
            files.append(self.text(row, image, self.name).strip())
            answers.append(self.answer(row, image))
        said, scores, rankings = (list(column) for column in zip(*answers, strict=True))
        none = said.count("")
        notes = [*self.notes, f"{counted(none, 'image')} without an answer"] if none else self.notes
        columns = {sample_id: files, "prediction": said, "score": scores}
        lists = {"ranking": [ranking or ("",) for ranking in rankings]} if any(rankings) else {}
        return SampleTable(
            self.path,
            (*columns, *lists),
            columns,
            self.called,
            f"{self.what} for {counted(len(files), 'image')}",
            lists,
            spellings=self.spellings,
            notes=tuple(notes),
            truth=False,
        )

    # -- parts ---------------------------------------------------------------------------------

    def wrong(self, row: int, expected: str, found: Any, key: str = "") -> PredictionError:
        """The error that names a place."""
        where = f"{self.path}: {self.called(row)} of {quoted(self.key)}" + (
            f", {quoted(key)}" if key else ""
        )
        return PredictionError(f"{where}: expected {expected}, got {kind_of(found)}")

    def text(self, row: int, item: Mapping[str, Any], key: str) -> str:
        """A text that must be there."""
        found = item.get(key)
        if not isinstance(found, str) or isinstance(found, Number) or not found.strip():
            raise self.wrong(row, "a text", found, key)
        return found

    def number(self, row: int, found: Any, key: str) -> float:
        """A number that must be there."""
        if not isinstance(found, Number) or found == "nan":
            raise self.wrong(row, "a number", found, key)
        return float(found)

    def items(self, row: int, item: Mapping[str, Any], key: str) -> list[Any]:
        """A list, or nothing."""
        found = item.get(key)
        if found is not None and not isinstance(found, list):
            raise self.wrong(row, "a list", found, key)
        return found or []

    def label(self, text: str, *others: str) -> str:
        """A label, after it was noted by which names a tree may have it."""
        self.spellings.setdefault(text, (text, *_names_of_label(text), *others))
        return text


def _names_of_label(label: str) -> tuple[str, ...]:
    """What a label of SpeciesNet may be called in a tree beside the label itself, the first that fits.

    A species is never called by its genus, nor by its epithet, which other species have too.

    >>> _names_of_label("990ae9dd;mammalia;carnivora;felidae;lynx;rufus;bobcat")
    ('lynx rufus', 'bobcat')
    >>> _names_of_label("990ae9dd;mammalia;carnivora;felidae;;;cat family")
    ('felidae', 'cat family')
    """
    fields = [field.strip() for field in label.split(";")]
    if len(fields) != _FIELDS:
        return ()
    *ranks, genus, species, common = fields[1:]
    deepest = next((rank for rank in (genus, *reversed(ranks)) if rank), "")
    called = f"{genus} {species}" if genus and species else deepest
    return tuple(dict.fromkeys(name for name in (called, common) if name))


class _SpeciesNet(_Images):
    """The answer is `prediction`, else the best of `classifications`; the ranking is these."""

    what = "predictions of SpeciesNet"

    def answer(self, row: int, image: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
        """As in the base."""
        ranked = self._ranked(row, image)
        ranking = tuple(self.label(name) for name, _ in ranked)
        if image.get("prediction") is None:
            return (ranking[0], f"{ranked[0][1]!r}", ranking) if ranking else ("", "", ())
        score = image.get("prediction_score")
        said = self.label(self.text(row, image, "prediction").strip())
        shown = "" if score is None else f"{self.number(row, score, 'prediction_score')!r}"
        return said, shown, ranking

    def _ranked(self, row: int, image: Mapping[str, Any]) -> list[tuple[str, float]]:
        found = image.get("classifications")
        if found is None:
            return []
        if not isinstance(found, dict):
            raise self.wrong(row, "an object", found, "classifications")
        names, scores = self.items(row, found, "classes"), self.items(row, found, "scores")
        if len(names) != len(scores):
            raise PredictionError(
                f"{self.path}: {self.called(row)} of {quoted(self.key)}: expected a score for "
                "each class, got "
                f"{len(names)} classes and {len(scores)} scores"
            )
        for name in names:
            if not isinstance(name, str) or isinstance(name, Number):
                raise self.wrong(row, "a text", name, "classes")
        pairs = [
            (name.strip(), self.number(row, score, "scores"))
            for name, score in zip(names, scores, strict=True)
        ]
        return sorted(pairs, key=lambda pair: -pair[1])


class _MegaDetector(_Images):
    """The answer is the best classification of the surest detection, else the name of its category."""

    what = "results of MegaDetector"

    def __init__(self, path: Path, key: str, name: str, content: Mapping[str, Any]) -> None:
        super().__init__(path, key, name, content)
        self.detected = self._names("detection_categories")
        self.classes = self._names("classification_categories")
        self.described = self._names("classification_category_descriptions")
        self.ties = 0

    def table(self, sample_id: str) -> SampleTable:
        """As in the base; equal confidences are told."""
        table = super().table(sample_id)
        if not self.ties:
            return table
        have = "has" if self.ties == 1 else "have"
        told = (
            f"{counted(self.ties, 'image')} {have} several surest detections: the first in the file answers"
        )
        return replace(table, notes=(*table.notes, told))

    def _names(self, key: str) -> dict[str, str]:
        found = self.content.get(key) or {}
        if not isinstance(found, dict) or not all(
            isinstance(name, str) and not isinstance(name, Number) for name in found.values()
        ):
            raise PredictionError(f"{self.path}: expected in {quoted(key)} a name for each number")
        return {number: name.strip() for number, name in found.items()}

    def answer(self, row: int, image: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
        """As in the base."""
        found = self.items(row, image, "detections")
        for item in found:
            if not isinstance(item, dict):
                raise self.wrong(row, "an object", item, "detections")
        confs = [self.number(row, item.get("conf"), "conf") for item in found]
        if not confs:
            return "", "", ()
        conf = max(confs)
        self.ties += confs.count(conf) > 1
        item = found[confs.index(conf)]
        ranked = self._ranked(row, item)
        if not ranked:
            category = item.get("category")
            return self._name(row, self.detected, category, "detection_categories"), f"{conf!r}", ()
        ranking = tuple(self._class(row, number) for number, _ in ranked)
        return ranking[0], f"{ranked[0][1]!r}", ranking

    def _ranked(self, row: int, item: Mapping[str, Any]) -> list[tuple[Any, float]]:
        pairs = []
        for pair in self.items(row, item, "classifications"):
            if not isinstance(pair, list) or len(pair) != 2:
                raise self.wrong(row, "pairs of a class and its confidence", pair, "classifications")
            pairs.append((pair[0], self.number(row, pair[1], "classifications")))
        return sorted(pairs, key=lambda pair: -pair[1])

    def _class(self, row: int, number: Any) -> str:
        name = self._name(row, self.classes, number, "classification_categories")
        described = self.described.get(number)
        return name if not described else self.label(described, name)

    def _name(self, row: int, names: Mapping[str, str], number: Any, key: str) -> str:
        if not isinstance(number, str) or number not in names:
            shown = quoted(number) if isinstance(number, str) else kind_of(number)
            raise PredictionError(
                f"{self.path}: {self.called(row)} of {quoted(self.key)}: {quoted(key)} has no {shown}"
            )
        return self.label(names[number])
