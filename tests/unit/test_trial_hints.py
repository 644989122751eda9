"""What a cube's image says of prompts by itself: fronts that stop at borders, looks that find the same tissue."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.graph import MCP

from app.engine.trial import hints, maps
from app.engine.trial.hints import Ground

SIDE = 16


def ground(noise: float = 0.02) -> Ground:
    """A bright ball in the dark, and a second one that nobody clicks on."""
    cube = np.random.default_rng(0).normal(0, noise, (SIDE,) * 3).astype(np.float32)
    for centre in ((5, 5, 5), (11, 11, 11)):
        grid = np.meshgrid(*(np.arange(SIDE) - c for c in centre), indexing="ij")
        cube[sum(g**2 for g in grid) < 12] += 1
    return Ground(maps.image_channels(cube))


def clicked(include: tuple[int, int, int] = (5, 5, 5), exclude: tuple[int, int, int] | None = None) -> np.ndarray:
    drawn = maps.empty(SIDE)
    maps.draw_points(drawn, maps.INCLUDE, [include])
    if exclude:
        maps.draw_points(drawn, maps.EXCLUDE, [exclude])
    return drawn


def test_without_a_prompt_nothing_is_said() -> None:
    said = ground().hints(maps.empty(SIDE))
    assert said.shape == (hints.CHANNELS, SIDE // 2, SIDE // 2, SIDE // 2)
    assert not said.any()


def test_the_clicked_tissue_is_nearer_than_what_lies_across_its_border() -> None:
    said = ground().hints(clicked())
    for channel in (0, 1, 2):
        assert said[channel, 2, 2, 3] > said[channel, 2, 2, 6]
    assert said[0].max() == 1
    assert not said[3:7].any()


def test_the_same_tissue_elsewhere_looks_alike_but_is_far() -> None:
    said = ground().hints(clicked())
    inside, other, dark = (2, 2, 2), (5, 5, 5), (2, 6, 2)
    assert said[7][other] == pytest.approx(said[7][inside], abs=0.15)
    assert said[7][other] > 2 * said[7][dark]
    assert said[1][other] < 0.5 * said[1][inside]


def test_an_exclude_and_the_outside_of_a_box_push_back() -> None:
    said = ground().hints(clicked(exclude=(11, 11, 11)))
    assert said[6, 2, 2, 2] > 0.5
    assert said[6, 5, 5, 5] < -0.5
    boxed = clicked()
    boxed[maps.BOX, 1:10, 1:10, 1:10] = 1
    said = ground().hints(boxed)
    assert said[6, 7, 7, 7] < -0.5
    assert not said[8].any()  # what lies beyond a box may look like the object


def test_a_voxel_told_both_is_not_a_source_of_both() -> None:
    drawn = clicked()
    drawn[maps.KNOWN_OUTSIDE] = 1
    said = ground().hints(drawn)
    assert np.isfinite(said).all()
    assert said[6, 2, 2, 2] > 0


def test_paths_are_as_long_as_another_library_finds_them() -> None:
    """On a ramp along one axis every step costs the same, so costs per voxel describe the graph as well as edges do."""
    cube = np.broadcast_to(np.arange(SIDE, dtype=np.float32)[:, None, None], (SIDE,) * 3)
    image = np.stack([cube, cube]) / SIDE
    ramp = Ground(image)
    sources = np.zeros((SIDE // 2,) * 3, bool)
    sources[0, 3, 3] = True
    found = ramp.lengths(sources)
    assert found is not None
    step = ramp.graph.max()
    expected, _ = MCP(np.full((SIDE // 2,) * 3, step), fully_connected=False).find_costs([(0, 3, 3)])
    along = found[:, 3, 3]
    np.testing.assert_allclose(along[3:6] - along[2:5], np.diff(expected[2:6, 3, 3]), rtol=0.05)
    assert found[2, 3, 6] < found[6, 3, 3]  # along the ramp's level paths are short


@pytest.mark.parametrize("cube", [np.zeros((8, 8, 8)), np.full((8, 8, 8), 1.0), np.eye(8)[None] * np.ones((8, 1, 1))])
def test_flat_and_tiny_images_give_finite_hints(cube: np.ndarray) -> None:
    drawn = maps.empty(8)
    maps.draw_points(drawn, maps.INCLUDE, [(0, 0, 0)])
    maps.draw_points(drawn, maps.EXCLUDE, [(7, 7, 7)])
    said = Ground(maps.image_channels(cube.astype(np.float32))).hints(drawn)
    assert np.isfinite(said).all()
    assert np.abs(said).max() <= 1
