"""The network for slices: an encoder that no prompt enters, and a decoder that takes prompts and slices already done.

The same split and the same maps as in `network.py`, in 2D and at a finer step. What is known of other slices enters as
in networks for videos: each remembered slice is a pair of features and mask. Every pixel is compared with what was
inside and outside on it (as STM, arXiv 1904.00607, reads its memory), and with the pixels around its own place on the
slice before, whose mask it takes over where they look alike (as label propagation does, arXiv 2006.14613).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.engine.trial import hints
from app.engine.trial.layers import DRAWN, HEADS, Features, Grid, ImageEncoder, PromptDecoder, alike, keys_of
from app.engine.trial.maps import REMEMBERED

GRID = Grid(2, (16, 32, 64, 96))
"""The slice's side has to be a multiple of 8."""

REACH = 3  # pixels at stride 2 that a place may have moved from one slice to the next


class SliceEncoder(ImageEncoder):
    """Image (B, IMAGE_CHANNELS, S, S) to features."""

    def __init__(self) -> None:
        super().__init__(GRID, stem=5)


class SliceDecoder(PromptDecoder):
    """Features, maps, hints and remembered slices to logits (B, 1, S, S) and the expected Dice as a logit (B, 1)."""

    def __init__(self) -> None:
        super().__init__(GRID)
        half = GRID.widths[1]
        self.told = Told(half)
        self.fuse = GRID.conv(DRAWN + self.told.width + hints.CHANNELS, half, 3)

    def forward(
        self, features: Features, maps: Tensor, hinted: Tensor, seen: Tensor, masks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits, and a logit of the Dice that the network expects of them.

        Args:
            features: Of the slice that is asked about.
            maps: Prompts on it, (B, CHANNELS, S, S).
            hinted: Hints for these, (B, hints.CHANNELS, S / 2, S / 2).
            seen: Features at stride 2 of the remembered slices, (B, REMEMBERED, C, S / 2, S / 2).
            masks: What is inside and outside on them, (B, REMEMBERED, 2, S / 2, S / 2); zero where nothing is known.
        """
        told = self.told(features[1], functional.avg_pool2d(maps, 2), seen, masks)
        return self.decoded(features, self.fuse(torch.cat((self.drawn(maps), told, hinted), 1)), maps)


class Told(nn.Module):
    """What prompts and remembered slices say of every pixel: likeness, and the mask at the place it came from."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = GRID.conv(width, width, 1)
        self.sharpness = nn.Parameter(torch.full((HEADS, 1, 1), 8.0))
        self.width = HEADS * (3 + 2 * REMEMBERED) + HEADS + 2 * REMEMBERED

    def forward(self, features: Tensor, maps: Tensor, seen: Tensor, masks: Tensor) -> Tensor:
        """(B, width, rows, columns); zero where nothing is told.

        Args:
            maps: The prompt maps at the features' resolution.
        """
        b, _, rows, columns = features.shape
        keys = keys_of(self.key(features))
        marks = torch.cat((maps[:, 0:2], maps[:, 5:6].clamp(min=0)), 1)
        parts = [alike(keys, keys, marks)]
        for number in range(REMEMBERED):
            there = keys_of(self.key(seen[:, number]))
            parts.append(alike(keys, there, masks[:, number]))
            if number == 0:
                # the keys learn from the likeness above: through 49 places as well a step took twice as long
                parts.append(self._moved(keys.detach(), there.detach(), masks[:, 0]))
        return torch.cat([*parts, masks.reshape(b, 2 * REMEMBERED, rows, columns)], 1)

    def _moved(self, keys: Tensor, there: Tensor, mask: Tensor) -> Tensor:
        """Inside less outside at the places nearby that look most alike, (B, HEADS, rows, columns)."""
        rows, columns = keys.shape[-2:]
        wide = functional.pad(there, (REACH,) * 4).permute(0, 1, 3, 4, 2).contiguous()
        known = functional.pad(mask[:, 0:1] - mask[:, 1:2], (REACH,) * 4)
        own = keys.permute(0, 1, 3, 4, 2).contiguous()
        near, told = [], []
        for row in range(2 * REACH + 1):
            for column in range(2 * REACH + 1):
                near.append((own * wide[:, :, row : row + rows, column : column + columns]).sum(4))
                told.append(known[:, :, row : row + rows, column : column + columns])
        weights = torch.softmax(torch.stack(near, 2) * self.sharpness[None, :, None], 2)
        return (weights * torch.stack(told, 2)).sum(2)
