"""The readers of `taxoloss.sources.class_lists`, where lines that `taxoloss check` wrote look for them."""

from __future__ import annotations

from taxoloss.sources.class_lists import ClassList, from_column, from_file, from_folder, from_hugging_face

__all__ = ["ClassList", "from_column", "from_file", "from_folder", "from_hugging_face"]
