"""Outlines of labels on a slice, and the colours they are drawn in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.render.colours import grey, heat, heat_table, label_table
from app.render.outlines import outlines
from app.segmentation import Segment
from app.view_state import Window


def test_one_voxel_has_four_sides():
    labels = np.zeros((3, 4), np.uint8)
    labels[1, 2] = 7
    lines, owners = outlines(labels)
    assert owners.tolist() == [7] * 4
    assert {tuple(map(tuple, line)) for line in lines.tolist()} == {
        ((1.5, 0.5), (1.5, 1.5)),
        ((2.5, 0.5), (2.5, 1.5)),
        ((1.5, 0.5), (2.5, 0.5)),
        ((1.5, 1.5), (2.5, 1.5)),
    }


def test_a_straight_side_is_one_line():
    labels = np.full((5, 6), 1, np.uint8)
    lines, _ = outlines(labels)
    assert len(lines) == 4


@given(arrays(np.uint8, (5, 6), elements=st.integers(0, 2)))
def test_outlines_are_as_long_as_the_border(labels):
    padded = np.pad(labels, 1)
    expected = (padded[1:] != padded[:-1]).sum() + (padded[:, 1:] != padded[:, :-1]).sum()
    lines, _ = outlines(labels)
    assert np.abs(lines[:, 0] - lines[:, 1]).sum() == expected


def test_a_window_maps_low_to_black_and_high_to_white():
    values = np.array([[-500, -160, 40, 240, 900]], np.int16)
    assert grey(values, Window(-160, 240)).tolist() == [[0, 0, 127, 255, 255]]


def test_hidden_segments_are_clear():
    table = label_table([Segment(1, "a", (10, 20, 30)), Segment(2, "b", (1, 2, 3), visible=False)], 0.4)
    assert table[1].tolist() == [10, 20, 30, 102]
    assert not table[2].any()


def test_uncertainty_colours_rise_evenly_in_lightness():
    rgb = heat_table()[:, :3] / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16  # CIE 1976, above 0.9 % luminance
    steps = np.diff(lightness[::16])
    assert (steps > 0).all()
    assert steps.max() < 2.2 * steps.min()
    assert heat_table()[0, 3] == 0


def test_uncertainty_beyond_the_top_is_the_last_colour():
    assert (heat(np.array([5.0, 2.0], np.float32), 2.0) == heat_table()[255]).all()
