"""`volumask evaluate`: how well a model answers a simulated user, against a reference segmentation."""

from __future__ import annotations

import argparse
from typing import Any

from app import volume_io
from app.cli import progress
from app.engine import registry
from app.engine.evaluation import PROTOCOLS, PredictorClicker
from app.engine.evaluation.protocols import ROUNDS_2D
from app.engine.protocol import Token
from app.errors import BadInput

NAME = "evaluate"
HELP = "measure a model against a reference segmentation, with a simulated user"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Image, reference, protocol, model."""
    parser.add_argument("image", metavar="IMAGE", help="file, DICOM folder or zip")
    parser.add_argument("reference", metavar="LABEL", help="label file on the grid of the image")
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), default="clicks-3d")
    parser.add_argument("--rounds", type=_rounds, metavar="N", help="clicks (default 10; 5 before propagation)")
    parser.add_argument("--model", metavar="ID", help="which model (default: the best one installed)")
    parser.add_argument("--label", type=int, metavar="N", help="which label (default: all labels as one object)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the protocol on this image; the model runs in this process."""
    card = registry.resolve(args.model)
    volume = volume_io.read_volume(args.image)
    file = volume_io.read_labels(args.reference)
    if not file.geometry.matches(volume.geometry, tolerance=0.1):
        raise BadInput(f"{args.reference} does not lie on the grid of {args.image}.", "Give labels of this very scan.")
    reference = file.labels > 0 if args.label is None else file.labels == args.label
    if not reference.any():
        wanted = "any label" if args.label is None else f"label {args.label}"
        raise BadInput(f"{args.reference} holds no voxel of {wanted}.", "Choose a label that it holds.")
    predictor = registry.load(card.id)
    prepared = predictor.prepare(volume, progress.report, Token())
    rounds = args.rounds or (10 if args.protocol == "clicks-3d" else ROUNDS_2D)
    further = {} if args.protocol == "mask-propagate" else {"rounds": rounds}
    clicker = PredictorClicker(predictor, volume, prepared)
    report = PROTOCOLS[args.protocol](clicker, reference, volume.geometry.spacing, **further)
    return {
        "image": args.image,
        "label": args.label,
        "name": file.names.get(args.label, "") if args.label is not None else "",
        "model": card.id,
        **report.payload(),
    }


def text(result: dict[str, Any]) -> str:
    """A line per click, then the figures of the propagation."""
    lines = [f"{result['protocol']} with {result['model']}"]
    for r in result["rounds"]:
        sign = "+" if r["positive"] else "-"
        place = ",".join(str(n) for n in reversed(r["index"]))
        figures = f"Dice {r['dice']:.3f}, NSD {r['nsd']:.3f}, {r['seconds']:.2f} s"
        lines.append(f"click {r['clicks']:>2} at {place},{sign}: {figures}")
    names = {"dice_2d": "Dice on the slice", "dice_3d": "Dice in 3D", "dice_3d_salient": "Dice on salient slices"}
    lines += [f"{words}: {result[name]:.3f}" for name, words in names.items() if name in result]
    return "\n".join(lines)


def _rounds(value: str) -> int:
    number = int(value) if value.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"the number of clicks is 1 or more, not {value!r}")
    return number
