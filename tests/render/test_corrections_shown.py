"""What is seen of a correction before it is one: voxels in colour, the brush, an outline; and nothing after it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF

from app.corrections import Corrections
from app.editing.brush import Tip
from app.geometry import Region
from app.render.marks import PREVIEW
from tests.render.cases import AXIAL, COLOUR, CORONAL, case, is_near, middle_of, rgb


def test_a_stroke_is_seen_on_every_slice_that_it_meets_before_the_labels_change(show):
    document, view = case()
    view.opacity = 1.0
    label = document.add_segment("Ball", COLOUR).label
    view.crosshair = (20, 10, 20)
    shown = show(document, view, AXIAL), show(document, view, CORONAL)
    corrections = Corrections(lambda: None)
    corrections.follow(document)
    stroke = corrections.begin_stroke(label, erase=False)
    touched = stroke.to((20, 10, 28), Tip(10.0))
    for each in shown:
        each.set_correction(stroke)
        each.correction_changed(touched)
        picture = is_near(each.pixels(), COLOUR, 40)
        assert picture.sum() > 300
        x, y = middle_of(picture)
        there = each.pixel_at((20, 10, 28))
        assert abs(x - there.x()) < 12
        assert abs(y - there.y()) < 12
        assert not document.segmentation.labels.any()
        each.set_correction(None)
        each.correction_changed(touched)
        assert not is_near(each.pixels(), COLOUR, 40).any()


def test_erasing_is_seen_before_it_is_done(show):
    document, view = case()
    view.opacity = 1.0
    label = document.add_segment("Ball", COLOUR).label
    document.edit(label, Region((15, 5, 5), (25, 35, 35)), np.ones((10, 30, 30), bool), "Paint")
    shown = show(document, view)
    before = is_near(shown.pixels(), COLOUR).sum()
    corrections = Corrections(lambda: None)
    corrections.follow(document)
    stroke = corrections.begin_stroke(label, erase=True)
    touched = stroke.to((20, 20, 20), Tip(16.0, 0))
    shown.set_correction(stroke, "Preview")
    shown.correction_changed(touched)
    after = is_near(shown.pixels(), COLOUR).sum()
    assert 0.3 * before < after < 0.95 * before


def test_the_brush_is_a_circle_of_its_radius_around_the_mouse(show):
    document, view = case()
    shown = show(document, view)
    shown.set_tip(20.0)
    shown._hover((20, 12, 12))  # what mouseMoveEvent does
    circle = is_near(shown.pixels(), rgb(PREVIEW), 30)
    columns = np.flatnonzero(circle.any(axis=0))
    width = abs(shown.pixel_at((20, 12, 22)).x() - shown.pixel_at((20, 12, 2)).x())  # 20 voxels of 2 mm
    assert abs(np.ptp(columns) - width) < 6
    shown.set_tip(None)
    assert is_near(shown.pixels(), rgb(PREVIEW), 30).sum() < circle.sum() / 5


def test_an_outline_on_its_way_is_drawn_through_its_corners(show):
    document, view = case()
    shown = show(document, view)
    pixels = [QPointF(100, 100), QPointF(300, 120), QPointF(200, 300)]
    shown.set_outline(tuple(shown.position_at(pixel) for pixel in pixels))
    picture = is_near(shown.pixels(), rgb(PREVIEW), 40)
    for pixel in pixels:
        x, y = int(pixel.x()), int(pixel.y())
        assert picture[y - 4 : y + 5, x - 4 : x + 5].any()
    shown.set_outline(())
    assert not is_near(shown.pixels(), rgb(PREVIEW), 40)[90:110, 90:110].any()
