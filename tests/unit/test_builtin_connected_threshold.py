"""What is large and told by a threshold goes on over the whole scan, and clicks move the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin import predictor as predictor_module
from app.engine.builtin.connected_threshold import _moved, connected_threshold
from app.engine.builtin.features import LARGE
from app.engine.builtin.level import Level, spread
from app.engine.builtin.predictor import BuiltinPredictor
from app.engine.classic.cells import Cells
from app.engine.classic.features import Features, prepare_features
from app.engine.classic.seeds import Seeds
from app.engine.evaluation import PredictorClicker, clicks_3d, dice
from app.engine.protocol import Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt
from app.volume import Volume
from tests.data import NO_SHARED_DATA, needs_shared, shared_data

SHAPE = (64, 64, 64)
WHOLE = Region.whole(SHAPE)
K, J, COLUMN = np.indices(SHAPE)
AWAY = np.sqrt((K - 32.0) ** 2 + (J - 32.0) ** 2 + (COLUMN - 32.0) ** 2)
SHELL = np.asarray(np.abs(AWAY - 22) < 2)
FOUND = SHELL & (COLUMN < 36)  # what the network saw of it
IN, ALSO_IN, IN_TOO = Point((32, 32, 10)), Point((32, 10, 32)), Point((32, 11, 31))
OUT = Point((32, 32, 32), positive=False)
RIM = Point((32, 32, 51), positive=False)  # 19 from the middle
BESIDE = np.asarray(np.abs(AWAY - 19) <= 1)  # half as bright, along all of the shell


def prepared(image: np.ndarray) -> Features:
    noisy = image + np.random.default_rng(0).normal(0, 3, SHAPE)
    volume = Volume(noisy.astype(np.float32), Geometry(SHAPE, np.eye(4)))
    return prepare_features(volume, lambda done, what: None, Token())


@pytest.fixture(scope="module")
def features() -> Features:
    return prepared(1000.0 * SHELL)


def answer(mask: np.ndarray) -> Cells:
    return Cells(WHOLE, np.where(mask, 3.0, -3.0).astype(np.float32))


def prior(mask: np.ndarray) -> Prior:
    return Prior(WHOLE, np.where(mask, 3.0, -3.0).astype(np.float32))


def asked(features: Features, found: np.ndarray, *prompts: Prompt, last: np.ndarray | None = None) -> np.ndarray | None:
    """(k, j, i) what a threshold makes of an answer; None where it is left as it is."""
    seeds = Seeds.of(prompts, SHAPE, (1.0, 1.0, 1.0))
    cells = connected_threshold(features, seeds, answer(found), None if last is None else prior(last))
    assert cells is None or cells.by_threshold
    return None if cells is None else cells.inside(WHOLE)


def test_the_shell_is_large(features: Features) -> None:
    assert features.lattice.shape == SHAPE
    assert SHELL.sum() > 1.2 * LARGE * features.pieces.usual_size


def test_what_was_found_of_a_shell_goes_on_all_around(features: Features) -> None:
    mask = asked(features, FOUND, IN, ALSO_IN)
    assert mask is not None
    assert dice(FOUND, SHELL) < 0.8
    assert dice(mask, SHELL) > 0.97


def test_so_does_what_is_darker_than_what_is_around_it() -> None:
    mask = asked(prepared(-1000.0 * SHELL), FOUND, IN, ALSO_IN)
    assert mask is not None
    assert dice(mask, SHELL) > 0.97


@pytest.mark.parametrize(
    ("found", "prompts"),
    [
        (FOUND, (IN,)),  # one click may mean a part
        (FOUND, (IN, ALSO_IN, Box((0, 0, 0), (64, 64, 40)))),
        (FOUND, (IN, ALSO_IN, Point((32, 32, 54), positive=False))),  # the same tone is excluded
        (SHELL & (COLUMN < 51), (IN, ALSO_IN)),  # hardly anything is missing
        (SHELL & (COLUMN < 14), (IN, ALSO_IN)),  # hardly anything was found
        (SHELL & (COLUMN < 36) & ((K + J + COLUMN) % 3 > 0), (IN, ALSO_IN)),  # it does not end at a tone
        (np.zeros(SHAPE, bool), (IN, ALSO_IN)),
    ],
)
def test_other_answers_stay_as_they_are(features: Features, found: np.ndarray, prompts: tuple[Prompt, ...]) -> None:
    assert asked(features, found, *prompts) is None


@pytest.mark.parametrize(("newest", "goes_on"), [(ALSO_IN, True), (IN, False), (OUT, False)])
def test_it_goes_on_where_somebody_includes_what_was_not_found_yet(
    features: Features, newest: Point, goes_on: bool
) -> None:
    last = FOUND & (J > 20)
    prompts = (*(prompt for prompt in (IN, ALSO_IN) if prompt != newest), *((IN_TOO,) if newest == OUT else ()), newest)
    assert (asked(features, FOUND, *prompts, last=last) is not None) == goes_on


def test_what_is_added_has_to_look_like_what_was_found() -> None:
    block = np.asarray((COLUMN > 50) & (K < 40))
    image = np.where(SHELL, 300.0, 0.0)
    assert asked(prepared(image + np.where(block, 300.0, 0.0)), FOUND, IN, ALSO_IN) is not None
    assert asked(prepared(image + np.where(block, 3000.0, 0.0)), FOUND, IN, ALSO_IN) is None


def test_small_things_stay_as_they_are() -> None:
    away = np.sqrt((K - 32.0) ** 2 + (J - 32.0) ** 2 + (COLUMN - 32.0) ** 2)
    small = np.asarray(np.abs(away - 8) < 1.5)
    clicks = Point((32, 32, 24)), Point((32, 24, 32))
    assert asked(prepared(1000.0 * small), small & (COLUMN < 34), *clicks) is None


def test_what_hangs_together_is_meant_and_no_other_part(features: Features) -> None:
    ball = np.asarray(AWAY < 8)
    mask = asked(prepared(1000.0 * (SHELL | ball)), FOUND, IN, ALSO_IN)
    assert mask is not None
    assert not mask[ball].any()


def test_an_excluded_rim_moves_the_threshold_above_its_tone() -> None:
    features = prepared(1000.0 * SHELL + 500.0 * (BESIDE & ~SHELL))
    fat = SHELL | BESIDE
    before = asked(features, fat & (COLUMN < 36), IN, ALSO_IN)
    assert before is not None
    assert before[BESIDE].mean() > 0.9
    after = asked(features, fat & (COLUMN < 36), IN, ALSO_IN, RIM, last=before)
    assert after is not None
    assert after[BESIDE & ~SHELL].mean() < 0.1
    assert dice(after, SHELL) > 0.9


def test_once_it_was_the_answer_it_stays_although_the_network_finds_little(features: Features) -> None:
    little = SHELL & (COLUMN < 14)
    assert asked(features, little, IN, ALSO_IN) is None
    mask = asked(features, little, IN, ALSO_IN, OUT, last=SHELL)
    assert mask is not None
    assert dice(mask, SHELL) > 0.97


def test_a_click_that_no_threshold_obeys_changes_what_is_around_it(features: Features) -> None:
    inside = Point((32, 32, 32))
    clicks = IN, ALSO_IN, IN_TOO
    before, mask = asked(features, FOUND, *clicks), asked(features, FOUND, *clicks, inside, last=SHELL)
    assert before is not None
    assert mask is not None
    assert mask[inside.index]
    assert np.count_nonzero(mask ^ before) <= 123  # a ball of three cells


def test_an_excluded_place_of_the_same_tone_is_cut_out_and_a_second_one_says_that_no_threshold_is_meant(
    features: Features,
) -> None:
    clicks = IN, ALSO_IN, IN_TOO
    spot, another = Point((32, 32, 54), positive=False), Point((32, 54, 32), positive=False)
    mask = asked(features, FOUND, *clicks, spot, last=SHELL)
    assert mask is not None
    assert not mask[spot.index]
    assert dice(mask, SHELL) > 0.97
    assert asked(features, FOUND, *clicks, spot, another, last=mask) is None


def test_the_threshold_does_not_move_where_hardly_anything_is_left() -> None:
    """All clicks inside lie in its bright spots, and a rim as bright as the rest of it is excluded."""
    bright = np.asarray((COLUMN < 13) | (J < 13))
    features = prepared(1000.0 * SHELL + 1000.0 * (SHELL & bright) + 950.0 * (BESIDE & ~SHELL))
    fat = SHELL | BESIDE
    mask = asked(features, fat & (COLUMN < 36), IN, ALSO_IN, IN_TOO, RIM, last=fat)
    assert mask is not None
    assert not mask[RIM.index]
    assert dice(mask, fat) > 0.97


@pytest.mark.parametrize(("flooded_from", "column"), [(5, 44), (14, 50)])
def test_nor_where_it_would_flood_what_is_around(flooded_from: int, column: int) -> None:
    """An include is hardly brighter than all around."""
    features = prepared(1000.0 * SHELL + 150.0 * (AWAY < 20) * (flooded_from < AWAY))
    mask = asked(features, FOUND, IN, ALSO_IN, IN_TOO, Point((32, 32, column)), last=SHELL)
    assert mask is not None
    assert dice(mask, SHELL) > 0.95


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        (-np.inf, 0.9, 0.5),
        (0.6, 0.9, 0.7),  # mirrored at what was excluded
        (0.6, 0.65, 0.625),  # between both
        (-np.inf, 0.4, 0.3),  # mirrored at what was included
        (0.2, 0.3, 0.25),
        (0.6, 0.5, 0.55),  # they contradict each other
    ],
)
def test_where_the_threshold_moves(above: float, below: float, expected: float) -> None:
    assert _moved(0.5, above, below) == pytest.approx(expected)


def test_the_level_at_which_an_answer_ends(features: Features) -> None:
    level = Level.of(features.cells, answer(FOUND))
    assert level is not None
    assert level.outside < level.threshold < level.inside
    assert level.fits > 0.85
    assert level.limited(level.inside + 1) < level.inside
    assert level.limited(level.outside - 1) > level.outside
    assert level.contrast(SHELL, WHOLE) > 10 * level.contrast(np.asarray(AWAY < 10), WHOLE)
    assert level.contrast(np.zeros(SHAPE, bool), WHOLE) == 0
    assert Level.of(features.cells, answer(np.zeros(SHAPE, bool))) is None
    assert Level.of(np.zeros(SHAPE, np.float32), answer(FOUND)) is None


@pytest.mark.parametrize("threshold", [0.43, 0.5, 0.57, 0.91])
def test_the_threshold_that_made_an_answer_is_found_wherever_it_lies(threshold: float) -> None:
    """As further clicks move it anywhere."""
    tones = np.random.default_rng(1).random(SHAPE, np.float32)
    level = Level.of(tones, answer(tones > threshold))
    assert level is not None
    assert level.threshold == pytest.approx(threshold, abs=1e-3)
    assert level.fits > 0.999


def test_a_mask_and_its_neighbours() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 1, 1] = True
    assert np.argwhere(spread(mask)).tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 1], [0, 1, 2], [0, 2, 1], [1, 1, 1]]


def test_cells_on_another_region() -> None:
    cells = Cells(Region((1, 1, 1), (3, 3, 3)), np.ones((2, 2, 2), np.float32))
    assert np.argwhere(cells.inside(Region((2, 2, 0), (4, 4, 4)))).tolist() == [[0, 0, 1], [0, 0, 2]]
    assert not cells.inside(Region((5, 5, 5), (6, 6, 6))).any()


@pytest.fixture(scope="module")
def predictor() -> BuiltinPredictor:
    made = registry.load("builtin")
    assert isinstance(made, BuiltinPredictor)
    return made


@pytest.mark.parametrize("by_threshold", [True, False])
def test_a_slice_is_not_looked_at_alone_where_a_threshold_tells_of_the_volume(
    predictor: BuiltinPredictor, features: Features, monkeypatch: pytest.MonkeyPatch, by_threshold: bool
) -> None:
    thresholded = Cells(WHOLE, np.where(SHELL, 3.0, -3.0).astype(np.float32), by_threshold=True)
    monkeypatch.setattr(predictor_module, "connected_threshold", lambda *given: thresholded if by_threshold else None)
    own = predictor.prepare(features.volume, lambda done, what: None, Token())
    found = predictor.predict(own, (IN, Point((32, 10, 30))), None)
    mask = np.zeros(SHAPE, bool)
    mask[found.region.slices] = found.logits > 0
    assert (dice(mask, SHELL) > 0.999) == by_threshold
    sketched = predictor.sketch(own, (IN, Point((32, 10, 30))), None)
    assert (sketched.region == WHOLE) == by_threshold


@needs_shared
def test_three_clicks_find_the_bone_of_a_real_head(
    predictor: BuiltinPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bone as a person with a threshold would have it; without this, those clicks find two thirds of it."""
    from app.volume_io import read_volume

    folder = shared_data()
    assert folder is not None, NO_SHARED_DATA
    volume = read_volume(folder / "nifti" / "real" / "ct_pitch.nii.gz")
    bone = np.asarray(volume.array > 90)
    own = predictor.prepare(volume, lambda done, what: None, Token())

    def after_three() -> float:
        report = clicks_3d(PredictorClicker(predictor, volume, own), bone, volume.geometry.spacing, 3)
        found = report.after(3)
        assert found is not None
        return found.dice

    with_it = after_three()
    monkeypatch.setattr(predictor_module, "connected_threshold", lambda *given: None)
    assert with_it > after_three() + 0.1
