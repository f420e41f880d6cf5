"""The questions, each a list of cases; the name of a question is the name of its file of results."""

from __future__ import annotations

from benchmarks.suite.cases import Case, Goal

ALL, ONE = None, 1
#: (batch, classes, levels): goal for forward and backward on all threads, and seconds for a case.
SIZES: dict[tuple[int, int, int], tuple[float | None, float]] = {
    (256, 37, 2): (3.5, 2.0),
    (256, 370, 4): (None, 2.0),
    (256, 1_000, 12): (2.5, 2.0),
    (4_096, 1_000, 12): (1.4, 3.0),
    (256, 10_000, 8): (1.1, 3.0),
    (64, 100_000, 8): (0.9, 4.0),
    (32, 1_000_000, 8): (None, 4.0),
}
LEVELS = (2, 4, 8, 12, 16, 24)
SMALL, MIDDLE = (256, 37, 2), (256, 1_000, 12)


def _at_most(bound: float | None, of: str = "ours", over: str = "flat") -> tuple[Goal, ...]:
    return () if bound is None else (Goal(of, over, at_most=bound),)


def _classes(mode: str) -> list[Case]:
    """Over the number of classes, in the order of the tree and in a random one."""
    cases = []
    for (batch, classes, levels), (bound, seconds) in SIZES.items():
        for threads in (ALL, ONE):
            goals = _at_most(bound) if mode == "train" and threads is ALL else ()
            cases.append(
                Case(
                    (batch, classes),
                    levels,
                    ("flat", "ours", "ours permuted"),
                    ("flat", "ours"),
                    mode=mode,
                    threads=threads,
                    seconds=seconds,
                    goals=goals,
                )
            )
    return cases


def _levels() -> list[Case]:
    """Over the number of levels: trees of the same classes, all in one process."""
    names = tuple(f"levels {levels}" for levels in LEVELS)
    first, last = names[0], names[-1]
    goals = (_at_most(1.5, last, first), ())
    return [
        Case((256, 10_000), 0, ("flat", *names), ("flat", first), threads=threads, seconds=8, goals=goal)
        for threads, goal in zip((ALL, ONE), goals, strict=True)
    ]


def _trees() -> list[Case]:
    """Groups of about equal size against groups of any size."""
    names = ("flat", "ours", "ours regular")
    return [Case(MIDDLE[:2], MIDDLE[2], names), Case((256, 10_000), 8, names, seconds=3.0)]


def _compiled() -> list[Case]:
    """torch.compile(fullgraph=True) on both sides, and both without it."""
    names = ("flat compiled", "ours compiled", "flat", "ours")
    bounds = {SMALL: 1.4, MIDDLE: None}
    return [
        Case(
            (batch, classes),
            levels,
            names,
            ("flat compiled", "flat"),
            goals=_at_most(bounds[batch, classes, levels], "ours compiled", "flat compiled"),
        )
        for batch, classes, levels in bounds
    ]


def _peers() -> list[Case]:
    """Other ways to such a loss."""
    names = ("flat", "ours", "dense matrices", "gathered groups", "scatter", "hierarchicalsoftmax")
    slower = (Goal("hierarchicalsoftmax", "ours", at_least=20.0),)
    return [
        Case(
            (batch, classes),
            levels,
            names,
            ("flat", "ours"),
            threads=threads,
            seconds=4.0,
            goals=slower if (batch, classes, levels) == MIDDLE else (),
        )
        for batch, classes, levels in (SMALL, MIDDLE)
        for threads in (ALL, ONE)
    ]


def _memory() -> list[Case]:
    """Peak of a step, forward and backward, the gradient included."""
    own = ("flat", "ours", "ours permuted", "scatter")
    dense = (*own, "dense matrices")
    goals = (Goal("ours", "logits", at_most=1.5),)
    return [
        Case((4_096, 1_000), 12, dense, kind="memory", goals=goals),
        Case((256, 10_000), 8, dense, kind="memory", goals=goals),
        Case((64, 100_000), 8, own, kind="memory", goals=goals),
    ]


def _dense() -> list[Case]:
    """A target for each pixel, in both memory layouts."""
    shapes = {(2, 19, 256, 256): 2, (2, 150, 128, 128): 3}
    return [
        Case(shape, levels, ("flat", "ours"), layout=layout)
        for shape, levels in shapes.items()
        for layout in ("contiguous", "channels_last")
    ]


def _calls() -> list[Case]:
    """Calls of torch in a step, and what a function of autograd costs that does nothing."""
    sizes = (SMALL, MIDDLE)
    counted = [
        Case((batch, classes), levels, ("flat", "ours"), kind="calls") for batch, classes, levels in sizes
    ]
    return [*counted, Case((256, 37), 2, ("flat", "ours", "empty function"))]


def _options() -> list[Case]:
    """What does not take the usual form: each against torch with the same option."""
    batch, classes, levels = MIDDLE
    return [
        Case((batch, classes), levels, ("flat", "ours"), option=option)
        for option in ("smoothing", "probabilities", "torch.func", "double backward")
    ]


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
}
#: Runs only where it is named: whether the suite works.
SMOKE = {"smoke": [Case((8, 12), 2, ("flat", "ours", "hierarchicalsoftmax"), threads=ONE, seconds=0.1)]}
