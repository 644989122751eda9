"""`volumask train-sam3d`: scans and labels in, a model that finds those structures by itself out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.cli import progress
from app.errors import BadInput

NAME = "train-sam3d"
HELP = "train a SAM3D decoder on your own scans and labels"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The folders, and what the plan and the schedule leave open."""
    parser.add_argument("images", metavar="IMAGES", help="folder of scans")
    parser.add_argument("labels", metavar="LABELS", help="folder of label maps of the same names; 0 is the background")
    parser.add_argument("--out", required=True, metavar="DIR", help="the model's folder; an unfinished one goes on")
    parser.add_argument("--name", default="SAM3D", help="as the model picker shows it")
    parser.add_argument("--licence", default="", help="of the labels, and so of the model")
    parser.add_argument("--names", type=_names, default=(), metavar="A,B,...", help="names of labels 1, 2, ...")
    parser.add_argument("--encoder", default="sam_vit_b", metavar="ID", help="the SAM to stand on (default sam_vit_b)")
    parser.add_argument("--cache", metavar="DIR", help="where embeddings are kept (default: DIR/embedded)")
    parser.add_argument("--spacing", type=_spacing, metavar="k,j,i", help="millimetres (default: the scans' median)")
    parser.add_argument("--side", type=_side, default=0, help="rows and columns of a crop, a multiple of 16")
    parser.add_argument("--depth", type=_positive, default=0, help="slices of a crop")
    parser.add_argument("--epochs", type=_positive, default=1000, help="(default 1000)")
    parser.add_argument("--iterations", type=_positive, default=250, help="in an epoch (default 250)")
    parser.add_argument("--batch", type=_positive, default=2, help="crops in an iteration (default 2)")
    parser.add_argument("--variants", type=int, default=0, help="turned and scaled copies of each case (default 0)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after so long; the next call goes on")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train; torch is imported here, in this process."""
    try:
        from training.sam3d.plan import Wishes
        from training.sam3d.run import Order, train
        from training.sam3d.training import Schedule
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("training"):
            raise
        raise BadInput("This installation has no training part.", "Run it from a checkout of the sources.") from error
    out = Path(args.out)
    cache = Path(args.cache) if args.cache else out / "embedded"
    order = Order(
        Path(args.images), Path(args.labels), out, cache, args.name, args.licence, args.seconds, max(0, args.variants)
    )
    wishes = Wishes(args.spacing, args.side, args.depth, args.names, args.encoder)
    schedule = Schedule(args.epochs, args.iterations, args.batch, seed=args.seed)
    training = train(order, wishes, schedule, progress.report)
    return {
        "out": args.out,
        "epochs": training.epoch,
        "iterations": training.iteration,
        "finished": training.epoch >= args.epochs,
        "losses": training.losses,
        "dice": [None if value != value else value for value in training.dice],
    }


def text(result: dict[str, Any]) -> str:
    """One line."""
    state = "finished" if result["finished"] else "to go on, run it again"
    loss = f", loss {result['losses'][-1]:.3f}" if result["losses"] else ""
    dice = f", validation Dice {result['dice'][-1]:.3f}" if result["dice"] and result["dice"][-1] is not None else ""
    return f"{result['out']}: {result['epochs']} epochs{loss}{dice} ({state})"


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(","))


def _spacing(value: str) -> tuple[float, float, float]:
    try:
        k, j, i = (float(part) for part in value.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"three numbers k,j,i are wanted, not {value!r}") from None
    if min(k, j, i) <= 0:
        raise argparse.ArgumentTypeError("a spacing is more than 0 mm")
    return k, j, i


def _positive(value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0 is wanted, not {value!r}")
    return int(value)


def _side(value: str) -> int:
    side = _positive(value)
    if side % 16:
        raise argparse.ArgumentTypeError(f"SAM's patches are 16 wide, so a side is a multiple of 16, not {side}")
    return side
