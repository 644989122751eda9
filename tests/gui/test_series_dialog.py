"""Choosing a series and a time point."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QDialogButtonBox, QWidget

from app.errors import BadInput
from app.geometry import Geometry
from app.ui.dialogs.series import SeriesDialog
from app.ui.engine_bridge import EngineBridge
from app.ui.jobs import Jobs
from app.volume_io import SeriesInfo

GRID = Geometry((10, 20, 30), np.diag([0.5, 0.5, 3, 1]))


def damaged():
    raise BadInput("The pixels are damaged.")


SERIES = (
    SeriesInfo("1", "Scout", "CT", (1, 20, 30), Geometry((1, 20, 30), np.eye(4)), picture=damaged),
    SeriesInfo("2", "Portal venous", "CT", (10, 20, 30), GRID, picture=lambda: np.arange(600).reshape(20, 30)),
    SeriesInfo("3", "Perfusion", "MR", (5, 20, 30), Geometry((5, 20, 30), np.eye(4)), times=4),
    SeriesInfo("4", "Report", "SR", reason="This is a report, not an image."),
)


@pytest.fixture
def dialog(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    jobs = Jobs(EngineBridge())
    made = SeriesDialog(SERIES, "folder", jobs, parent)
    made.open()
    yield made
    qtbot.waitUntil(lambda: jobs.running == 0)
    jobs.close()


def test_the_largest_series_is_proposed_and_described(dialog):
    assert dialog.list.currentRow() == 1
    assert dialog.list.item(1).text() == "CT  Portal venous\n30 × 20 × 10   0.5 × 0.5 × 3 mm"
    assert dialog._text(SeriesInfo("1.2.840.113")).startswith("No description")
    assert "4 time points" in dialog.list.item(2).text()
    assert dialog.list.item(3).text() == "SR  Report\nThis is a report, not an image."
    assert not dialog.list.item(3).flags()


def test_open_tells_key_and_time(dialog, qtbot):
    chosen = []
    dialog.chosen.connect(lambda key, time: chosen.append((key, time)))
    dialog.list.setCurrentRow(2)
    assert dialog.time.isVisible()
    dialog.time.setValue(3)
    dialog.accept()
    assert chosen == [("3", 2)]


def test_cancel_tells_nothing(dialog):
    chosen = []
    dialog.chosen.connect(lambda key, time: chosen.append(key))
    dialog.reject()
    assert chosen == []


def test_the_time_is_asked_only_where_there_are_several(dialog):
    dialog.list.setCurrentRow(1)
    assert not dialog.time.isVisible()
    assert dialog._buttons.button(QDialogButtonBox.StandardButton.Open).isEnabled()


def test_thumbnails_arrive_and_a_damaged_one_is_left_out(dialog, qtbot):
    def brightness(row):
        image = dialog.list.item(row).icon().pixmap(96, 96).toImage()
        return max(image.pixelColor(x, 48).lightness() for x in range(0, image.width(), 4))

    qtbot.waitUntil(lambda: brightness(1) > 100)
    assert brightness(0) == 0
