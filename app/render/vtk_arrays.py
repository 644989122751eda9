"""numpy to VTK and back, typed: the only file that calls VTK's untyped `numpy_support`."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util import numpy_support
from vtkmodules.vtkCommonCore import vtkDataArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray


def data_array(array: NDArray[Any]) -> vtkDataArray:
    """A VTK array that shares the memory of a C-contiguous numpy array and keeps it alive."""
    return cast(vtkDataArray, numpy_support.numpy_to_vtk(np.ascontiguousarray(array)))  # type: ignore[no-untyped-call]


def numpy_array(array: vtkDataArray) -> NDArray[Any]:
    """A numpy array that shares a VTK array's memory."""
    return cast(NDArray[Any], numpy_support.vtk_to_numpy(array))  # type: ignore[no-untyped-call]


def points(coordinates: NDArray[np.float32]) -> vtkPoints:
    """(n, 3) positions."""
    made = vtkPoints()
    made.SetData(data_array(coordinates))
    return made


def cells(corners: NDArray[Any]) -> vtkCellArray:
    """(n, m) point numbers: n cells of m corners each."""
    count, size = corners.shape
    made = vtkCellArray()
    offsets = np.arange(0, count * size + 1, size, dtype=np.int32)
    made.SetData(data_array(offsets), data_array(corners.astype(np.int32).ravel()))
    return made
