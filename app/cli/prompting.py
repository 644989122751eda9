"""What `segment` and `propagate` share: clicks and boxes from the command line, a session that reports progress."""

from __future__ import annotations

import argparse
from pathlib import Path

from app import volume_io
from app.cli import progress
from app.engine.protocol import Progress
from app.errors import BadInput
from app.prompts import Box, Point
from app.session import Session


def click(text: str) -> Point:
    """`i,j,k,+` or `i,j,k,-`, in the voxel order of NIfTI viewers."""
    parts = text.split(",")
    if len(parts) != 4 or parts[3] not in ("+", "-"):
        raise argparse.ArgumentTypeError(f"a click is i,j,k,+ or i,j,k,-, not {text!r}")
    i, j, k = _numbers(parts[:3], text)
    return Point((k, j, i), parts[3] == "+")


def box(text: str) -> Box:
    """`i0,j0,k0,i1,j1,k1`: two corner voxels, both inside."""
    parts = text.split(",")
    if len(parts) != 6:
        raise argparse.ArgumentTypeError(f"a box is i0,j0,k0,i1,j1,k1, not {text!r}")
    i0, j0, k0, i1, j1, k1 = _numbers(parts, text)
    return Box((k0, j0, i0), (k1, j1, i1))


def open_session(args: argparse.Namespace) -> Session:
    """A session with the scan of `args` open; `args` has path, series, time and model."""
    session = Session.headless(model=args.model)
    session.progressed.connect(_report)
    try:
        session.open(args.path, series=args.series, time=args.time)
    except BaseException:
        session.close()
        raise
    return session


def scan_arguments(parser: argparse.ArgumentParser) -> None:
    """Which scan, which series and time point of it, which model."""
    parser.add_argument("path", metavar="PATH", help="file, DICOM folder or zip")
    parser.add_argument("--series", type=series, help="which series, as number or key of `volumask info`")
    parser.add_argument("--time", type=int, default=0, help="which time point of a 4D image (default 0)")
    parser.add_argument("--model", metavar="ID", help="which model (default: the best one installed)")


def series(text: str) -> str | int:
    """A position in the list of `volumask info`, or a key."""
    return int(text) if text.isdigit() and len(text) < 5 else text


def write_mask(session: Session, path: str) -> None:
    """The labels of the session as NIfTI."""
    if not path.endswith((".nii", ".nii.gz")):
        raise BadInput(f"{Path(path).name} is no NIfTI name.", "Let the output end in .nii.gz.")
    session.export_labels(path)


def load_slice_mask(path: str) -> volume_io.LabelFile:
    """A label file with one drawn slice."""
    return volume_io.read_labels(path)


def _numbers(parts: list[str], text: str) -> list[int]:
    try:
        return [int(part) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"voxel indices are whole numbers, not {text!r}") from None


def _report(update: Progress) -> None:
    progress.report(update.fraction, update.what)
