"""Colours and measures of the window: dark, calm, an 8-pixel grid, readable with every kind of colour vision."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

GRID = 8
BASE = "#16191d"
WINDOW = "#1e2227"
RAISED = "#282d34"
BORDER = "#3a414b"
TRACK = "#31373f"
TEXT = "#e4e8ee"
DIM = "#a3adba"
DISABLED = "#626b77"
ACCENT = "#4fa8f5"
ON_ACCENT = "#0d1116"
TICK = (Path(__file__).resolve().parents[2] / "resources" / "icons" / "tick.svg").as_posix()
INCLUDE, EXCLUDE = "#5ce670", "#ff6b6b"
SURE, MIDDLING, UNSURE = "#56b4e9", "#f0e442", "#d55e00"
"""Okabe and Ito's sky blue, yellow and vermilion: told apart with every kind of colour vision."""


def apply(application: QApplication, style_sheet: Path) -> None:
    """Dress the application: Fusion, because it looks alike on all systems, a dark palette, our style sheet."""
    application.setStyle(QStyleFactory.create("Fusion"))
    application.setPalette(palette())
    application.setStyleSheet(filled(style_sheet.read_text(encoding="utf-8")))


def filled(sheet: str) -> str:
    """A style sheet with `@NAME` replaced by the colour of that name above."""
    names = [name for name, value in globals().items() if name.isupper() and isinstance(value, str)]
    for name in sorted(names, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", str(globals()[name]))
    return sheet


def palette() -> QPalette:
    """Fusion's colours."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    colours = QPalette()
    for which, colour in {
        role.Window: WINDOW, role.WindowText: TEXT, role.Base: BASE, role.AlternateBase: WINDOW, role.Text: TEXT,
        role.Button: RAISED, role.ButtonText: TEXT, role.BrightText: EXCLUDE, role.ToolTipBase: RAISED,
        role.ToolTipText: TEXT, role.Highlight: ACCENT, role.HighlightedText: ON_ACCENT, role.Link: ACCENT,
        role.PlaceholderText: DIM, role.Light: BORDER, role.Midlight: RAISED, role.Mid: BORDER, role.Dark: BASE,
        role.Shadow: "#000000",
    }.items():  # fmt: skip
        colours.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        colours.setColor(group.Disabled, which, QColor(DISABLED))
    return colours
