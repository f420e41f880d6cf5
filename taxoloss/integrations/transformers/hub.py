"""Modules that are made with a taxonomy, stored in a folder of Hugging Face's Hub and loaded from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from taxoloss.errors.packages import package
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from huggingface_hub import PyTorchModelHubMixin
else:
    PyTorchModelHubMixin = package(
        "huggingface_hub", "TaxonomyHubMixin", "transformers", "0.26"
    ).PyTorchModelHubMixin

__all__ = ["TaxonomyHubMixin"]


class TaxonomyHubMixin(PyTorchModelHubMixin):
    """PyTorchModelHubMixin for modules made with a Taxonomy, which then stands in config.json.

    The argument must have an annotation. A taxonomy that is changed in the file is refused when it is read
    (`Taxonomy.from_dict`), and a head's weights by another taxonomy than that of the file.
    (huggingface_hub's `coders` are not asked: it takes a Taxonomy for a dataclass of plain values.)

    >>> import taxoloss, tempfile
    >>> from torch import nn
    >>> class Classifier(nn.Module, TaxonomyHubMixin):
    ...     def __init__(self, width: int, taxonomy: taxoloss.Taxonomy) -> None:
    ...         super().__init__()
    ...         self.head = taxoloss.heads.PathSum(width, taxonomy)
    >>> folder = tempfile.mkdtemp()
    >>> Classifier(8, taxoloss.load("pets").bind()).save_pretrained(folder)
    >>> Classifier.from_pretrained(folder).head.taxonomy
    Loading weights from local directory
    Taxonomy('pets', 37 classes, species 2 > breed 37, bound in the file's order)
    """

    @classmethod
    def _encode_arg(cls, arg: Any) -> Any:
        return arg.to_dict() if isinstance(arg, Taxonomy) else super()._encode_arg(arg)

    @classmethod
    def _decode_arg(cls, expected_type: Any, value: Any) -> Any:
        # By what it holds: annotations may be texts, or unions.
        if isinstance(value, Mapping) and str(value.get("taxoloss", "")).startswith("taxonomy "):
            return Taxonomy.from_dict(value)
        return super()._decode_arg(expected_type, value)
