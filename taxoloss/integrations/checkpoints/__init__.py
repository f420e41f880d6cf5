"""Checkpoints that say which column is which class: safetensors and JSON in one file, never pickle.

`taxoloss.save` and `taxoloss.load_checkpoint` are made here. Needs safetensors (the extra `checkpoints`).
"""

from taxoloss.integrations.checkpoints.loading import Checkpoint, load_checkpoint
from taxoloss.integrations.checkpoints.saving import save

__all__ = ["Checkpoint", "load_checkpoint", "save"]
