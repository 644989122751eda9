"""Draws the installers' icon: `python packaging/icons.py FOLDER` writes volumask.png, .ico and .icns there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "resources" / "icons" / "app.svg"
SIDE = 1024
WINDOWS_SIDES = (16, 24, 32, 48, 64, 128, 256)


def draw(folder: Path) -> list[Path]:
    """Write the three files; returns their paths."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtCore import QRectF, Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    picture = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(str(SOURCE)).render(painter, QRectF(0, 0, SIDE, SIDE))
    painter.end()
    folder.mkdir(parents=True, exist_ok=True)
    png, ico, icns = (folder / f"volumask.{kind}" for kind in ("png", "ico", "icns"))
    picture.scaled(256, 256, mode=Qt.TransformationMode.SmoothTransformation).save(str(png))
    picture.save(str(folder / "large.png"))
    with Image.open(folder / "large.png") as image:
        image.save(ico, sizes=[(side, side) for side in WINDOWS_SIDES])
        image.save(icns)
    (folder / "large.png").unlink()
    return [png, ico, icns]


if __name__ == "__main__":
    for made in draw(Path(sys.argv[1])):
        print(made)
