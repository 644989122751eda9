"""`Travel`: back and forth on the case's one timeline."""

from __future__ import annotations

from collections.abc import Callable

from app.case import Case


class Travel(Case):
    """Undo, redo and a jump to any step. `Session` says what else a journey needs."""

    def undo(self) -> bool:
        """Take back the newest action; whether there was one."""
        return self._travel(self.case.undo)

    def redo(self) -> bool:
        """Do the newest undone action again; whether there was one."""
        return self._travel(self.case.redo)

    def go_to_step(self, number: int) -> None:
        """Undo or redo until `number` steps of the history are done; open clicks are taken back first.

        Steps of one group (`History`) count as one.
        """
        while self.case.open_labels and self.undo():
            continue
        way = number - self.case.history.count
        for _ in range(abs(way)):
            if not (self.redo() if way > 0 else self.undo()):
                return

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self.document is not None and self.document.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return self.document is not None and self.document.can_redo

    def _travel(self, step: Callable[[], bool]) -> bool:
        """Take one step of the journey."""
        return step()
