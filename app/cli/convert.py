"""`volumask convert`: any image that can be opened, as NIfTI."""

from __future__ import annotations

import argparse
from typing import Any

from app import volume_io
from app.cli import progress
from app.cli.prompting import series

NAME = "convert"
HELP = "write a scan as NIfTI"


def arguments(parser: argparse.ArgumentParser) -> None:
    """From, to, which series."""
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("out", metavar="OUT.nii.gz")
    parser.add_argument("--series", type=series, metavar="N", help="position in the list of `info`, or a key")
    parser.add_argument("--time", type=int, default=0, metavar="N", help="time point of a 4D image, from 0")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Read, write, tell what was written.

    Raises:
        AppError: when it cannot be read or written; an old file stays.
    """
    volume_io.nifti_name(args.out)  # before minutes of reading
    volume = volume_io.read_volume(args.path, args.series, args.time, progress.report)
    volume_io.write_volume(volume, args.out)
    return {
        "out": args.out,
        "shape": list(volume.shape[::-1]),
        "spacing": list(volume.geometry.spacing[::-1]),
        "affine": volume.geometry.affine.tolist(),
        "orientation": volume.geometry.orientation,
        "dtype": str(volume.array.dtype),
        "notes": list(volume.notes),
    }


def text(result: dict[str, Any]) -> str:
    """What was written, and what to know about it."""
    size = " x ".join(map(str, result["shape"]))
    return "\n".join([f"{result['out']}: {size} voxels of {result['dtype']}", *(f"   {n}" for n in result["notes"])])
