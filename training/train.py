"""Train the built-in network: `python -m training.train --out FOLDER --seconds 3600`; run it again to go on.

Scenes, prompts and corrections depend on the seed, the step and the number of processes alone, so a run that was
stopped and resumed is the run that was not stopped. Each step encodes the images once, lets the simulated user correct
the answers some rounds without gradient, and learns from the first and the last round.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training import batches, scans
from training.batches import Batch, Recipe
from training.loss import loss_of
from training.scenes import Mix
from training.state import State
from training.team import Team

WARM_UP = 100  # steps
MOST_CORRECTIONS = 6
CLIP = 1.0


def main() -> None:
    """Train until the seconds or the steps are over."""
    args = arguments().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.processes == 1:
        train(0, args)
    else:
        torch.multiprocessing.spawn(train, (args,), args.processes)


def train(rank: int, args: argparse.Namespace) -> None:
    """One process' share; every process holds the same network."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    state = State.fresh(args.rate, args.start_from, args.device)
    if (args.out / "checkpoint.json").is_file():
        state.load(args.out)
    real = scans.load(args.data) if args.data else []
    recipe = Recipe(args.side, args.batch, args.objects, args.seed, Mix(args.outlined, args.pseudo))
    with Team(rank, args.processes, args.out) as team:
        run(state, recipe, real, team, args)


def run(state: State, recipe: Recipe, real: list[scans.Scan], team: Team, args: argparse.Namespace) -> None:
    """The loop: a step, its line in the log, a checkpoint every few minutes and at the end."""
    begun = saved = time.monotonic()
    numbers = itertools.count(state.step * team.size + team.rank, team.size)
    with contextlib.closing(batches.stream(numbers, recipe, real, args.workers)) as stream:
        while state.step < args.steps and not team.any(time.monotonic() - begun > args.seconds):
            for group in state.optimiser.param_groups:
                group["lr"] = args.rate * schedule(state.step, args.steps, args.cool_down)
            figures = step(state, next(stream), team, args.device)
            if team.rank == 0:
                _note(args.out, state.step, time.monotonic() - begun, figures)
            if time.monotonic() - saved > args.save_every:
                saved = time.monotonic()
                _save(state, team, args.out)
    _save(state, team, args.out)


def step(state: State, batch: Batch, team: Team, device: str) -> tuple[float, float, float]:
    """One step of the optimiser: loss, Dice after the first prompt, Dice after the last correction."""
    network, targets = state.network, batch.targets.to(device)
    shared = np.random.default_rng(state.step)  # the same in every process: none waits for one with more rounds
    corrections = int(shared.integers(0, MOST_CORRECTIONS + 1))
    learn_first = corrections == 0 or shared.random() < 0.5
    with torch.autocast(device, torch.bfloat16):
        features = network.encoder(_placed(batch.images, device))
    features = tuple(f.repeat_interleave(len(batch.masks) // len(batch.images), 0) for f in features)
    losses, dices = [], []
    for number in range(corrections + 1):
        learn = number == corrections or (number == 0 and learn_first)
        forget = learn and number > 0 and batch.random.random() < 0.15
        with torch.set_grad_enabled(learn), torch.autocast(device, torch.bfloat16):
            logits, quality = network.decoder(
                features, _placed(batch.maps(forget), device), _placed(batch.hints(), device)
            )
        if learn or number == 0:
            loss, dice = loss_of(logits.float(), quality.float(), targets)
            losses += [loss] if learn else []
            dices.append(float(dice.mean()))
        if number < corrections:
            batch.correct(logits.detach())
    total = torch.stack(losses).mean()
    state.optimiser.zero_grad(set_to_none=True)
    total.backward()
    team.average([p.grad for p in network.parameters() if p.grad is not None])
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)):
        state.optimiser.step()  # else one bad batch in bf16 would end the run: the step is counted and left out
    state.advance()
    return float(total.detach()), dices[0], dices[-1]


def schedule(step: int, steps: int, cool_down: int) -> float:
    """Share of the learning rate: up over `WARM_UP` steps, constant, down to a hundredth over the last `cool_down`."""
    falling = np.clip((steps - step) / max(1, cool_down), 0.01, 1) if cool_down else 1.0
    return float(min(1.0, (step + 1) / WARM_UP) * falling)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser("training.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log and weights; an old run goes on")
    parser.add_argument("--data", type=Path, help="the shared data; without it scenes are invented only")
    parser.add_argument("--start-from", type=Path, help="weights (safetensors) that a new run begins with")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--steps", type=int, default=10**9, help="stop at this step")
    parser.add_argument("--cool-down", type=int, default=0, help="steps before --steps over which the rate falls")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--side", type=int, default=48, help="of the cube, voxels, a multiple of 8")
    parser.add_argument("--batch", type=int, default=4, help="scenes a step")
    parser.add_argument("--objects", type=int, default=2, help="objects a scene")
    parser.add_argument("--outlined", type=float, default=0.25, help="share of real scans with people's outlines")
    parser.add_argument("--pseudo", type=float, default=0.1, help="share of real scans with pseudo-objects")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that share the work; each has its own --batch")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    parser.add_argument("--workers", type=int, default=1, help="threads that make scenes")
    parser.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser


def _placed(tensor: Tensor, device: str) -> Tensor:
    return tensor.to(device).contiguous(memory_format=torch.channels_last_3d)


def _save(state: State, team: Team, folder: Path) -> None:
    if team.rank == 0:
        state.save(folder)
        state.export(folder / "weights.safetensors")


def _note(folder: Path, step: int, seconds: float, figures: tuple[float, ...]) -> None:
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        print(step, f"{seconds:.0f}", *(f"{figure:.4f}" for figure in figures), file=log)


if __name__ == "__main__":
    main()
