"""SAM-Med2D's image encoder: SAM's ViT-B at 256 pixels with an adapter in every block.

After Cheng et al., SAM-Med2D (arXiv 2308.16184), figure 3: attention over channels, then over space, beside the MLP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Block, window_partition, window_unpartition
from torch import Tensor, nn

REDUCTION = 4  # of the channels between the two layers of the channel attention


class Adapter(nn.Module):
    """LayerNorm(u + space(channels(u))) of a map u (1, h, w, width)."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.Linear(width, width // REDUCTION, bias=False),
            nn.ReLU(),
            nn.Linear(width // REDUCTION, width, bias=False),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )
        self.norm = norm(width)

    def forward(self, features: Tensor) -> Tensor:
        weighted = features * self.channel(features.mean(dim=(1, 2)))[:, None, None, :]
        spread = self.spatial(weighted.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        adapted: Tensor = self.norm(features + spread)
        return adapted


class AdapterBlock(Block):  # type: ignore[misc]  # the package has no types
    """SAM's block; the adapter looks at the whole map, after the second norm, beside the MLP."""

    def __init__(self, dim: int, norm_layer: Callable[[int], nn.Module], **kwargs: Any) -> None:
        super().__init__(dim=dim, norm_layer=norm_layer, **kwargs)
        self.Adapter = Adapter(dim, norm_layer)  # named so in the checkpoint

    def forward(self, features: Tensor) -> Tensor:
        features = features + self._attended(self.norm1(features))
        normed = self.norm2(features)
        return cast("Tensor", features + self.mlp(normed) + self.Adapter(normed))

    def _attended(self, normed: Tensor) -> Tensor:
        if not self.window_size:
            return cast("Tensor", self.attn(normed))
        windows, padded = window_partition(normed, self.window_size)
        return cast("Tensor", window_unpartition(self.attn(windows), self.window_size, padded, normed.shape[1:3]))


class AdapterEncoder(ImageEncoderViT):  # type: ignore[misc]  # the package has no types
    """ViT-B whose blocks have adapters; takes the arguments of the package's encoder."""

    def __init__(self, *, depth: int, global_attn_indexes: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(depth=0, global_attn_indexes=(), **kwargs)
        tokens = kwargs["img_size"] // kwargs["patch_size"]
        shared = {name: kwargs[name] for name in ("num_heads", "mlp_ratio", "qkv_bias", "use_rel_pos")}
        self.blocks = nn.ModuleList(
            AdapterBlock(
                kwargs["embed_dim"],
                kwargs["norm_layer"],
                window_size=0 if block in global_attn_indexes else kwargs["window_size"],
                input_size=(tokens, tokens),
                **shared,
            )
            for block in range(depth)
        )
