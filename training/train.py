"""Train one of our networks: `python -m training.train --out FOLDER --seconds 3600`; run it again to go on.

Scenes, prompts and corrections depend on the seed, the step and the number of processes alone, so a run that was
stopped and resumed is the run that was not stopped. What a step teaches is said in `graph/lesson.py`,
`graph/given_slices.py`, `graph/boxes.py` and `once_more/lesson.py`, and for the model `trial` in `cube_lesson.py` and
`slice_lesson.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training import batches, scans
from training.batches import Recipe
from training.cube_lesson import CubeLesson
from training.graph.boxes import BoxesLesson
from training.graph.given_slices import GivenSlicesLesson
from training.graph.lesson import GraphLesson
from training.once_more.lesson import CARRIED, CLICKED, OnceMoreLesson
from training.scans import Scan
from training.scenes import Mix
from training.slice_lesson import SliceLesson
from training.state import State, channels_last
from training.team import Team

LESSONS: dict[str, Callable[[Recipe, list[Scan]], Any]] = {
    "graph": GraphLesson,
    "graph-slices": GivenSlicesLesson,
    "graph-boxes": BoxesLesson,
    "carried": partial(OnceMoreLesson, layout=CARRIED),
    "clicked": partial(OnceMoreLesson, layout=CLICKED),
    "cubes": CubeLesson,
    "slices": SliceLesson,
}
WARM_UP = 100  # steps
CLIP = 1.0


class Lesson(Protocol):
    """What a network is taught."""

    def network(self) -> nn.Module:
        """An untrained one."""

    def batch(self, number: int) -> Any:
        """What step `number` learns from; always the same."""

    def loss(
        self, network: Any, batch: Any, number: int, placed: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, float, float]:
        """The loss of a step, and its Dice early on and at the end.

        Args:
            placed: Brings a tensor to where the network is.
        """


def main() -> None:
    """Train until the seconds or the steps are over."""
    args = arguments().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    Team.clear(args.out)
    if args.processes == 1:
        train(0, args)
    else:
        torch.multiprocessing.spawn(train, (args,), args.processes)


def train(rank: int, args: argparse.Namespace) -> None:
    """One process' share; every process holds the same network."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    real = scans.load(args.data) if args.data else []
    recipe = Recipe(args.side, args.batch, args.objects, args.seed, Mix(args.outlined, args.pseudo), args.kept)
    lesson: Lesson = LESSONS[args.network](recipe, real)
    state = State.fresh(lesson.network(), args.rate, args.start_from, args.device)
    if (args.out / "checkpoint.json").is_file():
        state.load(args.out)
    with Team(rank, args.processes, args.out) as team:
        run(state, lesson, team, args)


def run(state: State, lesson: Lesson, team: Team, args: argparse.Namespace) -> None:
    """The loop: a step, its line in the log, a checkpoint every few minutes and at the end."""
    begun = saved = time.monotonic()
    numbers = itertools.count(state.step * team.size + team.rank, team.size)
    with contextlib.closing(batches.stream(numbers, lesson.batch, args.workers)) as stream:
        while state.step < args.steps and not team.any(time.monotonic() - begun > args.seconds):
            for group in state.optimiser.param_groups:
                group["lr"] = args.rate * schedule(state.step, args.steps, args.cool_down)
            figures = step(state, next(stream), lesson, team, args.device)
            if team.rank == 0:
                _note(args.out, state.step, time.monotonic() - begun, figures)
            if time.monotonic() - saved > args.save_every:
                saved = time.monotonic()
                _save(state, team, args.out)
    _save(state, team, args.out)


def step(state: State, batch: Any, lesson: Lesson, team: Team, device: str) -> tuple[float, float, float]:
    """One step of the optimiser: loss, Dice early on, Dice at the end of the lesson."""
    network = state.network
    loss, early, late = lesson.loss(network, batch, state.step, partial(placed, device=device))
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    team.average([p.grad for p in network.parameters() if p.grad is not None])
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)):
        state.optimiser.step()  # else one bad batch in bf16 would end the run: the step is counted and left out
    state.advance()
    return float(loss.detach()), early, late


def schedule(step: int, steps: int, cool_down: int) -> float:
    """Share of the learning rate: up over `WARM_UP` steps, constant, down to a hundredth over the last `cool_down`."""
    falling = np.clip((steps - step) / max(1, cool_down), 0.01, 1) if cool_down else 1.0
    return float(min(1.0, (step + 1) / WARM_UP) * falling)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser("training.train", description=__doc__)
    parser.add_argument("--network", choices=tuple(LESSONS), default="graph", help="which of ours is trained")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log and weights; an old run goes on")
    parser.add_argument("--data", type=Path, help="the shared data; without it scenes are invented only")
    parser.add_argument("--kept", type=Path, help="answers that training.once_more.gather gathered (carried, clicked)")
    parser.add_argument("--start-from", type=Path, help="weights (safetensors) that a new run begins with")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--steps", type=int, default=10**9, help="stop at this step")
    parser.add_argument("--cool-down", type=int, default=0, help="steps before --steps over which the rate falls")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--side", type=int, default=48, help="of the cube or slice, a multiple of 8")
    parser.add_argument("--batch", type=int, default=4, help="scenes, clips or kept answers a step")
    parser.add_argument("--objects", type=int, default=2, help="objects a scene (cubes)")
    parser.add_argument("--outlined", type=float, default=0.25, help="share of real scans with people's outlines")
    parser.add_argument("--pseudo", type=float, default=0.1, help="share of real scans with pseudo-objects")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that share the work; each has its own --batch")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--workers", type=int, default=1, help="threads that make scenes")
    parser.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser


def placed(tensor: Tensor, device: str) -> Tensor:
    """A tensor (B, C, ...) where the network is, channels last."""
    return tensor.to(device).contiguous(memory_format=channels_last(tensor.ndim))


def _save(state: State, team: Team, folder: Path) -> None:
    if team.rank == 0:
        state.save(folder)
        state.export(folder / "weights.safetensors")


def _note(folder: Path, step: int, seconds: float, figures: tuple[float, ...]) -> None:
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        print(step, f"{seconds:.0f}", *(f"{figure:.4f}" for figure in figures), file=log)


if __name__ == "__main__":
    main()
