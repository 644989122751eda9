"""Slices of 2D models: which a prompt speaks of, how they are turned, and their features, kept within limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.engine.slicewise import SliceEmbeddings, Upright, asked_slices, slice_axis
from app.engine.slicewise.store import SliceStore
from app.geometry import Geometry, Index
from app.prompt_codec import decode, encode
from app.prompts import Box, Point, Scribble, SliceMask
from app.volume import Volume

SHAPE = (8, 6, 5)
FEATURE_BYTES = 2 * 16 * 16  # of one slice in half precision


def volume(shape: Index = SHAPE, affine: np.ndarray | None = None) -> Volume:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return Volume(array, Geometry(shape, np.eye(4) if affine is None else affine))


class Encoder:
    """Gives the slice's own numbers, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, axis: int, index: int) -> dict[str, np.ndarray]:
        self.asked.append((axis, index))
        return {"image": np.full((16, 16), axis + index / 3, np.float32)}


# Which slices


def test_each_prompt_acts_on_the_slice_it_was_made_on() -> None:
    drawn = SliceMask(1, 4, np.ones((8, 5), bool))
    prompts = (Point((2, 1, 1)), Point((5, 1, 1), axis=2), Box((2, 0, 0), (2, 3, 3)), drawn)
    slices = asked_slices(prompts, axis=0)
    assert [(s.axis, s.index) for s in slices] == [(0, 2), (1, 4), (2, 1)]
    assert slices[0].prompts == (prompts[0], prompts[2])


def test_a_scribble_is_cut_and_a_box_with_depth_acts_on_its_middle() -> None:
    scribble = Scribble([(1, 0, 0), (2, 1, 1), (2, 2, 2)])
    slices = asked_slices((scribble, Box((0, 1, 1), (5, 3, 4))), axis=0)
    assert [(s.index, s.prompts) for s in slices] == [
        (1, (Scribble([(1, 0, 0)]),)),
        (2, (Scribble([(2, 1, 1), (2, 2, 2)]), Box((2, 1, 1), (2, 3, 4)))),
    ]


def test_a_point_keeps_its_view_in_a_project() -> None:
    for point in (Point((1, 2, 3)), Point((1, 2, 3), False, 2)):
        assert decode(encode(point)) == point


def test_slices_lie_across_the_coarsest_axis_else_the_axial_one() -> None:
    assert slice_axis(Geometry(SHAPE, np.diag([5.0, 1, 1, 1]))) == 2
    assert slice_axis(Geometry(SHAPE, np.eye(4))) == 0
    sagittal = np.zeros((4, 4))
    sagittal[1, 0] = sagittal[2, 1] = sagittal[0, 2] = sagittal[3, 3] = 1  # i follows A, j follows S, k follows R
    assert slice_axis(Geometry(SHAPE, sagittal)) == 1


# How they are turned


def test_an_lps_grid_is_upright_as_it_is() -> None:
    lps = volume(affine=np.diag([-1.0, -1, 1, 1]))
    plane = lps.array[3]
    np.testing.assert_array_equal(Upright.of(lps.geometry, 0).picture(plane), plane)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_pictures_point_to_the_patients_left_or_back_and_to_back_or_feet(
    axis: int, signs: tuple[int, int, int], order: tuple[int, int, int]
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(signs)[:, order]
    grid = volume(affine=affine)
    upright = Upright.of(grid.geometry, axis)
    plane = grid.array.take(2, axis)
    picture = upright.picture(plane)
    np.testing.assert_array_equal(upright.plane(picture), plane)
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    worlds = upright.picture(np.take(grid.geometry.world(voxels)[..., 0], 2, axis))
    across = grid.geometry.world_axes[axis]
    columns, rows = (w for w in range(3) if w != across)
    for world_axis, direction in ((columns, 1), (rows, 0)):
        worlds = upright.picture(np.take(grid.geometry.world(voxels)[..., world_axis], 2, axis))
        assert (np.diff(worlds, axis=direction) < 0).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_voxels_pixel_is_where_it_lies_in_the_picture(axis: int) -> None:
    grid = volume(affine=np.diag([1.0, -1, 1, 1]))
    upright, index = Upright.of(grid.geometry, axis), (3, 2, 4)
    x, y = upright.pixel(index, SHAPE)
    picture = upright.picture(grid.array.take(index[axis], axis))
    assert picture[int(y), int(x)] == grid.array[index]


# Features


def test_a_slice_is_encoded_once_and_answers_the_same_the_first_time() -> None:
    encoder = Encoder()
    embeddings = SliceEmbeddings(volume(), encoder)
    first, again = embeddings.features(0, 1)["image"], embeddings.features(0, 1)["image"]
    assert encoder.asked == [(0, 1)]
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert abs(first[0, 0] - 1 / 3) < 1e-3


def test_slices_are_encoded_ahead_from_the_one_looked_at() -> None:
    encoder = Encoder()
    embeddings = SliceEmbeddings(volume(), encoder)
    embeddings.look_at(0, 2)
    shares = [embeddings.encode_ahead() for _ in range(4)]
    assert encoder.asked == [(0, 2), (0, 1), (0, 3), (0, 0)]
    assert shares == [1 / 8, 2 / 8, 3 / 8, 4 / 8]
    embeddings.look_at(1, 5)
    embeddings.look_at(0, 99)  # outside
    embeddings.encode_ahead()
    assert encoder.asked[-1] == (1, 5)
    embeddings.look_at(0, 7)
    assert [embeddings.encode_ahead() for _ in range(5)][-2:] == [1.0, None]


def test_memory_stays_within_its_limit_and_the_files_within_theirs(tmp_path: Path) -> None:
    encoder = Encoder()
    embeddings = SliceEmbeddings(volume((500, 6, 5)), encoder, memory=10 * FEATURE_BYTES)
    embeddings.keep(tmp_path / "entry", limit=100_000)
    while embeddings.encode_ahead() is not None:
        held = sum(f.nbytes for features in embeddings._store._recent.values() for f in features.values())
        assert held <= 10 * FEATURE_BYTES
    written = sum(path.stat().st_size for path in (tmp_path / "entry").glob("*.npz"))
    assert 90_000 < written <= 100_000 + 1000
    before = len(encoder.asked)
    embeddings.features(0, 250)  # long out of memory
    assert len(encoder.asked) == before


def test_without_a_folder_it_ends_when_memory_is_full() -> None:
    encoder = Encoder()
    embeddings = SliceEmbeddings(volume(), encoder, memory=3 * FEATURE_BYTES)
    while embeddings.encode_ahead() is not None:
        pass
    assert len(encoder.asked) == 3


def test_a_reopened_volume_needs_no_encoder(tmp_path: Path) -> None:
    first = SliceEmbeddings(volume(), Encoder())
    first.keep(tmp_path, limit=10**6)
    expected = first.features(0, 4)["image"]
    encoder = Encoder()
    again = SliceEmbeddings(volume(), encoder)
    again.keep(tmp_path, limit=10**6)
    np.testing.assert_array_equal(again.features(0, 4)["image"], expected)
    assert encoder.asked == []


def test_a_torn_file_is_made_again(tmp_path: Path) -> None:
    first = SliceEmbeddings(volume(), Encoder())
    first.keep(tmp_path, limit=10**6)
    expected = first.features(0, 4)["image"]
    (file,) = tmp_path.glob("*.npz")
    torn = bytearray(file.read_bytes())
    torn[len(torn) // 2] ^= 1
    file.write_bytes(torn)
    encoder = Encoder()
    again = SliceEmbeddings(volume(), encoder)
    again.keep(tmp_path, limit=10**6)
    np.testing.assert_array_equal(again.features(0, 4)["image"], expected)
    assert encoder.asked == [(0, 4)]


def test_large_values_survive_half_precision_and_whole_numbers_stay() -> None:
    store = SliceStore(memory=10**6)
    kept = store.put((0, 0), {"image": np.array([1e9, -1e9, 2.0]), "size": np.array([512, 100_000])})
    np.testing.assert_array_equal(kept["image"], np.array([65504, -65504, 2], np.float32))
    np.testing.assert_array_equal(kept["size"], [512, 100_000])
