"""What the networks for cubes and for slices have in common: `ImageEncoder` down, `PromptDecoder` down and up again.

Pre-activation residual blocks (arXiv 1603.05027) with group normalisation (arXiv 1803.08494), at strides 1, 2, 4 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.engine.trial.maps import CHANNELS, IMAGE_CHANNELS

HEADS = 4
"""Independent similarities between a place and the marked ones."""

DRAWN = 16
"""Channels that the prompt maps become."""

_GROUPS = 8
Features = tuple[Tensor, Tensor, Tensor, Tensor]
"""At strides 1, 2, 4 and 8."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Over how many axes a network works, and with how many channels at each stride."""

    axes: int
    widths: tuple[int, int, int, int]

    def conv(self, taken: int, given: int, size: int, **options: Any) -> nn.Module:
        """A convolution that keeps the sides."""
        kind = nn.Conv3d if self.axes == 3 else nn.Conv2d
        return kind(taken, given, size, padding=size // 2, **options)

    def block(self, width: int) -> Block:
        """A residual block."""
        return Block(self, width)

    def twice(self, x: Tensor) -> Tensor:
        """Twice the sides, linear in between."""
        mode = "trilinear" if self.axes == 3 else "bilinear"
        return functional.interpolate(x, scale_factor=2.0, mode=mode, align_corners=False)


class Block(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, grid: Grid, width: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_GROUPS, width)
        self.conv1 = grid.conv(width, width, 3, bias=False)
        self.norm2 = nn.GroupNorm(_GROUPS, width)
        self.conv2 = grid.conv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape (B, C, ...)."""
        y = self.conv1(functional.relu(self.norm1(x)))
        return x + cast("Tensor", self.conv2(functional.relu(self.norm2(y))))


class ImageEncoder(nn.Module):
    """An image (B, IMAGE_CHANNELS, ...) of `maps.image_channels` to features at strides 1, 2, 4 and 8."""

    def __init__(self, grid: Grid, stem: int) -> None:
        super().__init__()
        full, half, quarter, eighth = grid.widths
        self.stem = grid.conv(IMAGE_CHANNELS, full, stem)
        self.down1 = grid.conv(full, half, 3, stride=2)
        self.level1 = nn.Sequential(grid.block(half), grid.block(half))
        self.down2 = grid.conv(half, quarter, 3, stride=2)
        self.level2 = nn.Sequential(grid.block(quarter), grid.block(quarter))
        self.down3 = grid.conv(quarter, eighth, 3, stride=2)
        self.level3 = nn.Sequential(grid.block(eighth), grid.block(eighth), grid.block(eighth))

    def forward(self, image: Tensor) -> Features:
        """Features, finest first."""
        f0 = functional.relu(self.stem(image))
        f1 = self.level1(self.down1(f0))
        f2 = self.level2(self.down2(f1))
        return f0, f1, f2, self.level3(self.down3(f2))


class PromptDecoder(nn.Module):
    """Features and what was told at stride 2 to logits, down and up again with an identity across every step."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        full, half, quarter, eighth = grid.widths
        self.grid = grid
        self.prompt = grid.conv(CHANNELS, DRAWN, 3, stride=2)
        self.skip1 = grid.conv(half, half, 1)
        self.level1 = grid.block(half)
        self.down2 = grid.conv(half, quarter, 3, stride=2)
        self.skip2 = grid.conv(quarter, quarter, 1)
        self.level2 = grid.block(quarter)
        self.down3 = grid.conv(quarter, eighth, 3, stride=2)
        self.skip3 = grid.conv(eighth, eighth, 1)
        self.level3 = nn.Sequential(grid.block(eighth), grid.block(eighth))
        self.up2 = grid.conv(eighth, quarter, 1)
        self.back2 = grid.block(quarter)
        self.up1 = grid.conv(quarter, half, 1)
        self.back1 = grid.block(half)
        self.up0 = grid.conv(half, full, 1)
        self.skip0 = grid.conv(full, full, 1)
        self.drawn0 = grid.conv(CHANNELS, full, 1)
        self.head1 = grid.conv(full, full, 3)
        self.head2 = grid.conv(full, 1, 3)
        self.quality = nn.Linear(eighth, 1)

    def drawn(self, maps: Tensor) -> Tensor:
        """The prompt maps (B, CHANNELS, ...) at stride 2, (B, DRAWN, ...)."""
        return functional.relu(self.prompt(maps))

    def decoded(self, features: Features, told: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 1, ...), and a logit (B, 1) of the Dice that the network expects of them.

        Args:
            told: What prompts and memory say, at stride 2 with as many channels as the features there.
            maps: The prompt maps, (B, CHANNELS, ...).
        """
        f0, f1, f2, f3 = features
        twice = self.grid.twice
        d1 = self.level1(self.skip1(f1) + told)
        d2 = self.level2(self.skip2(f2) + self.down2(d1))
        d3 = self.level3(self.skip3(f3) + self.down3(d2))
        d2 = self.back2(d2 + twice(self.up2(d3)))
        d1 = self.back1(d1 + twice(self.up1(d2)))
        d0 = functional.relu(twice(self.up0(d1)) + self.skip0(f0) + self.drawn0(maps))
        logits = self.head2(functional.relu(self.head1(d0)))
        return logits, self.quality(functional.relu(d3).flatten(2).mean(2))


def keys_of(projected: Tensor) -> Tensor:
    """Unit vectors (B, HEADS, C / HEADS, ...) of features (B, C, ...)."""
    b, c, *grid = projected.shape
    keys = projected.reshape(b, HEADS, c // HEADS, *grid)
    return keys / (keys.square().sum(2, keepdim=True) + 1e-4).sqrt()


def alike(keys: Tensor, there: Tensor, marks: Tensor) -> Tensor:
    """Cosines of every place with the mean of each mark's places, (B, M * HEADS, ...); zero where nothing is marked.

    Args:
        keys: Of the places that are asked about, `keys_of`.
        there: Keys of the marked image.
        marks: Weights (B, M, ...) on that.
    """
    b, m, *grid = marks.shape
    flat = marks.reshape(b, 1, m, -1)
    weights = flat / (flat.sum(3, keepdim=True) + 1e-3)
    means = torch.matmul(weights, there.flatten(3).transpose(2, 3))  # (B, HEADS, M, C / HEADS)
    return torch.matmul(means, keys.flatten(3)).reshape(b, m * HEADS, *grid)
