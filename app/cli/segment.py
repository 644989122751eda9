"""`volumask segment`: clicks and boxes in, a mask out."""

from __future__ import annotations

import argparse
import time
from typing import Any

from app import volume_io
from app.cli import prompting
from app.engine import registry
from app.errors import BadInput
from app.session import Session
from app.volume import Volume

NAME = "segment"
HELP = "segment one structure from clicks and a box, or all that a model finds by itself"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Scan, prompts and outputs."""
    prompting.scan_arguments(parser)
    parser.add_argument("--click", type=prompting.click, action="append", default=[], metavar="i,j,k,±")
    parser.add_argument("--box", type=prompting.box, metavar="i0,j0,k0,i1,j1,k1")
    parser.add_argument("--out", required=True, metavar="MASK.nii.gz")
    parser.add_argument("--uncertainty", metavar="U.nii.gz", help="also write the standard deviation of the logits")
    parser.add_argument("--name", default="Segment", help="name of the structure in the sidecar")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Segment, write, and tell the mask's size."""
    prompts = [*([args.box] if args.box else []), *args.click]
    if not prompts and not registry.resolve(args.model).automatic:
        raise BadInput("There is nothing to segment from.", "Give at least one --click or a --box.")
    with prompting.open_session(args) as session:
        if not prompts:
            return _found(session, args.out)
        volume = session.case.volume
        segment = session.add_segment(args.name)
        begun = time.perf_counter()
        for prompt in prompts:
            session.add_prompt(segment, prompt)
        session.wait()
        seconds = time.perf_counter() - begun
        mask = session.mask(segment)
        prompting.write_mask(session, args.out)
        result = {
            "out": args.out,
            "model": session.model.id,
            "voxels": int(mask.sum()),
            "ml": round(float(mask.sum() * volume.geometry.voxel_volume / 1000), 4),
            "seconds": round(seconds, 3),
            "notes": list(volume.notes),
        }
        if args.uncertainty:
            deviation = session.uncertainty(segment)
            volume_io.write_volume(Volume(deviation, volume.geometry, codes=volume.codes), args.uncertainty)
            estimated = session.estimate(segment)
            result["uncertainty"] = args.uncertainty
            result["ml_interval"] = [round(end, 4) for end in estimated.interval] if estimated else []
    return result


def _found(session: Session, out: str) -> dict[str, Any]:
    """What a model finds by itself, as one label map."""
    begun = time.perf_counter()
    session.segment_automatically()
    session.wait()
    seconds = time.perf_counter() - begun
    prompting.write_mask(session, out)
    labels, volume = session.case.segmentation.labels, session.case.volume
    return {
        "out": out,
        "model": session.model.id,
        "segments": {segment.name: int((labels == segment.label).sum()) for segment in session.case.segments},
        "voxels": int((labels > 0).sum()),
        "ml": round(float((labels > 0).sum() * volume.geometry.voxel_volume / 1000), 4),
        "seconds": round(seconds, 3),
        "notes": list(volume.notes),
    }


def text(result: dict[str, Any]) -> str:
    """One line."""
    size = f"{result['voxels']} voxels, {result['ml']:.2f} mL"
    return f"{result['out']}: {size}, {result['seconds']:.2f} s ({result['model']})"
