"""Slow functions in processes of their own: same results, errors told, ends survived, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from app.child_process import launch
from app.errors import AppError, BadInput, Cancelled
from app.frozen_labels import FrozenLabels, FrozenMask, PackedMask
from app.geometry import Geometry, Region
from app.helper_process import Helpers, directly
from app.project import read
from app.render.live_surfaces import _skin
from tests.data import ROOT


class Odd(Exception):
    """Has no way back from a pickle: it wants two arguments and keeps one."""

    def __init__(self, one, two):
        super().__init__(f"{one}, {two}")


def be_odd():
    raise Odd("one", "two")


@pytest.fixture
def helpers():
    made = Helpers()
    yield made
    made.close()


def children():
    return [child for child in psutil.Process().children() if "app.helper_process" in " ".join(child.cmdline())]


def ball(size=20):
    k, j, i = np.ogrid[:size, :size, :size]
    middle = size // 2
    return FrozenMask.of((k - middle) ** 2 + (j - middle) ** 2 + (i - middle) ** 2 < (size / 3) ** 2)


def test_a_surface_made_apart_is_the_one_made_here(helpers):
    mask = ball()
    packed = PackedMask.of(mask, Region((2, 2, 2), (18, 19, 20)))
    assert (packed.mask == mask.crop(packed.region)).all()
    here, there = (run(_skin, packed, Geometry((20,) * 3, np.eye(4))) for run in (directly, helpers))
    assert len(here.triangles) > 500
    assert (here.points == there.points).all()
    assert (here.triangles == there.triangles).all()


def test_frozen_labels_cross_as_they_are(helpers):
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    frozen = FrozenLabels.of(Region.whole(labels.shape), labels)
    assert (helpers(frozen.crop, Region((0, 1, 1), (2, 3, 4))) == labels[:, 1:, 1:]).all()


def test_an_error_is_raised_here_and_the_process_goes_on(helpers, tmp_path):
    with pytest.raises(BadInput, match=r"no\.volumask does not exist"):
        helpers(read, tmp_path / "no.volumask")
    assert helpers(os.getpid) != os.getpid()
    assert len(children()) == 1


def test_an_error_that_cannot_cross_is_told_in_words(helpers):
    with pytest.raises(RuntimeError, match="Odd: one, two"):
        helpers(be_odd)


def test_work_whose_process_ended_is_done_again_and_a_second_end_is_one_sentence(helpers):
    helpers(os.getpid)
    children()[0].kill()
    assert helpers(divmod, 17, 5) == (3, 2)
    with pytest.raises(AppError, match="ended twice"):
        helpers(os.abort)
    assert helpers(divmod, 17, 5) == (3, 2)


def test_what_cannot_be_sent_leaves_nothing_half_said(helpers):
    with pytest.raises((AttributeError, TypeError)):
        helpers(divmod, threading.Lock(), lambda: 0)
    assert helpers(divmod, 17, 5) == (3, 2)


def test_it_works_with_a_lower_priority_and_two_at_a_time(helpers):
    assert helpers(os.nice, 0) == min(19, os.nice(0) + 2)
    threads = [threading.Thread(target=helpers, args=(time.sleep, 0.5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(children()) == 2


def test_closing_ends_what_runs(helpers):
    ends = []

    def wait():
        try:
            helpers(time.sleep, 600)
        except Cancelled:
            ends.append("cancelled")

    thread = threading.Thread(target=wait)
    thread.start()
    while not children():
        time.sleep(0.01)
    helpers.close()
    thread.join(10)
    assert ends == ["cancelled"]
    assert not children()


def test_a_process_ends_with_its_parent():
    script = "import os, time; from app.helper_process import Helpers; print(Helpers()(os.getpid), flush=True); "
    script += "time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    helper = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    helper.wait(10)


def test_it_answers_by_the_flag_of_a_bundle_too():
    child = launch("app", "--help-out", "--help-out", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.communicate(b"")[0] == b""
    assert child.returncode == 0
