"""Models are tried on this computer without their weights: through their adapters, and what is kept of it is honest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import cli, user_folders
from app.engine import registry, rehearsal, trying
from app.engine.backends import tested
from app.engine.backends.machine_test import TESTING
from app.engine.protocol import Token
from app.engine.rehearsal import Cost, Rehearsed, rehearse
from app.engine.sam2.variants import VARIANTS
from app.engine.speeds import Speed, Speeds
from app.errors import Cancelled, EngineFailure, MissingModel
from tests.unit.sam2_official import MINI


def silent(_: float, __: str) -> None:
    pass


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A card of a small SAM 2 network whose weights are not here."""
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(user_folders, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("app.engine.sam2.variants.VARIANTS", dict(VARIANTS) | {"mini": MINI})
    monkeypatch.setattr("app.engine.rehearsal.SHAPE", (40, 512, 512))
    rehearsal._scan.cache_clear()
    (tmp_path / "models" / "mini").mkdir(parents=True)
    card = 'name = "Mini"\nfamily = "sam2"\ndimensions = 2\nprompts = ["point"]\nweights = "mini.pt"\n'
    (tmp_path / "models" / "mini" / "card.toml").write_text(f'{card}[recipe]\nnetwork = "mini"\nimage_size = 128\n')
    registry._found.cache_clear()
    return "mini"


def test_a_network_without_its_weights_is_tried_through_its_adapter(mini: str) -> None:
    told: list[float] = []
    found = rehearse(registry.card(mini), 2, lambda share, what: told.append(share), Token())
    assert (found.model, found.unit, found.trained, found.repeats) == (mini, "slice", False, 2)
    assert found.first.seconds > found.following.seconds > 0
    assert found.encoder.seconds == pytest.approx(found.first.seconds - found.following.seconds)
    assert found.carried is not None
    assert found.carried.cpu_seconds > 0
    assert found.threads >= 1
    assert told == sorted(told)


def test_the_encoder_runs_for_the_first_click_of_a_slice_and_not_for_the_next(
    mini: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    predictor = registry.untrained(registry.card(mini))
    encode = predictor.network.encode  # type: ignore[attr-defined]
    monkeypatch.setattr(predictor.network, "encode", lambda picture: (runs.append("slice"), encode(picture))[1])  # type: ignore[attr-defined]
    for number in (1, 2):
        rehearsal.two_clicks(predictor, registry.card(mini), number)
        assert len(runs) == number


def test_random_numbers_are_finite_repeat_and_are_not_compiled_into_the_cache(mini: str, tmp_path: Path) -> None:
    card = registry.card(mini)
    answers = []
    for _ in range(2):
        predictor = registry.untrained(card)
        prepared = predictor.prepare(rehearsal._scan(), silent, Token())
        answers.append(predictor.predict(prepared, rehearsal._prompts(card, 20)[:1], None).logits)
    assert np.isfinite(answers[0]).all()
    assert np.array_equal(*answers)
    assert not (tmp_path / "cache" / "compiled").exists()


def test_what_was_tried_is_told_as_such_until_a_click_is_answered(mini: str) -> None:
    (found,) = trying.try_models([mini], silent, Token(), repeat=1)
    here = Speeds().of(mini)
    assert here is not None
    expected = Speed(round(found.following.seconds, 4), round(found.first.seconds, 4), rehearsed=True)
    assert replace(here, busy=False) == expected
    kept = Speeds().tried(mini)
    assert kept is not None
    assert (kept.trained, kept.repeats, kept.backend) == (False, 1, found.backend)
    speeds = Speeds()
    speeds.note(mini, 3.0)
    speeds.save()
    assert Speeds().of(mini) == Speed(3.0, 3.0)
    assert Speeds().tried(mini) == kept


def test_what_is_no_network_cannot_be_tried() -> None:
    with pytest.raises(MissingModel, match="Classic is no network"):
        rehearse(registry.card("classic"), 1, silent, Token())
    assert not rehearsal.can_rehearse(registry.card("classic"))
    assert rehearsal.can_rehearse(registry.card("medsam"))


def test_it_can_be_cancelled_betweentwo_clicks(mini: str) -> None:
    token = Token()
    with pytest.raises(Cancelled):
        rehearse(registry.card(mini), 5, lambda share, what: token.cancel() if share else None, token)
    assert Speeds().of(mini) is None


def test_a_process_of_its_own_tests_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trying.machine_test, "find_fastest", lambda tell, token: tell(0.5, TESTING))
    monkeypatch.setattr(trying, "rehearse", _made)
    assert trying.main([]) == 0
    assert capsys.readouterr().out == f"0.500 {TESTING}\n"
    assert trying.main(["sam9"]) == 1
    assert "failed There is no model called 'sam9'" in capsys.readouterr().out


def test_what_goes_wrong_in_that_process_is_one_sentence() -> None:
    with pytest.raises(EngineFailure, match="no model called 'sam9'"):
        trying.try_in_child(["sam9"], silent, Token())


def test_that_process_is_ended_when_it_is_cancelled() -> None:
    token = Token()
    with pytest.raises(Cancelled):
        trying.try_in_child([], lambda share, what: token.cancel(), token)


def test_the_command_tests_this_computer_and_a_model(
    mini: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.engine.backends.machine_test.SECONDS", 0.1)
    assert cli.main(["models", "test", mini, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["computer"]["runs"][0]["seconds"] > 0
    assert result["tried"][0]["model"] == mini
    assert cli.main(["models", "list", "--json"]) == 0
    rows = {row["id"]: row["here"] for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows[mini]["rehearsed"] is True
    assert rows["sam_vit_h"] is None


def _made(card, repeat: int, progress: Callable[[float, str], None], token: Token) -> Rehearsed:
    return Rehearsed(card.id, "slice", Cost(2, 1), Cost(1, 1), None, False, "openvino", 1, repeat)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lite_medsam", "edgetam_fast", "fastsam3d", "sam_med3d_turbo", "mobile_sam"])
def test_models_of_every_family_can_be_tried(model: str) -> None:
    found = rehearse(registry.card(model), 1, silent, Token())
    assert found.first.cpu_seconds > found.following.cpu_seconds > 0
    assert (found.carried is not None) == (model == "edgetam_fast")
    assert found.unit == ("volume" if model in ("fastsam3d", "sam_med3d_turbo") else "slice")


@pytest.mark.slow
def test_a_process_of_its_own_keeps_what_it_found() -> None:
    told: list[str] = []
    trying.try_in_child(["edgetam_fast"], lambda share, what: told.append(what), Token())
    assert told[0] == TESTING
    assert told[-1] == "Trying EdgeTAM, fast (512 px)"
    assert tested.kept() is not None
    here = Speeds().of("edgetam_fast")
    assert here is not None
    assert here.rehearsed
