"""Threads of our own, which stay, and none of OpenBLAS beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from app.threads import Hands, on_threads, width

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


def test_work_is_done_in_order_and_by_threads_that_stay() -> None:
    seen = [set(on_threads(lambda n: threading.get_ident(), range(40), at_once=3)) for _ in range(5)]
    assert len(set.union(*seen)) <= width()
    assert threading.get_ident() not in set.union(*seen)
    assert on_threads(lambda n: n * n, range(10), at_once=4) == [n * n for n in range(10)]
    assert on_threads(str, []) == []


def test_work_that_hands_out_work_ends() -> None:
    """More pieces than threads, each of which waits for pieces of its own."""

    def tree(depth: int) -> int:
        if not depth:
            return 1
        with Hands() as hands:
            one = hands.submit(tree, depth - 1)
            return one.result() + sum(on_threads(tree, [depth - 1] * 3))

    assert sum(on_threads(tree, [3] * (2 * width()))) == 4**3 * 2 * width()


def test_the_first_piece_that_fails_is_told_when_all_are_done() -> None:
    done = []

    def work(n: int) -> None:
        if n in (1, 3):
            raise ValueError(f"piece {n}")
        time.sleep(0.02)
        done.append(n)

    with pytest.raises(ValueError, match="piece 1"):
        on_threads(work, range(6))
    assert sorted(done) == [0, 2, 4, 5]
    with pytest.raises(ValueError, match="piece 1"):
        on_threads(lambda n: on_threads(work, [n]), range(3))
