"""taxoloss in Hugging Face's Trainer, pipelines, configs, model cards and Hub folders.

Imports taxonomy, functional, loss, metrics, decisions; transformers and huggingface_hub where needed.
"""

from __future__ import annotations

from taxoloss.integrations.transformers.arguments import check_arguments
from taxoloss.integrations.transformers.cards import model_card
from taxoloss.integrations.transformers.hub import coders
from taxoloss.integrations.transformers.labels import check_config, label_maps
from taxoloss.integrations.transformers.pipelines import rollup
from taxoloss.integrations.transformers.scores import compute_metrics, preprocess_logits_for_metrics
from taxoloss.integrations.transformers.sums import compute_loss_func

__all__ = [
    "check_arguments",
    "check_config",
    "coders",
    "compute_loss_func",
    "compute_metrics",
    "label_maps",
    "model_card",
    "preprocess_logits_for_metrics",
    "rollup",
]
