"""`volumask bench`: the design's budgets, measured on this machine. Medians; a row's budget stands beside it."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app import volume_io
from app.cli import bench_volume, progress
from app.prompts import Point
from app.render import mesh, surfaces
from app.session import Session
from app.volume import Volume

NAME = "bench"
HELP = "measure opening, clicks, propagation, uncertainty and surfaces on this machine"
SHAPE, LARGE = (300, 512, 512), (600, 512, 512)
STEPS = 9


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `values` are the single measurements, seconds or gigabytes."""

    what: str
    unit: str
    budget: float | None
    values: tuple[float, ...]

    def payload(self) -> dict[str, Any]:
        """For JSON."""
        median = statistics.median(self.values)
        return {"what": self.what, "unit": self.unit, "median": median, "budget": self.budget, "values": self.values}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which models, how often."""
    parser.add_argument("--model", metavar="ID", action="append", help="model to time (default: the default one)")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each slow step (default 3)")
    parser.add_argument("--quick", action="store_true", help="a small volume: says nothing of speed")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure everything, slowest steps `--repeat` times."""
    shape, large = ((40, 128, 128), (60, 128, 128)) if args.quick else (SHAPE, LARGE)
    volume = bench_volume.enlarged(shape)
    _tell(1, "making the volume")
    rows = [*_opening(volume, args.repeat)]
    _tell(2, "opening")
    rows.append(_surface(volume, args.repeat))
    _tell(3, "surface")
    tables = []
    for model in args.model or [None]:
        with Session.headless(model=model) as session:
            mine = [*_clicks(session, shape, args.repeat), *_long_work(session, args.repeat)]
            tables.append({"model": session.model.id, "rows": [row.payload() for row in mine]})
        _tell(6, f"clicks of {tables[-1]['model']}")
    del volume
    rows.append(_memory(large, args.model[0] if args.model else None))
    _tell(STEPS, "memory")
    return {"machine": _machine(), "shape": list(shape[::-1]), "rows": [r.payload() for r in rows], "models": tables}


def text(result: dict[str, Any]) -> str:
    """A Markdown table."""
    size = "x".join(map(str, result["shape"]))
    lines = [
        f"{result['machine']}; volume {size}, the bundled sample enlarged",
        "",
        "| what | median | budget |",
        "|---|---|---|",
    ]
    groups = [("", result["rows"]), *((f" ({table['model']})", table["rows"]) for table in result["models"])]
    for suffix, rows in groups:
        for row in rows:
            budget = f"{row['budget']:g} {row['unit']}" if row["budget"] else ""
            lines.append(f"| {row['what']}{suffix} | {row['median']:.3f} {row['unit']} | {budget} |")
    return "\n".join(lines)


def _opening(volume: Volume, repeat: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        nifti, dicom = Path(folder) / "ct.nii.gz", Path(folder) / "dicom"
        volume_io.write_volume(volume, nifti)
        bench_volume.write_dicom(volume, dicom)
        yield Row("open from NIfTI (.nii.gz)", "s", 3, _times(lambda: volume_io.read_volume(nifti), repeat))
        files = f"open from {volume.shape[0]} DICOM files"
        yield Row(files, "s", 5, _times(lambda: volume_io.read_volume(dicom), repeat))


def _surface(volume: Volume, repeat: int) -> Row:
    region, mask = bench_volume.liver(volume.shape)
    values = _times(lambda: mesh.check(surfaces.surface(mask, region, volume.geometry)) and None, repeat)
    return Row(f"surface of one segment of {mask.sum() / 1e6:.1f} M voxels, checked", "s", 0.5, values)


def _clicks(session: Session, shape: tuple[int, int, int], repeat: int) -> Iterator[Row]:
    cold: list[float] = []
    warm: list[float] = []
    following: list[float] = []
    for seed in range(repeat):
        volume = bench_volume.enlarged(shape, seed + 1)
        points = bench_volume.inside(volume)
        session.adopt(volume)
        segment = session.add_segment()
        with _timed(cold):
            session.add_prompt(segment, Point(points[0]))
            session.wait()
        other = session.add_segment()
        with _timed(warm):
            session.add_prompt(other, Point(points[2]))
            session.wait()
        for number, point in enumerate(points[1:]):
            with _timed(following):
                session.add_prompt(segment, Point(point, positive=number < 1))
                session.wait()
    yield Row("first click, features not prepared", "s", 1.0, tuple(cold))
    yield Row("first click, features prepared", "s", 0.15, tuple(warm))
    yield Row("next click", "s", 0.15, tuple(following))


def _long_work(session: Session, repeat: int) -> Iterator[Row]:
    volume = session.case.volume
    depth = volume.shape[0]
    point = bench_volume.inside(volume)[2]
    carried: list[float] = []
    estimated: list[float] = []
    for segment in session.case.segments:
        session.remove_segment(segment)
    for _ in range(repeat):
        segment = session.add_segment()
        session.add_prompt(segment, Point(point))
        session.wait()
        first = max(0, min(point[0] - 50, depth - 101))
        with _timed(estimated):
            session.uncertainty(segment, samples=8)
        with _timed(carried):
            session.propagate(segment, 0, point[0], (first, min(depth - 1, first + 100)))
        session.remove_segment(segment)
    yield Row("propagate over 100 slices", "s", 15, tuple(carried))
    yield Row("uncertainty, N = 8", "s", 1, tuple(estimated))


def _memory(shape: tuple[int, int, int], model: str | None) -> Row:
    """Largest memory of this process and its children while five segments are clicked in a large volume."""
    with Session.headless(model=model) as session:
        session.adopt(bench_volume.enlarged(shape, 99))
        peak = 0.0
        for point in bench_volume.inside(session.case.volume):
            session.add_prompt(session.add_segment(), Point(point))
            while session.inference.busy:
                session.step(0.05)
                peak = max(peak, _gigabytes())
    return Row(f"peak memory, {shape[2]}x{shape[1]}x{shape[0]}, five segments", "GB", 4, (peak,))


def _gigabytes() -> float:
    here = psutil.Process()
    total = 0
    for process in (here, *here.children(recursive=True)):
        try:
            total += process.memory_info().rss - getattr(process.memory_info(), "shared", 0)
        except psutil.Error:
            continue
    return (total + _shared()) / 1e9


def _shared() -> int:
    """The volume lies in shared memory once, mapped by both processes."""
    folder = Path("/dev/shm")
    return sum(file.stat().st_size for file in folder.glob("psm_*")) if folder.is_dir() else 0


def _machine() -> str:
    memory = psutil.virtual_memory().total / 1e9
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{system}, {memory:.0f} GB, Python {sys.version.split()[0]}"


def _times(work: Callable[[], object], repeat: int) -> tuple[float, ...]:
    values: list[float] = []
    for _ in range(repeat):
        with _timed(values):
            work()
    return tuple(values)


@contextmanager
def _timed(values: list[float]) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    values.append(time.perf_counter() - begun)


def _tell(step: int, what: str) -> None:
    progress.report(step / STEPS, f"Measured {what}")
