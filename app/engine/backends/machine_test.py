"""The self-test: which backend and how many threads are fastest on this computer, found in about ten seconds.

A small network of what the models are made of (patches, attention among a thousand tokens, a convolution) is run in
turn in every way that could be the fastest. In turn, because other programs take their share of a machine at times;
what falls behind is dropped, and so the time goes to the close ones.
"""

from __future__ import annotations

import datetime
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.engine.backends.backend import has_cuda
from app.engine.backends.tested import Findings, Run, cores, keep, kept, this_machine
from app.engine.backends.threads import wished
from app.engine.protocol import ReportProgress, Token

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)
SECONDS = 10.0
MOST_ROUNDS = 15
BEHIND = 1.5  # times the quickest run: dropped after two rounds
AS_GOOD = 1.05  # times the best: fewer threads leave more for the window and other programs
TOKENS, WIDTH, HEADS, PIXELS = 1024, 384, 6, 512
WORK = 5.46  # thousand millions of multiply-adds in a run of the sample network
TESTING = "Testing this computer, once"

Way = tuple[str, int]
"""Backend and threads, as in `Run`."""


def at_first_use(progress: ReportProgress, token: Token) -> None:
    """Test, unless that was done here as it is or the user has said what to use.

    Raises:
        Cancelled: asked to end; nothing is kept then.
    """
    if wished() or os.environ.get("VOLUMASK_BACKEND") or _holds(kept()):
        return
    try:
        find_fastest(progress, token)
    except (ImportError, RuntimeError, MemoryError) as error:  # then the guess has to do
        log.warning("the self-test failed: %s", error)


def _holds(found: Findings | None) -> bool:
    """Whether there are findings, and not of a graphics card that is gone."""
    return found is not None and (found.best.backend != "cuda" or has_cuda())


def find_fastest(progress: ReportProgress, token: Token, seconds: float = 0.0) -> Findings:
    """Find the fastest way to compute here and keep it.

    Args:
        seconds: In the place of `SECONDS`.

    Raises:
        Cancelled: between two runs, when the token says so.
    """
    progress(0.0, TESTING)
    begun, seconds = time.perf_counter(), seconds or SECONDS
    with tempfile.TemporaryDirectory(prefix="volumask-test-") as folder:
        runners = _ways(Path(folder), token)
        left = max(seconds / 3, seconds - (time.perf_counter() - begun))
        times = race(runners, left, progress, token)
    found = ranked(times)
    tested = Findings(this_machine(), datetime.date.today().isoformat(), found)
    keep(tested)
    log.info("machine test: %s", "; ".join(f"{r.backend} {r.threads} threads {r.seconds:.4f} s" for r in found))
    progress(1.0, TESTING)
    return tested


def race(
    runners: Mapping[Way, Callable[[], Any]],
    seconds: float,
    progress: ReportProgress,
    token: Token,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Way, list[float]]:
    """Seconds of every run of every way. Each runs at least once; after `seconds` nothing new is begun."""
    begun, times = clock(), {way: list[float]() for way in runners}
    for number in range(MOST_ROUNDS):
        for way in _leading(times) if number > 1 else list(runners):
            token.raise_if_cancelled()
            if number and clock() - begun > seconds:
                return times
            start = clock()
            runners[way]()
            times[way].append(clock() - start)
            progress(min(1.0, (clock() - begun) / seconds), TESTING)
    return times


def ranked(times: Mapping[Way, list[float]]) -> tuple[Run, ...]:
    """The fastest by median first; of those as good as it the one with the fewest threads before all."""
    found = sorted((Run(*way, statistics.median(taken)) for way, taken in times.items()), key=lambda run: run.seconds)
    good = [run for run in found if run.seconds <= AS_GOOD * found[0].seconds and run.backend == found[0].backend]
    first = min(good, key=lambda run: run.threads)
    return first, *(run for run in found if run is not first)


def thread_counts(available: int, physical: int) -> tuple[int, ...]:
    """That are worth trying: one, half, the physical cores, all."""
    return tuple(sorted({1, max(1, available // 2), min(physical, available), available}))


def _leading(times: Mapping[Way, list[float]]) -> list[Way]:
    """By the best run of each: one that was held up says nothing."""
    quickest = {way: min(taken) for way, taken in times.items()}
    best = min(quickest.values())
    return [way for way, seconds in quickest.items() if seconds <= BEHIND * best]


def _ways(folder: Path, token: Token) -> dict[Way, Callable[[], Any]]:
    """Every way, compiled and run once. Torch with all cores only: it is the reference and rarely the fastest."""
    import torch

    from app.engine.backends.openvino_backend import OpenVinoBackend
    from app.engine.backends.torch_backend import TorchBackend

    network, picture = _sample(), np.zeros((1, 3, PIXELS, PIXELS), np.float32)
    counts = thread_counts(cores(), _physical())
    made: dict[Way, Callable[[], Any]] = {}
    for count in counts:
        compiled = OpenVinoBackend(folder, count).compile(network, [picture])
        made["openvino", count] = lambda run=compiled: run(picture)  # type: ignore[misc]
        token.raise_if_cancelled()
    plain = TorchBackend("cpu", counts[-1]).compile(network, [picture])
    made["torch", counts[-1]] = lambda: plain(picture)
    for run in made.values():
        token.raise_if_cancelled()
        run()
    card = _on_card(picture) if torch.cuda.is_available() else None
    return made if card is None else made | {("cuda", 0): card}


def _on_card(picture: NDArray[Any]) -> Callable[[], Any] | None:
    """On the graphics card; None where that is too old or too full for this torch: then the processor computes."""
    from app.engine.backends.torch_backend import TorchBackend

    try:
        compiled = TorchBackend("cuda").compile(_sample(), [picture])
        compiled(picture)
    except (RuntimeError, AssertionError) as error:  # of torch, of the driver
        log.warning("the graphics card cannot be used: %s", error)
        return None
    return lambda: compiled(picture)


def _sample() -> nn.Module:
    """(1, 3, 512, 512) -> (1, 64, 32, 32), `WORK`."""
    import torch
    from torch.nn import functional

    side, each = PIXELS // 16, WIDTH // HEADS

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 3 * WIDTH)
            self.wide, self.narrow = torch.nn.Linear(WIDTH, 4 * WIDTH), torch.nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            parts = self.qkv(self.norm(tokens)).view(1, TOKENS, 3, HEADS, each).permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
            tokens = tokens + seen.transpose(1, 2).reshape(1, TOKENS, WIDTH)
            out: torch.Tensor = tokens + self.narrow(functional.gelu(self.wide(tokens)))
            return out

    class Sample(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = torch.nn.Conv2d(3, WIDTH, 16, 16)
            self.blocks = torch.nn.Sequential(Block(), Block())
            self.neck = torch.nn.Conv2d(WIDTH, 64, 3, padding=1)

        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            tokens = self.blocks(self.patches(picture).flatten(2).transpose(1, 2))
            grid: torch.Tensor = self.neck(tokens.transpose(1, 2).reshape(1, WIDTH, side, side))
            return grid

    return Sample().eval()


def _physical() -> int:
    import psutil

    return psutil.cpu_count(logical=False) or cores()
