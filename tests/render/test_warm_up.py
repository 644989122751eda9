"""What OpenGL compiles, it compiles before there is a case: the first pictures of one come at once."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import time
import numpy as np
from app.document import Document
from app.geometry import Geometry
from app.ui.app import make_application
from app.view_state import ViewState
from app.volume import Volume
from app.render.slice_view import SliceView
from app.render.volume_view import VolumeView

application = make_application()
view = ViewState()
views = [*(SliceView(axis) for axis in (2, 1, 0)), VolumeView()]

def seconds():
    begun = time.thread_time()
    for each in views:
        each.refresh()
        each.canvas.render(WIDTH, HEIGHT)
    return time.thread_time() - begun

WIDTH, HEIGHT = 18, 14
for each in views:
    each.set_case(None, view)
warm = seconds()
document = Document(Volume(np.arange(20 * 64 * 64).reshape(20, 64, 64) % 400, Geometry((20, 64, 64), np.eye(4))))
view.look_at(document.volume)
WIDTH, HEIGHT = 500, 360
for each in views:
    each.set_case(document, view)
print(warm, seconds(), flush=True)
import os
os._exit(0)
"""


def test_the_first_pictures_of_a_case_wait_for_no_compiler(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    warm, first = (float(word) for word in done.stdout.split())
    assert first < 0.25 * warm
