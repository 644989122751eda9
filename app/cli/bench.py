"""`volumask bench`: the latency table of the design, on this machine."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from app import volume_io
from app.cli import bench_zoo, progress
from app.cli.bench_steps import Bench, Step, dicom_folder, enlarged, peak_memory
from app.engine import allocator, registry
from app.engine.backends.tested import cores
from app.engine.rehearsal import can_rehearse
from app.engine.speeds import Speeds
from app.errors import BadInput
from app.volume import Volume

NAME = "bench"
HELP = "measure how fast this machine opens, segments, propagates and meshes"

_SAMPLE = Path(__file__).parents[2] / "resources" / "sample" / "ct_abdomen.nii.gz"
_CLICK = (0.9, 0.5, 0.71)  # in the liver of the sample, as a share of the grid (k, j, i)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which models, which image, how often."""
    parser.add_argument("--model", metavar="ID", action="append", help="which model (repeat for several)")
    zoo = (
        "time the networks (those of --model, or a usual choice), with random numbers where their weights are not here"
    )
    parser.add_argument("--zoo", action="store_true", help=f"{zoo}, beside published figures")
    parser.add_argument("--image", metavar="PATH", help="another scan than the bundled sample")
    parser.add_argument("--click", type=_index, metavar="i,j,k", help="a voxel inside a structure of --image")
    parser.add_argument("--shape", type=_index, default=(300, 512, 512), metavar="i,j,k", help="resample to this grid")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="times that each step is run (default 3)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure; the models run in this process."""
    if args.zoo:
        return _head(args) | {"zoo": bench_zoo.measured(args.model or bench_zoo.DEFAULT, args.repeat)}
    cards = [registry.resolve(model) for model in args.model or [None]]
    allocator.suit(cards)  # as in the process that computes for the window
    source = args.image or str(_SAMPLE)
    if args.image and not args.click:
        raise BadInput("A bench on another scan needs a voxel to click.", "Give --click i,j,k inside a structure.")
    volume = volume_io.read_volume(source)
    share = _CLICK if not args.click else tuple((x + 0.5) / n for x, n in zip(args.click, volume.shape, strict=True))
    progress.report(0.0, "Resampling")
    large = enlarged(volume, args.shape)
    k, j, i = (int(s * n) for s, n in zip(share, large.shape, strict=True))
    rows = _openings(large, args.repeat)
    del volume
    speeds = Speeds()
    for card in cards:
        bench = Bench(registry.load(card.id), large, (k, j, i))
        for step, work in bench.steps():
            progress.report(len(rows) / (2 + 8 * len(cards)), step.what)
            rows.append({"model": card.id, **_row(step, args.repeat, work)})
            if "click" in step.what:
                speeds.note(card.id, rows[-1]["median_s"])
    speeds.save()
    progress.report(1.0, "Measured")
    shape = "x".join(str(n) for n in reversed(large.shape))
    networks = [card.id for card in cards if can_rehearse(card)]
    return _head(args) | {
        "image": f"{Path(source).name} resampled to {shape} voxels, {large.array.dtype}",
        "rows": rows,
        **({"zoo": bench_zoo.measured(networks, args.repeat)} if networks else {}),
        "peak_memory_gb": round(peak_memory() / 1e9, 2),
    }


def text(result: dict[str, Any]) -> str:
    """The table."""
    machine = result["machine"]
    about = f"{machine['processor']}, {machine['cores']} cores (load {machine['load']}), median of {result['repeat']}"
    if "rows" not in result:
        return "\n".join([about, *bench_zoo.lines(result["zoo"])])
    lines = [f"{result['image']}, {about}"]
    for row in result["rows"]:
        model = f" ({row['model']})" if "model" in row else ""
        budget = f"  budget {row['budget_s']:g} s" if row["budget_s"] else ""
        lines.append(f"{row['what'] + model:<58} {row['median_s']:>8.3f} s{budget}")
    lines.append(f"{'peak memory of this process':<58} {result['peak_memory_gb']:>8.2f} GB")
    if "zoo" in result:
        lines += bench_zoo.lines(result["zoo"])
    else:
        lines.append("encoder and decoder of the networks, beside published figures: volumask bench --zoo")
    return "\n".join(lines)


def _head(args: argparse.Namespace) -> dict[str, Any]:
    """This machine, and how busy it was meanwhile: others' work makes every time longer."""
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    machine = {"processor": platform.processor() or platform.machine(), "cores": cores(), "load": load}
    return {"machine": machine, "repeat": args.repeat}


def _openings(volume: Volume, repeat: int) -> list[dict[str, Any]]:
    """How long a volume takes to open, from one file and from one for each slice."""
    with tempfile.TemporaryDirectory(prefix="volumask-bench-") as folder:
        nifti = Path(folder) / "ct.nii.gz"
        volume_io.write_volume(volume, nifti)
        dicom = dicom_folder(volume, Path(folder) / "dicom")
        ways = (("open from NIfTI", 3.0, nifti), ("open from DICOM files", 5.0, dicom))
        return [_row(Step(what, budget), repeat, partial(volume_io.read_volume, path)) for what, budget, path in ways]


def _row(step: Step, repeat: int, work: Callable[[], Any]) -> dict[str, Any]:
    seconds = [step.timed(work) for _ in range(max(1, repeat))]
    return {
        "what": step.what,
        "median_s": round(statistics.median(seconds), 4),
        "budget_s": step.budget,
        "runs_s": [round(s, 4) for s in seconds],
    }


def _index(value: str) -> tuple[int, int, int]:
    parts = value.split(",")
    if len(parts) != 3 or not all(p.isdigit() for p in parts):
        raise argparse.ArgumentTypeError(f"three whole numbers i,j,k are wanted, not {value!r}")
    i, j, k = (int(p) for p in parts)
    return k, j, i
