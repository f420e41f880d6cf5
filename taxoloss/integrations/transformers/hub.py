"""Modules that are made with a taxonomy, stored in a folder of Hugging Face's Hub and loaded from it.

    class Classifier(nn.Module, PyTorchModelHubMixin, coders=coders):
        def __init__(self, width: int, taxonomy: Taxonomy) -> None:

Then config.json keeps the taxonomy, and what was changed there is refused when it is read. huggingface_hub
asks a coder where the argument is annotated by the class itself (`Taxonomy`, `Taxonomy | None`), which no
module with `from __future__ import annotations` does: there the dict reaches the module, whose head or loss
refuses it. A subclass says `coders=coders` again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["coders"]


def _decode(data: Any) -> Taxonomy | None:
    return None if data is None else Taxonomy.from_dict(data)


#: How `PyTorchModelHubMixin` keeps a Taxonomy in a config.json, and reads it again.
coders: dict[type, tuple[Callable[..., Any], Callable[..., Any]]] = {Taxonomy: (Taxonomy.to_dict, _decode)}
