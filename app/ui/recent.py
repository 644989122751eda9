"""`RecentFiles`: the scans and projects opened last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

MOST = 6


class RecentFiles:
    """Kept with the window's geometry; paths that are gone are not shown."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def paths(self) -> list[str]:
        """Newest first."""
        stored = self._settings.value("recent")
        listed = stored if isinstance(stored, list) else [stored] if isinstance(stored, str) else []
        return [path for path in map(str, listed) if Path(path).exists()]

    def add(self, path: str) -> None:
        """Put a path first."""
        path = str(Path(path).absolute())
        self._settings.setValue("recent", [path, *(other for other in self.paths() if other != path)][:MOST])
