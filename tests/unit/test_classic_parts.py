"""The parts of the classic predictor: tones, lattice, supervoxels, the score of an extent, settling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from app.engine.blocks import Blocks
from app.engine.classic.extent import Cuts
from app.engine.classic.graph import Graph, distances
from app.engine.classic.lattice import Lattice
from app.engine.classic.seeds import Seeds
from app.engine.classic.supervoxels import describe
from app.engine.classic.tone import Tone
from app.engine.diffusion import settle
from app.engine.protocol import Prior
from app.geometry import Region
from app.prompts import Box, Point, SliceMask
from tests.unit.pieces import partition


def test_tones_rise_with_the_values_and_fill_0_to_1():
    array = np.random.default_rng(0).gamma(2, 100, (20, 30, 40)).astype(np.float32)
    tone = Tone.of(array)
    ordered = tone(np.sort(array.ravel()).reshape(array.shape)).ravel()
    assert (np.diff(ordered) >= 0).all()
    assert ordered[0] < 0.05
    assert ordered[-1] > 0.95


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int8, np.uint8])
def test_the_table_of_tones_equals_interpolation(dtype):
    limits = np.iinfo(dtype)
    array = np.random.default_rng(0).integers(limits.min, limits.max, (50, 40, 40), endpoint=True).astype(dtype)
    tone = Tone.of(array)
    assert array.size > 70_000
    np.testing.assert_allclose(tone(array), tone(array.astype(np.float64)), atol=1e-6)


def test_a_lattice_makes_the_closest_axis_coarser_first():
    lattice = Lattice.of((20, 512, 512), (5.0, 0.7, 0.7), cells=700_000)
    assert lattice.factors[0] == 1
    assert np.prod(lattice.shape) <= 700_000


def test_coarsening_takes_means_over_whole_and_cut_off_blocks():
    array = np.arange(5 * 4 * 7, dtype=np.float32).reshape(5, 4, 7)
    coarse = Lattice((5, 4, 7), (2, 1, 3), (1, 1, 1)).coarsen(array)
    assert coarse.shape == (3, 4, 3)
    assert coarse[0, 1, 0] == pytest.approx(array[0:2, 1, 0:3].mean())
    assert coarse[2, 3, 2] == pytest.approx(array[4:, 3, 6:].mean())


def test_values_on_cells_spread_to_the_voxels_of_a_region():
    lattice = Lattice((5, 4, 7), (2, 1, 3), (1, 1, 1))
    values = np.random.default_rng(0).random(lattice.shape).astype(np.float32)
    cells, region = Region((1, 0, 0), (3, 4, 3)), Region((3, 1, 2), (5, 4, 7))
    spread = lattice.spread(values[cells.slices], cells, region)
    for voxel in np.ndindex(spread.shape):
        at = tuple((np.array(voxel) + region.start) // lattice.factors)
        assert spread[voxel] == values[at]


def test_a_large_region_is_spread_by_several_threads_all_the_same():
    blocks = Blocks((61, 150, 200), (2, 3, 3))
    values = np.random.default_rng(0).random(blocks.shape).astype(np.float32)
    region = Region((3, 1, 2), (61, 150, 199))
    cells = blocks.touched(region)
    k, j, i = (np.arange(a, b) // f for a, b, f in zip(region.start, region.stop, blocks.factors, strict=True))
    assert (blocks.spread(values[cells.slices], cells, region) == values[np.ix_(k, j, i)]).all()


@pytest.mark.parametrize("factors", [(1, 1, 1), (2, 1, 3), (4, 3, 2)])
def test_cells_cover_the_voxels_that_they_spread_to(factors):
    blocks = Blocks((9, 8, 7), factors)
    mask = np.random.default_rng(0).random(blocks.shape) < 0.4
    for cells in (Region.whole(blocks.shape), Region((1, 0, 1), blocks.shape), Region((0, 0, 0), (0, 0, 0))):
        voxels = blocks.spread(mask[cells.slices], cells, blocks.voxels(cells))
        assert blocks.covered(cells, mask[cells.slices]) == np.count_nonzero(voxels)


def test_sampling_a_region_takes_the_middle_voxels():
    lattice = Lattice((5, 4, 7), (2, 1, 3), (1, 1, 1))
    values = np.random.default_rng(0).random((5, 4, 7)).astype(np.float32)
    region = Region((1, 1, 1), (5, 4, 6))
    cells, sampled = lattice.sampled(region, values[region.slices])
    assert sampled.shape == cells.shape
    assert sampled[0, 0, 0] == values[1, 1, 1]
    assert cells.start == (0, 1, 0)


def test_a_prior_is_sampled_once_for_each_grid_of_blocks(monkeypatch):
    region = Region((1, 1, 1), (5, 4, 6))
    prior = Prior(region, np.random.default_rng(0).random(region.shape).astype(np.float32))
    asked, plain = [], Blocks.sampled
    monkeypatch.setattr(Blocks, "sampled", lambda blocks, *of: asked.append(blocks) or plain(blocks, *of))
    for factors in ((2, 1, 3), (1, 2, 2), (2, 1, 3)):
        cells, sampled = prior.on(Blocks((5, 4, 7), factors))
        expected, values = plain(Blocks((5, 4, 7), factors), region, prior.logits)
        assert cells == expected
        np.testing.assert_array_equal(sampled, values)
    assert len(asked) == 2


def test_pieces_cover_the_grid_once_and_follow_an_edge():
    array = np.zeros((16, 24, 24), np.float32)
    array[:, :, 11:] = 1
    pieces = partition(array + np.random.default_rng(0).normal(0, 0.02, array.shape).astype(np.float32), (1, 1, 1), 300)
    assert pieces.labels.min() == 0
    assert np.unique(pieces.labels).size == pieces.count
    assert pieces.size.sum() == array.size
    right = ndimage.mean(array, pieces.labels, np.arange(pieces.count))
    assert ((right < 0.1) | (right > 0.9)).mean() > 0.97


def test_contacts_equal_a_count_by_hand():
    labels = np.array([[[0, 0, 1], [2, 2, 1]]], np.int32)
    tone = np.array([[[0.0, 0.2, 0.5], [0.4, 0.4, 0.9]]], np.float32)
    pieces = describe(labels, tone, (2.0, 3.0, 1.0))
    contacts = {
        (a, b): (c, s) for a, b, c, s in zip(pieces.first, pieces.second, pieces.contact, pieces.step, strict=True)
    }
    assert set(contacts) == {(0, 1), (0, 2), (1, 2)}
    assert contacts[0, 1] == pytest.approx((6.0, 0.3))  # one face across i: 2 mm by 3 mm
    assert contacts[0, 2] == pytest.approx((4.0, 0.3))  # two faces across j: 2 mm by 1 mm each, steps 0.4 and 0.2
    assert contacts[1, 2] == pytest.approx((6.0, 0.5))
    np.testing.assert_allclose(pieces.centre[1], [0, 1.5, 2])


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 9, 8), (9, 1, 8), (6, 7, 1)])
def test_contacts_equal_those_found_face_by_face(shape):
    random = np.random.default_rng(sum(shape))
    labels = np.unique(random.integers(0, 12, shape), return_inverse=True)[1].reshape(shape).astype(np.int32)
    tone, steps = random.random(shape, dtype=np.float32), (2.0, 0.7, 0.5)
    expected: dict[tuple[int, int], list[float]] = {}
    for here in np.ndindex(shape):
        for axis in range(3):
            there = tuple(n + (a == axis) for a, n in enumerate(here))
            if there[axis] < shape[axis] and labels[here] != labels[there]:
                pair = min(labels[here], labels[there]), max(labels[here], labels[there])
                face = 0.7 / steps[axis]
                area, jump = expected.get(pair, [0.0, 0.0])
                expected[pair] = [area + face, jump + face * abs(float(tone[here]) - float(tone[there]))]
    pieces = describe(labels, tone, steps)
    assert list(zip(pieces.first, pieces.second, strict=True)) == sorted(expected)
    areas, jumps = (np.array([expected[pair][n] for pair in sorted(expected)]) for n in (0, 1))
    assert pieces.contact == pytest.approx(areas, rel=1e-5)
    assert pieces.step == pytest.approx(jumps / areas, rel=1e-4)


def test_a_lengthened_graph_makes_just_those_paths_longer():
    tone = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 1, 5)
    graph = Graph.of(describe(np.arange(5, dtype=np.int32).reshape(1, 1, 5), tone, (1, 1, 1)), 0.1)
    before = distances(graph.lengths, np.array([0]))
    by = np.where(graph.pieces.first == 2, 7.0, 0.0)
    after = distances(graph.lengthened(by), np.array([0]))
    np.testing.assert_allclose(after - before, [0, 0, 0, 7, 7], atol=1e-9)


def test_the_best_reach_of_a_bright_cube_is_the_cube():
    array = np.full((20, 20, 20), 0.3, np.float32)
    array[6:14, 6:14, 6:14] = 0.7
    array += np.random.default_rng(0).normal(0, 0.02, array.shape).astype(np.float32)
    pieces = describe(np.arange(8000, dtype=np.int32).reshape(array.shape), array, (1, 1, 1))
    graph = Graph.of(pieces, 0.02)
    reach = distances(graph.lengths, np.array([10 * 400 + 10 * 20 + 10]))
    found = (reach < Cuts.of(pieces, reach, graph.noise, 1.0).best).reshape(array.shape)
    assert found[6:14, 6:14, 6:14].mean() > 0.85
    assert found.sum() == found[6:14, 6:14, 6:14].sum()


def test_the_image_without_a_last_piece_is_no_object_however_short_its_border():
    array = np.full((20, 20, 20), 0.3, np.float32)
    array[6:14, 6:14, 6:14] = 0.7
    array += np.random.default_rng(0).normal(0, 0.02, array.shape).astype(np.float32)
    pieces = describe(np.arange(8000, dtype=np.int32).reshape(array.shape), array, (1, 1, 1))
    reach = distances(Graph.of(pieces, 0.02).lengths, np.array([10 * 400 + 10 * 20 + 10]))
    last = int(np.argmax(reach))
    touching = (pieces.first == last) | (pieces.second == last)
    joined = replace(
        pieces, contact=np.where(touching, 1e-3, pieces.contact), step=np.where(touching, 1e-3, pieces.step)
    )
    found = (reach < Cuts.of(joined, reach, 0.02, 1.0).best).reshape(array.shape)
    assert found.sum() == found[6:14, 6:14, 6:14].sum() > 400


def test_settling_equals_solving_the_linear_system():
    generator = np.random.default_rng(0)
    tone, belief = generator.random((5, 6)).astype(np.float32), generator.random((5, 6)).astype(np.float32)
    trust = (0.1 + generator.random((5, 6))).astype(np.float32)
    steps, scale = (1.0, 2.0), 0.2
    system, right = np.diag(trust.ravel().astype(float)), (trust * belief).ravel().astype(float)
    for a in np.ndindex(tone.shape):
        for axis in (0, 1):
            b = tuple(x + (ax == axis) for ax, x in enumerate(a))
            if b[axis] < tone.shape[axis]:
                weight = (1 / (1 + ((tone[a] - tone[b]) / scale) ** 4) + 1e-3) * (1.0, 0.25)[axis]
                i, j = np.ravel_multi_index(a, tone.shape), np.ravel_multi_index(b, tone.shape)
                system[[i, j], [i, j]] += weight
                system[[i, j], [j, i]] -= weight
    expected = np.linalg.solve(system, right).reshape(tone.shape)
    np.testing.assert_allclose(settle(tone, belief, trust, scale, steps, rounds=200), expected, atol=2e-3)


def test_seeds_keep_the_newest_word_about_a_voxel():
    drawn = np.zeros((4, 5), bool)
    drawn[1, 1] = True
    prompts = (
        Point((2, 1, 1), positive=False),
        SliceMask(0, 2, drawn),
        Point((2, 1, 1), positive=False),
        Point((2, 0, 0)),
    )
    seeds = Seeds.of(prompts, (6, 4, 5), (1, 1, 1))
    assert seeds.include.tolist() == [[2, 0, 0]]
    assert [2, 1, 1] in seeds.exclude.tolist()
    assert len(seeds.exclude) == 19


def test_bounds_span_all_boxes_and_a_flat_one_reaches_beyond_its_slice():
    solid = Seeds.of((Box((1, 1, 1), (3, 3, 3)), Box((2, 2, 2), (7, 7, 7))), (20, 20, 20), (1, 1, 1))
    assert solid.bounds == Region((1, 1, 1), (8, 8, 8))
    flat = Seeds.of((Box((10, 5, 5), (10, 8, 8)),), (20, 20, 20), (1, 1, 1))
    assert flat.bounds == Region((6, 3, 3), (15, 11, 11))
