"""The names of classes in the configuration of a model: written from a tree, and compared with it."""

from __future__ import annotations

from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.taxonomy.class_names import Name, class_list
from taxoloss.taxonomy.other_names import numbers_given
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["check_config", "label_maps"]


def label_maps(taxonomy: Taxonomy) -> dict[str, Any]:
    """`id2label` and `label2id` of a bound taxonomy: AutoModel...from_pretrained(name, **label_maps(t)).

    Classes have their names, or all of them their paths a/b/c where a name stands in several branches.
    `t.bind(model.config.id2label)` is the taxonomy again.

    Raises:
        ValueError: the taxonomy is not bound.
        BindingError: names hold "/" so that their paths are ambiguous.

    >>> from taxoloss import Taxonomy
    >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["pug", "Bengal"])
    >>> label_maps(t)
    {'id2label': {0: 'pug', 1: 'Bengal'}, 'label2id': {'pug': 0, 'Bengal': 1}}
    """
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    names = list(taxonomy.classes)
    if len(set(names)) < len(names):
        names = ["/".join(path) for path in taxonomy.paths()]
    taxonomy.bind(names)
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def check_config(config: Any, taxonomy: Taxonomy) -> None:
    """Refuses a model whose outputs are not the classes of a taxonomy, in its order.

    Args:
        config: a configuration of transformers, or a model that has one.
        taxonomy: bound (`Taxonomy.bind`).

    Raises:
        TypeError: config has no id2label.
        ValueError: the classes stand in another order; id2label and label2id contradict each other; the
            model is made for several labels a sample, or for regression; the taxonomy is not bound.
        BindingError: classes have no names (LABEL_0), are missing, extra or there twice.

    >>> from taxoloss import Taxonomy
    >>> from transformers import ViTConfig
    >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["pug", "Bengal"])
    >>> check_config(ViTConfig(**label_maps(t)), t)
    >>> check_config(ViTConfig(**label_maps(t)), t.bind(["Bengal", "pug"]))
    Traceback (most recent call last):
    ValueError: expected the model's classes in the taxonomy's order, got `dog/pug` as class 0, where
    the taxonomy has `cat/Bengal`: bind it to the model, taxonomy.bind(model.config.id2label)
    """
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    config = getattr(config, "config", config)
    id2label = getattr(config, "id2label", None)
    if not id2label:
        raise TypeError(f"expected a model or its configuration with id2label, got {type(config).__name__}")
    names = class_list(id2label)
    _check_inverse(names, getattr(config, "label2id", None))
    problem = getattr(config, "problem_type", None)
    if problem not in (None, "single_label_classification"):
        raise ValueError(
            "expected a model of one label a sample (problem_type 'single_label_classification'), got "
            f"{problem!r}, whose outputs are no softmax"
        )
    model = taxonomy.bind(names)
    if not taxonomy.same_binding(model.binding_digest):
        pairs = enumerate(zip(model.paths(), taxonomy.paths(), strict=True))
        number, there, here = next((n, a, b) for n, (a, b) in pairs if a != b)
        raise ValueError(
            f"expected the model's classes in the taxonomy's order, got {quoted('/'.join(there))} as class "
            f"{number}, where the taxonomy has {quoted('/'.join(here))}: bind it to the model, "
            "taxonomy.bind(model.config.id2label)"
        )


def _check_inverse(names: list[Name], label2id: Any) -> None:
    """ValueError where id2label and label2id say two things."""
    if not label2id or (numbers_given(list(map(str, label2id))) and not numbers_given(names)):
        return  # transformers' default, which nobody wrote
    for number, name in enumerate(names):
        other = label2id.get(name)
        if other is None or int(other) != number:
            raise ValueError(
                f"expected label2id as the inverse of id2label, got {number} -> {quoted(str(name))} and "
                f"{quoted(str(name))} -> {other}: make both with label_maps(taxonomy)"
            )
