"""The questions, each a list of cases; the name of a question is the name of its file of results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from benchmarks.suite.cases import OTHERS, PEERS, Case, Goal

ALL, ONE = None, 1
Shape = tuple[int, ...]
#: (batch, classes, levels): goals of the native kernel and of Python over flat, and seconds for a case.
SIZES: dict[tuple[int, int, int], tuple[float | None, float | None, float]] = {
    (256, 37, 2): (1.5, 3, 2.0),
    (256, 370, 4): (None, None, 2.0),
    (256, 1_000, 12): (0.8, 2.3, 2.0),
    (4_096, 1_000, 12): (0.6, 1.4, 3.0),
    (256, 10_000, 8): (0.75, 1.1, 3.0),
    (64, 100_000, 8): (0.5, 0.9, 4.0),
    (32, 1_000_000, 8): (None, None, 4.0),
}
LEVELS = (2, 4, 8, 12, 16, 24)
SMALL, MIDDLE = (256, 37, 2), (256, 1_000, 12)
FORMS = ("ours", "ours pure")
PERMUTED = ("ours permuted", "ours pure permuted")


def _at_most(*bounds: float | None, of: tuple[str, ...] = FORMS, over: str = "flat") -> tuple[Goal, ...]:
    """Of the native kernel and of Python."""
    told = zip(of, bounds, strict=True)
    return tuple(Goal(name, over, at_most=bound) for name, bound in told if bound is not None)


def _on_both(cases: Iterable[Case]) -> list[Case]:
    """On all threads and on one."""
    return [replace(case, threads=threads) for case in cases for threads in (ALL, ONE)]


def _classes(mode: str) -> list[Case]:
    """Over the number of classes, in the order of the tree and in a random one."""
    near = (Goal("ours permuted", "ours", at_most=1.25),)
    return _on_both(
        Case(
            (batch, classes),
            levels,
            ("flat", *FORMS, *PERMUTED),
            ("flat", *FORMS),
            mode=mode,
            seconds=seconds,
            goals=(*_at_most(native, pure), *near) if mode == "train" else (),
        )
        for (batch, classes, levels), (native, pure, seconds) in SIZES.items()
        if mode == "train" or classes < 1_000_000  # whose trees take long to make
    )


def _levels() -> list[Case]:
    """Over the number of levels: trees of the same classes, all in one process."""
    native, pure = ([f"levels{form} {levels}" for levels in LEVELS] for form in ("", " pure"))
    few = (native[0], pure[0])
    goals = (Goal(native[-1], few[0], at_most=1.15), Goal(pure[-1], few[1], at_most=1.5))
    names, references = ("flat", *native, *pure), ("flat", *few)
    return _on_both([Case((256, 10_000), 0, names, references, seconds=8.0, goals=goals)])


def _trees() -> list[Case]:
    """Groups of about equal size against groups of any size."""
    names = ("flat", *FORMS, "ours regular", "ours pure regular")
    return [Case((256, 10_000), 8, names, seconds=3.0)]


def _compiled() -> list[Case]:
    """torch.compile(fullgraph=True) on both sides, and both without it."""
    names = ("flat compiled", "ours compiled", "flat", "ours")
    goals = {SMALL: (Goal("ours compiled", "flat compiled", at_most=1.4),), MIDDLE: ()}
    return [
        Case((batch, classes), levels, names, ("flat compiled", "flat"), goals=goal)
        for (batch, classes, levels), goal in goals.items()
    ]


def _peers() -> list[Case]:
    """Other ways to such a loss: none is to be faster."""
    sizes = [size for size, (native, _, _) in SIZES.items() if native is not None]
    goals = (Goal(OTHERS, "ours", at_least=1.0),)
    return _on_both(
        Case((batch, classes), levels, ("flat", *FORMS, *PEERS), ("flat", "ours"), goals=goals)
        for batch, classes, levels in sizes
    )


def _memory() -> list[Case]:
    """Peak of a step, forward and backward, the gradient included."""
    names = ("flat", *FORMS, *PERMUTED, "scatter", "dense matrices")
    goals = _at_most(1.05, 1.5, over="logits")
    sizes = ((4_096, 1_000, 12), (256, 10_000, 8), (64, 100_000, 8))
    return [
        Case((batch, classes), levels, names, kind="memory", goals=goals)
        for batch, classes, levels in sizes
    ]


def _dense() -> list[Case]:
    """A target for each pixel, in both memory layouts; one for each place of a short row."""
    names, goals = ("flat", *FORMS), _at_most(1.5, 4)
    layouts = ("contiguous", "channels_last")
    images = [Case((2, 19, 256, 256), 2, names, layout=layout, goals=goals) for layout in layouts]
    more = [Case((2, 150, 128, 128), 3, names, layout=layout) for layout in layouts]
    return _on_both([*images, *more, Case((2_048, 100, 1), 3, names, goals=goals)])


def _calls() -> list[Case]:
    """Calls of torch in a step, and what a function of autograd costs that does nothing."""
    names = ("flat", *FORMS)
    size, levels = SMALL[:2], SMALL[2]
    return [Case(size, levels, names, kind="calls"), Case(size, levels, (*names, "empty function"))]


def _options() -> list[Case]:
    """Each against torch with the same option; soft targets over nodes, against class probabilities."""
    names = ("flat", *FORMS)
    small = Case(SMALL[:2], SMALL[2], names, option="smoothing", goals=_at_most(2, 4))
    middle = Case(MIDDLE[:2], MIDDLE[2], names, goals=_at_most(1.5, 4))
    soft = [
        replace(middle, option=option) for option in ("smoothing", "probabilities", "node probabilities")
    ]
    twice = [
        replace(middle, option=option, competitors=("flat", "ours"), goals=())
        for option in ("torch.func", "double backward")
    ]
    return [*_on_both([small, *soft]), *twice]


def _metrics() -> list[Case]:
    """An update of the collection of metrics, in softmaxes of the same logits."""
    bounds = {SMALL: (15, 40), (256, 10_000, 8): (2.5, 5)}
    both = ("collection", "collection pure")
    return _on_both(
        Case(
            (batch, classes),
            levels,
            ("softmax", *both),
            ("softmax",),
            mode="forward",
            goals=_at_most(*pair, of=both, over="softmax"),
        )
        for (batch, classes, levels), pair in bounds.items()
    )


QUESTIONS: dict[str, list[Case]] = {
    "classes": _classes("train"),
    "classes_forward": _classes("forward"),
    "levels": _levels(),
    "trees": _trees(),
    "compiled": _compiled(),
    "peers": _peers(),
    "memory": _memory(),
    "dense": _dense(),
    "calls": _calls(),
    "options": _options(),
    "metrics": _metrics(),
}
#: Runs only where it is named: whether the suite works.
SMOKE = {
    "smoke": [
        Case((8, 12), 2, ("flat", "ours", "ours pure", "hierarchicalsoftmax"), threads=ONE, seconds=0.1)
    ]
}
