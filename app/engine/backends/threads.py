"""How many threads a network may use on this machine."""

from __future__ import annotations

import os


def thread_count() -> int:
    """`OMP_NUM_THREADS` where it is set (the compute process sets it), else the cores this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
