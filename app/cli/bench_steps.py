"""What `volumask bench` times: the steps of a model on one volume, and the files that opening is timed on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine import uncertainty
from app.engine.evaluation.clickers import whole
from app.engine.propagation import propagate
from app.engine.protocol import Estimate, Predictor, Prior, Propagate, Sketcher, SliceAnswer, Token
from app.geometry import Geometry, Index, Region
from app.prompts import Point
from app.volume import Volume

_SLICES = 100
_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table.

    Args:
        budget: Seconds the design allows on two cores; 0 where it says nothing.
    """

    what: str
    budget: float

    def timed(self, work: Callable[[], Any]) -> float:
        """Seconds of one run; a number that the work returns is taken as its own measure."""
        start = time.perf_counter()
        measured = work()
        return measured if isinstance(measured, float) else time.perf_counter() - start


class Bench:
    """The timed work of one model on one volume; each step leaves what the next one needs.

    Args:
        click: A voxel inside a large structure.
    """

    def __init__(self, predictor: Predictor, volume: Volume, click: Index) -> None:
        self._predictor = predictor
        self._volume = volume
        self._click = Point(click)
        self._prepared: Any = None
        self._mask: NDArray[np.bool_] = np.zeros(volume.shape, dtype=bool)

    def steps(self) -> Iterator[tuple[Step, Callable[[], Any]]]:
        """In the order in which they must run."""
        yield Step("features", 0.0), self._prepare
        yield Step("first click to mask, not prepared", 1.0), self._first_unprepared
        yield Step("first click to mask, prepared", 0.15), self._first
        yield Step("next click on the same slice (median of five)", 0.15), self._next_on_slice
        yield Step("next click (median of five)", 0.15), self._next
        yield Step(f"propagate over {_SLICES} slices", 15.0), self._propagate
        yield Step(f"uncertainty, N = {_SAMPLES}", 1.0), self._estimate
        yield Step("surface", 0.5), self._surface

    def _prepare(self) -> None:
        self._prepared = self._predictor.prepare(self._volume, _silent, Token())

    def _first_unprepared(self) -> None:
        self._prepare()
        self._first()

    def _first(self) -> None:
        self._predictor.predict(self._prepared, (self._click,), None)

    def _next(self) -> float:
        """Five further clicks, taken in turn as includes in the mask and excludes outside it."""
        return self._seconds_a_click(self._volume.geometry.region)

    def _next_on_slice(self) -> float:
        """The same on the slice of the first click; the first of them prepares what the model wants of that slice."""
        return self._seconds_a_click(Region.plane(self._volume.shape, 0, self._click.index[0]))

    def _seconds_a_click(self, within: Region) -> float:
        """The median of five clicks in a region, each on top of the last answer; the mask is what they give."""
        prompts: tuple[Point, ...] = (self._click,)
        prediction = self._predictor.predict(self._prepared, prompts, None)
        self._mask = whole(prediction, self._volume.shape)
        seconds = []
        for point in self._further(within):
            prompts, prior = (*prompts, point), Prior(prediction.region, prediction.logits)
            start = time.perf_counter()
            prediction = self._predictor.predict(self._prepared, prompts, prior)
            seconds.append(time.perf_counter() - start)
        self._mask = whole(prediction, self._volume.shape)
        return float(np.median(seconds))

    def _further(self, within: Region) -> list[Point]:
        generator = np.random.default_rng(0)
        around = Region.around(self._mask)
        met = within if around is None else around.intersection(within)
        region = met if met.size else within  # a model that found nothing there is clicked anywhere in it
        inside = np.argwhere(self._mask[region.slices]) + region.start
        outside = np.argwhere(~self._mask[region.slices]) + region.start
        points = []
        for turn in range(5):
            among = (outside, inside)[turn % 2] if len(outside) and len(inside) else np.concatenate([outside, inside])
            k, j, i = (int(x) for x in among[generator.integers(len(among))])
            points.append(Point((k, j, i), positive=bool(self._mask[k, j, i])))
        return points

    def _propagate(self) -> float:
        """Seconds for 100 slices, from the mask on the clicked slice; scaled up when the object ends before."""
        start, mask = self._click.index[0], self._mask[self._click.index[0]]
        request = Propagate(0, 1, 0, {start: mask}, max(0, start - _SLICES), start)
        begun = time.perf_counter()
        answers = [
            m for m in propagate(request, self._predictor, self._prepared, self._volume, Token())
            if isinstance(m, SliceAnswer) and m.index != start
        ]  # fmt: skip
        carried = max(1, sum(m.confidence > 0 for m in answers))
        return (time.perf_counter() - begun) * _SLICES / carried

    def _estimate(self) -> None:
        request, geometry = Estimate(0, 1, (self._click,), _SAMPLES), self._volume.geometry
        decode = partial(self._predictor.predict, self._prepared)
        sketch = partial(self._predictor.sketch, self._prepared) if isinstance(self._predictor, Sketcher) else None
        for _ in uncertainty.estimate(request, geometry, decode, None, Token(), sketch=sketch):
            pass  # every step is a round of decodes

    def _surface(self) -> None:
        from app.render.surfaces import surface  # VTK is loaded only here

        region = Region.around(self._mask) or self._volume.geometry.region
        surface(self._mask[region.slices], region, self._volume.geometry)


def enlarged(volume: Volume, shape: Index) -> Volume:
    """The volume resampled linearly to a grid of `shape` over the same field of view, with its own integer type."""
    factors = np.array(volume.shape) / np.array(shape)
    first = factors / 2 - 0.5  # where the centre of the first new voxel lies among the old ones
    image = volume.array.astype(np.float32)
    resampled = ndimage.affine_transform(image, factors, first, shape, order=1, mode="nearest")
    array = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    affine = volume.geometry.affine @ np.diag([*factors[::-1], 1.0])
    affine[:3, 3] = volume.geometry.world(first)
    return Volume(array, Geometry(shape, affine), modality=volume.modality or "CT")


def dicom_folder(volume: Volume, folder: Path) -> Path:
    """One uncompressed CT file for every k slice, without any personal data."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir()
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    geometry = volume.geometry
    lps = geometry.directions * np.array([-1, -1, 1])
    for k in range(volume.shape[0]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        slice_ = FileDataset(str(folder / f"{k:04d}.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.SOPClassUID, slice_.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.Modality, slice_.InstanceNumber, slice_.SeriesDescription = "CT", k + 1, "bench"
        slice_.ImagePositionPatient = [float(x) for x in geometry.world((k, 0, 0)) * np.array([-1, -1, 1])]
        slice_.ImageOrientationPatient = [float(x) for x in (*lps[2], *lps[1])]
        slice_.PixelSpacing = [float(geometry.spacing[1]), float(geometry.spacing[2])]
        slice_.SliceThickness = float(geometry.spacing[0])
        slice_.Rows, slice_.Columns = volume.shape[1:]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.RescaleSlope, slice_.RescaleIntercept = "1", "0"
        slice_.PixelData = np.ascontiguousarray(volume.array[k], dtype="<i2").tobytes()
        slice_.save_as(folder / f"{k:04d}.dcm")
    return folder


def peak_memory() -> int:
    """Bytes that this process held at its largest."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _silent(fraction: float, what: str) -> None:
    del fraction, what
