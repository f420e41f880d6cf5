"""Interleaved rounds, and the ratios of their times.

In a round every competitor, in an order that is shuffled each time, does one step that is not timed and
then a block of steps that is. A ratio is formed within each round, so that other work on the machine falls
on both of its sides; what is reported is the median over the rounds.

Why one step is not timed: buffers of many megabytes go back to the system or stay with the allocator
(glibc's), as sizes and order of what was freed decide. What another competitor left behind changes the page
faults of the next step, and with them its time, by up to a factor of two. Each is to find the heap as its
own steps leave it, which is how a training loop finds it. Where a process happens to lie in memory matters
as much: the rounds of a case come from several processes.
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

from benchmarks.suite.cases import Case, Competitor, LeftOutError
from benchmarks.suite.problem import Problem, check_same_loss

#: Seconds that a timed block has at least; processes of a case, and rounds that each has at least.
BLOCK, PROCESSES, LEAST_ROUNDS = 2e-3, 3, 5


class Runner:
    """One competitor in one mode; counts how many steps make a block."""

    def __init__(self, competitor: Competitor, mode: str) -> None:
        self.competitor = competitor
        self.work = competitor.step if mode == "train" else competitor.forward
        self.one()  # compiles, fills caches
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
        self.one()
        return sum(self.one() for _ in range(self.steps)) / self.steps


def measure(case: Case, least: int) -> dict[str, Any]:
    """Seconds of each round by competitor, and who was left out and why."""
    competitors, left_out = competitors_of(case)
    check_same_loss(competitors)
    with torch.set_grad_enabled(case.mode == "train"):
        runners = {name: Runner(one, case.mode) for name, one in competitors.items()}
        gc.collect()
        gc.disable()
        times = _rounds(runners, case.seconds, least)
        gc.enable()
    return {"times": times, "left_out": left_out}


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
    order, rng = list(runners), random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in runners}
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times[order[0]]) < least:
        rng.shuffle(order)
        for name in order:
            times[name].append(runners[name].block())
    return times


def pooled(parts: Sequence[dict[str, Any]], case: Case) -> dict[str, Any]:
    """Times and ratios by competitor, over the rounds of several processes."""
    names = parts[0]["times"]
    times = {name: [took for part in parts for took in part["times"][name]] for name in names}
    found = {}
    for name, own in times.items():
        over = {base: quartiles(own, times[base]) for base in case.references if base in times}
        found[name] = {"microseconds": round(1e6 * statistics.median(own), 2), "over": over}
    rounds = len(next(iter(times.values())))
    return {"rounds": rounds, "results": found, "left_out": parts[0]["left_out"]}


def quartiles(own: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Of the ratios of the rounds."""
    ratios = [one / other for one, other in zip(own, base, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return {"median": round(middle, 4), "q1": round(low, 4), "q3": round(high, 4)}
