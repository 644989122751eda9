"""`StoredImage`: what the header of an NRRD, MetaImage or GIPL promises, checked before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume_io import memory
from app.volume_io.sentences import megabytes
from app.volume_io.voxel_bytes import VoxelBytes

_MOST = 1 << 31
"""Voxels along an axis, more than any scanner makes; ITK counts them in 32 bits."""
_FAR = 1e12  # millimetres


@dataclass(frozen=True, eq=False)
class StoredImage:
    """A grid and the bytes that fill it.

    Args:
        name: Of the header's file.
        sizes: Voxels along (i, j), (i, j, k) or (i, j, k, time), the order in which they lie in the file.
        steps: (n, n), column a is the way in LPS millimetres from one voxel to the next along axis a of n.
        origin: (n,), where the centre of the first voxel lies, in LPS millimetres.
        channels: Values in each voxel.
        channel_axis: How many of the axes vary faster than the channels do.
        pairs: What else the header says, in words.

    Raises:
        BadInput: when it makes no sense, promises more than the files hold, or does not fit in memory.
    """

    name: str
    sizes: tuple[int, ...]
    steps: NDArray[np.float64]
    origin: NDArray[np.float64]
    voxels: VoxelBytes
    channels: int = 1
    channel_axis: int = 0
    pairs: Mapping[str, str] = field(default_factory=dict)
    geometry: Geometry = field(init=False)

    def __post_init__(self) -> None:
        if not 2 <= len(self.sizes) <= 4:
            raise BadInput(f"{self.name} has {len(self.sizes)} dimensions; images of 2, 3 or 4 can be opened.")
        if not all(1 <= size < _MOST for size in (*self.sizes, self.channels)):
            raise BadInput(f"{self.name} is damaged: it has no voxels, or more than any image has.")
        most = self.voxels.most()
        if self._total > most:
            raise BadInput(
                f"{self.name} is not complete: its header promises {megabytes(self._total)} and its voxels can be "
                f"{megabytes(most)} at most.",
                "Copy or download it again.",
            )
        if math.prod(self.sizes) * self.channels % len(self.voxels.files):
            raise BadInput(f"{self.name} contradicts itself: its files do not hold equal parts of the image.")
        memory.require(self.name, 2 * self._total // self.times)
        object.__setattr__(self, "geometry", self._geometry())

    @property
    def times(self) -> int:
        """Time points."""
        return self.sizes[3] if len(self.sizes) == 4 else 1

    @property
    def _total(self) -> int:
        return math.prod(self.sizes) * self.channels * self.voxels.dtype.itemsize

    def grey(self) -> StoredImage:
        """The same.

        Raises:
            BadInput: when there is more than one value in each voxel.
        """
        if self.channels > 1:
            raise BadInput(f"{self.name} holds several values in each voxel (colour, vectors or complex numbers).")
        return self

    def read(self, time: int = 0) -> NDArray[np.generic]:
        """Voxels (k, j, i) of one time point of a grey image, with the byte order of the file.

        Raises:
            BadInput: when the bytes are damaged or too few.
        """
        return self._filled(self.geometry.shape, time)

    def layers(self) -> list[NDArray[np.generic]]:
        """Voxels (k, j, i) of each channel.

        Raises:
            BadInput: when there are time points too, or the bytes are damaged or too few.
        """
        if len(self.sizes) != 3:
            raise BadInput(f"{self.name} has {len(self.sizes)} dimensions; segmentations of 3 can be opened.")
        shape = list(self.geometry.shape)
        place = len(shape) - self.channel_axis  # the axes of an array begin with the slowest one
        array = self._filled((*shape[:place], self.channels, *shape[place:]), 0)
        return [np.asarray(array.take(n, axis=place)) for n in range(self.channels)]

    def _filled(self, shape: tuple[int, ...], time: int) -> NDArray[np.generic]:
        array = np.empty(shape, self.voxels.dtype)
        self.voxels.read(array.reshape(-1).view(np.uint8), time * array.nbytes, self._total)
        return array

    def _geometry(self) -> Geometry:
        i, j, k = (*self.sizes, 1)[:3]
        affine, used = np.eye(4), min(len(self.sizes), 3)
        affine[:used, :used], affine[:used, 3] = self.steps[:used, :used], self.origin[:used]
        if not (np.abs(affine) < _FAR).all():
            raise BadInput(f"{self.name} is damaged: its position in space is no number, or far away.")
        try:
            return Geometry.from_lps((k, j, i), affine)
        except BadInput as error:
            raise BadInput(f"{self.name}: {error.message}", error.hint) from error
