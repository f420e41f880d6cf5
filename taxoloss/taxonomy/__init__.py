"""A tree of classes: its file, its nodes, its names, its integers. Imports errors."""

from __future__ import annotations

from taxoloss.taxonomy.taxonomy import NodeInfo, Taxonomy

__all__ = ["NodeInfo", "Taxonomy"]
