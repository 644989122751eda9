"""`ViewState`: what the user looks at and with which tool. Observable, not undoable, kept in the project file."""

from __future__ import annotations

from dataclasses import dataclass

from app.events import Signal
from app.geometry import Index
from app.rulers import Ruler
from app.volume import Volume


@dataclass(frozen=True, slots=True)
class Window:
    """Values from `low` (black) to `high` (white)."""

    low: float
    high: float

    @classmethod
    def of(cls, level: float, width: float) -> Window:
        """From a radiologist's level and width."""
        return cls(level - width / 2, level + width / 2)

    @property
    def level(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """From black to white."""
        return self.high - self.low


CT_PRESETS = {
    "Abdomen": Window.of(40, 400),
    "Lung": Window.of(-600, 1500),
    "Bone": Window.of(450, 1500),
    "Brain": Window.of(40, 80),
    "Mediastinum": Window.of(50, 350),
    "Liver": Window.of(60, 160),
    "Vessels": Window.of(200, 600),
}
"""Level and width in Hounsfield units, keys 1 to 7."""


def in_hounsfield(volume: Volume) -> bool:
    """Whether values mean what CT presets say: a CT, or a file that does not name its modality but has air at -1000.

    NIfTI names no modality; only Hounsfield units reach so far below zero.
    """
    low, high = volume.usual_range
    return volume.modality in ("CT", "") and low < -200 < 200 < high


def auto_window(volume: Volume) -> Window:
    """A window that shows the volume at once: soft tissue for CT in Hounsfield units, else its usual range."""
    low, high = volume.usual_range
    if in_hounsfield(volume):
        return CT_PRESETS["Abdomen"]
    if high <= low:
        low, high = volume.intensity_range
    return Window(low, high if high > low else low + 1)


class ViewState:
    """Signals: `crosshair_changed()`, `window_changed()`, `tool_changed()`, `active_changed()`, `display_changed()`."""

    def __init__(self) -> None:
        self._crosshair: Index = (0, 0, 0)
        self._window = Window(0, 1)
        self._tool = "crosshair"
        self._positive = True
        self._active = 0
        self._opacity = 0.45
        self._heat = False
        self._rulers: tuple[Ruler, ...] = ()
        self.crosshair_changed: Signal[()] = Signal()
        self.window_changed: Signal[()] = Signal()
        self.tool_changed: Signal[()] = Signal()
        self.active_changed: Signal[()] = Signal()
        self.display_changed: Signal[()] = Signal()

    @property
    def crosshair(self) -> Index:
        """The voxel that all views look at; its parts are the slice numbers."""
        return self._crosshair

    @crosshair.setter
    def crosshair(self, index: Index) -> None:
        if index != self._crosshair:
            self._crosshair = index
            self.crosshair_changed.emit()

    @property
    def window(self) -> Window:
        """Grey values shown from black to white."""
        return self._window

    @window.setter
    def window(self, window: Window) -> None:
        if window != self._window:
            self._window = window
            self.window_changed.emit()

    @property
    def tool(self) -> str:
        """Id of the active tool (`app.ui.tools`)."""
        return self._tool

    @tool.setter
    def tool(self, tool: str) -> None:
        if tool != self._tool:
            self._tool = tool
            self.tool_changed.emit()

    @property
    def positive(self) -> bool:
        """Whether a new prompt includes or excludes."""
        return self._positive

    @positive.setter
    def positive(self, positive: bool) -> None:
        if positive != self._positive:
            self._positive = positive
            self.tool_changed.emit()

    @property
    def active(self) -> int:
        """Label of the segment that prompts go to, 0 for none."""
        return self._active

    @active.setter
    def active(self, label: int) -> None:
        if label != self._active:
            self._active = label
            self.active_changed.emit()

    @property
    def opacity(self) -> float:
        """Of segments over the image, 0 to 1."""
        return self._opacity

    @opacity.setter
    def opacity(self, opacity: float) -> None:
        opacity = min(1.0, max(0.0, opacity))
        if opacity != self._opacity:
            self._opacity = opacity
            self.display_changed.emit()

    @property
    def heat(self) -> bool:
        """Whether the uncertainty of the active segment is shown."""
        return self._heat

    @heat.setter
    def heat(self, heat: bool) -> None:
        if heat != self._heat:
            self._heat = heat
            self.display_changed.emit()

    @property
    def rulers(self) -> tuple[Ruler, ...]:
        """Lengths and angles that were drawn, oldest first."""
        return self._rulers

    @rulers.setter
    def rulers(self, rulers: tuple[Ruler, ...]) -> None:
        if rulers != self._rulers:
            self._rulers = rulers
            self.display_changed.emit()

    def look_at(self, volume: Volume) -> None:
        """Start on a new volume: the middle voxel, an automatic window, no rulers."""
        self.rulers = ()
        k, j, i = (n // 2 for n in volume.shape)
        self.window = auto_window(volume)
        self._crosshair = (-1, -1, -1)
        self.crosshair = (k, j, i)
