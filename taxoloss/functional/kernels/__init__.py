"""The forms of the loss: one definition, and what computes it fastest on which device."""

from __future__ import annotations

__all__ = ["which"]


def which() -> str:
    """Which form of the loss runs on a CPU: "native (AVX-512)", "native (AVX2)", "native (plain)" or "python".

    Raises:
        RuntimeError: TAXOLOSS_NATIVE=require, and the kernel is not there or does not load.
        ValueError: TAXOLOSS_NATIVE is something else than 0, 1 or require.

    >>> which() in ("native (AVX-512)", "native (AVX2)", "native (plain)", "python")
    True
    """
    from taxoloss.functional.kernels.native.library import FORMS, kernel

    found = kernel()
    return "python" if found is None else f"native ({FORMS[found.form]})"
