"""Modules that are made with a taxonomy, stored in a folder of Hugging Face's Hub and loaded from it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from taxoloss.errors.packages import package
from taxoloss.taxonomy.stored import difference
from taxoloss.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from huggingface_hub import PyTorchModelHubMixin
else:
    PyTorchModelHubMixin = package(
        "huggingface_hub", "TaxonomyHubMixin", "transformers", "0.26"
    ).PyTorchModelHubMixin

__all__ = ["TaxonomyHubMixin"]


#: The taxonomies of the config.json that is being read.
_READ: ContextVar[list[Taxonomy] | None] = ContextVar("_READ", default=None)


class TaxonomyHubMixin(PyTorchModelHubMixin):
    """PyTorchModelHubMixin for modules made with a Taxonomy, which then stands in config.json.

    The argument must have an annotation. A taxonomy that is changed in the file is refused when it is read
    (`Taxonomy.from_dict`), and so is another tree or order given to `from_pretrained`: the weights are of
    the file's classes, whatever layers they are in. (huggingface_hub's `coders` are not asked: it takes a
    Taxonomy for a dataclass of plain values.)

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
    def from_pretrained(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> Any:
        """That of PyTorchModelHubMixin, which refuses a taxonomy that is not the file's."""
        read: list[Taxonomy] = []
        token = _READ.set(read)
        try:
            return super().from_pretrained(pretrained_model_name_or_path, **kwargs)
        finally:
            _READ.reset(token)

    @classmethod
    def _from_pretrained(cls, **kwargs: Any) -> Any:
        for value in kwargs.values():
            if isinstance(value, Taxonomy):
                _check_given(value, _READ.get() or [])
        return super()._from_pretrained(**kwargs)

    @classmethod
    def _encode_arg(cls, arg: Any) -> Any:
        return arg.to_dict() if isinstance(arg, Taxonomy) else super()._encode_arg(arg)

    @classmethod
    def _decode_arg(cls, expected_type: Any, value: Any) -> Any:
        # By what it holds: annotations may be texts, or unions.
        if isinstance(value, Mapping) and str(value.get("taxoloss", "")).startswith("taxonomy "):
            taxonomy = Taxonomy.from_dict(value)
            if (read := _READ.get()) is not None:
                read.append(taxonomy)
            return taxonomy
        return super()._decode_arg(expected_type, value)


def _check_given(taxonomy: Taxonomy, stored: list[Taxonomy]) -> None:
    """ValueError where weights of other classes, or of another order, would be loaded."""
    if not stored or any(taxonomy is one or taxonomy == one for one in stored):
        return
    leave = "load it without the argument: the model's own taxonomy is in its config.json"
    said = [difference(one, taxonomy, "the stored model", leave, leave) for one in stored]
    if all(said):
        raise ValueError(said[0])
