"""The 3D SAMs' predictor with a network that sees: it answers with what is bright around the click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import ndimage

from app.engine.model_card import ModelCard
from app.engine.propagation import propagate
from app.engine.protocol import (
    Estimate,
    Estimated,
    Prediction,
    Predictor,
    Prior,
    Propagate,
    Propagated,
    SliceAnswer,
    Token,
)
from app.engine.sam_volumetric import VolumetricPredictor
from app.engine.uncertainty import estimate
from app.geometry import Geometry
from app.prompts import Point, Prompt, Scribble, SliceMask
from app.volume import Volume

CARD = ModelCard("seeing", "Seeing", "sam3d_click", 3, frozenset({"point", "scribble"}))


class Seeing:
    """Encodes a crop as its 32^3 means; decodes a click as the bright part that holds it, added to the mask before."""

    def __init__(self) -> None:
        self.crops: list[np.ndarray] = []
        self.calls: list[tuple[Sequence[tuple[tuple[int, int, int], bool]], np.ndarray]] = []
        self.answers: list[np.ndarray] = []

    def encode(self, samples: np.ndarray) -> np.ndarray:
        assert samples.shape == (1, 1, 128, 128, 128)
        assert samples.dtype == np.float32
        self.crops.append(samples)
        return samples.reshape(32, 4, 32, 4, 32, 4).mean(axis=(1, 3, 5))

    def decode(self, embedding: np.ndarray, clicks: Sequence[tuple[tuple[int, int, int], bool]], low: np.ndarray):
        self.calls.append((clicks, low))
        middle, extent = (embedding.max() + embedding.min()) / 2, np.ptp(embedding)
        parts, _ = ndimage.label(embedding > middle)
        value = 8 * (embedding - middle) / extent
        logits = np.where(low == 0, -4.0, low).astype(np.float32)
        for (x, y, z), positive in clicks:
            part = ndimage.binary_dilation(parts == parts[x // 4, y // 4, z // 4], np.ones((3, 3, 3)))
            logits[part] = value[part] if positive else -4.0
        self.answers.append(logits)
        return logits


def phantom(shape=(40, 200, 170), spacing=(4.0, 0.9, 1.1), flips=(1, -1, -1), balls=(((20, 90, 80), 24.0),)) -> Volume:
    """Bright balls (centre index, radius mm) of a made scan."""
    affine = np.diag([flips[2] * spacing[2], flips[1] * spacing[1], flips[0] * spacing[0], 1.0])
    grids = np.ogrid[tuple(slice(n) for n in shape)]
    array = np.full(shape, 10, np.int16)
    for centre, radius in balls:
        distance = sum(((g - c) * s) ** 2 for g, c, s in zip(grids, centre, spacing, strict=True))
        array[distance <= radius**2] = 200
    return Volume(array, Geometry(shape, affine), "MR")


def opened(volume: Volume) -> tuple[Predictor, Seeing, object]:
    network = Seeing()
    predictor = VolumetricPredictor(CARD, network)
    return predictor, network, predictor.prepare(volume, lambda *_: None, Token())


def mask_of(prediction: Prediction, volume: Volume) -> np.ndarray:
    mask = np.zeros(volume.shape, bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize(
    "volume",
    [
        phantom(),
        phantom((160, 150, 140), (1.5, 1.5, 1.5), (1, 1, 1), (((60, 100, 50), 20.0),)),
        phantom((30, 28, 33), (2.0, 2.0, 2.0), (-1, 1, -1), (((12, 15, 14), 16.0),)),
        phantom((300, 60, 90), (0.8, 3.0, 2.0), (1, -1, 1), (((250, 22, 70), 22.0),)),
    ],
    ids=["anisotropic", "at the recipe's spacing", "smaller than the crop", "tall and at a border"],
)
def test_the_mask_lands_on_the_voxels_that_the_network_saw(volume):
    truth = volume.array > 100
    depth = ndimage.distance_transform_edt(truth, sampling=volume.geometry.spacing)
    click = np.unravel_index(int(depth.argmax()), truth.shape)
    predictor, _, prepared = opened(volume)
    mask = mask_of(predictor.predict(prepared, (Point(tuple(int(x) for x in click)),), None), volume)
    assert dice(mask, truth) > 0.9
    offset = np.array(ndimage.center_of_mass(mask)) - np.array(ndimage.center_of_mass(truth))
    assert np.abs(offset * volume.geometry.spacing).max() < 0.8  # mm; a shift of one sample is 1.5


def test_the_first_mask_is_zeros_and_the_next_click_gets_the_answer_before():
    volume = phantom()
    predictor, network, prepared = opened(volume)
    first = (Point((20, 90, 80)),)
    answer = predictor.predict(prepared, first, None)
    assert len(network.crops) == 1
    assert not network.calls[0][1].any()
    both = (*first, Point((20, 150, 80), positive=False))
    predictor.predict(prepared, both, Prior(answer.region, answer.logits))
    assert len(network.crops) == 1, "the crop's embedding is there already"
    clicks, low = network.calls[1]
    assert [positive for _, positive in clicks] == [False], "the newest click only, as in training"
    np.testing.assert_array_equal(low, network.answers[0])


def test_all_clicks_are_passed_where_the_recipe_says_so():
    volume, network = phantom(), Seeing()
    card = ModelCard("seeing", "Seeing", "sam3d_click", 3, CARD.prompts, recipe={"multi_click": True})
    predictor = VolumetricPredictor(card, network)
    prepared = predictor.prepare(volume, lambda *_: None, Token())
    predictor.predict(prepared, (Point((20, 90, 80)), Point((20, 150, 80), positive=False)), None)
    assert [len(clicks) for clicks, _ in network.calls] == [1, 2]


def test_clicks_at_once_and_one_by_one_give_the_same():
    volume = phantom(balls=(((20, 90, 80), 24.0), ((24, 150, 120), 12.0)))
    prompts: tuple[Prompt, ...] = (Point((20, 90, 80)), Point((24, 150, 120)), Point((20, 92, 80), positive=False))
    predictor, _, prepared = opened(volume)
    prior, step = None, None
    for count in range(1, 4):
        step = predictor.predict(prepared, prompts[:count], prior)
        prior = Prior(step.region, step.logits)
    again, _, fresh = opened(volume)
    whole = again.predict(fresh, prompts, None)
    assert whole.region == step.region
    np.testing.assert_array_equal(whole.logits, step.logits)
    mask = mask_of(whole, volume)
    assert mask[24, 150, 120]
    assert not mask[20, 90, 80]


def test_a_click_outside_the_crop_is_answered_and_what_was_there_stays():
    far = phantom((40, 400, 60), (4.0, 1.5, 1.5), (1, 1, 1), (((20, 50, 30), 20.0), ((20, 340, 30), 20.0)))
    predictor, network, prepared = opened(far)
    first = predictor.predict(prepared, (Point((20, 50, 30)),), None)
    second = predictor.predict(prepared, (Point((20, 50, 30)), Point((20, 340, 30))), Prior(first.region, first.logits))
    assert len(network.crops) == 2
    assert dice(mask_of(second, far), far.array > 100) > 0.9
    whole = opened(far)
    at_once = whole[0].predict(whole[2], (Point((20, 50, 30)), Point((20, 340, 30))), None)
    assert dice(mask_of(at_once, far), far.array > 100) > 0.9


def test_the_ensemble_embeds_once_and_starts_from_the_first_answer():
    volume = phantom()
    predictor, network, prepared = opened(volume)
    request = Estimate(1, 1, (Point((20, 90, 80)),), samples=4)
    steps = list(
        estimate(request, volume.geometry, lambda p, prior: predictor.predict(prepared, p, prior), None, Token())
    )
    assert isinstance(steps[-1], Estimated)
    assert len(network.crops) == 1
    assert len(network.calls) == 5
    for clicks, low in network.calls[1:]:
        assert len(clicks) == 1
        np.testing.assert_array_equal(low, network.answers[0])


def test_only_exclude_clicks_have_no_object():
    predictor, network, prepared = opened(phantom())
    nothing = predictor.predict(prepared, (Point((20, 90, 80), positive=False),), None)
    assert not nothing.logits.size
    assert not network.calls
    after = (Point((20, 90, 80), positive=False), Point((20, 92, 80)))
    answer = predictor.predict(prepared, after, Prior(nothing.region, nothing.logits))
    assert [clicks[0][1] for clicks, _ in network.calls] == [True, False]
    assert answer.region.contains((20, 92, 80))


def test_a_scribble_is_some_clicks_along_it():
    predictor, network, prepared = opened(phantom())
    predictor.predict(prepared, (Scribble([(20, j, 80) for j in range(70, 110)]),), None)
    assert len(network.calls) == 5
    assert all(positive for clicks, _ in network.calls for _, positive in clicks)


def test_a_painted_mask_changes_only_where_a_click_objects():
    volume = phantom(balls=(((20, 90, 80), 20.0), ((20, 150, 120), 12.0)))
    painted = np.zeros(volume.shape, bool)
    painted[18:23, 20:30, 20:30] = True  # not on anything bright
    painted[20, 150, 120] = True
    seed = Prior(volume.geometry.region, np.where(painted, 4.0, -4.0).astype(np.float32), seed=True)
    predictor, network, prepared = opened(volume)
    same = predictor.predict(prepared, (Point((20, 150, 120)),), seed)
    np.testing.assert_array_equal(mask_of(same, volume), painted)
    assert not network.calls, "nothing objects"
    changed = mask_of(predictor.predict(prepared, (Point((20, 150, 120)), Point((20, 90, 80))), seed), volume)
    assert changed[18:23, 20:30, 20:30].all()
    ball = (volume.array > 100) & (np.arange(volume.shape[1]) < 125)[None, :, None]
    assert dice(changed & ~painted, ball & ~painted) > 0.85
    assert not changed[20, 150, 118]


def test_an_unknown_prior_is_fed_back_as_a_mask():
    volume = phantom()
    logits = np.where(volume.array > 100, 6.0, -6.0).astype(np.float32)
    predictor, network, prepared = opened(volume)
    predictor.predict(prepared, (Point((20, 90, 80)),), Prior(volume.geometry.region, logits))
    _, low = network.calls[0]
    assert low[16, 16, 16] == pytest.approx(6.0)
    assert low[0, 0, 0] < 0


def test_an_outline_is_exact_on_its_slice_and_clicks_elsewhere():
    volume = phantom()
    truth = volume.array > 100
    outline = truth[20].copy()
    outline[60:70] = False  # the user knows better
    predictor, network, prepared = opened(volume)
    prediction = predictor.predict(prepared, (SliceMask(0, 20, outline),), None)
    mask = mask_of(prediction, volume)
    region = prediction.region
    cut = region.slices[1:]
    np.testing.assert_array_equal(mask[20][cut], outline[cut])
    assert dice(mask[22], truth[22]) > 0.85
    assert all(positive for clicks, _ in network.calls for _, positive in clicks)


def test_a_drawn_slice_is_carried_through_the_answer_and_on_beyond_its_crop():
    shape, spacing = (130, 40, 44), (2.5, 4.0, 4.0)
    affine = np.diag([4.0, 4.0, 2.5, 1.0])
    array = np.full(shape, 10, np.int16)
    array[5:121, 12:24, 14:28] = 200  # a rod of 290 mm, longer than a crop
    volume = Volume(array, Geometry(shape, affine), "MR")
    truth = array > 100
    predictor, network, prepared = opened(volume)
    request = Propagate(1, 1, 0, {15: truth[15]}, 0, 129)
    steps = list(propagate(request, predictor, prepared, volume, Token()))
    mask = np.zeros(shape, bool)
    for step in steps:
        if isinstance(step, SliceAnswer):
            mask[step.index] = step.mask
    assert dice(mask, truth) > 0.85
    assert 2 <= len(network.crops) <= 4, "one crop shows some 76 slices"
    assert spacing[0] * np.flatnonzero(mask.any(axis=(1, 2))).size == pytest.approx(290, abs=15)
    assert isinstance(steps[-1], Propagated)
    assert steps[-1].reached[1] == pytest.approx(121, abs=3)
