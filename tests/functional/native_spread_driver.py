"""Random calls of the native kernel for spread targets, against the loss as it is defined."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from native_trees import Array, Drawn, address, dense_shape, hand_over, numbers, softmax, strided

from taxoloss.functional.kernels.native.library import Kernel, SpreadCall, Units
from taxoloss.functional.kernels.native.parts import parts_of
from taxoloss.functional.kernels.units import points_of, units_of

__all__ = ["spread_once"]

_IGNORED = -100


class _Tables:
    """What the kernel looks up of a tree and the weights (T, K) of all levels."""

    def __init__(self, tree: Drawn, weights: Array, shared: bool, of_nodes: bool) -> None:
        units = units_of(tree.plan, tuple(range(tree.levels)))
        points, root = points_of(units, weights), units.units
        runs = [np.append(units.first, units.first_below), np.append(units.last, units.last_below)]
        found, group = np.unique(np.stack(runs, 1), axis=0, return_inverse=True)
        group, leaf_group = np.split(group.reshape(-1), [root + 1])
        level = np.arange(tree.levels)
        run = ((level >= found[:, :1]) & (level < found[:, 1:])) @ weights[0]
        self.node = np.append(units.node, np.arange(tree.classes))  # a node of each unit and class
        self.held = [
            *_below(units.parent_of_class, root),
            *_below(units.parent, root),
            *(units.parent, units.parent_of_class, *found.T, group, leaf_group),
            *(1 / tree.widths, weights, points.start, points.unit, points.weight),
        ]
        if shared:
            tables: Any = SimpleNamespace(
                units=units,
                weights=weights,
                points=lambda: points,
                run=run,
                group=group,
                leaf_group=leaf_group,
            )
            parts = parts_of(tables) if of_nodes else ()
            self.held += [] if parts is None else [run[group], run[leaf_group], run, *parts]
        self.held = [np.ascontiguousarray(one) for one in self.held]
        sizes = (tree.classes, root, tree.levels, tree.root + 1, len(found))
        self.units = Units(*sizes, *map(address, self.held))


def _below(parent: Array, units: int) -> tuple[Array, Array]:
    """What is right below each unit, the root last, and where that of each starts."""
    order = np.argsort(parent, kind="stable")
    return order, np.searchsorted(parent[order], np.arange(units + 2))


@dataclass
class _Target:
    """What rows should be: ids (rows,), or probabilities (rows, S); what is spread of them (rows, L)."""

    ids: Array | None
    shares: Array
    uniform: Array
    smoothing: float
    own: Array | None
    node_weight: Array | None

    def expected(self, tree: Drawn, weights: Array, z: Array) -> tuple[Array, Array, Array]:
        """Losses (n,), slopes (n, C) and all that is said (n,), by definition in float64."""
        p = softmax(z)
        said, losses, slopes = np.zeros(len(z)), np.zeros(len(z)), np.zeros(z.shape)
        shares = self.shares if self.own is None else self.shares * self.own
        plan, none = tree.plan, shares.shape[1]
        for level, width in enumerate(tree.widths):
            told = np.zeros((len(z), width))
            counted = plan.counted[:none, level]
            part = (shares * weights[:none, level])[:, counted]
            np.add.at(told.T, plan.ancestors[:none, level][counted], (1 - self.smoothing) * part.T)
            own = 1.0 if self.node_weight is None else self.node_weight[plan.nodes[level]]
            told += self.smoothing * self.uniform[:, [level]] / width * own
            mass, of_class = tree.masses(p, level), tree.of_class[level]
            losses -= (told * np.log(mass)).sum(1)
            slopes += p * (told.sum(1, keepdims=True) - (told / mass)[:, of_class])
            said += told.sum(1)
        return losses, slopes, said


def _drawn_target(
    draw: np.random.Generator, tree: Drawn, weights: Array, rows: int, mean_of: Array | None
) -> _Target:
    nodes, kind = tree.root + 1, draw.choice(["ids", "classes", "nodes"])
    kind = "ids" if tree.classes > 5000 else kind
    smoothing = float(draw.choice([0.1, 1.0] if kind == "ids" else [0.0, 0.1, 1.0]))
    sources = tree.classes if kind == "classes" else nodes
    own = draw.random(sources) * (draw.random(sources) < 0.9) if draw.random() < 0.4 else None
    if kind != "ids":
        shares = draw.random((rows, sources)) * (draw.random((rows, sources)) < 0.4)
        return _Target(None, shares, shares @ weights[:sources], smoothing, own, mean_of)
    ids = draw.integers(nodes, size=rows)
    ids[draw.random(rows) < 0.2] = _IGNORED
    counted, shares = ids != _IGNORED, np.zeros((rows, nodes))
    shares[np.nonzero(counted)[0], ids[counted]] = 1
    return _Target(ids, shares, weights[np.where(counted, ids, nodes - 1)], smoothing, own, mean_of)


def spread_once(
    library: Kernel, draw: np.random.Generator, size: tuple[int, int], form: int, short: int = 0
) -> None:
    """A random call; AssertionError where its numbers are wrong. short: what the losses' buffer lacks."""
    tree, shape = Drawn.of(draw, *size), dense_shape(draw, *size)
    rows, dtype = shape[0] * shape[2], (np.float32, np.float64)[int(draw.integers(2))]
    by_level = draw.random(tree.levels) * (draw.random(tree.levels) < 0.8)
    shared = bool(draw.random() < 0.6)
    weights = tree.plan.counted * by_level * (1.0 if shared else draw.random((tree.root + 1, 1)))
    node_weight = _node_weights(draw, tree) if draw.random() < 0.4 else None
    target = _drawn_target(draw, tree, weights, rows, node_weight)
    of_classes = target.ids is None and target.shares.shape[1] == tree.classes
    tables = _Tables(tree, weights, shared and target.ids is None, not of_classes)
    z = numbers(draw, shape, dtype, draw.normal(size=shape) * draw.choice([1, 10]))
    gradient = strided(draw, shape, dtype, alone=True) if draw.random() < 0.9 else None
    losses, lost = np.empty(max(rows - short, 0), dtype), np.empty(rows, np.uint8)
    call = SpreadCall(
        shape[0], shape[2], losses=address(losses), lost=address(lost), ignored=_IGNORED,
        smoothing=target.smoothing, own_weight=address(target.own), threads=int(draw.integers(1, 5)),
    )  # fmt: skip
    hand_over(call, "logits", z)
    hand_over(call, "gradient", gradient)
    unit_weight = None if node_weight is None else node_weight[tables.node]
    call.unit_weight = address(unit_weight)
    bad = target.ids is not None and rows > 0 and draw.random() < 0.1
    if target.ids is None:
        dense = target.shares.reshape(shape[0], shape[2], target.shares.shape[1]).transpose(0, 2, 1)
        soft = strided(draw, dense.shape, dtype, alone=True)
        soft[...] = dense
        hand_over(call, "soft", soft)
        call.sources = dense.shape[1]
        call.row_uniform = address(target.uniform) if target.smoothing else None
    else:
        if bad:
            target.ids[draw.integers(rows)] = draw.choice([-1, tree.root + 1, 1 << 40, -(1 << 62)])
        call.target = address(target.ids)
    status = library.spread(ctypes.byref(tables.units), call, dtype == np.float64, form)
    assert status == bad, f"expected {bad}, got status {status}"
    if bad:
        return
    expected, slopes, said = target.expected(
        tree, weights, z.transpose(0, 2, 1).reshape(rows, tree.classes)
    )
    kept, most = lost == 0, 3e-5 if dtype == np.float32 else 1e-10
    alive = kept if target.ids is None else kept & (target.ids != _IGNORED)
    room = most * (1 + said.max(initial=0))
    np.testing.assert_allclose(losses[kept], expected[kept], most, room)
    if gradient is not None:
        found = gradient.transpose(0, 2, 1).reshape(rows, tree.classes)
        np.testing.assert_allclose(found[alive], slopes[alive], most, room)
        assert not found[kept & ~alive].any()


def _node_weights(draw: np.random.Generator, tree: Drawn) -> Array:
    """(V,): the mean of the weights of the classes below each node."""
    weight, plan = draw.random(tree.classes), tree.plan
    sums = np.append(0, np.cumsum(weight[plan.depth_first]))
    return np.asarray((sums[plan.stop] - sums[plan.start]) / (plan.stop - plan.start))
