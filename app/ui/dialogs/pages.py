"""Pages to read: keys and mouse, log, and the receipt of an export."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QTextBrowser, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.actions import Key


def _tr(text: str) -> str:
    return QCoreApplication.translate("Pages", text)


def mouse_lines() -> tuple[tuple[str, str], ...]:
    """What the mouse does in a slice view."""
    return (
        (_tr("Wheel"), _tr("Next slice; with Shift, five (with a brush: its size)")),
        (_tr("Ctrl+wheel, right drag"), _tr("Zoom")),
        (_tr("Middle drag, Shift+left drag, Space+left drag"), _tr("Pan")),
        (_tr("Left, with no prompt tool"), _tr("Crosshair")),
        (_tr("Shift+move"), _tr("Crosshair, with every tool")),
        (_tr("Left, point tool"), _tr("Include; with Ctrl, exclude")),
        (_tr("Left drag, box or scribble tool"), _tr("Draw; a scribble with Ctrl excludes")),
        (_tr("Left drag on a prompt, crosshair tool"), _tr("Move it; a box by its edges and corners")),
        (_tr("Left drag, lasso or outline tool"), _tr("Draw around; or click corners, double click to close")),
        (_tr("Left drag, brush"), _tr("Paint; with Ctrl or the right button, erase")),
        (_tr("Left drag, ruler tool"), _tr("Millimetres; drag an end to move it. Angle tool: drag, then click")),
        (_tr("Left drag, window tool"), _tr("Right: more range. Up: darker")),
        (_tr("Double-click, crosshair or window tool"), _tr("One view or four")),
        (_tr("In 3D: left, right or wheel, middle drag"), _tr("Turn, zoom, pan")),
    )


def show_page(parent: QWidget, title: str, body: QWidget, width: int, height: int) -> QDialog:
    """A window with something to read and a button to close it; does not stop the work."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.resize(width, height)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(16, 16, 16, 16)
    column.setSpacing(12)
    column.addWidget(body)
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.rejected.connect(dialog.close)
    column.addWidget(box)
    dialog.show()
    return dialog


def show_keys(parent: QWidget, keys: Sequence[Key]) -> QDialog:
    """The page of keys, made from the table of actions."""
    parts = [_table(_tr("Mouse in slice views"), mouse_lines())]
    for menu in dict.fromkeys(key.menu for key in keys):
        parts.append(_table(menu, tuple((key.keys, key.text) for key in keys if key.menu == menu)))
    browser = QTextBrowser()
    browser.setHtml("".join(parts))
    browser.setAccessibleName(_tr("Keys and mouse"))
    return show_page(parent, _tr("Keys and mouse"), browser, 640, 640)


def show_log(parent: QWidget, lines: Sequence[str]) -> QDialog:
    """The newest lines of the log, to copy into a report. It holds no patient's name."""
    text = QPlainTextEdit("\n".join(lines))
    text.setReadOnly(True)
    text.setAccessibleName(_tr("Log"))
    return show_page(parent, _tr("Log"), text, 800, 480)


def show_receipt(parent: QWidget, title: str, text: str) -> QDialog:
    """What was written: frame, unit, watertight, volumes."""
    body = QPlainTextEdit(text)
    body.setReadOnly(True)
    body.setAccessibleName(title)
    return show_page(parent, title, body, 640, 320)


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td width="250" style="color:{theme.ACCENT}">{escape(left)}</td><td>{escape(right)}</td></tr>'
        for left, right in rows
    )
    return f'<h3>{escape(title)}</h3><table cellpadding="3">{cells}</table>'
