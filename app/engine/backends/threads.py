"""How many threads a network may use on this machine."""

from __future__ import annotations

import os

from app.engine.backends.tested import cores, kept

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
GUESSED = "VOLUMASK_THREADS_GUESSED"
"""Set where OMP_NUM_THREADS holds our guess and not the user's wish: then the self-test knows better."""


def thread_count(backend: str = "openvino") -> int:
    """`OMP_NUM_THREADS` where the user set it, else what the self-test found best for the backend, else a guess."""
    asked, tested = wished(), kept()
    if asked or tested is None:
        return asked or guess()
    return next((run.threads for run in tested.runs if run.backend == backend and run.threads), guess())


def wished() -> int:
    """What the user asked for; 0 where nothing."""
    asked = os.environ.get(VARIABLES[0], "")
    return int(asked) if asked.isdigit() and GUESSED not in os.environ else 0


def guess() -> int:
    """All cores, or half of many: of hyperthreads the second half rarely helps."""
    there = cores()
    return there if there <= 4 else max(4, there // 2)


def child_environment() -> dict[str, str]:
    """What a compute process is given where the user has set nothing: limits for its numeric libraries."""
    limits = dict.fromkeys(VARIABLES, str(wished() or guess()))
    return limits if wished() else {**limits, GUESSED: "1"}
