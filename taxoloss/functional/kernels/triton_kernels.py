"""The loss of each row and its gradient as two Triton kernels: one read of the logits, then one more.

A target's ancestors cover nested ranges of depth-first positions, R_1 (widest) ... R_L. Ring k holds the
positions inside R_k and not inside R_{k+1}; ring 0 is what lies outside R_1, ring L is R_L itself. Ring k
is kept as a pair: m_k, its largest logit, and s_k, the sum of exp(z - m_k) over it. With P_l the mass of
range l and Q_l the mass outside it, both are sums of rings, again as pairs:

    P_l = rings l .. L        mP_l = max m_k,  sP_l = sum of s_k exp(m_k - mP_l)
    Q_l = rings 0 .. l-1      mQ_l = max m_k,  sQ_l = sum of s_k exp(m_k - mQ_l)

    u_l  = Q_l / P_l = (sQ_l / sP_l) exp(mQ_l - mP_l)
    loss = sum over l of w_l log(1 + u_l)

No sum has a negative term and Q is never 1 - P, so nothing cancels; no exponent but that of u is above 0,
so nothing overflows, and u_l is formed by `_odds` with the rounding error of its exponent put back.

The gradient. d log(1 + u_l) = g_l (dQ_l / Q_l - dP_l / P_l) with g_l = u_l / (1 + u_l), and z_j of ring k
lies in Q_l where l > k and in P_l where l <= k:

    dz_j = exp(z_j - m_k) c_k
    c_k  =   sum over l >  k of w_l g_l exp(m_k - mQ_l) / sQ_l
           - sum over l <= k of w_l g_l exp(m_k - mP_l) / sP_l

One program works one row, its rings from the inside out; the two flanks of a ring are read as one run of
positions with a gap in it. `forward` keeps m_k and c_k, L + 1 pairs a row; `backward` reads the logits
again and writes the gradient once, already multiplied by the upstream gradient. That is two reads and one
write in all; a gradient formed in forward takes three reads and two writes with its scaling.

A full tile has 16 elements a thread and at most 4096 elements. Most inner rings have a few elements only:
what is left of a ring after its full tiles goes through a tile of one element a thread where it fits.
Rings begin anywhere, so loads are one element a thread, side by side in a warp, and never wider.
The arithmetic is float32; what is written is rounded once. float64 logits are refused. A row whose weights
are all 0 costs nothing, whatever its logits are.
"""

# Kernels have no types that mypy could read: Triton gives each argument its own at the call.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls
from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["backward", "forward", "triton"]

try:
    import triton
    import triton.language as tl
except ImportError:  # not on this platform, or not installed: the module imports all the same
    triton = None


def _jit(kernel: Callable[..., Any]) -> Any:
    return kernel if triton is None else triton.jit(kernel)


@_jit
def _finite(peak):
    """-inf as 0: what is subtracted from -inf must not be -inf."""
    return tl.where(peak == float("-inf"), 0.0, peak)


@_jit
def _columns(order, i, n, low, left, gap):
    """The columns of a ring's elements i < n: `left` of them from `low` on, the rest after the gap."""
    position = low + i + tl.where(i >= left, gap, 0)
    if order is not None:
        position = tl.load(order + position, mask=i < n, other=0)
    return position.to(tl.int64)


@_jit
def _sum(m, s, z, step, order, first, n, low, left, gap, tile: tl.constexpr):
    """The pair (m, s) with a ring's elements first .. n-1 added to it."""
    for i0 in range(first, n, tile):
        i = i0 + tl.arange(0, tile)
        column = _columns(order, i, n, low, left, gap)
        x = tl.load(z + column * step, mask=i < n, other=float("-inf")).to(tl.float32)
        top = tl.maximum(m, tl.max(x, 0))
        base = _finite(top)
        s = s * tl.exp(m - base) + tl.sum(tl.exp(x - base), 0)
        m = top
    return m, s


@_jit
def _ring(start, stop, classes, k, inner, outer, tile: tl.constexpr, narrow: tl.constexpr):
    """Ring k of a row of the tables, where inner .. outer is taken: its flanks as one run of n elements."""
    low = tl.load(start + k - 1, mask=k > 0, other=0)
    high = tl.load(stop + k - 1, mask=k > 0, other=classes)
    gap = outer - inner
    n = high - low - gap
    # How many go through full tiles: all, or all but a rest that fits a narrow one.
    wide = tl.where(n % tile <= narrow, n - n % tile, n)
    return low, high, inner - low, gap, n, wide


@_jit
def _odds(mq, sq, mp, sp):
    """log(1 + u) and u / (1 + u) of u = (sq / sp) exp(mq - mp), with a small relative error at every u."""
    # exp(d) turns an absolute error of d into a relative one: at d = -60, 2e-6. So d = mq - mp is kept
    # with its rounding error (Knuth's two-sum), and exp is made of 2^n and an exponent below 0.35.
    mq, mp = _finite(mq), _finite(mp)
    d = mq - mp
    part = d - mq
    error = (mq - (d - part)) - (mp + part)
    near = tl.minimum(tl.maximum(d, -120.0), 60.0)
    n = tl.floor(near * 1.4426950408889634 + 0.5)
    # ln 2 in two numbers, the first of nine bits: n times it is exact.
    r = (near - n * 0.693359375) + n * 2.12194440e-4 + tl.where(near == d, error, 0.0)
    half = n.to(tl.int32) >> 1
    rest = n.to(tl.int32) - half
    ratio = tl.math.div_rn(sq, sp)
    # exp(r) by its series to r^7 / 7!, 5e-9 of its value; the device's own exp is off by up to 2.4e-7.
    series = 1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040))))
    u = ratio * (1.0 + r * (1.0 + r * (1 / 2 + r * series)))
    u = u * ((half + 127) << 23).to(tl.float32, bitcast=True)  # 2^half by its bits; 2^n may be subnormal
    u = u * ((rest + 127) << 23).to(tl.float32, bitcast=True)
    # log(1 + u) = log u + log(1 + 1/u): for u > 1 that leaves log(1 + v) with v <= 1.
    large = u > 1.0
    v = tl.where(large, tl.math.div_rn(1.0, u), u)
    # log(1 + v) = 2 artanh(y), y = v / (2 + v) <= 1/3: y + y^3/3 + ... + y^17/17 to 2e-10 of its value.
    y = tl.math.div_rn(v, 2.0 + v)
    q = y * y
    series = 1 / 11 + q * (1 / 13 + q * (1 / 15 + q * (1 / 17)))
    series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * series))))
    log_u = tl.where(d > 60.0, d + tl.log(ratio), tl.log(u))
    cost = tl.where(large, log_u, 0.0) + 2.0 * y * series
    share = tl.math.div_rn(tl.where(large, 1.0, v), 1.0 + v)
    return cost, share


@_jit
def _levels(m, s, m0, s0, w, alone, lane, last):
    """The loss and c_k from the rings: lane i holds level i + 1 and ring i + 1; ring 0 is (m0, s0)."""
    within = lane[None, :] >= lane[:, None]  # (level l, ring k): ring k lies inside range l
    m_in = tl.where(within, m[None, :], float("-inf"))
    m_out = tl.where(within, float("-inf"), m[None, :])
    mp = tl.max(m_in, 1)  # (lanes,): a level each, as mq, sp, sq
    mq = tl.maximum(tl.max(m_out, 1), m0)
    e_in = tl.exp(m_in - _finite(mp)[:, None])
    e_out = tl.exp(m_out - _finite(mq)[:, None])
    e_0 = tl.exp(m0 - _finite(mq))
    sp = tl.sum(s[None, :] * e_in, 1)
    sq = tl.sum(s[None, :] * e_out, 1) + s0 * e_0
    cost, share = _odds(mq, sq, mp, sp)
    # What has no weight is left out: neither an impossible node nor a NaN costs anything there.
    loss = tl.sum(tl.where(w == 0, 0.0, w * cost), 0)
    # A sum of no terms has no gradient; at 0 / 0 (every class masked) the share counts as that of P = 0.
    g = tl.where(w == 0, 0.0, w * tl.where((sp == 0) & (sq == 0), 1.0, share))
    a = tl.where(sq == 0, 0.0, g / sq)
    b = tl.where(sp == 0, 0.0, g / sp)
    c = tl.sum(a[:, None] * e_out - b[:, None] * e_in, 0)  # (lanes,): a ring each
    # A target's own class at -inf keeps the gradient -w of each level where it stands alone, as in torch:
    # `backward` takes exp(z - m) as 1.
    c = c - tl.where(lane == last, tl.sum(tl.where(alone & (sp == 0), w, 0.0), 0), 0.0)
    counted = tl.max(tl.where(w == 0, 0, 1), 0) > 0
    return loss, tl.where(counted, c, 0.0), tl.where(counted, tl.sum(a * e_0, 0), 0.0)


@_jit
def forward(
    logits, target, start, stop, weights, order, scale,
    loss, peaks, slopes,
    targets, classes, depth, batch_step, step, row_step, target_step, scale_step,
    levels: tl.constexpr, lanes: tl.constexpr, tile: tl.constexpr, narrow: tl.constexpr,
):  # fmt: skip
    """Writes loss (N,), peaks and slopes (N, L + 1) of logits (N, C, D); start, stop, weights (T, L)."""
    row = tl.program_id(0).to(tl.int64)
    y = tl.load(target + row * target_step)
    if (y >= 0) & (y < targets):
        lane = tl.arange(0, lanes)
        # m, s (lanes,): the pair of ring i + 1 in lane i
        m = tl.full([lanes], float("-inf"), tl.float32)
        s = tl.zeros([lanes], tl.float32)
        none = tl.full((), float("-inf"), tl.float32)  # the pair of no terms
        zero = tl.full((), 0.0, tl.float32)
        m0, s0 = none, zero
        z = logits + (row // depth) * batch_step + (row % depth) * row_step
        start += y * levels
        stop += y * levels
        inner = tl.load(start + levels - 1)  # where R_{k+1} begins and ends; no R_{levels+1}: nothing
        outer = inner
        for i in range(levels + 1):
            k = levels - i
            low, high, left, gap, n, wide = _ring(start, stop, classes, k, inner, outer, tile, narrow)
            m0, s0 = _sum(none, zero, z, step, order, 0, wide, low, left, gap, tile)
            m0, s0 = _sum(m0, s0, z, step, order, wide, n, low, left, gap, narrow)
            m = tl.where(lane == k - 1, m0, m)  # the last ring, k = 0, has no lane and stays in m0, s0
            s = tl.where(lane == k - 1, s0, s)
            inner = low
            outer = high
        used = lane < levels
        w = tl.load(weights + y * levels + lane, mask=used, other=0.0)
        if scale is not None:
            w = tl.where(w == 0, 0.0, w * tl.load(scale + row * scale_step))
        size = tl.load(stop + lane, mask=used, other=0) - tl.load(start + lane, mask=used, other=0)
        alone = size == 1
        value, c, c0 = _levels(m, s, m0, s0, w, alone, lane, levels - 1)
        kept = row * (levels + 1)
        tl.store(loss + row, value)
        tl.store(peaks + kept, m0)
        tl.store(slopes + kept, c0)
        tl.store(peaks + kept + 1 + lane, m, mask=used)
        tl.store(slopes + kept + 1 + lane, c, mask=used)
    else:
        tl.store(loss + row, tl.where(y == -1, 0.0, float("nan")))


@_jit
def _fill(z, step, order, dz, out_step, m, c, first, n, low, left, gap, tile: tl.constexpr):
    """Writes exp(z - m) c at a ring's elements first .. n-1."""
    for i0 in range(first, n, tile):
        i = i0 + tl.arange(0, tile)
        column = _columns(order, i, n, low, left, gap)
        x = tl.load(z + column * step, mask=i < n, other=0.0).to(tl.float32)
        value = c * tl.exp(tl.where(x == m, 0.0, x - m))  # at m itself 1, at -inf too
        value = tl.where(c == 0, 0.0, value)  # no weight: whatever x is
        tl.store(dz + column * out_step, value.to(dz.dtype.element_ty), mask=i < n)


@_jit
def backward(
    logits, target, start, stop, order, peaks, slopes,
    upstream, gradient,
    targets, classes, depth, batch_step, step, row_step, target_step, upstream_step,
    out_batch_step, out_step, out_row_step,
    levels: tl.constexpr, tile: tl.constexpr, narrow: tl.constexpr,
):  # fmt: skip
    """Writes the gradient (N, C, D) from what `forward` kept, (N, L + 1), and the upstream one, (N,)."""
    row = tl.program_id(0).to(tl.int64)
    y = tl.load(target + row * target_step)
    dz = gradient + (row // depth) * out_batch_step + (row % depth) * out_row_step
    if (y >= 0) & (y < targets):
        g = tl.load(upstream + row * upstream_step).to(tl.float32)
        z = logits + (row // depth) * batch_step + (row % depth) * row_step
        start += y * levels
        stop += y * levels
        inner = tl.load(start + levels - 1)
        outer = inner
        for i in range(levels + 1):
            k = levels - i
            low, high, left, gap, n, wide = _ring(start, stop, classes, k, inner, outer, tile, narrow)
            m = tl.load(peaks + row * (levels + 1) + k)
            c = tl.load(slopes + row * (levels + 1) + k)
            c = tl.where(c == 0, 0.0, g * c)
            _fill(z, step, order, dz, out_step, m, c, 0, wide, low, left, gap, tile)
            _fill(z, step, order, dz, out_step, m, c, wide, n, low, left, gap, narrow)
            inner = low
            outer = high
    else:
        value = tl.where(y == -1, 0.0, float("nan"))
        for i0 in range(0, classes, tile):
            i = i0 + tl.arange(0, tile)
            filled = (value + tl.zeros([tile], tl.float32)).to(dz.dtype.element_ty)
            tl.store(dz + i * out_step, filled, mask=i < classes)
