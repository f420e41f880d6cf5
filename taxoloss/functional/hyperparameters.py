"""A taxonomy among hyperparameters is plain data.

torch.load(weights_only=True) makes it again, and in the YAML that a logger writes of them it can be read.
Both are told when anything of taxoloss that needs torch is imported.
"""

from __future__ import annotations

import torch
import yaml

from taxoloss.taxonomy.taxonomy import Taxonomy, restored

__all__: list[str] = []

torch.serialization.add_safe_globals([restored])
for dumper in (yaml.Dumper, yaml.SafeDumper):
    yaml.add_representer(Taxonomy, lambda to, taxonomy: to.represent_dict(taxonomy.to_dict()), dumper)
