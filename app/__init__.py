"""Volumask: click on a structure in a scan, get its 3D mask. The domain lives here; folders hold what stands on it."""

__version__ = "0.1.0"
