"""`launch`: a process of our own, in a bundle as from source, whatever script or folder the program was started from.

Not multiprocessing's spawn: that runs the user's script again in the child, which a script without a main guard does
not survive.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any


def launch(
    module: str,
    flag: str,
    *arguments: str,
    stdout: int,
    stderr: int | IO[Any],
    defaults: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Run `module` as a program, with a pipe for its stdin.

    Args:
        module: What to run from source.
        flag: What a bundle's own program takes instead (`app.__main__`).
        defaults: Environment variables for the child, where the user has not set them.
    """
    # -P: whatever "app" lies in the folder where the program was started is not ours
    run = [flag] if getattr(sys, "frozen", False) else ["-P", "-m", module]
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, *run, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env={**(defaults or {}), **os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
    )
