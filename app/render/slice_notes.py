"""`write`: everything drawn over a slice's picture, in one pass; `Notes`: what of it belongs to one view alone."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPainter

from app.document import Document
from app.geometry import Index
from app.prompts import Prompt
from app.render import lettering, marks, ruler_marks
from app.render.lettering import DIM, TEXT
from app.render.marks import Sheet
from app.view_state import ViewState


@dataclass(slots=True)
class Notes:
    """What a view shows besides the document: the voxel under the mouse and marks on their way."""

    hover: Index | None = None
    suggestion: Index | None = None
    preview: Prompt | None = None
    selected: Prompt | None = None
    moved: Prompt | None = None
    outline: tuple[tuple[float, float, float], ...] = ()
    tip: float | None = None
    correcting: str = ""
    """Said of labels that are shown but not yet applied."""


def write(
    painter: QPainter,
    document: Document,
    view: ViewState,
    sheet: Sheet,
    notes: Notes,
    prompts: tuple[Prompt, ...],
    heat_top: float | None,
) -> None:
    """Crosshair, prompts and text over a slice.

    Args:
        prompts: Of the active segment.
        heat_top: Uncertainty at the bright end of the colours, None while none is shown.
    """
    geometry = document.volume.geometry
    lettering.draw_crosshair(painter, sheet, sheet.pixel(view.crosshair), geometry.world_axes)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for prompt in prompts:
        if prompt is notes.moved:
            continue
        marks.draw(painter, sheet, prompt, chosen=prompt is notes.selected)
    ruler_marks.draw(painter, sheet, view.rulers, geometry)
    if notes.preview is not None:
        marks.draw_preview(painter, sheet, notes.preview)
    if notes.outline:
        marks.draw_outline(painter, sheet, notes.outline)
    if notes.tip is not None and notes.hover is not None:
        marks.draw_tip(painter, sheet, notes.hover, notes.tip)
    if notes.suggestion is not None:
        marks.draw_suggestion(painter, sheet, notes.suggestion)
    lettering.draw_letters(painter, geometry, sheet)
    _write_corners(painter, document, view, sheet, notes)
    lettering.draw_scale_bar(painter, sheet.viewport.scale)
    if heat_top is not None:
        lettering.draw_colour_bar(painter, heat_top)


def _write_corners(painter: QPainter, document: Document, view: ViewState, sheet: Sheet, notes: Notes) -> None:
    axis = sheet.plane.axis
    place = f"{sheet.slice_index + 1} / {document.volume.shape[axis]}"
    lettering.draw_corner(
        painter, "top left", [(place, TEXT), *[(text, marks.SUGGEST) for text in [notes.correcting] if text]]
    )
    window = f"W {view.window.width:.4g}  L {view.window.level:.4g}"
    lettering.draw_corner(painter, "top right", [(window, TEXT), (f"× {sheet.viewport.zoom:.2g}", DIM)])
    lettering.draw_corner(painter, "bottom left", _under_mouse(document, view, notes.hover))


def _under_mouse(document: Document, view: ViewState, hover: Index | None) -> list[tuple[str, QColor]]:
    index = hover or view.crosshair
    value = lettering.value_text(float(document.volume.array[index]), document.volume.modality)
    lines = [(lettering.position_text(document.volume.geometry, index), TEXT if hover else DIM)]
    segment = document.segmentation.segments.get(int(document.segmentation.labels[index]))
    if segment:
        lines.append((segment.name, QColor(*segment.colour)))
    return [*lines, (value, TEXT if hover else DIM)]
