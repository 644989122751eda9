"""Every tensor of an official checkpoint of the SAM 2 family has one place in the network, and none is left."""

import math

import pytest
import torch

from app.engine.sam2.names import POINT_KINDS, renamed, translated
from app.engine.sam2.variants import VARIANTS, variant_of
from app.engine.sam2.weights import empty_network
from app.errors import BadInput, MissingModel
from tests.unit.sam2_official import official_shapes

PUBLISHED = {
    "tiny": (471, 38_962_498),
    "medsam2": (471, 38_962_498),
    "small": (519, 46_060_354),
    "base_plus": (615, 80_850_178),
    "edgetam": (982, 13_895_794),
}
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "gaussian_matrix")


@pytest.mark.parametrize("network", PUBLISHED)
def test_the_official_list_has_the_published_counts(network):
    shapes = official_shapes(network)
    learnt = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(BUFFERS))
    assert (len(shapes), learnt) == PUBLISHED[network]


@pytest.mark.parametrize("network", PUBLISHED)
def test_names_are_translated_totally_and_one_to_one(network):
    shapes = official_shapes(network)
    perceiver = VARIANTS[network].perceiver
    plain = [name for name in shapes if name not in POINT_KINDS]
    assert len({renamed(name, perceiver) for name in plain}) == len(plain)
    made = translated({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    built = empty_network(VARIANTS[network], 512)
    expected = {name: value.shape for name, value in built.state_dict().items()}
    assert {name: value.shape for name, value in made.items()} == expected
    assert sum(parameter.numel() for parameter in built.parameters()) == PUBLISHED[network][1]


def test_point_embeddings_keep_their_order_and_the_frequencies_go_to_both_places():
    state = {name: torch.full(shape, float("nan")) for name, shape in official_shapes("tiny").items()}
    for kind, name in enumerate(POINT_KINDS):
        state[name] = torch.full((1, 256), float(kind))
    state["sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"] = torch.full((2, 128), 7.0)
    made = translated(state)
    assert made["prompt_encoder.point_embed.weight"][:, 0].tolist() == [0, 1, 2, 3]
    assert made["shared_image_embedding.positional_embedding"].unique().tolist() == [7]
    assert made["prompt_encoder.shared_embedding.positional_embedding"].unique().tolist() == [7]


def test_a_joint_projection_is_split_into_keys_and_then_values():
    state = {name: torch.zeros(shape) for name, shape in official_shapes("edgetam").items()}
    name = "spatial_perceiver.layers.1.self_attn.to_kv.weight"
    state[name][64:] = 1
    made = translated(state)
    assert made["spatial_perceiver.layers.1.self_attention.k_proj.weight"].unique().tolist() == [0]
    assert made["spatial_perceiver.layers.1.self_attention.v_proj.weight"].unique().tolist() == [1]


def test_weights_of_another_family_are_refused():
    with pytest.raises(BadInput, match="not of a SAM 2 network"):
        translated({"image_encoder.pos_embed": torch.zeros(1)})


def test_an_unknown_network_is_named():
    with pytest.raises(MissingModel, match="large_plus"):
        variant_of("large_plus")
