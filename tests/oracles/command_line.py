"""The command `taxoloss` as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

GOOD = "name: animals\nlevels: [species, breed]\ntree:\n  cat: [Bengal, Siamese]\n  dog: [beagle, pug]\n"


def run(*arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
    """Runs `taxoloss` as a user would; bytes in, text out."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "taxoloss", *arguments],
        input=data,
        capture_output=True,
        env=environment,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)
