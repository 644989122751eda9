"""A person at a virtual screen: clicks in a scan and exports, by xdotool, knowing nothing of the program's inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from tests.e2e import drag_source

T = TypeVar("T")

SCREEN = "1600x1000x24"
PATIENCE_S = 300.0
_STEP_S = 0.5
_ATTEMPTS, _PAUSE_S = 8, 30.0
_MOVES = 20
_MIDDLE = (700, 500)
"""Pixels of the screen: in a window of the program, and beside the one that files are dragged from."""
IN_THE_LIVER = (0.11, 0.63)
"""Shares of the window's width and height: a place in the sample's coronal view, as it is when it was opened."""


@contextmanager
def virtual_screen() -> Iterator[dict[str, str]]:
    """A screen of its own without a window manager; gives the environment that programs on it need."""
    read, write = os.pipe()
    command = [
        str(shutil.which("Xvfb")),
        "-displayfd",
        str(write),
        "-screen",
        "0",
        SCREEN,
        "-nolisten",
        "tcp",
        "-noreset",  # it would begin anew whenever the last program on it ends
    ]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as pipe:
                yield {"DISPLAY": f":{pipe.readline().strip()}"}
        finally:
            server.terminate()


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program with all that it starts, ended with the block; a traceback on its stderr is a failure."""
    program = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield program
    finally:
        for child in psutil.Process(program.pid).children(recursive=True):
            child.kill()  # a change of the user takes away unshare's own means to end them
        program.kill()
        said = program.communicate()[1].decode(errors="replace")
    assert "Traceback" not in said


@dataclass
class DesktopUser:
    """Types and clicks on one screen.

    Args:
        screen: What `virtual_screen` gave.
    """

    screen: dict[str, str]

    def do(self, *words: object) -> str:
        """One command of xdotool; "" when it found nothing."""
        command = ["xdotool", *map(str, words)]
        environment = os.environ | self.screen
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()

    def window(self, title: str) -> str:
        """The window with these words in its title, when it is there."""
        return wait(
            f"a window called {title}", lambda: self.do("search", "--onlyvisible", "--name", title).split()[-1:]
        )[0]

    def press(self, key: str) -> None:
        self.do("key", "--clearmodifiers", key)
        time.sleep(_STEP_S)

    def drag(self, file: str, taken: Callable[[], object]) -> None:
        """Drag a file out of another program's window over this one; again while a slow machine misses it.

        Args:
            file: As the program that takes it sees it.
            taken: Whether it was.

        Raises:
            TimeoutError: when it never was.
        """
        source = [sys.executable, str(Path(drag_source.__file__)), file]
        environment = os.environ | self.screen | {"QT_QPA_PLATFORM": "xcb"}
        with subprocess.Popen(source, env=environment, stdout=subprocess.DEVNULL) as program:
            try:
                self.window(drag_source.TITLE)
                for _ in range(_ATTEMPTS):
                    self._carry(drag_source.PLACE, _MIDDLE)
                    if soon(taken):
                        return
            finally:
                program.kill()
        raise TimeoutError(f"{file} was dropped {_ATTEMPTS} times and not taken")

    def _carry(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press, move as a hand does, let go."""
        self.do("mousemove", *start)
        time.sleep(2 * _STEP_S)
        self.do("mousedown", 1)
        for step in range(1, _MOVES + 1):
            self.do("mousemove", *(round(a + (b - a) * step / _MOVES) for a, b in zip(start, end, strict=True)))
            time.sleep(_STEP_S / 5)
        time.sleep(6 * _STEP_S)
        self.do("mouseup", 1)

    def _place(self, window: str) -> dict[str, int]:
        told = self.do("getwindowgeometry", "--shell", window).splitlines()
        return {name: int(value) for name, value in (line.split("=") for line in told)}

    def segment_and_export(self, home: Path, out: Path, shown: str) -> None:
        """Click in the liver of the open sample, wait for the mask and its surface, export all labels.

        Args:
            home: The user's, where the program's log is.
            out: Where the labels shall be, as this test sees it.
            shown: The same file as the program sees it.
        """
        window = self.window("ct_abdomen")
        time.sleep(20 * _STEP_S)  # the first pictures
        facts = self._place(window)
        across, down = (
            round(share * facts[side]) for share, side in zip(IN_THE_LIVER, ("WIDTH", "HEIGHT"), strict=True)
        )
        self.do("mousemove", "--window", window, across, down)
        self.do("click", 1)
        wait(
            "the mask's surface",
            lambda: any("surfaces of 1 segment" in path.read_text() for path in home.rglob("*.log")),
        )
        self.press("ctrl+shift+e")
        choice = self.window("Export")
        while self.window("Export") == choice:  # the file dialog, of the same title, comes once the choice is looked at
            self.press("Return")
            time.sleep(4 * _STEP_S)
        time.sleep(6 * _STEP_S)
        self.do("type", "--clearmodifiers", "--delay", 100, shown)
        self.press("Return")
        wait("the exported labels", out.exists)
        self.window("receipt")
        self.press("Escape")


def wait(what: str, found: Callable[[], T]) -> T:
    """The first answer that is not empty.

    Raises:
        TimeoutError: when there is none within `PATIENCE_S`.
    """
    end = time.monotonic() + PATIENCE_S
    while not (answer := found()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(_STEP_S)
    return answer


def soon(found: Callable[[], object]) -> bool:
    """Whether it comes true before one would try again."""
    end = time.monotonic() + _PAUSE_S
    while not (there := bool(found())) and time.monotonic() < end:
        time.sleep(_STEP_S)
    return there


def tools_missing(names: Sequence[str] = ("Xvfb", "xdotool")) -> list[str]:
    """Those of the tools that are not installed."""
    return [name for name in names if not shutil.which(name)]
