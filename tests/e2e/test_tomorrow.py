"""A case saved today and opened tomorrow: one point of the second segment is dragged and its mask follows."""

from __future__ import annotations

import pytest

from app.prompts import Point
from app.ui.app import make_window
from tests.data import SAMPLE
from tests.e2e.conftest import Hands

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout")
RIGHT_KIDNEY, LIVER = (74, 43, 86), (102, 47, 86)


def test_a_point_of_the_second_segment_is_moved_the_next_day(hands, qtbot, tmp_path):
    session = hands.window.session
    hands.open(SAMPLE)
    hands.click(RIGHT_KIDNEY)
    hands.answered()
    session.add_segment("Liver")
    beside = (LIVER[0], LIVER[1] - 9, LIVER[2] - 9)
    hands.click(beside)
    hands.answered()
    masks = [session.mask(label) for label in (1, 2)]
    hands.window.cases._write(tmp_path / "case.volumask")
    hands.until(lambda: not session.modified)
    tomorrow = make_window(recovery=tmp_path / "tomorrow")
    tomorrow.resize(1400, 900)
    tomorrow.show()
    qtbot.waitExposed(tomorrow)
    try:
        again = Hands(tomorrow, qtbot)
        again.open(tmp_path / "case.volumask")
        kept = tomorrow.session
        assert all((kept.mask(label) == mask).all() for label, mask in zip((1, 2), masks, strict=True))
        kept.view.tool = "point"
        kept.view.active = 2
        kept.view.crosshair = beside
        qtbot.wait(100)
        again.drag(beside, LIVER)
        again.answered()
        (point,) = kept.prompts(2)
        assert isinstance(point, Point)
        assert point.index == LIVER
        assert (kept.mask(1) == masks[0]).all()
        assert (kept.mask(2) != masks[1]).any()
        assert kept.mask(2)[LIVER]
        again.window.actions_["undo"].trigger()
        assert (kept.mask(2) == masks[1]).all()
    finally:
        tomorrow.cases.leave = lambda: True
        tomorrow.close()
        tomorrow.deleteLater()
