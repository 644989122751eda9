"""The table of FastSAM-3DSlicer for this machine: encoder and decoder of networks, beside the published figures."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.cli import progress
from app.cli.published import (
    FASTSAM3D_SLICER,
    QUICKEST,
    SAMM,
    SAMM_ALL_SLICES,
    SAMM_CLICK,
    SAMM_SECONDS,
    SAMM_SLICES,
    TABLE,
)
from app.engine import registry
from app.engine.backends import has_cuda
from app.engine.protocol import Token
from app.engine.rehearsal import Cost, Rehearsed

DEFAULT = (*TABLE, "sam_vit_b", "mobile_sam", "lite_medsam", "edgetam_fast", "edgetam", "sam2.1_tiny_fast", "medsam2")
"""Without the two large SAMs and what takes long at 1024 pixels: they are measured when they are named."""


def measured(models: Sequence[str], repeat: int) -> dict[str, Any]:
    """Rehearse the models one after another; a run of its own gives times and ratios that belong together."""
    from app.engine import trying

    rows, ways = [], _ways()
    jobs = [(way, registry.card(model)) for way in ways for model in models]
    for number, (way, card) in enumerate(jobs):

        def tell(share: float, what: str, done: int = number) -> None:
            progress.report((done + share) / len(jobs), what)

        with _computing(way):
            (found,) = trying.try_models([card.id], tell, Token(), repeat)
        rows.append({**_row(found, card.name), "device": "GPU" if way == "torch" and len(ways) > 1 else "CPU"})
    for row in rows:
        _compare(row, {other["id"]: other for other in rows if other["device"] == row["device"]})
    return {"rows": rows, "published": [FASTSAM3D_SLICER, SAMM]}


def _ways() -> tuple[str, ...]:
    """Values of VOLUMASK_BACKEND: as this machine does it, or with a graphics card first without and then with it."""
    return ("openvino", "torch") if has_cuda() else ("",)


@contextlib.contextmanager
def _computing(way: str) -> Iterator[None]:
    """With the backend that is wished for meanwhile; with none wished as it was."""
    before = os.environ.get("VOLUMASK_BACKEND")
    try:
        if way:
            os.environ["VOLUMASK_BACKEND"] = way
        yield
    finally:
        os.environ.pop("VOLUMASK_BACKEND", None)
        if before is not None:
            os.environ["VOLUMASK_BACKEND"] = before


def lines(zoo: Mapping[str, Any]) -> list[str]:
    """The table as text."""
    head = f"{'network':<34} {'encoder':>9} {'decoder':>9} {'carried':>9}   {'processor':>19}   published"
    made = [head]
    for row in zoo["rows"]:
        carried = f"{row['carried_s']:.3f} s" if row["carried_s"] else "-"
        cpu = f"{row['encoder_cpu_s']:.3f} + {row['decoder_cpu_s']:.3f} s"
        times = f"{row['encoder_s']:>7.3f} s {row['decoder_s']:>7.3f} s {carried:>9}   {cpu:>19}"
        made.append(f"{_titled(row):<34} {times}   {_beside(row)}")
        if row["samm_volume_s"]:
            made[-1] += f"; {SAMM_SLICES} such slices {row['samm_volume_s']:.0f} s, those along all axes of SAMM's "
            made[-1] += f"volume {row['samm_all_s']:.0f} s, SAMM {SAMM_SECONDS} s for the volume"
    untrained = [row["name"] for row in zoo["rows"] if not row["trained"]]
    if untrained:
        made.append(f"with random numbers for weights, on which the time does not depend: {', '.join(untrained)}")
    return [*made, *(f"published: {source}" for source in zoo["published"])]


def _titled(row: Mapping[str, Any]) -> str:
    return f"{row['name']}, {row['device']} / {row['unit']}"


def _row(found: Rehearsed, name: str) -> dict[str, Any]:
    carried = found.carried or Cost(0.0, 0.0)
    return {
        "id": found.model,
        "name": name,
        "unit": found.unit,
        "encoder_s": round(found.encoder.seconds, 4),
        "encoder_cpu_s": round(found.encoder.cpu_seconds, 4),
        "decoder_s": round(found.following.seconds, 4),
        "decoder_cpu_s": round(found.following.cpu_seconds, 4),
        "carried_s": round(carried.seconds, 4),
        "carried_cpu_s": round(carried.cpu_seconds, 4),
        "trained": found.trained,
        "backend": found.backend,
        "threads": found.threads,
        "repeats": found.repeats,
    }


def _compare(row: dict[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """What was published of the same network, and how many times the quickest of its kind it takes, there and here."""
    known, least = TABLE.get(row["id"]), rows.get(QUICKEST[row["unit"]])
    total = row["encoder_s"] + row["decoder_s"]
    least_total = least["encoder_s"] + least["decoder_s"] if least else 0.0
    row["ratio"] = round(total / least_total, 2) if known and least_total else None
    row["published_cpu_s"] = known.cpu if known else None
    row["published_gpu_s"] = known.gpu if known else None
    row["published_ratio"] = round(known.cpu / TABLE[QUICKEST[row["unit"]]].cpu, 2) if known else None
    slices = row["unit"] == "slice" and row["id"].startswith(("mobile", "edgetam", "sam_vit"))
    row["samm_volume_s"] = round(SAMM_SLICES * row["encoder_s"], 1) if slices else None
    row["samm_all_s"] = round(SAMM_ALL_SLICES * row["encoder_s"], 1) if slices else None
    row["samm_click_s"] = SAMM_CLICK if slices else None


def _beside(row: Mapping[str, Any]) -> str:
    if row["published_cpu_s"] is None:
        return "-"
    told = f"{row['published_cpu_s']:g} s CPU, {row['published_gpu_s']:g} s GPU"
    if row["ratio"] is None or row["ratio"] == row["published_ratio"] == 1:
        return told
    return f"{told}; {row['published_ratio']:g} times {QUICKEST[row['unit']]}, here {row['ratio']:g} times"
