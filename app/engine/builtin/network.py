"""The built-in promptable network: an image encoder that no prompt enters, and a light decoder that runs every click.

Both see a cube of voxels, a zoomed region of the scan resampled to isotropic spacing. The encoder's features are kept;
the decoder takes them with six maps that draw the prompts (`maps.CHANNELS`) and what the image itself says of these
(`hints.CHANNELS`). As in SAM (arXiv 2304.02643) the split
makes a click cheap, as in nnInteractive (arXiv 2503.08373) the prompts are drawn as images and the last answer goes
back in. Pre-activation residual blocks (arXiv 1603.05027) with group normalisation (arXiv 1803.08494).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.engine.builtin import hints
from app.engine.builtin.maps import CHANNELS, IMAGE_CHANNELS

WIDTHS = (8, 24, 64, 128)
"""Channels of the features at strides 1, 2, 4 and 8; the cube's side has to be a multiple of the last."""

GROUPS = 8
HEADS = 4  # independent similarities between a voxel and the prompted voxels
Features = tuple[Tensor, Tensor, Tensor, Tensor]


class Block(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, width)
        self.conv1 = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, width)
        self.conv2 = nn.Conv3d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape (B, C, k, j, i)."""
        y = self.conv1(functional.relu(self.norm1(x)))
        return x + cast("Tensor", self.conv2(functional.relu(self.norm2(y))))


class Encoder(nn.Module):
    """Image (B, IMAGE_CHANNELS, S, S, S) of `maps.image_channels` to features at strides 1, 2, 4 and 8."""

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.stem = nn.Conv3d(IMAGE_CHANNELS, full, 3, padding=1)
        self.down1 = nn.Conv3d(full, half, 3, stride=2, padding=1)
        self.level1 = nn.Sequential(Block(half), Block(half))
        self.down2 = nn.Conv3d(half, quarter, 3, stride=2, padding=1)
        self.level2 = nn.Sequential(Block(quarter), Block(quarter))
        self.down3 = nn.Conv3d(quarter, eighth, 3, stride=2, padding=1)
        self.level3 = nn.Sequential(Block(eighth), Block(eighth), Block(eighth))

    def forward(self, image: Tensor) -> Features:
        """Features, finest first."""
        f0 = functional.relu(self.stem(image))
        f1 = self.level1(self.down1(f0))
        f2 = self.level2(self.down2(f1))
        return f0, f1, f2, self.level3(self.down3(f2))


class Decoder(nn.Module):
    """Features, maps (B, CHANNELS, S, S, S) and hints (B, hints.CHANNELS, S / 2, S / 2, S / 2) to an answer.

    The answer is logits (B, 1, S, S, S) and the expected Dice as a logit (B, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.prompt = nn.Conv3d(CHANNELS, 16, 3, stride=2, padding=1)
        self.similarity = Similarity(half)
        self.fuse = nn.Conv3d(16 + self.similarity.width, half, 3, padding=1)
        self.hints = nn.Conv3d(hints.CHANNELS, half, 3, padding=1)
        self.skip1 = nn.Conv3d(half, half, 1)
        self.level1 = Block(half)
        self.down2 = nn.Conv3d(half, quarter, 3, stride=2, padding=1)
        self.skip2 = nn.Conv3d(quarter, quarter, 1)
        self.level2 = Block(quarter)
        self.down3 = nn.Conv3d(quarter, eighth, 3, stride=2, padding=1)
        self.skip3 = nn.Conv3d(eighth, eighth, 1)
        self.level3 = nn.Sequential(Block(eighth), Block(eighth))
        self.up2 = nn.Conv3d(eighth, quarter, 1)
        self.back2 = Block(quarter)
        self.up1 = nn.Conv3d(quarter, half, 1)
        self.back1 = Block(half)
        self.up0 = nn.Conv3d(half, full, 1)
        self.skip0 = nn.Conv3d(full, full, 1)
        self.drawn0 = nn.Conv3d(CHANNELS, full, 1)
        self.head1 = nn.Conv3d(full, full, 3, padding=1)
        self.head2 = nn.Conv3d(full, 1, 3, padding=1)
        self.quality = nn.Linear(eighth, 1)

    def forward(self, features: Features, maps: Tensor, hinted: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and a logit of the Dice that the network expects of them."""
        f0, f1, f2, f3 = features
        drawn = functional.relu(self.prompt(maps))
        similar = self.similarity(f1, functional.avg_pool3d(maps, 2))
        d1 = self.level1(self.skip1(f1) + self.fuse(torch.cat((drawn, similar), 1)) + self.hints(hinted))
        d2 = self.level2(self.skip2(f2) + self.down2(d1))
        d3 = self.level3(self.skip3(f3) + self.down3(d2))
        d2 = self.back2(d2 + _twice(self.up2(d3)))
        d1 = self.back1(d1 + _twice(self.up1(d2)))
        d0 = functional.relu(_twice(self.up0(d1)) + self.skip0(f0) + self.drawn0(maps))
        logits = self.head2(functional.relu(self.head1(d0)))
        return logits, self.quality(functional.relu(d3).mean((2, 3, 4)))


class Similarity(nn.Module):
    """How much every voxel looks like the included, the excluded and the so far found voxels.

    The features under each kind of map are averaged and compared with all others, so that a click speaks for its tissue
    however far away: on the other side of a shell, at the end of a branch.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Conv3d(width, width, 1)
        self.width = 3 * HEADS

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        """Cosines (B, 3 * HEADS, k, j, i); zero where nothing is marked.

        Args:
            maps: The prompt maps at the features' resolution.
        """
        keys = self.key(features)
        b, c, *grid = keys.shape
        keys = keys.reshape(b, HEADS, c // HEADS, -1)
        keys = keys / (keys.square().sum(2, keepdim=True) + 1e-4).sqrt()
        last = maps[:, 5:6].clamp(min=0)
        marks = torch.cat((maps[:, 0:1] + maps[:, 2:3], maps[:, 1:2] + maps[:, 3:4], last), 1).reshape(b, 1, 3, -1)
        weights = marks / (marks.sum(3, keepdim=True) + 1e-3)
        means = torch.matmul(weights, keys.transpose(2, 3))  # (B, HEADS, 3, C / HEADS)
        return torch.matmul(means, keys).reshape(b, 3 * HEADS, *grid)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="trilinear", align_corners=False)
