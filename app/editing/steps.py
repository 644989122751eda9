"""`in_voxels`: how many voxels a distance means along each axis of the scan, in words."""

from __future__ import annotations

from app.editing.scene import Scene

_WAYS = ("left to right", "front to back", "head to foot")  # along the world axes R-L, A-P, S-I
_ROUNDING = 1e-5  # of a step, as `app.editing.distance` allows


def in_voxels(scene: Scene, millimetres: float) -> str:
    """A sentence for the preview: "3 mm is 1 voxel to every side"; it says so where a distance reaches no neighbour."""
    geometry = scene.volume.geometry
    axes = [axis for axis in range(3) if scene.plane is None or axis != scene.plane[0]]
    axes.sort(key=lambda axis: geometry.world_axes[axis])
    steps = {axis: int(millimetres / geometry.spacing[axis] + _ROUNDING) for axis in axes}
    said = f"{millimetres:g} mm is"
    if not any(steps.values()):
        size = " × ".join(f"{geometry.spacing[axis]:.3g}" for axis in axes)
        return f"{said} less than one voxel ({size} mm), so it reaches none."
    if len(set(steps.values())) == 1:
        return f"{said} {_count(steps[axes[0]])} to every side."
    return f"{said} {', '.join(f'{_count(steps[axis])} {_WAYS[geometry.world_axes[axis]]}' for axis in axes)}."


def _count(voxels: int) -> str:
    return {0: "no voxel", 1: "1 voxel"}.get(voxels, f"{voxels} voxels")
