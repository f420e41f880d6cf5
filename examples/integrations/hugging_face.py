"""Hugging Face's Trainer with the loss and scores of a tree, and a stored model's answers at every level.

python hugging_face.py [--samples 1110] [--epochs 3]: a small vision transformer, nothing is downloaded.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image

import taxoloss
from taxoloss.integrations import transformers as hugging_face


def pictures(t: taxoloss.Taxonomy, count: int, seed: int) -> list[dict[str, torch.Tensor | int]]:
    """Each breed has a pattern, half of it its species'; one label in five says only the species."""
    patterns, draw = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    species, breeds = (torch.randn(n, 3, 8, 8, generator=patterns) for n in (2, len(t)))
    samples: list[dict[str, torch.Tensor | int]] = []
    for number in range(count):
        breed = number % len(t)
        above = int(t.ancestor_index("species")[breed])
        pixels = species[above] + breeds[breed] + torch.randn(3, 8, 8, generator=draw)
        coarse = seed == 1 and number % 5 == 0
        label = t.node_id(t.nodes("species")[above]) if coarse else breed
        samples.append({"pixel_values": pixels, "labels": label})
    return samples


def main() -> None:
    """Trains, scores, stores, loads and answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=1110)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    t = taxoloss.load("pets").bind(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, {"species": 0.3, "breed": 0.7})
    config = transformers.ViTConfig(
        hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=8,
        patch_size=4, **hugging_face.label_maps(t),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        args = transformers.TrainingArguments(
            folder, num_train_epochs=options.epochs, learning_rate=3e-3, per_device_train_batch_size=16,
            gradient_accumulation_steps=2, report_to="none", save_strategy="no", use_cpu=True,
        )  # fmt: skip
        trainer = transformers.Trainer(
            transformers.ViTForImageClassification(config), args,
            train_dataset=pictures(t, options.samples, 1),
            eval_dataset=pictures(t, options.samples // 2, 2),
            compute_loss_func=hugging_face.compute_loss_func(loss, args),
            compute_metrics=hugging_face.compute_metrics(t, args, loss=loss),
        )  # fmt: skip
        trainer.train()
        scores = {name: value for name, value in trainer.evaluate().items() if "/" in name}
        trainer.save_model(folder)
        Path(folder, "README.md").write_text(hugging_face.model_card(t, scores), encoding="utf-8")
        model = transformers.ViTForImageClassification.from_pretrained(folder)
    hugging_face.check_config(model, t)  # the outputs that were stored are the classes of this tree
    processor = transformers.ViTImageProcessor(size={"height": 8, "width": 8})
    pipe = transformers.pipeline(
        "image-classification", model=model, image_processor=processor, device="cpu"
    )
    grey = Image.fromarray(np.full((8, 8, 3), 128, np.uint8))
    answer = hugging_face.rollup(pipe(grey, top_k=len(t)), t)
    print({name: round(value, 3) for name, value in scores.items()})
    print({level: nodes[0]["label"] for level, nodes in answer.items()})


if __name__ == "__main__":
    main()
