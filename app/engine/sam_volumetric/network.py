"""The two networks that segment a volume from one click, built from what their checkpoints hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from app.engine.sam_volumetric.image_encoder import FASTSAM3D, SAM_MED3D, EncoderPlan, ImageEncoder
from app.engine.sam_volumetric.mask_decoder import MaskDecoder
from app.engine.sam_volumetric.prompt_encoder import PromptEncoder
from app.errors import BadInput


class ClickNetwork(nn.Module):
    """Image encoder, prompt encoder and mask decoder, under the names of the published files."""

    def __init__(self, plan: EncoderPlan) -> None:
        super().__init__()
        self.image_encoder = ImageEncoder(plan)
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = MaskDecoder()


class ClickDecoder(nn.Module):
    """What runs at every click: prompt encoder and mask decoder of a network as one function."""

    def __init__(self, network: ClickNetwork) -> None:
        super().__init__()
        self.prompts, self.masks = network.prompt_encoder, network.mask_decoder

    def forward(self, embedding: Tensor, indices: Tensor, labels: Tensor, low: Tensor) -> Tensor:
        """Logits (1, 1, 32, 32, 32).

        Args:
            embedding: (1, 384, 8, 8, 8).
            indices: (1, n, 3) voxels of the crop, in the order of its axes.
            labels: (1, n), 1 for include and 0 for exclude.
            low: (1, 1, 32, 32, 32) logits of the answer before, zeros at first.
        """
        points = self.prompts.points(indices, labels)
        logits: Tensor = self.masks(embedding, self.prompts.grid(), points, self.prompts.mask(low))
        return logits


def from_state(state: Mapping[str, Tensor]) -> ClickNetwork:
    """The network that a checkpoint's tensors belong to, in evaluation mode.

    Raises:
        BadInput: when they are not those of SAM-Med3D or FastSAM-3D.
    """
    with torch.device("meta"):
        network = ClickNetwork(plan_of(state))
    try:
        network.load_state_dict(dict(state), strict=True, assign=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise BadInput(f"The weights are not those of a 3D SAM ({first}).", "Download them again.") from error
    return network.float().eval().requires_grad_(False)


def plan_of(names: Collection[str]) -> EncoderPlan:
    """From the names of a checkpoint's tensors, or of those that tell it: SAM-Med3D has twelve blocks, not six."""
    return SAM_MED3D if "image_encoder.blocks.11.attn.qkv.weight" in names else FASTSAM3D
