"""The 3D SAMs' networks against their published counts and formulas, and through the real path of a weights file."""

from __future__ import annotations

import argparse
import collections
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine import registry
from app.engine.protocol import Token
from app.engine.sam_volumetric.attention import VolumetricAttention
from app.engine.sam_volumetric.image_encoder import FASTSAM3D, SAM_MED3D, EncoderPlan, ImageEncoder
from app.engine.sam_volumetric.network import ClickDecoder, ClickNetwork, from_state
from app.engine.sam_volumetric.prompt_encoder import PromptEncoder
from app.engine.weights.checkpoint import read_state
from app.errors import BadInput
from app.geometry import Geometry
from app.prompts import Point
from app.volume import Volume
from tests.unit.official_files import random_numbers, volumetric_shapes

PUBLISHED = {"SAM-Med3D": (SAM_MED3D, 324, 100_509_232), "FastSAM-3D": (FASTSAM3D, 216, 53_224_240)}
CARD = 'name = "{name}"\nfamily = "sam3d_click"\ndimensions = 3\nprompts = ["point"]\nweights = "{file}"\n'


def random_state(plan: EncoderPlan) -> dict[str, torch.Tensor]:
    """Weights for a plan."""
    return random_numbers(volumetric_shapes(plan))


def hollow_state(plan: EncoderPlan) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint in its shape, one number each in the file."""
    return {name: torch.full((1,), 0.25).expand(shape) for name, shape in volumetric_shapes(plan).items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name):
    plan, keys, parameters = PUBLISHED[name]
    with torch.device("meta"):
        network = ClickNetwork(plan)
    assert len(network.state_dict()) == keys
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.prompt_encoder.state_dict()) == 15
    assert len(network.mask_decoder.state_dict()) == 120
    assert sum(p.numel() for p in network.mask_decoder.parameters()) == 7_575_636


def test_windows_and_heads_are_those_of_the_files():
    with torch.device("meta"):
        large, fast = ClickNetwork(SAM_MED3D).state_dict(), ClickNetwork(FASTSAM3D).state_dict()
    for block in range(12):
        wanted = (15, 64) if block in (2, 5, 8, 11) else (27, 64)
        assert {tuple(large[f"image_encoder.blocks.{block}.attn.rel_pos_{x}"].shape) for x in "dhw"} == {wanted}
    assert "image_encoder.blocks.1.attn.qkv.weight" not in fast
    assert "image_encoder.blocks.1.norm1.weight" not in fast
    assert fast["image_encoder.blocks.2.attn.rel_pos_d"].shape == (15, 128)


def plainly(attention: VolumetricAttention, tokens: torch.Tensor) -> torch.Tensor:
    """The published computation, word for word and slowly: pad with zeros to the window, attend, cut."""
    n, extent = attention.side, attention.window or attention.side
    grid = list(itertools.product(range(extent), repeat=3))
    padded = torch.zeros(extent, extent, extent, tokens.shape[-1])
    padded[:n, :n, :n] = tokens[0]
    qkv = attention.qkv(padded).reshape(*padded.shape[:3], 3, attention.heads, -1)
    result = torch.zeros(attention.heads, *padded.shape[:3], qkv.shape[-1])
    for head in range(attention.heads):
        q, k, v = (qkv[..., part, head, :] for part in range(3))

        def term(table, place, a, b, q=q):
            return q[place] @ table[a - b + extent - 1]

        for d, h, w in grid:
            logits = torch.stack(
                [
                    q.shape[-1] ** -0.5 * (q[d, h, w] @ k[a, b, c])
                    + term(attention.rel_pos_d, (d, h, w), d, c)
                    + term(attention.rel_pos_h, (d, h, a), h, c)
                    + term(attention.rel_pos_w, (d, h, b), b, c)
                    for a, b, c in grid
                ]
            )
            weights = logits.softmax(0)
            result[head, d, h, w] = sum(weight * v[key] for weight, key in zip(weights, grid, strict=True))
    merged = result.permute(1, 2, 3, 0, 4).reshape(*padded.shape[:3], -1)
    return attention.proj(merged)[None, :n, :n, :n]


@pytest.mark.parametrize(("side", "window"), [(3, 0), (2, 3), (2, 4)])
def test_attention_is_the_published_formula_and_folded_padding_changes_nothing(side, window):
    torch.manual_seed(1)
    attention = VolumetricAttention(8, 2, side, window).eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    tokens = torch.randn(1, side, side, side, 8)
    with torch.inference_mode():
        torch.testing.assert_close(attention(tokens), plainly(attention, tokens), rtol=1e-4, atol=1e-5)


def test_the_usual_position_term_would_be_another_function():
    torch.manual_seed(1)
    attention = VolumetricAttention(8, 2, 3, 0).eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    tokens = torch.randn(1, 3, 3, 3, 8)
    with torch.inference_mode():
        ours = attention(tokens)
        attention.rel_pos_d.data, attention.rel_pos_w.data = attention.rel_pos_w.data, attention.rel_pos_d.data
        assert (attention(tokens) - ours).abs().max() > 1e-2


def test_folding_spares_two_thirds_of_the_work_at_the_real_size():
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        encoder, crop = ImageEncoder(SAM_MED3D).eval(), torch.zeros(1, 1, 128, 128, 128)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        encoder(crop)
    assert counter.get_total_flops() / 2 == pytest.approx(52e9, rel=0.02)


def test_fastsam3d_normalises_after_the_sum_and_sam_med3d_before():
    torch.manual_seed(2)
    for plan, post_norm in ((FASTSAM3D, True), (SAM_MED3D, False)):
        small = EncoderPlan(12, 2, (0,), plan.post_norm)
        block = ImageEncoder(small).blocks[0].eval()
        for parameter in block.parameters():
            torch.nn.init.normal_(parameter)
        torch.nn.init.zeros_(block.mlp.lin2.weight)
        torch.nn.init.zeros_(block.mlp.lin2.bias)
        tokens = torch.randn(1, 8, 8, 8, 12)
        with torch.inference_mode():
            summed = tokens + block.attn(block.norm1(tokens))
            torch.testing.assert_close(block(tokens), block.norm2(summed) if post_norm else summed)


def test_points_are_encoded_in_the_order_of_the_axes_and_the_grid_with_two_exchanged():
    torch.manual_seed(4)
    prompts = PromptEncoder().eval()
    matrix = torch.randn(3, 128)
    prompts.pe_layer.positional_encoding_gaussian_matrix.copy_(matrix)

    def encoded(position):
        angle = 2 * np.pi * (2 * torch.tensor(position) - 1) @ matrix
        return torch.cat((angle.sin(), angle.cos(), angle.sin()))

    with torch.inference_mode():
        tokens = prompts.points(torch.tensor([[[3.0, 70.0, 120.0], [9.0, 8.0, 7.0]]]), torch.tensor([[1.0, 0.0]]))
        include, exclude = prompts.point_embeddings[1].weight[0], prompts.point_embeddings[0].weight[0]
        assert tokens.shape == (1, 3, 384)
        torch.testing.assert_close(tokens[0, 0], encoded([3.5 / 128, 70.5 / 128, 120.5 / 128]) + include)
        torch.testing.assert_close(tokens[0, 1], encoded([9.5 / 128, 8.5 / 128, 7.5 / 128]) + exclude)
        torch.testing.assert_close(tokens[0, 2], prompts.not_a_point_embed.weight[0])
        grid = prompts.grid()
        torch.testing.assert_close(grid[0, :, 1, 5, 6], encoded([5.5 / 8, 1.5 / 8, 6.5 / 8]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_official_file_is_read_whole(name, tmp_path):
    plan, keys, _ = PUBLISHED[name]
    state = hollow_state(plan)
    wrapped = {
        "model_state_dict": collections.OrderedDict(state),
        "epoch": 7,
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 8e-5}]},
        "args": argparse.Namespace(task_name="click", device=torch.device("cpu")),
    }
    torch.save(wrapped, tmp_path / "official.pth")
    read = read_state(tmp_path / "official.pth")
    assert set(read) == set(state)
    network = from_state(read)
    assert len(network.state_dict()) == keys
    assert all((value == 0.25).all() for value in network.state_dict().values() if value.ndim == 1)
    del read["mask_decoder.iou_token.weight"]
    with pytest.raises(BadInput, match="not those of a 3D SAM"):
        from_state(read)


def put(folder: Path, name: str, plan: EncoderPlan) -> str:
    model = name.lower()
    (folder / model).mkdir()
    (folder / model / "card.toml").write_text(CARD.format(name=name, file="weights.pth"))
    torch.save({"model_state_dict": random_state(plan)}, folder / model / "weights.pth")
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_click_goes_through_the_real_path_and_the_backends_agree(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))
    monkeypatch.setenv("VOLUMASK_BACKEND", "openvino")
    model = put(tmp_path, name, PUBLISHED[name][0])
    generator = np.random.default_rng(0)
    array = generator.normal(40, 300, (40, 160, 150)).astype(np.int16)
    volume = Volume(array, Geometry(array.shape, np.diag([-0.9, -0.9, 4.0, 1.0])), "CT")
    predictor = registry.load(model)
    prepared = predictor.prepare(volume, lambda *_: None, Token())
    prompts = Point((20, 80, 70)), Point((22, 90, 60), positive=False)
    prediction = predictor.predict(prepared, prompts, None)
    assert prediction.logits.shape == prediction.region.shape == (40, 160, 150)
    assert np.isfinite(prediction.logits).all()
    network = from_state(read_state(tmp_path / model / "weights.pth"))
    crop = prepared.crop((20, 80, 70))
    low = torch.zeros(1, 1, 32, 32, 32)
    with torch.inference_mode():
        embedding = network.image_encoder(torch.from_numpy(prepared.samples(crop)))
        for prompt in prompts:
            sample = torch.tensor([[crop.sample(prompt.index)]], dtype=torch.float32)
            low = ClickDecoder(network)(embedding, sample, torch.tensor([[float(prompt.positive)]]), low)
    reference = crop.place(low[0, 0].numpy())
    assert np.abs(reference - prediction.logits).max() < 1e-3 * np.abs(reference).max()
    assert np.ptp(reference) > 0.1
