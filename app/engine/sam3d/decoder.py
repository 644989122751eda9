"""The decoder of SAM3D (arXiv 2309.03493): four 3D blocks over the slices' embeddings, answers at three resolutions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from app.errors import BadInput

EMBEDDED = 256  # channels of SAM's image embedding
_WIDTHS = (128, 64, 32, 16)


class Sam3dDecoder(nn.Module):
    """Embeddings (batch, 256 * modalities, depth, h, w) to class logits at 16, 8 and 4 times h and w, finest first.

    The depth never changes: SAM has seen every slice for itself, and the 3D convolutions join them.

    Args:
        classes: Background included.
    """

    def __init__(self, classes: int, modalities: int = 1) -> None:
        super().__init__()
        self.classes, self.modalities = classes, modalities
        first, second, third, fourth = _WIDTHS
        self.decoder5 = _Block(EMBEDDED * modalities, first)
        self.decoder4 = _Block(first, second)
        self.decoder3 = _Block(second, third)
        self.decoder2 = _Block(third, fourth)
        self.out1 = _Head(fourth, classes)
        self.out2 = _Head(third, classes)
        self.out3 = _Head(second, classes)

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        quarter = self.decoder4(self.decoder5(embeddings))
        half = self.decoder3(quarter)
        full = self.decoder2(half)
        return self.out1(full), self.out2(half), self.out3(quarter)

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Sam3dDecoder:
        """With the weights of a checkpoint, every one used and none missing; in evaluation mode.

        Raises:
            BadInput: when they are not those of a SAM3D decoder.
        """
        try:
            classes = state["out1.segmentation_head.weight"].shape[0]
            modalities = state["decoder5.conv1.0.weight"].shape[1] // EMBEDDED
            with torch.device("meta"):
                decoder = cls(classes, modalities)
            decoder.load_state_dict(dict(state), strict=True, assign=True)
        except (KeyError, RuntimeError) as error:
            first = " ".join(str(error).split())[:200]
            raise BadInput(f"The weights are not those of a SAM3D decoder ({first}).") from error
        return decoder.float().requires_grad_(False).eval()


class Probabilities(nn.Module):
    """A decoder's finest answer as probabilities, for running it."""

    def __init__(self, decoder: Sam3dDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, embeddings: Tensor) -> Tensor:
        """(1, classes, depth, 16 h, 16 w)."""
        finest, _, _ = self.decoder(embeddings)
        out: Tensor = finest.softmax(dim=1)
        return out


class _Block(nn.Module):
    """Two convolutions beside a shortcut, then twice the height and width by repetition."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = _normalised(channels, width, 3)
        self.conv2 = _normalised(width, width, 3)
        self.downsample = _normalised(channels, width, 1)
        self.act = nn.LeakyReLU(0.01)
        self.larger = nn.Upsample(scale_factor=(1, 2, 2), mode="nearest")

    def forward(self, features: Tensor) -> Tensor:
        inner = self.conv2(self.act(self.conv1(features)))
        out: Tensor = self.larger(self.act(inner + self.downsample(features)))
        return out


class _Head(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv_pred = nn.Sequential(*_normalised(channels, channels // 2, 3), nn.LeakyReLU(0.01))
        self.segmentation_head = nn.Conv3d(channels // 2, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.segmentation_head(self.conv_pred(features))
        return out


def _normalised(channels: int, width: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(channels, width, kernel, padding=kernel // 2), nn.InstanceNorm3d(width))
