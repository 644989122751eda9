"""The four functions of a SAM 2 network, as modules of tensors that a backend can compile.

They run the layers of `transformers`' port in the order of SAM 2 (arXiv 2408.00714) and of its official code. The
port's own forward passes decide by Python values what they do, and hide what is needed here (all four masks, the
pointers). h is the side of the coarse feature map, a sixteenth of the picture's; one object, so every batch is 1.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class Encoder(nn.Module):
    """Picture -> features that no prompt changes.

    (1, 3, S, S) -> (1, 32, S/4, S/4), (1, 64, S/8, S/8) already projected for the decoder, and (1, 256, h, h).
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.vision = network.vision_encoder
        self.fine, self.middle = network.mask_decoder.conv_s0, network.mask_decoder.conv_s1

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        fine, middle, coarse = self.vision(picture, return_dict=True).fpn_hidden_states
        return self.fine(fine), self.middle(middle), coarse


class Decoder(nn.Module):
    """Prompt encoder and mask decoder.

    Takes the features, the coarse ones conditioned already; points (1, 1, n, 2) as (x, y) of the picture in pixels and
    their labels (1, 1, n) (1 include, 0 exclude, 2 and 3 corners of a box, -1 none); a mask's logits (1, 1, 4h, 4h) and
    (1,) whether there is one. Gives logits of four masks (4, 4h, 4h), their predicted IoU (4,), the object pointers
    of the four (4, 256) and the object score (1,), positive where there is an object.
    """

    place: Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.prompts, self.masks, self.pointer = (
            network.prompt_encoder,
            network.mask_decoder,
            network.object_pointer_proj,
        )
        self.register_buffer("place", network.get_image_wide_positional_embeddings().detach())

    def forward(
        self, fine: Tensor, middle: Tensor, coarse: Tensor, points: Tensor, labels: Tensor, mask: Tensor, given: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See the class."""
        sparse, empty = self.prompts(points, labels, None, None)
        dense = empty + given * (self.prompts.mask_embed(mask) - empty)
        masks = self.masks
        first = torch.cat([masks.obj_score_token.weight, masks.iou_token.weight, masks.mask_tokens.weight])
        tokens, image = masks.transformer(
            point_embeddings=torch.cat([first[None, None], sparse], dim=2),
            image_embeddings=coarse + dense,
            image_positional_embeddings=self.place,
            attention_similarity=None,
        )
        image = image.transpose(2, 3).reshape(coarse.shape)
        image = masks.activation(masks.upscale_layer_norm(masks.upscale_conv1(image) + middle))
        image = masks.activation(masks.upscale_conv2(image) + fine)[0]
        mask_tokens = tokens[0, 0, 2:6]
        weights = torch.stack([mlp(mask_tokens[n]) for n, mlp in enumerate(masks.output_hypernetworks_mlps)])
        logits = (weights @ image.flatten(1)).view(-1, *image.shape[1:])
        quality = masks.iou_prediction_head(tokens[0, 0, 1])
        return logits, quality, self.pointer(mask_tokens), masks.pred_obj_score_head(tokens[0, 0, 0])


class MemoryEncoder(nn.Module):
    """A slice with its mask -> what is remembered of it.

    Takes coarse features (1, 256, h, h), before memory attention, and a mask (1, 1, S, S) from -10 to 10; gives tokens
    (n, 64) and their positions (n, 64): n is h * h, or the 512 latents of EdgeTAM's perceiver.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.encoder = network.memory_encoder
        self.perceiver = getattr(network, "spatial_perceiver", None)

    def forward(self, coarse: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        memory, place = self.encoder(coarse, mask)
        if self.perceiver is not None:
            tokens, places = self.perceiver(memory, place)
            return tokens[0], places[0]
        return memory[0].flatten(1).T, place[0].flatten(1).T


class MemoryAttention(nn.Module):
    """Coarse features conditioned on what is remembered.

    Takes (1, 256, h, h), the memory (n, 64), its positions (n, 64) and the places (n, 2) as (x, y) by which keys are
    rotated: 0, 0 leaves a key as it is, so pointers and latents without a place need no case of their own.
    """

    place: Tensor
    grid: Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        attention = network.memory_attention
        self.layers, self.norm = attention.layers, attention.layer_norm
        self.register_buffer("frequencies", attention.rotary_emb.inv_freq.detach().clone())
        self.register_buffer("grid", attention.position_ids.detach().float())
        side = network.prompt_encoder.image_embedding_size[0]
        place = network.vision_encoder.neck.position_encoding(
            torch.Size((1, 256, side, side)), self.grid.device, torch.float32
        )
        self.register_buffer("place", place.detach().clone())

    def forward(self, coarse: Tensor, memory: Tensor, positions: Tensor, places: Tensor) -> Tensor:
        """See the class."""
        features = (coarse + 0.1 * self.place).flatten(2).transpose(1, 2)
        keys, values, own, other = (memory + positions)[None], memory[None], self._turn(self.grid), self._turn(places)
        for layer in self.layers:
            normed = layer.layer_norm1(features)
            features = features + _attend(layer.self_attn, normed, normed, normed, own, own)
            normed = layer.layer_norm2(features)
            features = features + _attend(layer.cross_attn_image, normed, keys, values, own, other)
            features = features + _feed_forward(layer, layer.layer_norm3(features))
        return cast("Tensor", self.norm(features)).transpose(1, 2).reshape(coarse.shape)

    def _turn(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine (n, 128) of axial RoPE: the first half of the angles by x, the second by y."""
        angles = (places[:, :, None] * cast("Tensor", self.frequencies)).flatten(1)
        return angles.cos(), angles.sin()


def _attend(
    layer: Any, queries: Tensor, keys: Tensor, values: Tensor, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
) -> Tensor:
    query, key = _rotated(layer.q_proj(queries), own), _rotated(layer.k_proj(keys), other)
    seen = functional.scaled_dot_product_attention(query[None], key[None], layer.v_proj(values)[None])
    return cast("Tensor", layer.o_proj(seen[0]))


def _rotated(tokens: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate each pair of neighbouring channels by its angle (RoFormer, arXiv 2104.09864, equation 34)."""
    cosine, sine = turn
    even, odd = tokens.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], dim=-1).flatten(-2)


def _feed_forward(layer: Any, features: Tensor) -> Tensor:
    if hasattr(layer, "mlp"):
        return cast("Tensor", layer.mlp(features))
    return cast("Tensor", layer.linear2(layer.activation(layer.linear1(features))))
