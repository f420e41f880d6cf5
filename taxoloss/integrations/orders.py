"""Parts of one program that read the same outputs as other classes.

A loss, a head, metrics and data may each have got a bound taxonomy. Where two of them have the same
classes in two orders, each works by itself, and what they say of each other is wrong without a word.
So integrations that see two of them ask here: a LightningModule with its parts, a Learner with its
columns, scores with a loss.

Trees that differ are no mistake: one model may be scored by several trees over its classes.
"""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import quoted
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["check_one_order"]


def check_one_order(what: str, there: Taxonomy, here: Taxonomy) -> None:
    """Refuses two taxonomies with the same classes in two orders.

    Other trees over the same classes, and trees of other classes, are no mistake.

    Args:
        what: whose taxonomy the first is.
        there: bound, or else it says nothing.
        here: that it is used with; bound.

    Raises:
        ValueError: the orders differ.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal"], "dog": ["pug"]}})
    >>> check_one_order("the loss", t.bind(), t.bind(node_targets=True))
    >>> check_one_order("the loss", t.bind(["pug", "Bengal"]), t.bind())
    Traceback (most recent call last):
    ValueError: expected the loss with the classes in the taxonomy's order, got `dog/pug` as class 0, where
    the taxonomy has `cat/Bengal`, 2 of 2 differ: give both the same bound taxonomy
    """
    if there.order is None or here.order is None:
        return
    ours = ["/".join(path) for path in here.paths()]
    theirs = ["/".join(path) for path in there.paths()]
    if sorted(ours) != sorted(theirs):  # another tree: by the classes' own names
        ours, theirs = list(here.classes), list(there.classes)
    wrong = _differing(ours, theirs) if sorted(ours) == sorted(theirs) else []
    if wrong:
        number = wrong[0]
        raise ValueError(
            f"expected {what} with the classes in the taxonomy's order, got {quoted(theirs[number])} as "
            f"class {number}, where the taxonomy has {quoted(ours[number])}, {len(wrong)} of {len(ours)} "
            "differ: give both the same bound taxonomy"
        )


def _differing(ours: Sequence[str], theirs: Sequence[str]) -> list[int]:
    pairs = enumerate(zip(ours, theirs, strict=True))
    return [number for number, (here, there) in pairs if here != there]
