"""The trial's network for cubes: an image encoder that no prompt enters, and a light decoder that runs every click.

Both see a cube of voxels, a zoomed region of the scan resampled to isotropic spacing. The encoder's features are kept;
the decoder takes them with six maps that draw the prompts (`maps.CHANNELS`) and what the image itself says of these
(`hints.CHANNELS`). As in SAM (arXiv 2304.02643) the split makes a click cheap, as in nnInteractive (arXiv 2503.08373)
the prompts are drawn as images and the last answer goes back in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.engine.trial import hints
from app.engine.trial.layers import DRAWN, HEADS, Features, Grid, ImageEncoder, PromptDecoder, alike, keys_of

GRID = Grid(3, (8, 24, 64, 128))
"""The cube's side has to be a multiple of 8."""


class Encoder(ImageEncoder):
    """Image (B, IMAGE_CHANNELS, S, S, S) to features."""

    def __init__(self) -> None:
        super().__init__(GRID, stem=3)


class Decoder(PromptDecoder):
    """Features, maps (B, CHANNELS, S, S, S) and hints (B, hints.CHANNELS, S / 2, S / 2, S / 2) to an answer.

    The answer is logits (B, 1, S, S, S) and the expected Dice as a logit (B, 1).
    """

    def __init__(self) -> None:
        super().__init__(GRID)
        half = GRID.widths[1]
        self.similarity = Similarity(half)
        self.fuse = GRID.conv(DRAWN + self.similarity.width, half, 3)
        self.hints = GRID.conv(hints.CHANNELS, half, 3)

    def forward(self, features: Features, maps: Tensor, hinted: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and a logit of the Dice that the network expects of them."""
        similar = self.similarity(features[1], functional.avg_pool3d(maps, 2))
        told = self.fuse(torch.cat((self.drawn(maps), similar), 1)) + self.hints(hinted)
        return self.decoded(features, told, maps)


class Similarity(nn.Module):
    """How much every voxel looks like the included, the excluded and the so far found voxels.

    The features under each kind of map are averaged and compared with all others, so that a click speaks for its tissue
    however far away: on the other side of a shell, at the end of a branch.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = GRID.conv(width, width, 1)
        self.width = 3 * HEADS

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        """Cosines (B, 3 * HEADS, k, j, i); zero where nothing is marked.

        Args:
            maps: The prompt maps at the features' resolution.
        """
        keys = keys_of(self.key(features))
        last = maps[:, 5:6].clamp(min=0)
        marks = torch.cat((maps[:, 0:1] + maps[:, 2:3], maps[:, 1:2] + maps[:, 3:4], last), 1)
        return alike(keys, keys, marks)
