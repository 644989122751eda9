"""Both predictors on supervoxels, on phantoms: what one click gives, what prompts hold, how they carry and keep."""

from __future__ import annotations

import time

import numpy as np
import pytest

from app.engine import registry
from app.engine.blocks import Blocks
from app.engine.classic.known import Known
from app.engine.classic.lattice import Lattice
from app.engine.classic.seeds import Seeds
from app.engine.evaluation import dice
from app.engine.propagation import propagate
from app.engine.protocol import Estimate, Prediction, Prior, Propagate, Propagated, Token
from app.engine.uncertainty import estimate
from app.geometry import Geometry, Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

SHAPE = (32, 40, 48)
KK, JJ, II = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
BALL = (KK - 16) ** 2 + (JJ - 20) ** 2 + (II - 16) ** 2 < 81
OTHER = (KK - 16) ** 2 + (JJ - 20) ** 2 + (II - 37) ** 2 < 49
TUBE = ((JJ - 20) ** 2 + (II - 16) ** 2 < 36) & (KK >= 6) & (KK <= 25)


def volume(truth: np.ndarray, noise: float = 8, spacing: tuple[float, float, float] = (1, 1, 1)) -> Volume:
    voxels = 100 * truth + np.random.default_rng(0).normal(0, noise, truth.shape)
    return Volume(voxels.astype(np.int16), Geometry(truth.shape, np.diag([*spacing, 1.0])))


class Asked:
    """A prepared volume to ask again and again."""

    id = "classic"

    def __init__(self, image: Volume) -> None:
        self.image = image
        self.model = registry.load(self.id)
        self.features = self.model.prepare(image, lambda fraction, what: None, Token())

    def mask(self, *prompts: Prompt, prior: Prior | None = None) -> np.ndarray:
        return whole(self.model.predict(self.features, prompts, prior), self.image.shape)


def whole(prediction: Prediction, shape: Index) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


@pytest.fixture(scope="module", params=["classic", "builtin"], autouse=True)
def model(request: pytest.FixtureRequest) -> str:
    """Whom `Asked` asks; every test asks both."""
    Asked.id = request.param
    return Asked.id


@pytest.fixture(scope="module")
def balls(model: str) -> Asked:
    return Asked(volume(BALL | OTHER))


def test_one_click_finds_a_ball_in_noise(balls: Asked) -> None:
    assert dice(balls.mask(Point((16, 20, 16))), BALL) > 0.9


def test_thick_slices_are_normal_input() -> None:
    k, j, i = np.ogrid[:10, :40, :48]
    truth = (5 * (k - 5)) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 144
    asked = Asked(volume(truth, spacing=(1, 1, 5)))
    assert dice(asked.mask(Point((5, 20, 20))), truth) > 0.85


def test_clicked_voxels_come_out_as_they_were_said(balls: Asked) -> None:
    generator = np.random.default_rng(1)
    voxels = [tuple(int(generator.integers(n)) for n in SHAPE) for _ in range(30)]
    prompts = [Point(v, positive=bool(n % 2)) for n, v in enumerate(dict.fromkeys(voxels))]
    mask = balls.mask(*prompts)
    assert all(mask[p.index] == p.positive for p in prompts)


def test_the_newest_of_two_contradicting_clicks_wins(balls: Asked) -> None:
    assert not balls.mask(Point((16, 20, 16)), Point((16, 20, 16), positive=False))[16, 20, 16]
    assert balls.mask(Point((16, 20, 16), positive=False), Point((16, 20, 16)))[16, 20, 16]


def test_a_second_click_adds_the_second_ball(balls: Asked) -> None:
    mask = balls.mask(Point((16, 20, 16)), Point((16, 20, 37)))
    assert dice(mask, BALL | OTHER) > 0.85


def test_a_box_alone_finds_what_is_in_it_and_nothing_outside(balls: Asked) -> None:
    box = Box((6, 10, 6), (26, 30, 26))
    mask = balls.mask(box)
    assert dice(mask, BALL) > 0.85
    outside = np.ones(SHAPE, bool)
    outside[box.region().slices] = False
    assert not (mask & outside).any()


def test_a_scribble_counts_like_its_clicks(balls: Asked) -> None:
    mask = balls.mask(Scribble([(16, 20, i) for i in range(12, 21)]))
    assert dice(mask, BALL) > 0.9


def test_clicks_on_a_coarser_lattice_are_answered_in_blocks_and_what_is_drawn_is_not(monkeypatch) -> None:
    monkeypatch.setattr(Lattice, "of", classmethod(lambda cls, full, spacing: cls(full, (1, 2, 3), spacing)))
    asked = Asked(volume(BALL | OTHER))
    point = Point((16, 20, 16))
    answer = asked.model.predict(asked.features, (point,), None)
    blocks = Blocks(SHAPE, answer.blocks)
    assert answer.blocks == (1, 2, 3)
    cells = blocks.touched(answer.region)
    assert blocks.voxels(cells) == answer.region
    again = blocks.spread(blocks.sampled(answer.region, answer.logits)[1], cells, answer.region)
    differ = np.argwhere(again != answer.logits) + answer.region.start
    assert {tuple(index) for index in differ.tolist()} <= {point.index}
    box = Box((6, 10, 7), (26, 30, 26))
    drawn = asked.model.predict(asked.features, (point, box), None)
    assert drawn.blocks == (1, 1, 1)
    sketch = asked.model.sketch(asked.features, (point,), None)
    assert (sketch.coarse, sketch.blocks, sketch.region) == (True, (1, 2, 3), cells)
    differ = np.argwhere(blocks.spread(sketch.logits, cells, answer.region) != answer.logits) + answer.region.start
    assert {tuple(index) for index in differ.tolist()} == {point.index}  # what a click says is of its own voxel alone
    for prompts, prior in (
        ((point, box), None),
        ((), None),
        ((point,), Prior(answer.region, answer.logits, seed=True)),
    ):
        assert not asked.model.sketch(asked.features, prompts, prior).coarse


def test_an_ensemble_of_sketches_says_what_one_of_answers_says(monkeypatch) -> None:
    monkeypatch.setattr(Lattice, "of", classmethod(lambda cls, full, spacing: cls(full, (1, 2, 3), spacing)))
    asked = Asked(volume(BALL | OTHER, noise=40))
    decode, sketch = (
        lambda prompts, prior, ask=ask: ask(asked.features, prompts, prior)
        for ask in (asked.model.predict, asked.model.sketch)
    )
    request = Estimate(1, 1, (Point((16, 20, 16)),))
    *_, plain = estimate(request, asked.image.geometry, decode, None, Token())
    *_, quick = estimate(request, asked.image.geometry, decode, None, Token(), sketch=sketch)
    assert quick.region == plain.region
    block = np.prod(Blocks(SHAPE, (1, 2, 3)).factors)
    drawn = block * request.samples  # blocks whose middle is a drawn point hold that point's own logit in an answer
    for one, other in ((quick.mean, plain.mean), (quick.deviation, plain.deviation)):
        assert np.count_nonzero(np.abs(quick.on_voxels(one) - plain.on_voxels(other)) > 1e-4) <= drawn
    assert quick.volumes == pytest.approx(plain.volumes, rel=0.01)
    assert np.ptp(plain.volumes) > 0


def test_a_slice_mask_is_exact_on_its_slice(balls: Asked) -> None:
    drawn = BALL[16] & (np.ogrid[: SHAPE[1], : SHAPE[2]][1] < 17)
    mask = balls.mask(SliceMask(0, 16, drawn))
    assert (mask[16] == drawn).all()


def box_around(mask: np.ndarray) -> Box:
    region = Region.around(mask)
    assert region is not None
    return Box(region.start, tuple(n - 1 for n in region.stop))


@pytest.mark.parametrize("flat", [False, True])
def test_in_a_box_the_object_is_what_is_not_around_it(flat: bool) -> None:
    """A shell: what lies in the very middle of its box is no part of it, and looks like what is around."""
    shell = BALL & ((KK - 16) ** 2 + (JJ - 20) ** 2 + (II - 16) ** 2 > 30)
    asked = Asked(volume(shell))
    drawn = shell & (KK == 16) if flat else shell
    assert dice(asked.mask(box_around(drawn)), shell) > 0.8


def test_what_is_excluded_in_a_box_is_not_taken_for_its_object() -> None:
    asked, box = Asked(volume(BALL)), box_around(BALL)
    known = Known.of(asked.features, Seeds.of((box, Point((16, 20, 16), positive=False)), SHAPE, (1, 1, 1)))
    assert known.exclude.size == 1
    assert known.include.size > 1
    assert not np.intersect1d(known.include, known.exclude).size
    assert BALL[asked.features.pieces.labels == known.include[0]].mean() > 0.5


@pytest.mark.parametrize(
    "box", [Box((16, 20, 16), (16, 20, 16)), Box((0, 0, 0), (31, 39, 47)), Box((0, 0, 0), (0, 39, 0))]
)
@pytest.mark.parametrize("image", [volume(BALL), volume(BALL, noise=0), volume(BALL & False, noise=0)])
def test_every_box_has_a_core(image: Volume, box: Box) -> None:
    features = Asked(image).features
    assert Known.of(features, Seeds.of((box,), SHAPE, (1, 1, 1))).include.size
    everything = Scribble(np.argwhere(np.ones(SHAPE, bool)), positive=False)
    assert not Known.of(features, Seeds.of((box, everything), SHAPE, (1, 1, 1))).include.size


def test_a_drawn_slice_says_nothing_of_slices_beside_it() -> None:
    """A peg becomes thinner from one slice to the next: the mask of the last thick one must not reach over.

    The slice between is left out: its piece may hold both.
    """
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    peg = (j - 20) ** 2 + (i - 16) ** 2 < np.where(k < 16, 11, 6) ** 2
    peg[:4] = peg[28:] = False
    asked = Asked(volume(peg, noise=20))
    found = asked.mask(SliceMask(0, 15, peg[15]))
    assert (found[15] == peg[15]).all()
    assert all(dice(found[n], peg[n]) > 0.9 for n in (13, 14, 17, 18))


def test_no_prompt_is_no_object(balls: Asked) -> None:
    assert not balls.mask().any()
    assert not balls.mask(Point((1, 1, 1), positive=False)).any()


def test_the_same_question_gets_the_same_answer(balls: Asked) -> None:
    prompts = (Point((16, 20, 16)), Point((3, 3, 3), positive=False))
    assert (balls.mask(*prompts) == balls.mask(*prompts)).all()
    assert (Asked(balls.image).mask(*prompts) == balls.mask(*prompts)).all()


def test_features_survive_the_cache(balls: Asked) -> None:
    arrays = {name: np.asarray(array) for name, array in balls.model.pack(balls.features).items()}
    again = balls.model.unpack(balls.image, arrays)
    prediction = balls.model.predict(again, (Point((16, 20, 16)),), None)
    assert (whole(prediction, SHAPE) == balls.mask(Point((16, 20, 16)))).all()


def test_a_seed_is_kept_away_from_a_contradicting_click(balls: Asked) -> None:
    """A painted mask of both balls, one exclude click on the second: the first stays to the voxel."""
    seed = Prior(balls.image.geometry.region, np.where(BALL | OTHER, 4, -4).astype(np.float32), seed=True)
    prediction = balls.model.predict(balls.features, (Point((16, 20, 37), positive=False),), seed)
    mask = BALL | OTHER
    mask[prediction.region.slices] = prediction.logits > 0
    assert not mask[16, 20, 37]
    assert dice(mask & ~OTHER, BALL) > 0.97
    assert (mask & OTHER).sum() < 0.7 * OTHER.sum()


def test_a_seed_that_the_clicks_agree_with_stays_as_it_is(balls: Asked) -> None:
    seed = Prior(balls.image.geometry.region, np.where(BALL, 4, -4).astype(np.float32), seed=True)
    prediction = balls.model.predict(balls.features, (Point((16, 20, 16)),), seed)
    mask = BALL.copy()
    mask[prediction.region.slices] = prediction.logits > 0
    assert (mask == BALL).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 20, 20), (20, 20, 1), (2, 3, 4)])
@pytest.mark.parametrize("value", [0, 7])
def test_constant_and_flat_images_are_answered(shape: Index, value: int) -> None:
    asked = Asked(Volume(np.full(shape, value, np.int16), Geometry(shape, np.eye(4))))
    middle = tuple(n // 2 for n in shape)
    assert asked.mask(Point(middle))[middle]


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint16, np.float32, np.float64])
def test_every_kind_of_number_is_an_image(kind: type) -> None:
    voxels = (100 * BALL + np.random.default_rng(0).normal(20, 5, SHAPE)).clip(0).astype(kind)
    asked = Asked(Volume(voxels, Geometry(SHAPE, np.eye(4))))
    assert dice(asked.mask(Point((16, 20, 16))), BALL) > 0.9


def test_extreme_values_change_nothing() -> None:
    voxels = (100 * BALL + np.random.default_rng(0).normal(0, 8, SHAPE)).astype(np.float32)
    voxels[0, 0, 0], voxels[1, 1, 1] = 1e30, -1e30
    asked = Asked(Volume(voxels, Geometry(SHAPE, np.eye(4))))
    assert dice(asked.mask(Point((16, 20, 16))), BALL) > 0.9


def test_a_thousand_clicks_take_no_longer_than_they_should(balls: Asked) -> None:
    generator = np.random.default_rng(2)
    voxels = {tuple(int(generator.integers(n)) for n in SHAPE) for _ in range(1000)}
    prompts = tuple(Point(v, positive=bool(BALL[v])) for v in voxels)
    begun = time.perf_counter()
    balls.mask(Point((16, 20, 16)))
    one = time.perf_counter() - begun
    begun = time.perf_counter()
    mask = balls.mask(*prompts)
    assert time.perf_counter() - begun < 20 * one + 1
    assert dice(mask, BALL) > 0.9


def carried(asked: Asked, truth: np.ndarray, index: int) -> tuple[np.ndarray, Propagated]:
    request = Propagate(1, 1, 0, {index: truth[index]}, 0, truth.shape[0] - 1)
    mask = np.zeros(truth.shape, bool)
    for message in propagate(request, asked.model, asked.features, asked.image, Token()):
        if isinstance(message, Propagated):
            return mask, message
        mask[message.index] = message.mask
    raise AssertionError("a propagation without an end")


def test_a_tube_is_carried_to_its_ends_and_no_further() -> None:
    mask, end = carried(Asked(volume(TUBE)), TUBE, 14)
    assert dice(mask, TUBE) > 0.9
    assert abs(end.reached[0] - 6) <= 1
    assert abs(end.reached[1] - 25) <= 1


def test_a_tapering_ball_is_carried_to_its_poles() -> None:
    mask, _ = carried(Asked(volume(BALL)), BALL, 16)
    assert dice(mask, BALL) > 0.85
