"""The cards of the zoo: complete, safe to download from, told apart, and true to what the papers' code builds."""

from __future__ import annotations

import re

import pytest

from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.weights.recognition import candidates

ZOO = {
    "sam_vit_b": (93_735_472, 314), "sam_vit_l": (312_342_832, 482), "sam_vit_h": (641_090_608, 594),
    "mobile_sam": (10_130_092, 439), "medsam": (93_735_472, 314), "lite_medsam": (9_791_300, 435),
    "sam_med2d": (271_241_776, 386), "sam_med3d": (100_509_232, 324), "sam_med3d_turbo": (100_509_232, 324),
    "fastsam3d": (53_224_240, 216), "sam2.1_tiny": (38_962_498, 471), "sam2.1_small": (46_060_354, 519),
    "sam2.1_base_plus": (80_850_178, 615), "edgetam": (13_895_794, 982), "medsam2": (38_962_498, 471),
}  # fmt: skip
"""Parameters and tensors of each, counted on the authors' code."""
TWINS = ({"sam_vit_b", "medsam"}, {"sam_med3d", "sam_med3d_turbo"}, {"sam2.1_tiny", "medsam2"})
PUBLISHED = {
    "sam_vit_b", "sam_vit_l", "sam_vit_h", "mobile_sam", "sam_med3d_turbo", "sam2.1_tiny", "sam2.1_small",
    "sam2.1_base_plus",
}  # fmt: skip


@pytest.fixture(params=sorted(ZOO))
def card(request: pytest.FixtureRequest) -> ModelCard:
    return registry.card(request.param)


def test_a_card_has_what_the_picker_and_the_download_need(card: ModelCard) -> None:
    assert card.url.startswith("https://")
    assert card.page.startswith("https://")
    assert card.weights
    assert card.licence
    assert card.description.endswith(".")
    assert card.size > 4 * card.parameters * 0.9  # four bytes a parameter
    assert card.dimensions in (2, 3)
    assert card.prompts <= {"point", "box", "scribble", "mask"}
    assert card.family in registry.FAMILIES
    assert (card.parameters, card.tensors) == ZOO[card.id]


def test_sums_are_there_where_the_authors_publish_them_and_nowhere_else(card: ModelCard) -> None:
    assert bool(card.sha256) == (card.id in PUBLISHED)
    assert re.fullmatch(r"([0-9a-f]{64})?", card.sha256)
    assert bool(card.git_blob) == (card.id in ("mobile_sam", "edgetam"))
    assert re.fullmatch(r"([0-9a-f]{40})?", card.git_blob)


def test_a_signature_fits_its_model_and_its_twin_alone(card: ModelCard) -> None:
    shapes = dict(card.signature) | {f"filler {n}": () for n in range(card.tensors - len(card.signature))}
    twins = next((twins for twins in TWINS if card.id in twins), {card.id})
    zoo = [registry.card(model) for model in ZOO]
    assert {fitting.id for fitting in candidates(shapes, zoo)} == twins


def test_whoever_takes_points_takes_scribbles() -> None:
    for card in (registry.card(model) for model in ZOO):
        assert ("scribble" in card.prompts) == ("point" in card.prompts), card.id


def test_every_card_runs_at_the_resolution_of_its_training_but_those_that_say_they_are_fast() -> None:
    from app.engine.sam2.variants import variant_of

    sam2 = [card for card in registry.cards() if card.family == "sam2"]
    fast = {card.id for card in sam2 if card.weights_of}
    assert fast == {f"{model}_fast" for model in ("sam2.1_tiny", "sam2.1_small", "sam2.1_base_plus", "edgetam")}
    for card in sam2:
        trained = variant_of(card.recipe["network"]).image_size
        if card.id in fast:
            assert card.recipe["image_size"] == trained // 2
            assert "512 px" in card.name
            assert f"trained at {trained} px" in card.description
        else:
            assert card.recipe["image_size"] == trained


def test_a_fast_card_has_the_facts_of_the_file_that_it_shares() -> None:
    fast, whole = registry.card("edgetam_fast"), registry.card("edgetam")
    for fact in ("weights", "url", "page", "size", "git_blob", "licence", "prompts", "parameters", "dimensions"):
        assert getattr(fast, fact) == getattr(whole, fact)
    assert fast.name != whole.name
    assert not fast.signature  # a file is recognised as the other's
    assert registry.owner(fast) == whole == registry.owner(whole)


def test_models_that_take_only_boxes_and_those_not_for_commerce() -> None:
    assert {model for model in ZOO if registry.card(model).prompts == {"box"}} == {"medsam", "lite_medsam"}
    assert {model for model in ZOO if not registry.card(model).commercial} == {"medsam2"}
    assert {model for model in ZOO if registry.card(model).dimensions == 3} == {
        "sam_med3d", "sam_med3d_turbo", "fastsam3d",
    }  # fmt: skip


def test_boxes_in_lungs_brains_and_bones_have_the_windows_of_the_training() -> None:
    """Level and width: Ma et al., Nature Communications 2024, Methods; for LiteMedSAM its challenge's data."""
    windows = {"lung": [-160, 1500], "brain": [40, 80], "bone": [400, 1800]}
    found = {card.id: card for card in registry.cards() if "ct_window" in card.recipe}
    assert set(found) == {"medsam_lung", "medsam_brain", *(f"lite_medsam_{tissue}" for tissue in windows)}
    for model, card in found.items():
        system, _, tissue = model.rpartition("_")
        assert card.recipe == {"system": system, "ct_window": windows[tissue]}
        assert registry.owner(card).id == system
        assert (card.prompts, card.parameters) == ({"box"}, ZOO[system][0])
        low, high = windows[tissue][0] - windows[tissue][1] // 2, windows[tissue][0] + windows[tissue][1] // 2
        assert f"from {low} to {high} HU" in card.description
        assert card.name == f"{registry.owner(card).name}, {tissue} window"
