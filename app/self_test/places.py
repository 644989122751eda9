"""Which program runs here, and whether it may write where it keeps what is the user's."""

from __future__ import annotations

import os
import platform
import sys
import tempfile

from app import __version__, user_folders
from app.errors import AppError


def program() -> str:
    """Version, system, Python, and whether it is installed or run from source."""
    kind = "installed" if getattr(sys, "frozen", False) else "from source"
    system, python, cores = platform.platform(terse=True), platform.python_version(), os.cpu_count()
    return f"Volumask {__version__} {kind}, {system}, Python {python}, {cores} cores"


def folders() -> str:
    """The folders for recovery files, cache and logs can be written.

    Raises:
        AppError: naming the kind of folder that cannot; no path, since that may hold a name.
    """
    wanted = {
        "recovery files": user_folders.data_folder(),
        "prepared features": user_folders.cache_folder(),
        "logs": user_folders.log_folder(),
    }
    for kind, folder in wanted.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise AppError(
                f"The folder for {kind} cannot be written ({error.strerror}).",
                "Free space, or ask for the right to it.",
            ) from error
    return f"{', '.join(wanted)} can be written"
