"""taxoloss: one file describes a tree of classes; the loss, the metrics and the checks follow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taxoloss import (
        controls,
        decisions,
        errors,
        evaluation,
        functional,
        heads,
        metrics,
        plot,
        report,
        sources,
        sweep,
        weighting,
    )
    from taxoloss.errors.faults import TaxonomyError
    from taxoloss.integrations.checkpoints import load_checkpoint, save
    from taxoloss.integrations.onnx import export_onnx
    from taxoloss.loss import TaxonomyLoss
    from taxoloss.taxonomy.file.limits import Limits
    from taxoloss.taxonomy.loading import load
    from taxoloss.taxonomy.taxonomy import Taxonomy
    from taxoloss.taxonomy.versions.migration import Migration

#: That of the package's metadata, read when asked for.
__version__: str

__all__ = [
    "Limits",
    "Migration",
    "Taxonomy",
    "TaxonomyError",
    "TaxonomyLoss",
    "controls",
    "decisions",
    "errors",
    "evaluation",
    "export_onnx",
    "functional",
    "heads",
    "load",
    "load_checkpoint",
    "metrics",
    "plot",
    "report",
    "save",
    "sources",
    "sweep",
    "weighting",
]

# Resolved when first used: reading a file takes no torch, and torch takes a second.
_HOME = {
    "Limits": "taxoloss.taxonomy.file.limits",
    "Migration": "taxoloss.taxonomy.versions.migration",
    "Taxonomy": "taxoloss.taxonomy.taxonomy",
    "TaxonomyError": "taxoloss.errors",
    "TaxonomyLoss": "taxoloss.loss",
    "export_onnx": "taxoloss.integrations.onnx",
    "load": "taxoloss.taxonomy.loading",
    "load_checkpoint": "taxoloss.integrations.checkpoints",
    "save": "taxoloss.integrations.checkpoints",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("taxoloss.errors.formats").installed_version()
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in __all__:
        return import_module(f"taxoloss.{name}")
    raise AttributeError(f"module 'taxoloss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
