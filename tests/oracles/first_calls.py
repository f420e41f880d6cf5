"""Programs that call what nothing has called before: each in a new child of a process that only imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CAN_FORK", "children"]

#: Whether this system has such children.
CAN_FORK = hasattr(os, "fork")
#: Of imports, which take seconds, it has done all, torch's compiler's too; a child has its globals.
_PARENT = """
import json, os, sys
import torch, taxoloss
import torch._dynamo, torch._functorch.aot_autograd, torch.export
from taxoloss import decisions, functional, heads
from torch import nn
for line in sys.stdin:
    child = os.fork()
    if not child:
        exec(json.loads(line), globals())
        sys.exit()
    print(os.waitpid(child, 0)[1], flush=True)
"""


@contextmanager
def children(errors: Path, *folders: Path) -> Iterator[Callable[[str], str]]:
    """What runs a program, and gives the end of what it said if it failed; else nothing.

    Programs may import what stands in the folders; what they say goes to the file `errors`.
    """
    with errors.open("w", encoding="utf-8") as file:
        parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True,
        )  # fmt: skip
        assert parent.stdin
        assert parent.stdout
        to, back = parent.stdin, parent.stdout

        def failure(program: str) -> str:
            before = errors.stat().st_size
            print(json.dumps(program), file=to, flush=True)
            if back.readline() == "0\n":
                return ""
            return f"failed: {errors.read_bytes()[before:].decode()[-3000:]}"

        try:
            yield failure
        finally:
            parent.communicate()
