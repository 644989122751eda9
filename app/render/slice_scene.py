"""`SliceScene`: what VTK shows of a document on one slice; redone only where slice, voxels or colours changed."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkRenderer

from app.document import Document
from app.geometry import Index, Region
from app.render.colours import grey, heat, label_table
from app.render.outlines import outlines
from app.render.picking import SlicePlane, Viewport
from app.render.slice_layers import SliceLayers
from app.view_state import ViewState

_CRISP = 14.0  # logical pixels per voxel from which on voxels are shown as rectangles instead of blurred
_OUTLINE = 1.4  # logical pixels
_FADE = 8  # voxels over which the uncertainty fades where its region ends; at least so wide is its margin
_SAMPLED = 200_000  # voxels, about, whose uncertainty decides how it is coloured


class Labelled(Protocol):
    """Whose uncertainty it is."""

    @property
    def label(self) -> int:
        """The segment."""


class Uncertainty(Protocol):
    """What `app.engine.protocol.Estimated` offers; render and engine do not know each other."""

    @property
    def request(self) -> Labelled:
        """What was asked."""

    @property
    def region(self) -> Region:
        """Where it was estimated."""

    @property
    def deviation(self) -> NDArray[np.float32]:
        """(k, j, i) standard deviation of the logits, where several voxels may share one."""

    def slab(self, axis: int, at: int) -> NDArray[np.float32]:
        """(k, j, i) of it on the voxels of the slice `at` across an array axis, one thick, within `region`."""


class Preview(Protocol):
    """What `app.corrections.Preview` offers: labels that are not yet."""

    def crop(self, region: Region) -> tuple[Region, NDArray[np.uint8]] | None:
        """What they would be in a part of `region`, None where they stay as they are."""


def _bright_end(deviation: NDArray[np.float32]) -> float:
    """The 99.5th percentile of what is above 0, of a part of the voxels: of 20 million it took 0.3 s a view."""
    step = math.ceil((deviation.size / _SAMPLED) ** (1 / 3)) or 1
    part = deviation[::step, ::step, ::step]
    doubtful = part[part > 0]
    return float(np.percentile(doubtful, 99.5)) if doubtful.size else 1.0


def _faded(estimate: Uncertainty, shape: Index, axis: int, at: int) -> NDArray[np.float32]:
    """The slice `at` across an array axis, one voxel thick, fading out where the estimate ends within the scan.

    Beyond it nothing was looked at; a sharp edge there would look like a border in the patient.
    """
    region = estimate.region
    slab = estimate.slab(axis, at)
    for other in (a for a in range(3) if a != axis):
        places = np.arange(region.start[other], region.stop[other])
        low = places - region.start[other] + 1 if region.start[other] else np.full(places.size, _FADE)
        high = region.stop[other] - places if region.stop[other] < shape[other] else np.full(places.size, _FADE)
        share = np.minimum(np.minimum(low, high) / _FADE, 1).astype(np.float32)
        slab = slab * share.reshape([-1 if a == other else 1 for a in range(3)])
    return slab


class SliceScene:
    """Image, uncertainty, segments and outlines of the slice through the crosshair.

    Args:
        rehearsed: Rows and columns of the black pictures that are there while there is no case (`SliceLayers`).
    """

    def __init__(self, renderer: vtkRenderer, rehearsed: tuple[int, int]) -> None:
        self._rehearsed = rehearsed
        self._layers = SliceLayers(renderer)
        self._document: Document | None = None
        self._view = ViewState()
        self._plane: SlicePlane | None = None
        self._estimate: Uncertainty | None = None
        self._preview: Preview | None = None
        self._top = 1.0
        self._edits = 0  # how often voxels of the shown slice changed
        self._shown: dict[str, object] = {}  # layer -> what it was made from

    def set_case(self, document: Document | None, view: ViewState, plane: SlicePlane | None) -> None:
        """Show a document, or nothing."""
        self._document, self._view, self._plane = document, view, plane
        self._estimate = self._preview = None
        self._shown.clear()
        self._layers.hide()
        if document is None:
            self._layers.rehearse(self._rehearsed)

    def set_estimate(self, estimate: Uncertainty | None) -> None:
        """Uncertainty of one segment; its colours run from 0 to its 99.5th percentile (of what is above 0)."""
        self._estimate = estimate
        self._shown.pop("heat", None)
        if estimate is not None:
            self._top = _bright_end(estimate.deviation)

    def set_preview(self, preview: Preview | None) -> None:
        """Labels to show in the place of the document's; tell `labels_changed` where they differ."""
        self._preview = preview

    @property
    def heat_top(self) -> float | None:
        """The uncertainty at the bright end of the colours, None while none is shown."""
        shown = self._estimate is not None and self._view.heat and self._estimate.request.label == self._view.active
        return self._top if shown else None

    def labels_changed(self, region: Region) -> bool:
        """Whether the shown slice must be drawn again after voxels of `region` changed."""
        if self._plane is None:
            return False
        at, axis = self._view.crosshair[self._plane.axis], self._plane.axis
        touched = region.start[axis] <= at < region.stop[axis]
        self._edits += touched
        return touched

    def refresh(self, viewport: Viewport, ratio: float) -> None:
        """Bring every layer and the camera up to date.

        Args:
            ratio: Device pixels per logical pixel.
        """
        if self._document is None or self._plane is None:
            return
        at = self._view.crosshair[self._plane.axis]
        if self._is_new("image", (at, self._view.window)):
            self._show_image(self._document, self._plane, at)
        table = label_table(self._document.segments, self._view.opacity)
        if self._is_new("labels", (at, self._edits, table.tobytes(), ratio)):
            self._show_labels(self._document, self._plane, at, table, ratio)
        if self._is_new("heat", (at, self.heat_top)):
            self._show_heat(self._plane, at)
        self._layers.image.interpolate(viewport.scale * min(self._spacing(self._plane)) < _CRISP)
        self._layers.look(viewport)

    def _is_new(self, layer: str, made_from: object) -> bool:
        fresh = self._shown.get(layer) != made_from
        self._shown[layer] = made_from
        return fresh

    @staticmethod
    def _spacing(plane: SlicePlane) -> tuple[float, float]:
        return plane.spacing[plane.right], plane.spacing[plane.up]

    def _show_image(self, document: Document, plane: SlicePlane, at: int) -> None:
        picture = plane.picture(document.volume.array, at)
        self._layers.image.show(grey(picture, self._view.window), self._spacing(plane))

    def _show_labels(
        self, document: Document, plane: SlicePlane, at: int, table: NDArray[np.uint8], ratio: float
    ) -> None:
        seen = np.zeros(256, np.uint8)
        visible = [segment.label for segment in document.segments if segment.visible]
        seen[visible] = visible
        labels = seen[self._labels_shown(document, plane, at)]
        if not labels.any():
            self._layers.labels.hide()
            self._layers.outlines.hide()
            return
        spacing = self._spacing(plane)
        self._layers.labels.show(table[labels], spacing)
        lines, owners = outlines(labels)
        self._layers.outlines.show(lines * np.array(spacing, np.float32), table[owners, :3], _OUTLINE * ratio)

    def _labels_shown(self, document: Document, plane: SlicePlane, at: int) -> NDArray[np.uint8]:
        """(rows, columns): the labels of the slice, those of the preview in their place."""
        region = Region.plane(document.volume.shape, plane.axis, at)
        found = self._preview.crop(region) if self._preview else None
        if found is None:
            return plane.picture(document.segmentation.labels, at)
        labels = document.segmentation.labels[region.slices].copy()
        labels[found[0].within(region).slices] = found[1]
        return plane.picture(labels, 0)

    def _show_heat(self, plane: SlicePlane, at: int) -> None:
        estimate = self._estimate
        if estimate is None or self._document is None or self.heat_top is None:
            self._layers.heat.hide()
            return
        region = estimate.region
        start, stop = region.start[plane.axis], region.stop[plane.axis]
        if not start <= at < stop:
            self._layers.heat.hide()
            return
        picture = plane.picture(_faded(estimate, self._document.volume.shape, plane.axis, at), 0)
        last = tuple(b - 1 for b in region.stop)
        origin = plane.plane([region.start, last]).min(axis=0)
        self._layers.heat.show(heat(picture, self._top), self._spacing(plane), (float(origin[0]), float(origin[1])))
