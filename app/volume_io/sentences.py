"""Numbers as people read them, for notes and errors."""

from __future__ import annotations


def counted(count: int, noun: str, verbs: tuple[str, str] | None = None) -> str:
    """`counted(1, "slice", ("is", "are"))` is "1 slice is", of 2 "2 slices are"."""
    words = f"{count:,} {noun}{'' if count == 1 else 's'}"
    return f"{words} {verbs[count != 1]}" if verbs else words


def megabytes(count: float) -> str:
    """A size: "27 kB", "12 MB", "3.4 GB"."""
    if count < 1e6:
        return f"{count / 1e3:,.0f} kB"
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"
