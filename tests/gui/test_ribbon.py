"""What ribbons and their keys say of a mask that was carried: how sure it is where it is, nothing where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from app.geometry import Region
from app.prompts import Point

CARRIED = {8: 0.0, 9: 0.6, 10: 1.0, 11: 0.4, 12: 0.0, 13: 0.0}


@pytest.fixture
def carried(case):
    """A segment on slices 9 to 11; beyond them the propagation found nothing."""
    case.session.add_segment("Kidney")
    shape = case.session.case.volume.shape
    for index, confidence in CARRIED.items():
        plane = Region.plane(shape, 0, index)
        mask = np.full(plane.shape, confidence > 0)
        case.session.case.edit(1, plane, mask, "Propagate", 1, (0, index, confidence))
    return case


def test_slices_beyond_the_end_are_blank_and_not_unsure(carried, qtbot):
    bar = carried.views.slices[0].bar
    qtbot.waitUntil(lambda: bar.confidences == {9: 0.6, 10: 1.0, 11: 0.4})
    assert "Confidence" not in bar.tip(13)


def test_the_worst_slice_is_one_with_voxels(carried, qtbot):
    carried.session.add_prompt(1, Point((10, 12, 14)))
    carried.actions_.refresh()
    carried.actions_["worst-slice"].trigger()
    assert carried.session.view.crosshair[0] == 11
    assert carried.banner.text == "Least sure of all slices here: slice 12."


def test_the_question_for_a_click_goes_when_its_keys_mean_nothing_any_more(case, qtbot, settle):
    case.session.add_segment("Kidney")
    case.session.add_prompt(1, Point((10, 12, 14)))
    settle()
    case.actions_["next-click"].trigger()
    qtbot.waitUntil(lambda: "Least sure here" in case.banner.text, timeout=8000)
    case.session.add_segment("Liver")
    assert case.banner.text == ""
    case.banner.tell("Something else.")
    case.session.view.active = 1
    assert case.banner.text == "Something else."
