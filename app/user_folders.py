"""Where the program keeps what is the user's: data that must not be lost, what can be made again, and logs."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_NAME = "Volumask"


def data_folder() -> Path:
    """Recovery files, weights: kept until the user deletes them."""
    return Path(platformdirs.user_data_dir(_NAME, appauthor=False))


def cache_folder() -> Path:
    """Features, compiled models, measured speeds: made again when they are gone."""
    return Path(platformdirs.user_cache_dir(_NAME, appauthor=False))


def log_folder() -> Path:
    """Logs and native crash reports."""
    return Path(platformdirs.user_log_dir(_NAME, appauthor=False))
