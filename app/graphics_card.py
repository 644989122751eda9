"""`usable`: whether there is a graphics card that CUDA can use; asked of NVIDIA's driver, without torch."""

from __future__ import annotations

import ctypes
import sys

_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


def usable() -> bool:
    """Takes some hundred milliseconds where there is a driver: not for the main thread."""
    try:
        driver = ctypes.CDLL(_DRIVERS[sys.platform])
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (KeyError, OSError, AttributeError):  # another system, no driver, something else of its name
        return False
