"""A program of its own: does Qt start and does VTK draw on this computer? One JSON object on stdout.

Its own, because a broken graphics driver ends the process that asks it for a picture.
"""

from __future__ import annotations

import json
import os
import sys

_SIDE = 64
_RED = (200, 40, 40)


def main() -> int:
    """Draw a red picture off the screen and look at it.

    Returns:
        0, also when something does not work: the object then has "failed".
    """
    screen = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY"))
    if not screen:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        print(json.dumps({"words": _drawn(screen)}))
    except Exception as error:  # a door: whatever breaks is the answer
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
    sys.stdout.flush()
    os._exit(0)  # a driver that fails while it is unloaded says nothing about the pictures


def _drawn(screen: bool) -> str:
    from PySide6.QtGui import QColor, QGuiApplication
    from vtkmodules.vtkRenderingCore import vtkRenderer

    from app.render.vtk_widget import Canvas

    application = QGuiApplication(sys.argv[:1])
    canvas = Canvas()
    renderer = vtkRenderer()
    renderer.SetBackground(*(part / 255 for part in _RED))
    canvas.renderers.append(renderer)
    colour = QColor(canvas.render(_SIDE, _SIDE).pixel(_SIDE // 2, _SIDE // 2))
    if max(abs(a - b) for a, b in zip(_RED, (colour.red(), colour.green(), colour.blue()), strict=True)) > 2:
        raise ValueError(f"the picture is {colour.name()} where it should be red")
    window = renderer.GetRenderWindow()
    facts = dict(line.split(":", 1) for line in window.ReportCapabilities().splitlines() if ":" in line)
    name = facts.get("OpenGL renderer string", "?").strip()
    version = facts.get("OpenGL version string", "?").strip()
    canvas.close()
    place = f"a screen ({application.platformName()})" if screen else "no screen, drawn off it"
    return f"{name}, OpenGL {version}; {place}"


if __name__ == "__main__":
    sys.exit(main())
