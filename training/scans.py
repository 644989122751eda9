"""Regions of real scans with what people outlined in them, or with pseudo-objects of their own grey values.

Only cases that `benchmark.json` calls `train` (or does not list and the manifest frees), and only under permissive
licences: the shipped weights carry no doubt. Nothing of them is kept but the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.painting import paint
from training.shapes import Field, Labels, Random

CASES = (
    "ct_lesion_000001_mediastinum",  # Apache-2.0
    "ct_lesion_000002_abdomen",  # Apache-2.0
    "ct_lung_elastix",  # Apache-2.0
    "mr_abdomen_totalseg",  # Apache-2.0
    "mr_breast_tumour",  # BSD-3-Clause
    "mr_ms_lesions_26",  # CC BY
    "mr_prostate_001",  # Apache-2.0
    "us_prostate_001",  # Apache-2.0
    "mr_spinalcord_t1",  # MIT
    "mr_spinalcord_greymatter",  # MIT
    "mr_brain_colin27_aal",  # BSD-3-Clause; its parcels are coarse, so it gives pseudo-objects only
)
HEADS = (
    "ct_shear_gantry_tilt",  # BSD-2-Clause
    "ct_pitch",  # BSD-2-Clause
    "ct_avm",  # BSD-2-Clause
)
"""CTs of heads in which nobody outlined anything: they give pseudo-objects only."""

REPAINTED = 0.4
"""Share of the outlined regions that keep their anatomy and get invented intensities."""

WITHOUT_LABELS = frozenset({"mr_brain_colin27_aal"})
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scan:
    """One training case: image and labels (k, j, i), spacing in millimetres, every label's box."""

    image: Field
    labels: NDArray[np.int16]
    spacing: NDArray[np.float64]
    boxes: dict[int, NDArray[np.int64]]


def load(folder: Path) -> list[Scan]:
    """The training cases that lie under `folder` (the project's shared data), then the heads."""
    cases = [case for name in CASES if (case := folder / "gt" / name).is_dir()]
    heads = [head for name in HEADS if (head := folder / "nifti" / "real" / f"{name}.nii.gz").is_file()]
    return [
        *(_read(c / "image.nii.gz", None if c.name in WITHOUT_LABELS else c / "label.nii.gz") for c in cases),
        *(_read(head) for head in heads),
    ]


def region(scan: Scan, side: int, random: Random) -> tuple[Field, list[Mask]]:
    """A turned, zoomed cube around some outlined object, and the masks of the objects in it, that one first."""
    if not scan.boxes:
        return pseudo(scan, side, random)
    label = int(random.choice(list(scan.boxes)))
    start, stop = scan.boxes[label]
    extent = float(((stop - start) * scan.spacing).max())
    step = extent / (side * np.exp(random.uniform(np.log(0.15), np.log(1.5))))
    step = float(np.clip(step, scan.spacing.min() * 0.4, max(scan.spacing.max() * 2, extent / side)))
    centre = (start + stop - 1) / 2 + random.uniform(-0.4, 0.4, 3) * np.maximum(
        stop - start, side * step * 0.3 / scan.spacing
    )
    indices = _sampled(scan, centre, step, side, random)
    image = ndimage.map_coordinates(scan.image, indices, order=1, mode="nearest")
    labels = ndimage.map_coordinates(scan.labels, indices, order=0, mode="constant", cval=0)
    masks = [labels == other for other in (label, *random.permutation(list(scan.boxes))[:3].tolist())]
    if random.random() < 0.15 and len(scan.boxes) < 4:
        masks.insert(0, labels > 0)
    if random.random() < REPAINTED:
        image = paint(dense(image, labels, random), random)
    return image, masks


def weighted(real: list[Scan], random: Random) -> Scan:
    """Scans with many objects come more often."""
    weights = np.array([min(8, len(scan.boxes)) for scan in real], float)
    return real[random.choice(len(real), p=weights / weights.sum())]


def around(scan: Scan, label: int, random: Random) -> Scan:
    """The part of a scan around an outlined object, with what surrounds it."""
    start, stop = scan.boxes[label]
    extent = float(((stop - start) * scan.spacing).max())
    margin = np.maximum(8, np.ceil(random.uniform(0.7, 2.0) * extent / scan.spacing))
    return _block(scan, start - margin, stop + margin)[0]


def part(scan: Scan, random: Random) -> Mask:
    """A connected band of grey values of a block anywhere in a scan, as a mask of the whole scan."""
    half = np.exp(random.uniform(np.log(15), np.log(50))) * np.minimum(1.0, scan.spacing.min() / scan.spacing * 2)
    centre = random.uniform(0.15, 0.85, 3) * scan.image.shape
    block, where = _block(scan, centre - np.maximum(half, 5), centre + np.maximum(half, 5))
    mask = np.zeros(scan.image.shape, bool)
    mask[where] = band(block.image, random)
    return mask


def _block(scan: Scan, start: NDArray[np.float64], stop: NDArray[np.float64]) -> tuple[Scan, tuple[slice, ...]]:
    """What lies between two corners, as far as the scan goes, and where that is."""
    low, high = (np.clip(at, 0, scan.image.shape).astype(int) for at in (start, np.ceil(stop)))
    where = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Scan(scan.image[where], scan.labels[where], scan.spacing, {}), where


def dense(image: Field, labels: NDArray[np.int16], random: Random) -> Labels:
    """A label for every voxel: people's, and bands of smoothed grey values where nobody outlined anything.

    As in SynthSeg, whose background is divided by intensity too: painted anew it is real anatomy of any modality.
    """
    smooth = ndimage.gaussian_filter(image, random.uniform(0.6, 1.5))
    edges = np.quantile(smooth, np.sort(random.uniform(0.05, 0.95, int(random.integers(2, 7)))))
    whole = np.where(labels > 0, labels + len(edges), np.searchsorted(edges, smooth))
    return np.unique(whole, return_inverse=True)[1].reshape(labels.shape).astype(np.int16)


def pseudo(scan: Scan, side: int, random: Random) -> tuple[Field, list[Mask]]:
    """A cube of a scan and connected bands of its own grey values, for want of people's outlines (ScribblePrompt)."""
    finest, coarsest = scan.spacing.min() * 0.7, (np.array(scan.image.shape) * scan.spacing).max() / side
    step = float(np.exp(random.uniform(np.log(finest), np.log(max(finest * 1.5, coarsest)))))
    centre = random.uniform(0.15, 0.85, 3) * scan.image.shape
    image = ndimage.map_coordinates(scan.image, _sampled(scan, centre, step, side, random), order=1, mode="nearest")
    return image, [band(image, random) for _ in range(3)]


def band(image: Field, random: Random) -> Mask:
    """Voxels connected to a random one whose smoothed grey value is near to its own, opened where the leak is thin."""
    smooth = ndimage.gaussian_filter(image, random.uniform(0.7, 2.5))
    spread = float(np.subtract(*np.percentile(smooth, (95, 5))))
    seed = tuple(int(random.integers(n // 12, n - n // 12)) for n in image.shape)
    inside = np.abs(smooth - smooth[seed]) < spread * random.uniform(0.06, 0.2)
    if random.random() < 0.7:
        inside = ndimage.binary_opening(inside) | _at(inside.shape, seed)
    labels, _ = ndimage.label(inside)
    return np.asarray(labels == labels[seed]) & (labels[seed] > 0)


def _at(shape: tuple[int, ...], index: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, bool)
    mask[index] = True
    return mask


def _sampled(scan: Scan, centre: NDArray[np.float64], step: float, side: int, random: Random) -> NDArray[np.float64]:
    """Indices (3, S, S, S) of a cube around `centre`, mirrored, and turned in two cases of three."""
    turn = np.diag(random.choice([-1.0, 1.0], 3))[random.permutation(3)]
    if random.random() < 0.66:
        skew = random.uniform(-0.35, 0.35, 3)
        turn = turn @ np.linalg.qr(np.eye(3) + _cross(skew))[0]
    axis = (np.arange(side) - (side - 1) / 2) * step
    offsets = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    indices = (turn @ offsets) / scan.spacing[:, None] + centre[:, None]
    return np.asarray(indices.reshape(3, side, side, side))


def _cross(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = vector
    return np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])


def _read(path: Path, outlines: Path | None = None) -> Scan:
    image = nibabel.load(path)
    values = np.ascontiguousarray(np.asarray(image.dataobj, np.float32).T)
    labels = np.zeros(values.shape, np.int16)
    if outlines is not None:
        labels = np.ascontiguousarray(np.asarray(nibabel.load(outlines).dataobj).astype(np.int16).T)
    spacing = np.array(image.header.get_zooms()[:3], float)[::-1]
    boxes = {
        label: np.array([[a.start for a in found], [a.stop for a in found]])
        for label, found in enumerate(ndimage.find_objects(labels), start=1)
        if found is not None and (labels[found] == label).sum() >= 60
    }
    return Scan(values, labels, spacing, boxes)
