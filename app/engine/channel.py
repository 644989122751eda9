"""`Channel`: messages between two processes; large arrays in them cross in shared memory, not through the pipe.

Pickle protocol 5 hands out the buffers of the arrays. They go into one arena that the parent owns and both ends map,
in turn: each end copies out what it got before it answers. Where there is no room (a container's /dev/shm may hold
64 MB) they go through the pipe, which is slower and always works. Names vanish as soon as both ends have mapped the
memory, so that a crash of either leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 1 << 15  # bytes; below, the pipe is as quick
ALIGNMENT = 64
CHUNK = 1 << 18
"""Bytes through the pipe at once: the standard library copies a message with Python's lock held, 0.2 s for 100 MB."""


class Channel:
    """One end. Only one thread sends and only one receives.

    Args:
        connection: The pipe.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._arena: SharedMemory | None = None
        self.wanted = 0
        """Bytes that the largest message would have taken in the arena."""

    def use(self, arena: SharedMemory | None) -> None:
        """Put large arrays there from now on; both ends must be told before either sends again."""
        old, self._arena = self._arena, arena
        if old is not None:
            old.close()

    @property
    def room(self) -> int:
        """Bytes of the arena."""
        return self._arena.size if self._arena else 0

    def send(self, message: Any) -> None:
        """Pickle and send.

        Raises:
            OSError: when the other end is gone.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [buffer.raw() for buffer in buffers]
        sizes = [part.nbytes for part in parts]
        total = sum(map(_aligned, sizes))
        self.wanted = max(self.wanted, total)
        shared = SMALL < total <= self.room
        if shared:
            self._fill(parts)
        self._connection.send((body, sizes, shared))
        if not shared:
            for part in parts:
                for start in range(0, part.nbytes, CHUNK):
                    self._connection.send_bytes(part[start : start + CHUNK])

    def receive(self) -> Any:
        """Wait for a message; its arrays belong to the receiver.

        Raises:
            EOFError, OSError: when the other end is gone.
        """
        body, sizes, shared = self._connection.recv()
        self.wanted = max(self.wanted, sum(map(_aligned, sizes)))
        buffers = self._copies(sizes) if shared else [self._piece(size) for size in sizes]
        return pickle.loads(body, buffers=buffers)

    def poll(self, seconds: float) -> bool:
        """Whether a message has come within that time."""
        return self._connection.poll(seconds)

    def close(self) -> None:
        """Let the memory and the pipe go."""
        self.use(None)
        self._connection.close()

    def _fill(self, parts: list[memoryview]) -> None:
        offset, memory = 0, self._mapped()
        for part in parts:
            memory[offset : offset + part.nbytes] = np.frombuffer(part, np.uint8)
            offset += _aligned(part.nbytes)

    def _copies(self, sizes: list[int]) -> list[NDArray[np.uint8]]:
        offset, found, memory = 0, [], self._mapped()
        for size in sizes:
            found.append(memory[offset : offset + size].copy())
            offset += _aligned(size)
        return found

    def _piece(self, size: int) -> NDArray[np.uint8]:
        piece = np.empty(size, np.uint8)
        for start in range(0, size, CHUNK):
            self._connection.recv_bytes_into(piece.data[start : start + CHUNK])
        return piece

    def _mapped(self) -> NDArray[np.uint8]:
        """Numpy copies without Python's lock, a bytearray with it: 0.1 s of the window for a mask of a large scan."""
        if self._arena is None or self._arena.buf is None:
            raise ConnectionError("the other end uses memory that this one does not know")
        return np.frombuffer(self._arena.buf, np.uint8)


def allocate(size: int) -> SharedMemory | None:
    """Shared memory of at least that size; None where there is no room for it.

    The pages are claimed now: a write to memory that turns out not to be there kills the process (SIGBUS).
    """
    try:
        memory = SharedMemory(create=True, size=max(1, size))
    except OSError:
        return None
    descriptor = getattr(memory, "_fd", -1)
    try:
        if hasattr(os, "posix_fallocate") and descriptor >= 0:
            os.posix_fallocate(descriptor, 0, memory.size)
    except OSError:
        release(memory)
        return None
    return memory


def forget_name(memory: SharedMemory) -> None:
    """Take the name away; the memory lives on until every process that has mapped it lets it go."""
    with contextlib.suppress(FileNotFoundError):
        memory.unlink()


def release(memory: SharedMemory) -> None:
    """Let memory that this process made go, name and all."""
    memory.close()
    forget_name(memory)


def attach(name: str) -> SharedMemory:
    """Map without owning: before 3.13 the tracker of this process would unlink the other's memory (bpo-38119)."""
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    register = resource_tracker.register
    resource_tracker.register = lambda *_: None
    try:
        return SharedMemory(name)
    finally:
        resource_tracker.register = register


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
