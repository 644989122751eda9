"""SAM's image encoder, frozen, at the side of the crops: pictures go in as they are, one slice at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.engine.backends import Compiled, chosen, declare_vision_operators
from app.errors import BadInput

PATCH = 16
_VERSION = 1  # of this code: raise it when it changes, so that what was compiled is made again
_PREFIX = "image_encoder."


class SliceEncoder(nn.Module):
    """A normalised slice (1, 1, side, side) to (1, 256, side / 16, side / 16).

    As SAM3D runs it: the slice repeated to three channels, no mean or deviation of colours, no resizing; absolute and
    global relative positions interpolated to the side.

    Args:
        state: Of a SAM checkpoint; what is not the image encoder's is left aside.
    """

    def __init__(self, state: Mapping[str, Tensor], side: int) -> None:
        super().__init__()
        own = {name.removeprefix(_PREFIX): tensor for name, tensor in state.items() if name.startswith(_PREFIX)}
        try:
            with torch.device("meta"):
                self.image_encoder = _built(own, side)
            self.image_encoder.load_state_dict(_fitted(own, side // PATCH), strict=True, assign=True)
        except (KeyError, RuntimeError) as error:
            first = " ".join(str(error).split())[:200]
            raise BadInput(f"The weights are not those of a SAM with a ViT encoder ({first}).") from error
        self.float().requires_grad_(False).eval()

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.image_encoder(picture.expand(-1, 3, -1, -1))
        return out


def compiled_encoder(weights: Path, side: int) -> Compiled:
    """The encoder of a SAM file, for arrays; compiled once and kept."""

    def build() -> SliceEncoder:
        from app.engine.weights.checkpoint import read_state

        return SliceEncoder(read_state(weights), side)

    status = weights.stat()
    key = f"sam3d encoder {_VERSION} {weights} {status.st_size} {status.st_mtime_ns} {side}"
    example: NDArray[np.float32] = np.zeros((1, 1, side, side), np.float32)
    return chosen().compile(build, (example,), key=key)


def _built(state: Mapping[str, Tensor], side: int) -> nn.Module:
    """The encoder that the tensors belong to: heads of 64 channels, windows of 14 tokens save in global blocks."""
    declare_vision_operators()
    from segment_anything.modeling import ImageEncoderViT

    width = state["patch_embed.proj.weight"].shape[0]
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    tables = [state[f"blocks.{block}.attn.rel_pos_h"] for block in range(depth)]
    window = (min(len(table) for table in tables) + 1) // 2
    built: nn.Module = ImageEncoderViT(
        img_size=side,
        patch_size=PATCH,
        embed_dim=width,
        depth=depth,
        num_heads=width // tables[0].shape[1],
        mlp_ratio=state["blocks.0.mlp.lin1.weight"].shape[0] / width,
        out_chans=state["neck.0.weight"].shape[0],
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=window,
        global_attn_indexes=tuple(block for block in range(depth) if len(tables[block]) > 2 * window - 1),
    )
    return built


def _fitted(state: Mapping[str, Tensor], tokens: int) -> dict[str, Tensor]:
    """Positions interpolated (linear) to a grid of so many tokens a side; those of windows stay."""
    fitted = {name: tensor.float() for name, tensor in state.items()}
    absolute = fitted["pos_embed"].permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(absolute, (tokens, tokens), mode="bilinear", align_corners=False)
    fitted["pos_embed"] = resized.permute(0, 2, 3, 1).contiguous()
    tables = {name: tensor for name, tensor in fitted.items() if "rel_pos" in name}
    smallest = min(len(table) for table in tables.values())
    for name, table in tables.items():
        if len(table) > smallest:
            longer = nn.functional.interpolate(table.T[None], 2 * tokens - 1, mode="linear", align_corners=False)
            fitted[name] = longer[0].T.contiguous()
    return fitted
