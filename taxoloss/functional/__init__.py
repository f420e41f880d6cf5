"""Functions of logits and a bound taxonomy. Imports taxonomy, weighting."""

from __future__ import annotations

import torch
import yaml

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.taxonomy.taxonomy import Taxonomy, restored

__all__ = ["level_log_probs", "taxonomy_cross_entropy"]

# A taxonomy among hyperparameters is plain data: torch.load(weights_only=True) makes it again, and in the
# YAML that a logger writes of them it can be read.
torch.serialization.add_safe_globals([restored])
for dumper in (yaml.Dumper, yaml.SafeDumper):
    yaml.add_representer(Taxonomy, lambda to, taxonomy: to.represent_dict(taxonomy.to_dict()), dumper)
