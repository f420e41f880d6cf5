"""Interleaved rounds, and the ratios of their times.

In a round every competitor, in an order that is shuffled each time, does one step that is not timed and
then a block of steps that is. A ratio is formed within each round, so that other work on the machine falls
on both of its sides; what is reported is the median over the rounds.

Why one step is not timed: buffers of many megabytes go back to the system or stay with the allocator
(glibc's), as sizes and order of what was freed decide. What another competitor left behind changes the page
faults of the next step, and with them its time, by up to a factor of two. Each is to find the heap as its
own steps leave it, which is how a training loop finds it. Where a process happens to lie in memory matters
as much: the rounds of a case come from several processes.

A slow competitor takes part in the first round of each process alone.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.suite import forms
from benchmarks.suite.cases import Case, Competitor, LeftOutError
from benchmarks.suite.problem import Problem, check_same_loss

#: Seconds that a timed block has at least, and a step of a slow competitor.
BLOCK, SLOW = 2e-3, 0.25
#: Processes of a case, and rounds that each has at least.
PROCESSES, LEAST_ROUNDS = 3, 5


class Runner:
    """One competitor in one mode; counts how many steps make a block."""

    def __init__(self, competitor: Competitor, mode: str) -> None:
        self.competitor = competitor
        self.work = competitor.step if mode == "train" else competitor.forward
        forms.take(competitor.pure)
        self.one()  # compiles, fills caches
        seconds = self.one()
        self.slow = seconds > SLOW
        if not self.slow:
            seconds = statistics.median(self.one() for _ in range(3))
        self.steps = max(1, math.ceil(BLOCK / seconds))

    def one(self) -> float:
        """Seconds of a step; the gradient of the step before is dropped before the clock starts."""
        self.competitor.logits.grad = None
        start = time.perf_counter()
        self.work()
        return time.perf_counter() - start

    def block(self) -> float:
        """Seconds of a step, from a block that follows a step which is not timed."""
        forms.take(self.competitor.pure)
        if not self.slow:
            self.one()
        return sum(self.one() for _ in range(self.steps)) / self.steps


def measure(case: Case, least: int, competitors: dict[str, Competitor]) -> dict[str, Any]:
    """Seconds of each round by competitor."""
    check_same_loss(competitors)
    with torch.set_grad_enabled(case.mode == "train"):
        runners = {name: Runner(one, case.mode) for name, one in competitors.items()}
        gc.collect()
        gc.disable()
        times = _rounds(runners, case.seconds, least)
        gc.enable()
    return {"times": times}


def competitors_of(case: Case) -> tuple[dict[str, Competitor], dict[str, str]]:
    """By name, those that run here and the reasons of those that do not."""
    problem = Problem(case)
    competitors, left_out = {}, {}
    for name in case.competitors:
        try:
            competitors[name] = problem.competitor(name)
        except LeftOutError as error:
            left_out[name] = str(error)
    return competitors, left_out


def _rounds(runners: dict[str, Runner], seconds: float, least: int) -> dict[str, list[float]]:
    rng, rounds = random.Random(0), 0
    times: dict[str, list[float]] = {name: [] for name in runners}
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or rounds < least:
        order = [name for name, runner in runners.items() if rounds == 0 or not runner.slow]
        rng.shuffle(order)
        for name in order:
            times[name].append(runners[name].block())
        rounds += 1
    return times


def pooled(parts: Sequence[dict[str, Any]], case: Case) -> dict[str, Any]:
    """Times and ratios by competitor, over the rounds of several processes."""
    found = {}
    for name in parts[0]["times"]:
        times = [took for part in parts for took in part["times"][name]]
        over = {
            base: quartiles(ratios(parts, name, base))
            for base in case.references
            if base in parts[0]["times"]
        }
        microseconds = round(1e6 * statistics.median(times), 2)
        found[name] = {"microseconds": microseconds, "rounds": len(times), "over": over}
    return {"results": found, "left_out": parts[0]["left_out"]}


def ratios(parts: Sequence[dict[str, Any]], name: str, base: str) -> list[float]:
    """Of the rounds in which both took part: in each process, the first ones."""
    pairs = [pair for part in parts for pair in zip(part["times"][name], part["times"][base], strict=False)]
    return [one / other for one, other in pairs]


def quartiles(numbers: Sequence[float]) -> dict[str, float]:
    """Of a few numbers; of one, itself."""
    low, middle, high = statistics.quantiles(
        [*numbers, *numbers[: len(numbers) == 1]], n=4, method="inclusive"
    )
    return {"median": round(middle, 4), "q1": round(low, 4), "q3": round(high, 4)}
