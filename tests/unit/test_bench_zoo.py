"""The table of FastSAM-3DSlicer: what was measured here beside what was published, ratios within one run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import cli, user_folders
from app.cli import bench_zoo
from app.cli.published import QUICKEST, TABLE
from app.engine import registry, trying
from app.engine.model_card import ModelCard
from app.engine.protocol import Token
from app.engine.rehearsal import Cost, Rehearsed, can_rehearse
from app.engine.speeds import Speeds

ENCODER = {"sam_med2d": 0.5, "medsam": 8.0, "sam_med3d_turbo": 1.4, "fastsam3d": 0.4, "mobile_sam": 0.6}


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rehearsals that take known times."""
    monkeypatch.setattr(user_folders, "cache_folder", lambda: tmp_path / "cache")

    def made(card: ModelCard, repeat: int, progress: Callable[[float, str], None], token: Token) -> Rehearsed:
        progress(1.0, "Trying")
        first, unit = ENCODER[card.id] + 0.1, "volume" if card.dimensions == 3 else "slice"
        return Rehearsed(card.id, unit, Cost(first, first), Cost(0.1, 0.1), None, False, "openvino", 2, repeat)

    monkeypatch.setattr(trying, "rehearse", made)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["bench", "--zoo", *arguments, "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def models(*ids: str) -> list[str]:
    return [word for model in ids for word in ("--model", model)]


def test_published_figures_stand_beside_the_measured_and_are_called_so(
    measured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo = told(capsys, *models(*ENCODER))["zoo"]
    rows = {row["id"]: row for row in zoo["rows"]}
    assert rows["medsam"]["encoder_s"] == pytest.approx(8.0)
    assert rows["medsam"]["decoder_s"] == pytest.approx(0.1)
    assert rows["medsam"]["published_cpu_s"] == 48.9
    assert rows["medsam"]["ratio"] == pytest.approx(8.1 / 0.6, abs=0.01)
    assert rows["medsam"]["published_ratio"] == pytest.approx(48.9 / 1.52, abs=0.01)
    assert rows["sam_med3d_turbo"]["ratio"] == pytest.approx(1.5 / 0.5, abs=0.01)
    assert rows["mobile_sam"]["published_cpu_s"] is None
    assert rows["mobile_sam"]["samm_volume_s"] == pytest.approx(240 * 0.6)
    assert rows["mobile_sam"]["samm_all_s"] == pytest.approx((240 + 2 * 352) * 0.6)
    assert any("Ryzen 5 5500U" in source for source in zoo["published"])


def test_with_a_graphics_card_both_are_measured_and_compared_with_their_like(
    measured: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    seen: list[tuple[str, str]] = []
    made = trying.rehearse

    def noted(card: ModelCard, *rest: Any) -> Rehearsed:
        seen.append((os.environ["VOLUMASK_BACKEND"], card.id))
        return made(card, *rest)

    monkeypatch.setattr(trying, "rehearse", noted)
    rows = told(capsys, *models("fastsam3d", "sam_med3d_turbo"))["zoo"]["rows"]
    assert seen == [(way, model) for way in ("openvino", "torch") for model in ("fastsam3d", "sam_med3d_turbo")]
    assert [row["device"] for row in rows] == ["CPU", "CPU", "GPU", "GPU"]
    assert [row["ratio"] for row in rows] == [1, 3, 1, 3]
    assert os.environ["VOLUMASK_BACKEND"] == "torch"


def test_a_ratio_needs_both_in_one_run(measured: None, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = told(capsys, *models("medsam"))["zoo"]["rows"]
    assert row["ratio"] is None
    assert row["published_ratio"] == pytest.approx(32.17)


def test_the_text_names_the_machine_its_load_and_what_is_published(
    measured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "--zoo", *models("fastsam3d", "sam_med3d_turbo", "mobile_sam")]) == 0
    text = capsys.readouterr().out
    assert "cores (load" in text.splitlines()[0]
    assert "7.75 s CPU, 1.76 s GPU; 7.11 times fastsam3d, here 3 times" in text
    assert "240 such slices 144 s, those along all axes of SAMM's volume 566 s, SAMM 162.9 s for the volume" in text
    assert "random numbers for weights" in text
    assert text.count("published: ") == 2


def test_what_the_bench_measures_the_model_list_tells(measured: None, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, *models("mobile_sam"))
    here = Speeds().of("mobile_sam")
    assert here is not None
    assert (here.typical, here.longest, here.rehearsed) == (0.1, 0.7, True)


def test_every_row_of_the_published_table_is_a_network_of_ours_that_the_bench_runs() -> None:
    for model, published in TABLE.items():
        card = registry.card(model)
        assert can_rehearse(card)
        assert published.unit == ("volume" if card.dimensions == 3 else "slice")
        assert QUICKEST[published.unit] in TABLE
    assert all(can_rehearse(registry.card(model)) for model in bench_zoo.DEFAULT)
