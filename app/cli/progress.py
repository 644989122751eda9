"""Progress of long work on stderr: one line that rewrites itself on a terminal, a line per tenth elsewhere."""

from __future__ import annotations

import sys

_last = ""


def report(fraction: float, what: str) -> None:
    """Tell how far the work is, 0 to 1."""
    global _last
    terminal = sys.stderr.isatty()
    percent = round(100 * fraction) if terminal else 10 * int(10 * fraction + 1e-9)
    line = f"{what} {percent} %"
    if line == _last:
        return
    _last = line
    if terminal:
        print(f"\r{line:<60}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)
