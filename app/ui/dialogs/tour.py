"""The page of Help with pictures of each part, which `python3 dev.py screenshots` makes."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from app.ui.dialogs.pages import show_page

FOLDER = Path(__file__).resolve().parents[3] / "resources" / "help"
_WIDTH = 760


def _tr(text: str) -> str:
    return QCoreApplication.translate("Tour", text)


def parts() -> tuple[tuple[str, str, str], ...]:
    """Name of the picture, title, what is seen on it."""
    return (
        ("uncertainty", _tr("After a click"), _tr("The mask, and in warm colours where it may be wrong. The ribbons "
         "beside the sliders tell how sure each slice is, the target where a click helps most (N, then Enter).")),
        ("window", _tr("Four views"), _tr("Linked by the crosshair, the surface in 3D. Propagate (Shift+S) takes the "
         "mask of a slice to its neighbours, both ways.")),
        ("correct", _tr("Corrections"), _tr("Each is shown before it is applied, on the whole volume or one slice, and "
         "is one step of the history.")),
        ("brush", _tr("Brush and outline"), _tr("Left paints, right erases, Shift+wheel sizes; on a slice or as a "
         "ball, and only voxels with the right values if you like. Locked segments stay as they are.")),
        ("prompts", _tr("Prompts"), _tr("Points, boxes, scribbles and lassos are kept with their segment: listed, "
         "dragged, turned between include and exclude, deleted; the mask follows, tomorrow too.")),
        ("history", _tr("History"), _tr("Every step of every kind; a click on a line goes back to it, or forward. The "
         "project keeps them.")),
        ("rulers", _tr("Rulers and angles"), _tr("Shift+M and Shift+A; drag an end to move it.")),
        ("measure", _tr("Measurements"), _tr("Volumes, surfaces, diameters and intensities; copied, saved as CSV, or "
         "written as a page, PDF or HTML.")),
        ("report", _tr("Report"), _tr("One page with pictures and measurements; it names no patient.")),
        ("export", _tr("Export"), _tr("What the file would hold is said before it is written; no patient data unless "
         "you ask for it.")),
        ("crash", _tr("If something breaks"), _tr("The work is kept, and offered at the next start. Every change is "
         "on the disk within three seconds anyway.")),
        ("calibration", _tr("How sure is the uncertainty?"), _tr("Measured on cases that nothing was trained on.")),
    )  # fmt: skip


def show_tour(parent: QWidget) -> QDialog:
    """The page, in a window of its own."""
    browser = QTextBrowser()
    browser.setHtml("".join(_part(*part) for part in parts()))
    browser.setAccessibleName(_tr("Volumask in pictures"))
    return show_page(parent, _tr("Volumask in pictures"), browser, _WIDTH + 80, 760)


def _part(name: str, title: str, text: str) -> str:
    picture = (FOLDER / f"{name}.png").as_uri()
    return f"<h3>{escape(title)}</h3><p>{escape(text)}</p><p><img src='{picture}' width='{_WIDTH}'></p>"
