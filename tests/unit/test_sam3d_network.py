"""SAM3D's decoder against the paper's count, SAM's encoder at other sides, the grid and the windows."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
import torch

from app.engine.model_card import ModelCard
from app.engine.sam3d.decoder import Probabilities, Sam3dDecoder
from app.engine.sam3d.grid import SliceGrid
from app.engine.sam3d.recipe import Sam3dRecipe
from app.engine.sam3d.slice_encoder import SliceEncoder
from app.engine.sam3d.windows import importance, padded, starts
from app.engine.weights.checkpoint import read_state
from app.errors import BadInput
from app.geometry import Geometry

PUBLISHED = {(14, 1): 1_880_258, (9, 1): 1_879_963, (4, 1): 1_879_668, (2, 1): 1_879_550, (4, 4): 4_632_180}


def tiny_sam(width: int = 64, depth: int = 2, prefix: str = "image_encoder.") -> dict[str, torch.Tensor]:
    """A SAM file whose encoder has one head and two blocks, the second global; random weights."""
    from app.engine.backends import declare_vision_operators

    declare_vision_operators()
    from segment_anything.modeling import ImageEncoderViT

    torch.manual_seed(5)
    encoder = ImageEncoderViT(
        img_size=1024, embed_dim=width, depth=depth, num_heads=width // 64, out_chans=256, use_rel_pos=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), window_size=14, global_attn_indexes=(1,),
    )  # fmt: skip
    for name, parameter in encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    state = {prefix + name: value for name, value in encoder.state_dict().items()}
    return state | {"mask_decoder.iou_token.weight": torch.zeros(1, 256)}


@pytest.mark.parametrize(("classes", "modalities"), PUBLISHED)
def test_the_decoder_has_the_published_number_of_parameters(classes, modalities):
    with torch.device("meta"):
        decoder = Sam3dDecoder(classes, modalities)
    assert sum(p.numel() for p in decoder.parameters()) == PUBLISHED[classes, modalities]
    assert len(decoder.state_dict()) == 36


def test_the_papers_count_is_met():
    with torch.device("meta"):
        count = sum(p.numel() for p in Sam3dDecoder(14).parameters())
    assert count == pytest.approx(1.88e6, rel=0.01)


def test_answers_come_at_three_resolutions_and_depth_stays():
    decoder = Sam3dDecoder(3).eval()
    with torch.inference_mode():
        shapes = [tuple(out.shape) for out in decoder(torch.randn(1, 256, 5, 2, 2))]
        assert shapes == [(1, 3, 5, 32, 32), (1, 3, 5, 16, 16), (1, 3, 5, 8, 8)]
        probabilities = Probabilities(decoder)(torch.randn(1, 256, 5, 2, 2))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1, 5, 32, 32))


def test_an_official_file_is_read_whole_and_a_foreign_one_refused(tmp_path):
    decoder = Sam3dDecoder(14)
    wrapped = {
        "epoch": 1000,
        "state_dict": {f"module.{name}": value for name, value in decoder.state_dict().items()},
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 0.01, "params": [0]}]},
    }
    torch.save(wrapped, tmp_path / "model_final_checkpoint.model")
    read = read_state(tmp_path / "model_final_checkpoint.model")
    assert len(read) == 36
    again = Sam3dDecoder.of(read)
    assert (again.classes, again.modalities) == (14, 1)
    features = torch.randn(1, 256, 3, 1, 1)
    torch.testing.assert_close(again(features)[0], decoder.eval()(features)[0])
    del read["out3.conv_pred.0.bias"]
    with pytest.raises(BadInput, match="not those of a SAM3D decoder"):
        Sam3dDecoder.of(read)
    with pytest.raises(BadInput, match="not those of a SAM with a ViT"):
        SliceEncoder(read, 64)


def test_the_encoder_takes_any_side_and_is_sam_itself_at_sams_own():
    state = tiny_sam()
    encoder = SliceEncoder(state, 176)
    picture = torch.randn(1, 1, 176, 176)
    with torch.inference_mode():
        assert encoder(picture).shape == (1, 256, 11, 11)
        repeated = encoder.image_encoder(picture.repeat(1, 3, 1, 1))
        torch.testing.assert_close(encoder(picture), repeated)
    own = SliceEncoder(state, 1024).image_encoder.state_dict()
    for name, value in own.items():
        torch.testing.assert_close(value, state["image_encoder." + name])


def test_positions_are_interpolated_as_published():
    """Bilinear, corners not aligned; tables of windows stay."""
    state = tiny_sam()
    fitted = SliceEncoder(state, 176).image_encoder.state_dict()
    table = state["image_encoder.blocks.1.attn.rel_pos_h"]
    wanted = torch.nn.functional.interpolate(table[None, None], (21, 64), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(fitted["blocks.1.attn.rel_pos_h"], wanted)
    torch.testing.assert_close(fitted["blocks.0.attn.rel_pos_h"], state["image_encoder.blocks.0.attn.rel_pos_h"])
    places = state["image_encoder.pos_embed"].permute(0, 3, 1, 2)
    wanted = torch.nn.functional.interpolate(places, (11, 11), mode="bilinear", align_corners=False)
    torch.testing.assert_close(fitted["pos_embed"], wanted.permute(0, 2, 3, 1))


def test_sam_vit_b_is_recognised_by_its_tensors():
    """Heads, depth, windows and global blocks follow from the shapes."""
    with torch.device("meta"):
        shapes = {"pos_embed": (1, 64, 64, 768), "patch_embed.proj.weight": (768, 3, 16, 16)}
        shapes |= {
            "patch_embed.proj.bias": (768,),
            "neck.0.weight": (256, 768, 1, 1),
            "neck.2.weight": (256, 256, 3, 3),
        }
        shapes |= {f"neck.{n}.{x}": (256,) for n in (1, 3) for x in ("weight", "bias")}
        for block in range(12):
            rows = 127 if block in (2, 5, 8, 11) else 27
            at = f"blocks.{block}."
            shapes |= {at + f"attn.rel_pos_{x}": (rows, 64) for x in "hw"}
            shapes |= {at + f"norm{n}.{x}": (768,) for n in (1, 2) for x in ("weight", "bias")}
            for name, (out, into) in {
                "attn.qkv": (2304, 768), "attn.proj": (768, 768), "mlp.lin1": (3072, 768), "mlp.lin2": (768, 3072),
            }.items():  # fmt: skip
                shapes |= {f"{at}{name}.weight": (out, into), f"{at}{name}.bias": (out,)}
        state = {f"image_encoder.{name}": torch.zeros(shape) for name, shape in shapes.items()}
    encoder = SliceEncoder(state, 1024)
    assert sum(p.numel() for p in encoder.parameters()) == 89_670_912
    assert [block.window_size for block in encoder.image_encoder.blocks] == [14, 14, 0] * 4


def test_a_recipe_goes_into_a_card_and_comes_back():
    recipe = Sam3dRecipe(("Liver", "Spleen"), 34, 192, (2.5, 0.8, 0.8), 2, (-100.0, 300.0), 50.0, 80.0, "sam_vit_b")
    assert Sam3dRecipe.of(ModelCard("m", "M", "sam3d", 3, frozenset(), recipe=recipe.table())) == recipe
    with pytest.raises(BadInput, match="does not say what"):
        Sam3dRecipe.of(ModelCard("m", "M", "sam3d", 3, frozenset()))
    with pytest.raises(BadInput, match="crop that there cannot be"):
        Sam3dRecipe.of(ModelCard("m", "M", "sam3d", 3, frozenset(), recipe=recipe.table() | {"side": 100}))


def test_intensities_follow_the_recipe():
    array = np.array([-500.0, 0.0, 100.0, 900.0], np.float32)
    ct = Sam3dRecipe(("A",), 1, 16, (1, 1, 1), clip=(-100.0, 300.0), mean=50.0, deviation=25.0)
    np.testing.assert_allclose(ct.normalised(array), [-6, -2, 2, 10])
    other = Sam3dRecipe(("A",), 1, 16, (1, 1, 1)).normalised(array)
    assert other.mean() == pytest.approx(0, abs=1e-6)
    assert other.std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("across", [2, 1, 0])
def test_slices_lie_across_the_wanted_axis_and_masks_come_back_to_their_voxels(across):
    affine = np.array([[0, 0, -3.0, 40], [-1.1, 0, 0, 5], [0, -1.2, 0, 7], [0, 0, 0, 1]])  # i to P, j to I, k to L
    geometry = Geometry((20, 60, 50), affine)
    grid = SliceGrid(geometry, (2.0, 1.5, 1.5), across)
    world = {0: 20 * 3.0, 1: 50 * 1.1, 2: 60 * 1.2}
    order = {2: (2, 1, 0), 1: (1, 2, 0), 0: (0, 2, 1)}[across]
    assert grid.shape == tuple(round(world[w] / s) for w, s in zip(order, (2.0, 1.5, 1.5), strict=True))
    places = geometry.world(np.stack(np.indices(geometry.shape), axis=-1))
    for axis, w in enumerate(order):
        along = np.diff(grid.take(places[..., w].astype(np.float32)), axis=axis)
        inner = along[tuple(slice(3, -3) for _ in range(3))]
        np.testing.assert_allclose(inner, (2.0, 1.5, 1.5)[axis], atol=1e-3)
    ball = ((places - geometry.world((9, 28, 22))) ** 2).sum(axis=-1) <= 14**2
    region, mask = grid.back(grid.take(ball) >= 0.5)
    whole = np.zeros(geometry.shape, bool)
    whole[region.slices] = mask
    assert 2 * (whole & ball).sum() / (whole.sum() + ball.sum()) > 0.95
    assert grid.back(np.zeros(grid.shape, bool)) is None
    assert (
        np.abs((grid.nearest(ball.astype(np.uint8)) > 0).sum() * 2 * 1.5**2 / (ball.sum() * 3 * 1.1 * 1.2) - 1) < 0.05
    )


def test_a_whole_mask_comes_back_whole():
    geometry = Geometry((7, 30, 21), np.diag([1.0, 1.0, 5.0, 1.0]))
    grid = SliceGrid(geometry, (2.5, 2.0, 2.0), 2)
    region, mask = grid.back(np.ones(grid.shape, bool))
    assert region == geometry.region
    assert mask.all()


def test_windows_cover_everything_at_most_half_a_window_apart():
    for length, window in ((176, 176), (100, 176), (177, 176), (400, 176), (265, 176), (64, 64), (1000, 34)):
        found = starts(length, window)
        assert found[0] == 0
        assert found[-1] == max(0, length - window)
        assert all(0 < b - a <= window / 2 + 1 for a, b in itertools.pairwise(found))
    bell = importance((4, 16, 16))
    assert bell.min() > 0
    assert bell.max() == bell[1:3, 7:9, 7:9].max()
    array, inner = padded(np.ones((3, 20, 9), np.float32), (4, 16, 16))
    assert array.shape == (4, 20, 16)
    assert array[inner].all()
    assert array.sum() == 3 * 20 * 9
