"""Threads of our own, and none of OpenBLAS beside them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SAYS = """
import contextlib, os
from app.__main__ import main
with contextlib.suppress(SystemExit):
    main(["--version"])
print(os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.parametrize(("wished", "kept"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_the_program_keeps_blas_to_one_thread_unless_the_user_says_otherwise(wished: dict[str, str], kept: str) -> None:
    given = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | wished
    ran = subprocess.run([sys.executable, "-c", _SAYS], env=given, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == kept
