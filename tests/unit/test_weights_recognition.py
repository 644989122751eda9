"""Every model of the zoo is recognised by the names and shapes of its official file, through the real import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from app.engine import registry
from app.engine.protocol import Token
from app.engine.weights import store
from app.engine.weights.recognition import Undecided
from tests.unit import sam2_official, sam_checkpoints

Shapes = dict[str, tuple[int, ...]]


def volumetric(name: str) -> Shapes:
    from app.engine.sam_volumetric import image_encoder
    from app.engine.sam_volumetric.network import ClickNetwork

    with torch.device("meta"):
        state = ClickNetwork(getattr(image_encoder, name)).state_dict()
    return {name: tuple(value.shape) for name, value in state.items()}


OFFICIAL: dict[str, tuple[Callable[[], Shapes], str]] = {
    "sam_vit_b": (lambda: sam_checkpoints.sam_shapes("vit_b"), ""),
    "medsam": (lambda: sam_checkpoints.sam_shapes("vit_b"), ""),
    "sam_vit_l": (lambda: sam_checkpoints.sam_shapes("vit_l"), ""),
    "sam_vit_h": (lambda: sam_checkpoints.sam_shapes("vit_h"), ""),
    "mobile_sam": (lambda: sam_checkpoints.tiny_shapes(3, True), ""),
    "lite_medsam": (lambda: sam_checkpoints.tiny_shapes(1, False), ""),
    "sam_med2d": (sam_checkpoints.med2d_shapes, "model"),
    "sam_med3d": (lambda: volumetric("SAM_MED3D"), "model_state_dict"),
    "sam_med3d_turbo": (lambda: volumetric("SAM_MED3D"), "model_state_dict"),
    "fastsam3d": (lambda: volumetric("FASTSAM3D"), "model_state_dict"),
    "sam2.1_tiny": (lambda: sam2_official.official_shapes("tiny"), "model"),
    "sam2.1_small": (lambda: sam2_official.official_shapes("small"), "model"),
    "sam2.1_base_plus": (lambda: sam2_official.official_shapes("base_plus"), "model"),
    "medsam2": (lambda: sam2_official.official_shapes("tiny"), "model"),
    "edgetam": (lambda: sam2_official.official_shapes("edgetam"), "model"),
}
TWINS = {"sam_vit_b": "medsam", "sam_med3d_turbo": "sam_med3d", "sam2.1_tiny": "medsam2"}
TWINS |= {twin: model for model, twin in TWINS.items()}


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "user_folder", lambda: tmp_path / "user")


def hollow(model: str, folder: Path, name: str) -> Path:
    """A file with the official names, shapes and wrapping, and one number for each tensor."""
    shapes, wrapper = OFFICIAL[model]
    state = {name: torch.zeros(()).expand(shape) for name, shape in shapes().items()}
    torch.save({wrapper: state, "epoch": 1} if wrapper else state, folder / name)
    return folder / name


def take(path: Path, as_model: str = "") -> str:
    return store.import_file(path, lambda *_: None, Token(), as_model).id


@pytest.mark.parametrize("model", OFFICIAL)
def test_the_official_file_has_as_many_tensors_as_the_card_says(model: str) -> None:
    assert len(OFFICIAL[model][0]()) == registry.card(model).tensors


@pytest.mark.parametrize("model", OFFICIAL)
def test_an_unnamed_file_is_asked_about_where_that_is_honest(model: str, tmp_path: Path) -> None:
    card, path = registry.card(model), hollow(model, tmp_path, "unnamed.pth")
    if model not in TWINS and not card.sha256 and not card.git_blob:
        assert take(path) == model
        return
    with pytest.raises(Undecided) as told:  # a twin, or not the file that was published
        take(path)
    assert set(told.value.candidates) == {model, TWINS.get(model, model)}
    assert take(path, model) == model
    assert registry.installed(card)
    assert store.verify(card, lambda *_: None, Token()).problem == ""


@pytest.mark.parametrize("model", ["medsam", "sam_med3d", "medsam2"])
def test_a_twin_without_a_published_sum_is_known_by_its_files_name(model: str, tmp_path: Path) -> None:
    assert take(hollow(model, tmp_path, registry.card(model).weights)) == model
