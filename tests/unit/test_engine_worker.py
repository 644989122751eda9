"""The computing side without threads: seeds, priors, and answers no larger than they need to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.engine.fake import FakePredictor
from app.engine.protocol import Estimate, Estimated, Predict, Prediction, Prior, Token
from app.engine.worker import SEED_MARGIN, Seed, Worker, as_app_error
from app.errors import BadInput, EngineFailure
from app.frozen_labels import FrozenMask
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt, Scribble
from app.volume import Volume

SHAPE = (40, 50, 60)
VOLUME = Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, np.eye(4)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLUMASK_MODELS", f"{Path(__file__).parents[1] / 'models'}:{tmp_path}")
    return tmp_path


@pytest.fixture
def priors(monkeypatch: pytest.MonkeyPatch) -> list[Prior | None]:
    """What the model was given, call by call."""
    given: list[Prior | None] = []
    predict = FakePredictor.predict

    def listening(
        self: FakePredictor, prepared: Volume, prompts: tuple[Prompt, ...], prior: Prior | None
    ) -> Prediction:
        given.append(prior)
        return predict(self, prepared, prompts, prior)

    monkeypatch.setattr(FakePredictor, "predict", listening)
    return given


def ready(model: str = "fake") -> Worker:
    worker = Worker(model)
    worker.open(VOLUME)
    worker.prepare(lambda fraction, what: None, Token())
    return worker


def test_the_prior_is_the_answer_to_the_longest_known_beginning(folder: Path, priors: list[Prior | None]) -> None:
    worker = ready()
    a, b, c = (Point((n, 20, 20)) for n in (10, 20, 30))
    for prompts in ((a,), (a, b), (b,), (a, b, c), (a, b), (a, c)):
        worker.predict(Predict(1, prompts, 0))
    first, second, other, third, again, changed = (None if p is None else int((p.logits > 0).sum()) for p in priors)
    assert (first, other) == (None, None)
    assert second == again == changed == 179  # the ball of `a` alone, whatever came in between
    assert third == 2 * 179


def test_a_seed_is_the_prior_and_is_only_as_large_as_the_segment(folder: Path, priors: list[Prior | None]) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[20:22, 25:27, 30:32] = True
    answer = ready().predict(Predict(1, (Point((20, 25, 30), positive=False),), 0, FrozenMask.of(mask)))
    (prior,) = priors
    assert prior is not None
    assert prior.seed
    assert prior.region == Region((20, 25, 30), (22, 27, 32)).grown(SEED_MARGIN, SHAPE)
    assert ((prior.logits > 0) == mask[prior.region.slices]).all()
    assert not answer.mask.any()
    assert answer.region == prior.region  # it covers what the segment was, so that it is emptied there


def test_an_empty_seed_is_no_prior(folder: Path, priors: list[Prior | None]) -> None:
    answer = ready().predict(Predict(1, (Point((20, 25, 30)),), 0, FrozenMask.of(np.zeros(SHAPE, bool))))
    assert priors == [None]
    assert answer.mask.sum() == 179
    assert answer.region == Region((17, 22, 27), (24, 29, 34))


def test_an_estimate_starts_from_the_answer_that_is_shown(folder: Path, priors: list[Prior | None]) -> None:
    job = Estimate(1, 1, (Point((20, 25, 30)),), samples=3)
    ends = []
    for worker in (ready(), ready()):
        priors.clear()
        if ends:
            worker.predict(Predict(1, job.prompts, 0))
        worker.begin(job)
        *_, end = (worker.step(False) for _ in range(4))
        assert isinstance(end, Estimated)
        assert len(priors) == 4  # one mask and three samples, whoever asked for the mask
        ends.append(end)
    assert (ends[0].mean == ends[1].mean).all()
    assert (ends[0].deviation == ends[1].deviation).all()


def test_seeds_at_the_edge_of_the_grid_are_cut() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    seed = Seed.of(FrozenMask.of(mask))
    assert seed is not None
    assert seed.region == Region.whole(SHAPE)
    assert Seed.of(None) is None


def test_contradictory_prompts_do_not_crash(folder: Path) -> None:
    here = (20, 25, 30)
    prompts = (Point(here), Point(here, positive=False), Scribble([here]), Box(here, here), Scribble([here], False))
    answer = ready().predict(Predict(1, prompts, 0))
    assert answer.mask.shape == answer.region.shape


def test_a_kind_of_prompt_that_the_model_does_not_take_is_named(folder: Path) -> None:
    (folder / "points").mkdir()
    card = 'name = "Points"\nfamily = "fake"\ndimensions = 3\nprompts = ["point"]\n'
    (folder / "points" / "card.toml").write_text(card)
    worker = ready("points")
    with pytest.raises(BadInput, match="Points does not understand prompts of the kind box"):
        worker.predict(Predict(1, (Box((1, 1, 1), (2, 2, 2)),), 0))


@pytest.mark.parametrize(
    "wrong",
    [
        Prediction(Region((0, 0, 0), (2, 2, 2)), np.ones((2, 2, 3), np.float32)),
        Prediction(Region((39, 0, 0), (41, 2, 2)), np.ones((2, 2, 2), np.float32)),
    ],
)
def test_an_answer_that_does_not_fit_the_grid_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wrong: Prediction
) -> None:
    monkeypatch.setattr(FakePredictor, "predict", lambda *_: wrong)
    with pytest.raises(EngineFailure, match="does not fit the scan"):
        ready().predict(Predict(1, (Point((1, 1, 1)),), 0))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: out of memory"), "not enough memory"),
        (ModuleNotFoundError("No module named 'torch'"), "cannot be loaded: No module named 'torch'"),
        (ZeroDivisionError("division by zero"), "The model failed: division by zero."),
        (BadInput("No.", "Yes."), "No. Yes."),
    ],
)
def test_every_failure_is_one_sentence_and_a_hint(error: Exception, words: str) -> None:
    told = as_app_error(error, "classic")
    assert words in str(told)
    assert told.hint
    assert "\n" not in str(told)


def test_samples_of_an_ensemble_are_sketched_where_the_model_can_and_checked_as_answers_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sketched: list[tuple[Prompt, ...]] = []
    region = Region((9, 9, 9), (12, 12, 12))

    class Sketching(FakePredictor):  # a class of its own: isinstance remembers of a class what it once could do
        def predict(self, prepared: Volume, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
            return replace(super().predict(prepared, prompts, prior), blocks=(2, 2, 2))

        def sketch(self, prepared: Volume, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
            sketched.append(prompts)
            return Prediction(region, np.ones(region.shape, np.float32), (2, 2, 2), coarse=True)

    monkeypatch.setattr("app.engine.fake.FakePredictor", Sketching)
    worker = ready()
    worker.begin(Estimate(1, 1, (Point((20, 20, 20)),), samples=3))
    *_, last = drained(worker)
    assert isinstance(last, Estimated)
    assert len(sketched) == 3
    assert last.volumes == (27 * 8 / 1000,) * 3
    region = Region((19, 24, 28), (20, 25, 31))  # one cell beyond the grid's last
    worker.begin(Estimate(1, 1, (Point((20, 20, 20)),), samples=3))
    with pytest.raises(EngineFailure, match="does not fit the scan"):
        drained(worker)


def drained(worker: Worker) -> list[object]:
    """Every piece of the work that was begun."""
    pieces: list[object] = []
    while not pieces or not isinstance(pieces[-1], Estimated):
        pieces.append(worker.step(cancelled=False))
    return pieces
