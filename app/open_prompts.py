"""`OpenPrompts`: lists of prompts that wait for an answer, oldest first."""

from __future__ import annotations

from app.segment_state import Prompts


class OpenPrompts:
    """Every entry is the whole list that its segment should have; a newer entry of a segment builds on the older."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, Prompts]] = []

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def labels(self) -> tuple[int, ...]:
        """Segments that wait, each once."""
        return tuple(dict.fromkeys(label for label, _ in self._entries))

    def of(self, label: int) -> tuple[Prompts, ...]:
        """What a segment waits for, oldest first."""
        return tuple(prompts for owner, prompts in self._entries if owner == label)

    def add(self, label: int, prompts: Prompts) -> None:
        """Wait for one more list."""
        self._entries.append((label, prompts))

    def take_newest(self) -> int:
        """Drop the newest entry of all; whose it was."""
        label, _ = self._entries.pop()
        return label

    def answered(self, label: int, prompts: Prompts) -> None:
        """Drop an entry, and the older ones of its segment: the answer covers them."""
        waiting = self.of(label)
        for entry in waiting[: len(waiting) - waiting[::-1].index(prompts)]:
            self._entries.remove((label, entry))

    def refused(self, label: int, prompts: Prompts) -> bool:
        """Drop an entry, and the newer ones of its segment, which build on it; whether it was there."""
        waiting = self.of(label)
        if prompts not in waiting:
            return False
        for entry in waiting[waiting.index(prompts) :]:
            self._entries.remove((label, entry))
        return True

    def forget(self, label: int) -> None:
        """Drop all of a segment."""
        self._entries = [entry for entry in self._entries if entry[0] != label]
