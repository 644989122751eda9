"""The one table of actions, from which menus, tool bar, shortcuts and the page of keys are made.

Keys follow the front ends of nnInteractive (P, B, S, T, R), 3D Slicer (Q and W, G) and ITK-SNAP (A and D). Two letters
that peers use for several things are settled here: W is the next segment, so the window/level tool is I (intensity);
E begins a new object as in nnInteractive's Slicer module, and so does M as in its napari plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolButton, QWidget

from app.errors import AppError
from app.ui import theme
from app.ui.icons import icon
from app.ui.panels.tool_bar import ToolBar
from app.ui.soon import Soon
from app.ui.table import MENUS, ROWS, TEXTED, TOOL_BAR, Row

if TYPE_CHECKING:
    from app.ui.commands import Commands


def translated(text: str) -> str:
    """A text of the table in the user's language."""
    return QCoreApplication.translate("Actions", text)


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the page of keys."""

    menu: str
    text: str
    keys: str


class Actions(QObject):
    """Live `QAction`s of the table.

    Args:
        window: Keys work anywhere in it.
        views: Keys of rows that are `only_views` work while one of the views has the focus, so that arrows still move
            in lists.
    """

    def __init__(self, window: QWidget, views: QWidget, commands: Commands, report: Callable[[AppError], None]) -> None:
        super().__init__(window)
        self._commands, self._report = commands, report
        self._rows = {row.id: row for row in ROWS}
        self._actions = {row.id: self._made(row, window, views) for row in ROWS}
        self._soon = Soon(self, self.refresh)
        self.refresh()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def refresh_soon(self, *_: object) -> None:
        """Grey out and check what the state says, once for all that happens in this turn of the event loop."""
        self._soon.ask()

    def refresh(self) -> None:
        """Grey out and check what the state says, now."""
        for row in ROWS:
            action = self._actions[row.id]
            action.setEnabled(row.enabled(self._commands))
            if row.checked:
                action.setChecked(row.checked(self._commands))

    def show_positive(self, positive: bool) -> None:
        """The button of the sign shows what a new prompt does."""
        name, colour = ("include", theme.INCLUDE) if positive else ("exclude", theme.EXCLUDE)
        self["include"].setIcon(icon(name, colour))
        self["include"].setText(
            self.tr("&Include (press to exclude)") if positive else self.tr("&Exclude (press to include)")
        )

    def fill_menus(self, bar: QMenuBar) -> None:
        """Menus in the order of the table, a line between groups."""
        for title in MENUS:
            menu = bar.addMenu(translated(title))
            menu.setToolTipsVisible(True)
            self._fill(menu, [row for row in ROWS if row.menu == title])

    def fill_tool_bar(self, bar: ToolBar) -> None:
        """The buttons; an empty id is a line."""
        for name in TOOL_BAR:
            if not name:
                bar.addSeparator()
                continue
            bar.addAction(self._actions[name])
            if self._rows[name].button:
                self._actions[name].setIconText(translated(self._rows[name].button))
        texted = (bar.widgetForAction(self._actions[name]) for name in TEXTED)
        bar.set_texted([button for button in texted if isinstance(button, QToolButton)])

    def context_menu(self, parent: QWidget, names: Iterable[str]) -> QMenu:
        """A menu of some actions."""
        menu = QMenu(parent)
        menu.addActions([self._actions[name] for name in names])
        return menu

    def keys(self) -> list[Key]:
        """What the page of keys shows."""
        rows = [row for row in ROWS if row.keys]
        return [Key(_plain(translated(r.menu)), _plain(translated(r.text)), _shown(r.keys)) for r in rows]

    def _made(self, row: Row, window: QWidget, views: QWidget) -> QAction:
        action = QAction(icon(row.icon) if row.icon else icon("none"), translated(row.text), self)
        action.setObjectName(row.id)
        action.setCheckable(row.checked is not None)
        action.setShortcuts([QKeySequence(key) for key in row.keys])
        tip = translated(row.tip) if row.tip else _plain(translated(row.text))
        action.setToolTip(f"{tip} ({_shown(row.keys)})" if row.keys else tip)
        action.setStatusTip(tip)
        action.triggered.connect(lambda: self._run(row))
        where, context = window, Qt.ShortcutContext.WindowShortcut
        if row.only_views:
            where, context = views, Qt.ShortcutContext.WidgetWithChildrenShortcut
        action.setShortcutContext(context)
        where.addAction(action)
        return action

    def _run(self, row: Row) -> None:
        try:
            if row.enabled(self._commands):
                row.run(self._commands)
        except AppError as error:
            self._report(error)
        self.refresh()

    def _fill(self, menu: QMenu, rows: list[Row]) -> None:
        group = rows[0].group
        for row in rows:
            if row.group != group:
                menu.addSeparator()
                group = row.group
            menu.addAction(self._actions[row.id])


def _plain(text: str) -> str:
    return text.replace("&", "").rstrip(".…")


def _shown(keys: tuple[str, ...]) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(QKeySequence(key).toString(native) for key in keys)
