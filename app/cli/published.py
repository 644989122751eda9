"""What others measured and published, to stand beside what was measured here. None of it is a measurement of ours."""

from __future__ import annotations

from dataclasses import dataclass

FASTSAM3D_SLICER = (
    "FastSAM-3DSlicer (arXiv 2407.12658, table 1): laptop with an AMD Ryzen 5 5500U (six cores) and an RTX 2060, "
    "3D Slicer 5.6.2; where its clock starts and stops is not stated; a volume is one block of 128^3 voxels"
)
SAMM = (
    "SAMM (arXiv 2304.05622): AMD Ryzen 9 3900X and RTX 3090; embeddings of a 352x352x240 volume 162.9 s, "
    "then 0.612 s for one cycle of a click"
)
SAMM_SLICES, SAMM_ALL_SLICES, SAMM_SECONDS, SAMM_CLICK = 240, 240 + 352 + 352, 162.9, 0.612
"""Axial slices of SAMM's volume and those along all three axes, which its program embeds; its seconds to embed the
volume and for a click."""


@dataclass(frozen=True, slots=True)
class Published:
    """A row of FastSAM-3DSlicer's table: seconds per slice or volume."""

    unit: str
    cpu: float
    gpu: float


TABLE = {
    "sam_med2d": Published("slice", 1.52, 0.52),
    "medsam": Published("slice", 48.9, 12.69),
    "sam_med3d_turbo": Published("volume", 7.75, 1.76),
    "fastsam3d": Published("volume", 1.09, 0.73),
}
"""By the id of our card. The turbo weights run in the network that the table calls SAM-Med3D."""

QUICKEST = {"slice": "sam_med2d", "volume": "fastsam3d"}
"""Of the table, for each unit: the others are told as multiples of it, there and here."""
