"""What pytest does not collect by itself: the cases that tests/test_triton.py runs in another process."""

from __future__ import annotations

import os

# Triton reads the variable when it is imported: without it these files cannot run.
collect_ignore = [] if os.environ.get("TRITON_INTERPRET") else ["triton_cases.py", "triton_function.py"]
