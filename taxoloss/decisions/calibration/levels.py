"""Log-odds of each level made to mean what they say, by maps that rise strictly.

A map is a broken line through knots (log-odds as computed, log-odds as observed), with slope 1 beyond
them. It rises strictly, so that on one level the order of the answers stays. On a path the running maximum
from below is taken: a node is at least as sure as the node below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions.calibration.coarse import coarse_sentence
from taxoloss.functional.arithmetic import wide_on

__all__ = ["LevelCalibration", "broken_line"]

_Array = np.ndarray[Any, np.dtype[np.float64]]
METHODS = ("isotonic", "temperature", "platt")
#: The least rise of a map, so that it is strict.
_SLOPE = 1e-3
#: Log-odds beyond this tell nothing more.
_LARGEST = 60.0


@dataclass(frozen=True)
class LevelCalibration:
    """For each level a strictly rising map of log-odds; made by `calibrate_levels`.

    A `Threshold` that was calibrated with it saves and loads it too.
    """

    method: str
    n: int
    digest: str
    #: For each level the knots: x, then y.
    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    #: Rows labelled above the classes; what they were, "wrong" (a deeper answer is) or "skip" (left out).
    coarse: int = 0
    coarse_as: str = "wrong"

    def __str__(self) -> str:
        rows = self.n + (self.coarse if self.coarse_as == "skip" else 0)
        told = coarse_sentence(self.coarse, rows, self.coarse_as)
        return f"{self.method} on {len(self.knots)} levels, of {self.n:,} calibration samples.{told}"

    def __call__(self, odds: Tensor) -> Tensor:
        """Log-odds (N, L, d1..dk) of paths, mapped level by level, and falling from the top down."""
        mapped = [_interpolated(odds[:, level], *knots) for level, knots in enumerate(self.knots)]
        for level in reversed(range(len(mapped) - 1)):  # a running maximum, which ONNX has not
            mapped[level] = torch.maximum(mapped[level], mapped[level + 1])
        return torch.stack(mapped, 1)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> LevelCalibration:
        """Of what dataclasses.asdict made, also after JSON."""
        knots = tuple((tuple(x), tuple(y)) for x, y in data["knots"])
        coarse = data.get("coarse", 0), data.get("coarse_as", "wrong")  # files of 0.1 have neither
        return LevelCalibration(data["method"], data["n"], data["digest"], knots, *coarse)


def _interpolated(odds: Tensor, x: tuple[float, ...], y: tuple[float, ...]) -> Tensor:
    wide = odds.to(wide_on(odds.device))
    at, to = (torch.tensor(values, dtype=wide.dtype, device=wide.device) for values in (x, y))
    if torch.compiler.is_compiling():  # ONNX has no search
        right = (at < wide.unsqueeze(-1)).sum(-1)
    else:
        right = torch.searchsorted(at, wide.contiguous())
    right = right.clamp(1, max(1, len(x) - 1))
    left = right - 1
    right = right.clamp(max=len(x) - 1)
    rise = (to[right] - to[left]) / (at[right] - at[left]).clamp(min=1e-12)
    inside = to[left] + rise * (wide - at[left])
    found = torch.where(wide <= at[0], to[0] + (wide - at[0]), inside)
    found = torch.where(wide >= at[-1], to[-1] + (wide - at[-1]), found)
    return found.to(odds.dtype)


def broken_line(odds: _Array, right: _Array, method: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The knots of one level, from log-odds (n,) and whether each was right (n,)."""
    odds = np.clip(odds, -_LARGEST, _LARGEST)
    if method == "isotonic":
        x, y = _isotonic(odds, right)
    else:
        scale, shift = _logistic(odds, right, shifted=method == "platt")
        x = np.array([-_LARGEST, _LARGEST])
        y = scale * x + shift
    # Strictly rising, whatever the data.
    y = np.maximum.accumulate(y - _SLOPE * x) + _SLOPE * x
    return tuple(x.tolist()), tuple(y.tolist())


def _isotonic(odds: _Array, right: _Array) -> tuple[_Array, _Array]:
    """Pool adjacent violators: blocks of neighbours whose shares right rise."""
    order = np.argsort(odds, kind="stable")
    blocks: list[list[float]] = []  # sum of log-odds, number right, size
    for o, r in zip(odds[order].tolist(), right[order].tolist(), strict=True):
        blocks.append([o, r, 1.0])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    sums = np.array(blocks)
    # Half a row more on each side: no block is certain.
    share = (sums[:, 1] + 0.5) / (sums[:, 2] + 1)
    y = np.maximum.accumulate(np.log(share) - np.log1p(-share))
    return sums[:, 0] / sums[:, 2], y


def _logistic(odds: _Array, right: _Array, shifted: bool) -> tuple[float, float]:
    """Scale (positive) and shift of the logistic regression of `right` on the log-odds, by Newton."""
    design = np.stack([odds, np.ones_like(odds)], 1) if shifted else odds[:, None]
    # A little prior towards the identity: separable rows have no largest likelihood.
    weak, start = 1e-2, np.array([1.0, 0.0][: design.shape[1]])
    beta = start.copy()
    for _ in range(50):
        p = 0.5 * (1 + np.tanh(design @ beta / 2))
        slope = design.T @ (right - p) - weak * (beta - start)
        curve = (design * (p * (1 - p))[:, None]).T @ design + weak * np.eye(len(beta))
        step = np.linalg.solve(curve, slope)
        beta = beta + step * min(1.0, 1.0 / max(1e-12, float(np.abs(step).max())))
        if float(np.abs(step).max()) < 1e-10:
            break
    return max(float(beta[0]), _SLOPE), float(beta[1]) if shifted else 0.0
