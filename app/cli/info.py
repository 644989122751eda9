"""`volumask info`: which images lie in a file, folder or archive, and how they were understood."""

from __future__ import annotations

import argparse
from typing import Any

from app import volume_io
from app.cli import progress
from app.errors import BadInput
from app.volume_io import SeriesInfo
from app.volume_io.sentences import counted

NAME = "info"
HELP = "show the images in a file, folder or archive"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to look into."""
    parser.add_argument("path", metavar="PATH")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Readable series in the order that --series counts, and what was skipped; sizes are in NIfTI's order i, j, k.

    Raises:
        AppError: when nothing there can be read.
    """
    found = volume_io.find_series(args.path, progress.report)
    readable = [series for series in found if series.readable]
    skipped = [series for series in found if not series.readable]
    if not readable:
        others = len(skipped) - 1
        raise BadInput(skipped[0].reason, f"There is no image in {counted(others, 'other')} either." if others else "")
    return {
        "path": args.path,
        "series": [_row(series) for series in readable],
        "skipped": [{"key": s.key, "modality": s.modality, "reason": s.reason} for s in skipped],
    }


def _row(series: SeriesInfo) -> dict[str, Any]:
    geometry = series.geometry
    assert geometry is not None  # a readable series has one
    return {
        "key": series.key,
        "shape": list(geometry.shape[::-1]),
        "spacing": list(geometry.spacing[::-1]),
        "affine": geometry.affine.tolist(),
        "orientation": geometry.orientation,
        "modality": series.modality,
        "description": series.description,
        "times": series.times,
        "notes": list(series.notes),
    }


def text(result: dict[str, Any]) -> str:
    """A paragraph for each series."""
    lines = []
    for n, series in enumerate(result["series"]):
        size = " x ".join(map(str, series["shape"]))
        spacing = " x ".join(f"{v:.4g}" for v in series["spacing"])
        times = f", {series['times']} time points" if series["times"] > 1 else ""
        title = " ".join(part for part in (series["modality"], series["description"]) if part)
        lines.append(f"{n}: {title or 'image'}: {size} voxels{times}, {spacing} mm, axes {series['orientation']}")
        lines += [f"   {note}" for note in series["notes"]]
    lines += [f"-: {skipped['reason']}" for skipped in result["skipped"]]
    return "\n".join(lines)
