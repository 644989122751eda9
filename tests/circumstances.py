"""What the tests of hard circumstances share, of the source and of a bundle."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

LONG = 250
"""Characters of a path; Windows' old limit is 260."""

FOREIGN = "Zoë Müller-Łukasz 東京 ' %TEMP%"
"""A user's name, and so part of paths."""

WITHOUT_OPENGL = {"QT_QPA_PLATFORM": "offscreen", "__EGL_VENDOR_LIBRARY_FILENAMES": os.devnull}


def refuses_to_draw(command: list[str], variables: dict[str, str], patience: float, folder: Path | None = None) -> None:
    """Start the window where there is no OpenGL: it says so in one sentence, and waits for the user.

    Args:
        variables: With `WITHOUT_OPENGL`.
        patience: Seconds after which it is ended.
    """
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True) as process:
        guard = threading.Timer(patience, process.kill)
        guard.start()
        assert process.stderr is not None
        told = next((line for line in process.stderr if line.startswith("volumask:")), "")
        alive = process.poll() is None
        process.terminate()
        guard.cancel()
    assert "offers no OpenGL" in told
    assert "No file was changed" in told
    assert alive
