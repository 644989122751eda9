"""What the graph network learns on: blocks of real scans on their own grid, and cubes of real and invented anatomy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.builtin.features import BuiltinFeatures, from_afar, from_near
from app.engine.builtin.surroundings import in_hounsfield
from app.engine.classic.features import Features, prepare_features
from app.engine.classic.supervoxels import PIECES
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume
from training import painting, scans, scenes, shapes
from training.batches import Recipe
from training.graph.bones import bones
from training.graph.large import large
from training.graph.spines import spine
from training.graph.torsos import torso
from training.painting import paint
from training.scans import Scan
from training.shapes import Field, Random

Mask = NDArray[np.bool_]

_TOO_LARGE = 0.6  # share of these with what is large wherever one stands
_REPAINTED = 0.35  # share of these with invented intensities
_VOXELS = 900_000
_ORGANS = 12  # of a torso that are looked at in one scene
_SOFT = 0.12  # share of the images that are much smoother than their grid, as ultrasound and resampled scans are
_KEPT = 0.8  # share of the CTs that keep Hounsfield units
_SMALLEST, _LARGEST = 25, 0.5  # voxels; share of the image
_FEW = 2_500  # pieces of a scene at least
_FINEST = 10_000  # pieces at least, of a scene that is looked at from farther away
_MERGED = (0.25, 0.4)  # share of them that it is looked at in


@dataclass(frozen=True)
class Blend:
    """Which scenes are made.

    Args:
        far: Share that is looked at from farther away, as large things are in use.
        native: Share of the others that are blocks of real scans, on their own grid or a coarser one.
        cubes: Share of each kind in the rest, together 1.
    """

    far: float
    native: float
    cubes: Mapping[str, float]


CLICKED = Blend(0.35, 0.5, {"outlined": 0.2, "pseudo": 0.1, "bones": 0.1, "torso": 0.22, "spine": 0.2, "shapes": 0.18})
"""What the networks that are asked about prompts learn on."""


@dataclass(frozen=True)
class _Sizes:
    """Pieces of an object: from where to where, and up to where smaller ones come less often."""

    smallest: float
    largest: float
    usual: float

    def fit(self, pieces: float, random: Random) -> bool:
        """Whether an object of so many is looked at."""
        return self.smallest <= pieces <= self.largest and random.random() < (pieces / self.usual) ** 0.6


_SIZES = _Sizes(1.5, 4_500, 200)  # the network can see 4,500 whole; most that are clicked on have more than 200
_SIZES_AFAR = _Sizes(20, 7_000, 300)


@dataclass(frozen=True)
class Example:
    """A prepared image and one object in it."""

    features: BuiltinFeatures
    mask: Mask

    @property
    def target(self) -> NDArray[np.float32]:
        """(n,) share of each piece that lies in the object."""
        pieces = self.features.pieces
        inside = np.bincount(pieces.labels.ravel(), self.mask.ravel().astype(np.float32), pieces.count)
        return (inside / pieces.size).astype(np.float32)


def batch(number: int, recipe: Recipe, real: list[Scan]) -> list[Example]:
    """Batch `number`: the examples of some scenes."""
    first = number * recipe.batch
    made = (make(n, recipe.seed, recipe.objects, real) for n in range(first, first + recipe.batch))
    return [example for scene in made for example in scene]


def make(number: int, seed: int, objects: int, real: list[Scan], blend: Blend = CLICKED) -> list[Example]:
    """Scene `number` of a seed and at most so many objects in it, at least one."""
    for attempt in range(100):
        random = np.random.default_rng((seed, number, attempt))
        afar = random.random() < blend.far
        image, masks, spacing = _drawn(real, afar, blend, random)
        masks = [np.ascontiguousarray(m) for m in masks if _SMALLEST <= m.sum() <= _LARGEST * m.size]
        if not masks or min(image.shape) < 4:
            continue
        image = _measured(image, random)
        if random.random() < _SOFT:
            image = ndimage.gaussian_filter(image, random.uniform(1.0, 2.5))
        image = np.ascontiguousarray(image, dtype=np.float32)
        features, sizes = _seen(image, spacing, afar, random)
        usual = float(np.median(features.pieces.size))
        wanted = [m for m in masks if sizes.fit(m.sum() / usual, random)]
        if wanted:
            order = random.permutation(len(wanted))[:objects]
            return [Example(features, wanted[i]) for i in order]
    raise ValueError(f"scene {number} of seed {seed} has no object after 100 attempts")


def _seen(
    image: Field, spacing: tuple[float, float, float], afar: bool, random: Random
) -> tuple[BuiltinFeatures, _Sizes]:
    """From near by or from afar, and which objects are then looked at."""
    if afar:
        return prepared_afar(image, spacing, random), _SIZES_AFAR
    return prepared(image, spacing, _pieces(image.size, random)), _SIZES


def prepared(image: Field, spacing: tuple[float, float, float], pieces: float) -> BuiltinFeatures:
    """As `classic` prepares a volume, in about so many pieces; scenes are so small that every voxel is a cell."""
    return from_near(_cut(image, spacing, pieces))


def prepared_afar(image: Field, spacing: tuple[float, float, float], random: Random) -> BuiltinFeatures:
    """The far view of a volume in many pieces."""
    most = min(PIECES, image.size / 4)
    wanted = np.exp(random.uniform(np.log(min(_FINEST, 0.8 * most)), np.log(most)))
    return from_afar(_cut(image, spacing, wanted), random.uniform(*_MERGED)).features


def _cut(image: Field, spacing: tuple[float, float, float], pieces: float) -> Features:
    k, j, i = image.shape
    volume = Volume(image, Geometry((k, j, i), np.diag([*spacing[::-1], 1.0])))
    return prepare_features(volume, lambda fraction, what: None, Token(), int(pieces))


def _drawn(
    real: list[Scan], afar: bool, blend: Blend, random: Random
) -> tuple[Field, list[Mask], tuple[float, float, float]]:
    if afar and random.random() < _TOO_LARGE:
        return large(real, random)
    return _native(real, random) if real and random.random() < blend.native else _cube(real, blend, random)


def _measured(image: Field, random: Random) -> Field:
    """From another scanner; a CT mostly keeps its numbers, and else no trace of them."""
    if not in_hounsfield(np.percentile(image, (0.1, 99.9))):
        return painting.measured(image, random)
    if random.random() < _KEPT:
        return painting.noisy(image, random)
    return painting.measured(image, random) / float(np.abs(image).max())


def _pieces(voxels: int, random: Random) -> float:
    """5 to 90 voxels to a piece: small scans are cut finely, large ones coarsely."""
    least = max(_FEW, voxels / 90)
    return float(np.exp(random.uniform(np.log(least), np.log(max(least * 1.2, min(PIECES, voxels / 5))))))


def _native(real: list[Scan], random: Random) -> tuple[Field, list[Mask], tuple[float, float, float]]:
    """A block around an outlined object, on the scan's own grid or a coarser one."""
    scan = scans.weighted([s for s in real if s.boxes], random)
    label = int(random.choice(list(scan.boxes)))
    start, stop = scan.boxes[label]
    extent = float(((stop - start) * scan.spacing).max())
    margin = np.exp(random.uniform(np.log(0.5), np.log(3))) * extent + random.uniform(8, 30) * scan.spacing.min()
    low = np.maximum(0, start - random.uniform(0.5, 1, 3) * margin / scan.spacing).astype(int)
    high = np.minimum(scan.image.shape, np.ceil(stop + random.uniform(0.5, 1, 3) * margin / scan.spacing)).astype(int)
    where = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    zoom = np.minimum(1, np.exp(random.uniform(np.log(0.55), 0.25, 3)))
    zoom *= min(1.0, float(_VOXELS / np.prod((high - low) * zoom)) ** (1 / 3))
    image, labels, spacing = _coarser(scan.image[where], scan.labels[where], scan.spacing, zoom)
    masks = [_part(labels == found, random) for found in (label, *random.permutation(list(scan.boxes))[:12].tolist())]
    if random.random() < _REPAINTED:
        image = paint(scans.dense(image, labels, random), random)
    return image, masks, spacing


def _coarser(
    image: Field, labels: NDArray[np.int16], spacing: NDArray[np.float64], zoom: NDArray[np.float64]
) -> tuple[Field, NDArray[np.int16], tuple[float, float, float]]:
    share = [max(4, round(n * z)) / n for n, z in zip(image.shape, zoom, strict=True)]
    if min(share) < 0.95:
        blurred = ndimage.gaussian_filter(image, [max(0.0, 0.5 * (1 / s - 1)) for s in share])
        image, labels = ndimage.zoom(blurred, share, order=1), ndimage.zoom(labels, share, order=0)
        spacing = spacing / np.array(share)
    k, j, i = (float(s) for s in spacing)
    return image, labels, (k, j, i)


def _part(mask: Mask, random: Random) -> Mask:
    """In a third of the cases only what is connected to one of its voxels."""
    return mask if not mask.any() or random.random() > 0.3 else scenes.part(mask, random)


def _cube(real: list[Scan], blend: Blend, random: Random) -> tuple[Field, list[Mask], tuple[float, float, float]]:
    """A turned and zoomed region of a real scan, or an invented one; some in thick slices."""
    image, masks, step = _imagined(real, blend, random)
    if random.random() < 0.3:
        image, masks = painting.thick_slices(image, masks, random)
    if random.random() > 0.3:
        return image, masks, (step, step, step)
    axis, thick = int(random.integers(3)), int(random.integers(2, 5))
    every = tuple(slice(None, None, thick) if a == axis else slice(None) for a in range(3))
    k, j, i = (step * thick if a == axis else step for a in range(3))
    return ndimage.uniform_filter1d(image, thick, axis=axis)[every], [m[every] for m in masks], (k, j, i)


def _imagined(real: list[Scan], blend: Blend, random: Random) -> tuple[Field, list[Mask], float]:
    """A cube of one of the kinds, what is in it, and millimetres to a voxel."""
    side, kind = int(random.integers(48, 84)), random.choice(list(blend.cubes), p=list(blend.cubes.values()))
    if kind == "torso":
        image, masks, step = torso(side, random)
        return image, [masks[n] for n in random.permutation(len(masks))[:_ORGANS]], step
    if kind == "spine":
        return spine(side, random)
    if kind == "outlined" and real:
        return *scans.region(scans.weighted(real, random), side, random), 1.0
    if kind == "pseudo" and real:
        return *scans.pseudo(real[random.integers(len(real))], side, random), 1.0
    if kind == "bones":
        return *bones(side, random), 1.0
    labels = shapes.label_map(side, random)
    return paint(labels, random), [scenes.connected(labels, random) for _ in range(6)], 1.0
