"""`volumask propagate`: one slice in, the slices around it out."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from app.cli import prompting
from app.engine.propagation import told
from app.errors import BadInput
from app.prompts import SliceMask
from app.session import Session

NAME = "propagate"
HELP = "carry the mask of one slice to its neighbours, both ways"
AXES = {"i": 2, "j": 1, "k": 0}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Scan, slice, prompts or mask, output."""
    prompting.scan_arguments(parser)
    parser.add_argument("--mask", metavar="SLICE.nii.gz", help="label file with the slice drawn")
    parser.add_argument("--click", type=prompting.click, action="append", default=[], metavar="i,j,k,±")
    parser.add_argument(
        "--box", type=prompting.box, metavar="i0,j0,k0,i1,j1,k1", help="around the structure on a slice"
    )
    parser.set_defaults(wrong=parser.error)
    parser.add_argument("--axis", required=True, choices=tuple(AXES), help="voxel axis across the slices")
    parser.add_argument("--slice", required=True, type=int, metavar="N", help="the slice to start from")
    parser.add_argument("--out", required=True, metavar="MASK.nii.gz")
    parser.add_argument("--name", default="Segment", help="name of the structure in the sidecar")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Propagate, write, and tell the confidences."""
    if bool(args.mask) == bool(args.click or args.box):
        args.wrong("the slice is given by --mask, or by --click and --box")
    with prompting.open_session(args) as session:
        axis = AXES[args.axis]
        if not 0 <= args.slice < session.case.volume.shape[axis]:
            length = session.case.volume.shape[axis]
            raise BadInput(f"There is no slice {args.slice}: axis {args.axis} has slices 0 to {length - 1}.")
        segment = session.add_segment(args.name)
        given = [*([args.box] if args.box else []), *args.click]
        for prompt in given or [_drawn(session, args.mask, axis, args.slice)]:
            session.add_prompt(segment, prompt)
        session.wait()
        outcome = session.propagate(segment, axis, args.slice)
        prompting.write_mask(session, args.out)
        confidences = session.confidences(segment).get(axis, {})
        mask = session.mask(segment)
        return {
            "out": args.out,
            "model": session.model.id,
            "voxels": int(mask.sum()),
            "ml": round(float(mask.sum() * session.case.volume.geometry.voxel_volume / 1000), 4),
            "slices": [int(n) for n in sorted(confidences)],
            "confidence": [round(confidences[n], 4) for n in sorted(confidences)],
            "reached": list(outcome.reached) if outcome else [],
            "reason": told(outcome) if outcome else "",
        }


def text(result: dict[str, Any]) -> str:
    """One line."""
    first, last = result["reached"]
    size = f"{result['voxels']} voxels, {result['ml']:.2f} mL"
    return f"{result['out']}: slices {first} to {last}, {size}. {result['reason']}"


def _drawn(session: Session, path: str, axis: int, index: int) -> SliceMask:
    labels = prompting.load_slice_mask(path)
    if not labels.geometry.matches(session.case.volume.geometry):
        raise BadInput(f"{path} does not lie on the grid of the scan.", "Draw the slice on the scan itself.")
    mask = np.asarray(labels.labels.take(index, axis) > 0)
    if not mask.any():
        raise BadInput(f"{path} is empty on slice {index}.", "Give the slice that was drawn with --slice.")
    return SliceMask(axis, index, mask)
