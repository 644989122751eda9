"""The networks of the SAM family: names, sizes and formulas of the official checkpoints, checked against other sources.

The large ones live on torch's meta device here: shapes without numbers. `test_sam_weights.py` loads them from files.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch.nn import functional

from app.engine.sam.network import PromptedDecoder, SamNetwork
from app.engine.sam.tiny_vit import ConvNorm, WindowBlock, _places
from tests.unit.sam_checkpoints import Shapes, med2d_shapes, random_state, sam_shapes, tiny_shapes

PUBLISHED = {
    # architecture: names in the file, parameters, input side, grid; shared/reference/models.md, sections 1.1 and 2.1
    "vit_b": (314, 93_735_472, 1024, 64),
    "vit_l": (482, 312_342_832, 1024, 64),
    "vit_h": (594, 641_090_608, 1024, 64),
    "mobile": (439, 10_130_092, 1024, 64),
    "lite": (435, 9_791_300, 256, 64),  # the number of names is MobileSAM's less the four of the classifier
    "med2d": (386, 271_241_776, 256, 16),
}


def shapes_of(architecture: str) -> Shapes:
    if architecture == "med2d":
        return med2d_shapes()
    if architecture in ("mobile", "lite"):
        return tiny_shapes(3 if architecture == "mobile" else 1, classifier=architecture == "mobile")
    return sam_shapes(architecture)


def on_meta(architecture: Any) -> SamNetwork:
    _, _, size, grid = PUBLISHED[architecture]
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes_of(architecture).items()}
    return SamNetwork.of(architecture, size, grid, state)


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_names_parameters_and_shapes_are_those_of_the_official_file(architecture: str) -> None:
    names, parameters, size, grid = PUBLISHED[architecture]
    assert len(shapes_of(architecture)) == names
    network = on_meta(architecture).to("meta")
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert not network.training
    embedding = network.image_encoder(torch.empty(1, 3, size, size, device="meta"))
    assert embedding.shape == (1, 256, grid, grid)


@pytest.mark.parametrize("change", ["missing", "unknown", "misshaped"])
def test_a_file_of_another_network_is_refused(change: str) -> None:
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes_of("lite").items()}
    name = "image_encoder.layers.1.blocks.0.attn.attention_biases"
    if change == "missing":
        del state[name]
    else:
        state["image_encoder.surplus" if change == "unknown" else name] = torch.empty(4, 48, device="meta")
    with pytest.raises(RuntimeError, match="surplus" if change == "unknown" else "attention_biases"):
        SamNetwork.of("lite", 256, 64, state)


# TinyViT


def test_the_bias_of_two_tokens_is_found_by_their_distance_in_the_order_first_met() -> None:
    window, known = 3, {}
    points = list(product(range(window), range(window)))
    for a, first in enumerate(points):
        for b, second in enumerate(points):
            distance = abs(first[0] - second[0]), abs(first[1] - second[1])
            known.setdefault(distance, len(known))
            assert _places(window)[a, b] == known[distance]


@pytest.mark.parametrize("side", [7, 9])
def test_a_window_block_is_timms_with_other_names(side: int) -> None:
    from timm.models.tiny_vit import TinyVitBlock

    width, window = 64, 7
    block = WindowBlock(width, window).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in block.state_dict().items()}
    state = random_state(shapes)
    block.load_state_dict(state)
    theirs = TinyVitBlock(width, width // 32, window).eval()
    theirs.load_state_dict({name.replace("local_conv.c.", "local_conv.conv."): value for name, value in state.items()})
    image = torch.randn(1, width, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(block(image), theirs(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


def test_queries_keys_and_values_of_a_head_lie_together() -> None:
    block = WindowBlock(64, 2).eval()
    block.load_state_dict(random_state({name: tuple(value.shape) for name, value in block.state_dict().items()}))
    attention, tokens = block.attn, torch.randn(1, 4, 64)
    with torch.no_grad():
        expected = attention(tokens)
        for tensor in (attention.qkv.weight, attention.qkv.bias):
            tensor.copy_(torch.cat([tensor[96:], tensor[:96]]))  # the two heads change places, whole
        attention.attention_biases.copy_(attention.attention_biases.flip(0))
        attention.proj.weight.copy_(torch.cat([attention.proj.weight[:, 32:], attention.proj.weight[:, :32]], dim=1))
        torch.testing.assert_close(attention(tokens), expected)


def test_normalisation_uses_the_running_statistics() -> None:
    conv = ConvNorm(2, 2).eval()
    conv.load_state_dict(
        {
            "c.weight": torch.eye(2).view(2, 2, 1, 1),
            "bn.weight": torch.tensor([2.0, 1.0]),
            "bn.bias": torch.tensor([0.0, 5.0]),
            "bn.running_mean": torch.tensor([1.0, 0.0]),
            "bn.running_var": torch.tensor([4.0, 1.0]),
            "bn.num_batches_tracked": torch.tensor(1),
        }
    )
    found = conv(torch.full((1, 2, 1, 1), 3.0)).flatten()
    torch.testing.assert_close(found, torch.tensor([2.0, 8.0]), rtol=0, atol=1e-4)


# SAM-Med2D


def test_an_adapter_follows_its_formula() -> None:
    from app.engine.sam.adapters import Adapter

    width = 8
    adapter = Adapter(width, lambda n: torch.nn.LayerNorm(n, eps=1e-6))
    adapter.load_state_dict(random_state({name: tuple(value.shape) for name, value in adapter.state_dict().items()}))
    weights = adapter.state_dict()
    u = torch.randn(1, 4, 4, width)
    with torch.no_grad():
        pooled = torch.relu(weights["channel.0.weight"] @ u.mean((1, 2))[0])
        c = u * torch.sigmoid(weights["channel.2.weight"] @ pooled)
        halved = torch.relu(functional.conv2d(c.permute(0, 3, 1, 2), weights["spatial.0.weight"], None, 2, 1))
        s = torch.relu(functional.conv_transpose2d(halved, weights["spatial.2.weight"], None, 2, 1)).permute(0, 2, 3, 1)
        expected = functional.layer_norm(u + s, (width,), weights["norm.weight"], weights["norm.bias"], 1e-6)
        torch.testing.assert_close(adapter(u), expected)


def test_a_block_adds_its_adapter_beside_the_mlp_on_the_whole_map() -> None:
    from app.engine.sam.adapters import AdapterBlock

    torch.manual_seed(0)
    made = {"num_heads": 2, "mlp_ratio": 2, "qkv_bias": True, "use_rel_pos": True, "input_size": (6, 6)}
    block = AdapterBlock(8, torch.nn.LayerNorm, window_size=4, **made).eval()
    seen: list[torch.Size] = []
    block.Adapter.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    features = torch.randn(1, 6, 6, 8)
    with torch.no_grad():
        whole = block(features)
        attended = features + block._attended(block.norm1(features))
        normed = block.norm2(attended)
        torch.testing.assert_close(whole, attended + block.mlp(normed) + block.Adapter(normed))
        plain = super(AdapterBlock, block).forward(features)
        torch.testing.assert_close(whole - block.Adapter(normed), plain)
    assert seen[0] == (1, 6, 6, 8)


# The decoder


def test_the_traceable_decoder_is_the_packages_prompt_encoder_and_mask_decoder() -> None:
    """Of a point, of a box with points, of a point with a mask; SAM-Med2D's size, which is the quickest."""
    with torch.device("meta"):
        network = SamNetwork("med2d", 256, 16)
    network.image_encoder = torch.nn.Identity()
    network.to_empty(device="cpu").eval()
    network.load_state_dict(random_state({n: tuple(value.shape) for n, value in network.state_dict().items()}))
    decoder, generator = PromptedDecoder(network), torch.Generator().manual_seed(2)
    embedding = torch.randn(1, 256, 16, 16, generator=generator)
    mask = torch.randn(1, 1, 64, 64, generator=generator)
    points, kinds = torch.tensor([[[30.0, 40], [200, 100]]]), torch.tensor([[1.0, 0]])
    box = torch.tensor([[10.0, 20, 180, 190]])
    nothing = torch.zeros(1, 1, 2), torch.full((1, 1), -1.0)
    corners = box.view(1, 2, 2), torch.tensor([[2.0, 3]])
    for given_box, given_mask in ((None, None), (box, None), (None, mask), (box, mask)):
        with torch.no_grad():
            sparse, dense = network.prompt_encoder((points, kinds), given_box, given_mask)
            expected = network.mask_decoder.predict_masks(
                embedding, network.prompt_encoder.get_dense_pe(), sparse, dense
            )
            rest = corners if given_box is not None else nothing
            found = decoder(
                embedding,
                torch.cat([points, rest[0]], dim=1),
                torch.cat([kinds, rest[1]], dim=1),
                mask,
                torch.tensor([float(given_mask is not None)]),
            )
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", [160, 192])
def test_attention_by_rows_gives_the_numbers_of_the_package(side: int) -> None:
    """Also where the rows do not divide evenly; positions are random, for zeros would hide a mistake."""
    from segment_anything.modeling import ImageEncoderViT

    from app.engine.sam.rowwise import RowwiseAttention, save_memory

    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        side, 16, embed_dim=32, depth=2, num_heads=2, out_chans=16, use_rel_pos=True, window_size=4,
        global_attn_indexes=(1,),
    ).eval()  # fmt: skip
    for block in encoder.blocks:
        torch.nn.init.normal_(block.attn.rel_pos_h)
        torch.nn.init.normal_(block.attn.rel_pos_w)
    picture = torch.randn(2, 3, side, side)
    with torch.inference_mode():
        expected = encoder(picture)
        save_memory(encoder)
        found = encoder(picture)
    assert [isinstance(block.attn, RowwiseAttention) for block in encoder.blocks] == [False, True]
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
