"""The page of Help about correcting by hand: drawing tools, prompts, corrections, history."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from app.ui import theme
from app.ui.dialogs.pages import show_page
from app.ui.effect_table import EFFECTS


def _tr(text: str) -> str:
    return QCoreApplication.translate("Correcting", text)


def show_correcting(parent: QWidget) -> QDialog:
    """The page, in a window of its own."""
    browser = QTextBrowser()
    browser.setHtml(text())
    browser.setAccessibleName(_tr("Correcting by hand"))
    return show_page(parent, _tr("Correcting by hand"), browser, 680, 680)


def text() -> str:
    """What it says, as HTML; corrections come from their table, so that none is left out."""
    corrections = [
        (QCoreApplication.translate("Effects", row.text), QCoreApplication.translate("Effects", row.help))
        for row in EFFECTS
    ]
    parts = [
        _section(_tr("What always holds"), _always()),
        _section(_tr("Drawing"), _drawing()),
        _section(_tr("Corrections (menu Correct, or the tab beside the prompts)"), corrections),
        _section(_tr("Prompts"), _prompts()),
        _section(_tr("History"), _history()),
    ]
    return "".join(parts)


def _always() -> list[tuple[str, str]]:
    return [
        (_tr("Seen first"), _tr("Slices show what would become of the segments. Enter or Apply does it.")),
        (_tr("One step"), _tr("A stroke, or a correction of however many segments, is one step of the history.")),
        (_tr("Neighbours"), _tr("A segment takes what belongs to none, and of others only if you allow it. "
                                "Locked segments never change.")),
        (_tr("Scope"), _tr("The whole volume, or this slice: the one of the view that you worked in last.")),
    ]  # fmt: skip


def _drawing() -> list[tuple[str, str]]:
    return [
        (_tr("Brush (Shift+B)"), _tr("Left paints, right or Ctrl erases. Shift+wheel or [ and ] size it.")),
        (_tr("Eraser (Shift+E)"), _tr("The same with paint and erase exchanged. It erases the chosen segment only.")),
        (_tr("Ball"), _tr("Paints on neighbouring slices too, round in millimetres also where slices are thick.")),
        (_tr("Only voxels with values"), _tr("Paints what has such image values: bone without the muscle beside it.")),
        (_tr("Outline (Shift+L)"), _tr("Drag around voxels, or click corner after corner. A double click, "
                                       "Enter or a click on the first one closes it. Right or Ctrl cuts out; "
                                       "with Ball through all slices.")),
    ]  # fmt: skip


def _prompts() -> list[tuple[str, str]]:
    return [
        (_tr("Move"), _tr("Drag a point, scribble or lasso with the crosshair tool, a point also with the point tool. "
                          "A box is changed at its edges and corners. The mask follows on release.")),
        (_tr("Turn or delete"), _tr("Click it, in a view or in the list, then Shift+T or Delete.")),
        (_tr("Look at it"), _tr("Click its line in the list.")),
        (_tr("Lasso (L)"), _tr("Its outline on this slice, in any view; with Ctrl what is not part of it.")),
        (_tr("Kept"), _tr("Every segment keeps its prompts, in the project too: go on tomorrow where you stopped.")),
    ]  # fmt: skip


def _history() -> list[tuple[str, str]]:
    return [
        (_tr("A click on a step"), _tr("Goes back to it, or forward again. Grey steps were undone.")),
        (_tr("Kept"), _tr("Steps are saved with the project. Beyond 256 MB the oldest are forgotten.")),
    ]  # fmt: skip


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td width="170" style="color:{theme.ACCENT}">{escape(left)}</td><td>{escape(right)}</td></tr>'
        for left, right in rows
    )
    return f'<h3>{escape(title)}</h3><table cellpadding="3">{cells}</table>'
