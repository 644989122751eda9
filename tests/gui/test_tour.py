"""The page of pictures: each is there, and nothing in the folder is left out."""

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog

from app.ui.dialogs import tour


def test_every_picture_is_there_and_shown(window):
    names = [name for name, _, _ in tour.parts()]
    assert sorted(names) == sorted(path.stem for path in tour.FOLDER.glob("*.png"))
    for name in names:
        picture = QImage(str(tour.FOLDER / f"{name}.png"))
        assert picture.width() >= 600
        assert (
            len({picture.pixel(x, y) for x in range(0, picture.width(), 9) for y in range(0, picture.height(), 9)}) > 5
        )
    window.actions_["tour"].trigger()
    (page,) = [one for one in window.findChildren(QDialog) if one.isVisible()]
    assert page.grab().toImage().pixelColor(420, 300).lightness() < 250
    page.close()
