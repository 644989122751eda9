"""TinyViT as the image encoder of MobileSAM and LiteMedSAM, with the parameter names of their checkpoints.

After Wu et al., TinyViT (arXiv 2207.10666), section 3.3, and MobileSAM (arXiv 2306.14289): three stages of windowed
attention behind one of convolutions, then SAM's neck. Evaluation only: BatchNorm keeps its running means.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS, DEPTHS, WINDOWS = (64, 128, 160, 320), (2, 2, 6, 2), (0, 7, 14, 7)
HEAD = 32  # width of an attention head
GRID = 64  # tokens along a side of the encoder's output


class ConvNorm(nn.Module):
    """A convolution without bias (`c`) and a BatchNorm (`bn`)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, image: Tensor) -> Tensor:
        normed: Tensor = self.bn(self.c(image))
        return normed


class PatchEmbedding(nn.Module):
    """Two convolutions: to a quarter of the side (`kernel` 3) or at full size (`kernel` 1, LiteMedSAM)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        stride = 2 if kernel == 3 else 1
        half = WIDTHS[0] // 2
        first, second = ConvNorm(3, half, kernel, stride), ConvNorm(half, WIDTHS[0], kernel, stride)
        self.seq = nn.Sequential(first, nn.GELU(), second)

    def forward(self, image: Tensor) -> Tensor:
        embedded: Tensor = self.seq(image)
        return embedded


class Bottleneck(nn.Module):
    """An inverted bottleneck: four times wider, depth-wise 3x3, back, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, 4 * width)
        self.conv2 = ConvNorm(4 * width, 4 * width, 3, groups=4 * width)
        self.conv3 = ConvNorm(4 * width, width)

    def forward(self, image: Tensor) -> Tensor:
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(image))))
        return functional.gelu(image + self.conv3(inner))


class Merging(nn.Module):
    """To the next stage's width and half the side; into the last stage the side stays, so that it ends at 64."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, outputs)
        self.conv2 = ConvNorm(outputs, outputs, 3, stride=1 if outputs == WIDTHS[-1] else 2, groups=outputs)
        self.conv3 = ConvNorm(outputs, outputs)

    def forward(self, image: Tensor) -> Tensor:
        merged: Tensor = self.conv3(functional.gelu(self.conv2(functional.gelu(self.conv1(image)))))
        return merged


class WindowAttention(nn.Module):
    """Attention among the tokens of a window, with a learned bias for every |dy|, |dx|; the norm is inside.

    Queries, keys and values of one head lie side by side in `qkv`, head after head (not all queries first).
    """

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(self.heads, window * window))
        self.places: Tensor
        self.register_buffer("places", _places(window), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(windows, n, width) -> the same."""
        count, n, width = tokens.shape
        heads = self.qkv(self.norm(tokens)).view(count, n, self.heads, 3 * HEAD).transpose(1, 2)
        query, key, value = heads.split(HEAD, dim=3)
        weights = query @ key.transpose(2, 3) * HEAD**-0.5 + self.attention_biases[:, self.places]
        mixed = (weights.softmax(dim=-1) @ value).transpose(1, 2).reshape(count, n, width)
        projected: Tensor = self.proj(mixed)
        return projected


class TokenMlp(nn.Module):
    """Norm, four times wider, GELU, back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = self.fc2(functional.gelu(self.fc1(self.norm(tokens))))
        return changed


class WindowBlock(nn.Module):
    """Windowed attention plus input; a depth-wise convolution in its place; an MLP plus input."""

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = WindowAttention(width, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = TokenMlp(width)

    def forward(self, image: Tensor) -> Tensor:
        """(1, width, h, w) -> the same."""
        grid = image.permute(0, 2, 3, 1)
        grid = grid + self._attended(grid)
        grid = self.local_conv(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        changed: Tensor = grid + self.mlp(grid)
        return changed.permute(0, 3, 1, 2)

    def _attended(self, grid: Tensor) -> Tensor:
        """Windows at the right and lower end are filled with zeros before the norm, as in training."""
        batch, height, width, channels = grid.shape
        side = self.window
        padded = functional.pad(grid, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = padded.shape[1] // side, padded.shape[2] // side
        windows = padded.reshape(batch, rows, side, columns, side, channels).transpose(2, 3)
        mixed: Tensor = self.attn(windows.reshape(-1, side * side, channels))
        whole = mixed.view(batch, rows, columns, side, side, channels).transpose(2, 3)
        return whole.reshape(padded.shape)[:, :height, :width]


class Stage(nn.Module):
    """`blocks`, and `downsample` into the next stage where there is one."""

    def __init__(self, width: int, depth: int, window: int, following: int | None) -> None:
        super().__init__()
        blocks = (WindowBlock(width, window) if window else Bottleneck(width) for _ in range(depth))
        self.blocks = nn.ModuleList(blocks)
        self.downsample = Merging(width, following) if following else None

    def forward(self, image: Tensor) -> Tensor:
        for block in self.blocks:
            image = block(image)
        return image if self.downsample is None else self.downsample(image)


class TinyVit(nn.Module):
    """(1, 3, s, s) -> (1, 256, 64, 64).

    Args:
        kernel: Of the patch embedding: 3 for MobileSAM (s = 1024), 1 for LiteMedSAM (s = 256).
        classifier: Whether the checkpoint holds ImageNet's head, which is not used.
    """

    def __init__(self, kernel: int, classifier: bool) -> None:
        super().__init__()
        from segment_anything.modeling.common import LayerNorm2d

        self.patch_embed = PatchEmbedding(kernel)
        following = [after for _, after in pairwise(WIDTHS)] + [None]
        plan = zip(WIDTHS, DEPTHS, WINDOWS, following, strict=True)
        self.layers = nn.ModuleList([Stage(*stage) for stage in plan])
        if classifier:
            self.norm_head = nn.LayerNorm(WIDTHS[-1])
            self.head = nn.Linear(WIDTHS[-1], 1000)
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], 256, 1, bias=False),
            LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            LayerNorm2d(256),
        )

    def forward(self, image: Tensor) -> Tensor:
        features = self.patch_embed(image)
        for stage in self.layers:
            features = stage(features)
        embedding: Tensor = self.neck(features)
        return embedding


def _places(window: int) -> Tensor:
    """(n, n): for every pair of tokens of a window, which bias is theirs: |dy| * window + |dx|."""
    steps = torch.arange(window)
    distance = (steps[:, None] - steps[None, :]).abs()
    rows = distance[:, None, :, None] * window
    return (rows + distance[None, :, None, :]).reshape(window * window, window * window)
