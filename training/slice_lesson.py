"""`SliceLesson`: what a step teaches the network for slices.

The first slice of a clip is answered from prompts, with corrections, or it is given; the others follow one by one, each
with the network's own answer to the slice before as its memory, some with clicks of their own. In some steps a slice is
corrected after that, and the others are answered again beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.engine.trial import maps
from app.engine.trial.hints import Ground
from app.engine.trial.maps import REMEMBERED
from training import clicks, clips
from training.batches import Recipe
from training.clips import LENGTH, Clip
from training.loss import loss_of
from training.scans import Scan
from training.shapes import Random
from training.state import Network

MOST_CORRECTIONS = 4
GIVEN = 0.5  # share of steps whose first slices are given
REVISITED = 0.35  # share of steps that correct a slice after all were answered
CLICKED = 0.2  # share of slices after the first that get a click where they are wrong
Placed = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ClipBatch:
    """Clips, and the user's dice."""

    clips: list[Clip]
    random: Random

    @property
    def images(self) -> Tensor:
        """(LENGTH * B, IMAGE_CHANNELS, S, S), slice by slice."""
        return torch.from_numpy(np.stack([clip.images for clip in self.clips], 1).reshape(-1, *self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image."""
        return self.clips[0].images.shape[1:]

    def masks(self, slice_: int) -> Tensor:
        """References of a slice, (B, 1, S, S)."""
        return torch.from_numpy(np.stack([clip.masks[slice_] for clip in self.clips])[:, None].astype(np.float32))


@dataclass
class Prompted:
    """The prompts on one slice of every clip."""

    batch: ClipBatch
    slice_: int
    drawn: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drawn = [maps.empty(self.batch.shape[-1], 2) for _ in self.batch.clips]
        self.grounds = [Ground(clip.images[self.slice_]) for clip in self.batch.clips]

    def begin(self) -> None:
        """First prompts."""
        self.drawn = [clicks.first(clip.masks[self.slice_], self.batch.random) for clip in self.batch.clips]

    def correct(self, logits: Tensor) -> None:
        """One more click where each answer is wrong, and the answer into the maps."""
        answers = logits[:, 0].float().cpu().numpy()
        for drawn, clip, answer in zip(self.drawn, self.batch.clips, answers, strict=True):
            clicks.correct(drawn, answer > 0, clip.masks[self.slice_], self.batch.random)
        self.remember(logits)

    def remember(self, logits: Tensor) -> None:
        """The last answer into the maps."""
        for drawn, answer in zip(self.drawn, logits[:, 0].float().cpu().numpy(), strict=True):
            drawn[maps.LAST] = np.tanh(answer / 2)

    def maps(self) -> Tensor:
        """(B, CHANNELS, S, S)."""
        return torch.from_numpy(np.stack(self.drawn))

    def hints(self) -> Tensor:
        """(B, hints.CHANNELS, S / 2, S / 2)."""
        made = [ground.hints(drawn) for ground, drawn in zip(self.grounds, self.drawn, strict=True)]
        return torch.from_numpy(np.stack(made))


@dataclass
class Memory:
    """What the decoder is told of slices already done: features at stride 2, and probabilities (B, 1, S, S)."""

    features: Tensor
    seen: list[tuple[int, Tensor]] = field(default_factory=list)

    def shown(self) -> tuple[Tensor, Tensor]:
        """Features and masks for the decoder: the slice before and the first; nothing before the first was done."""
        b = self.features.shape[1]
        if not self.seen:
            grid = self.features.shape[-2:]
            return torch.stack([self.features[0]] * REMEMBERED, 1), self.features.new_zeros(b, REMEMBERED, 2, *grid)
        shown = (self.seen[-1], self.seen[0])
        halved = [functional.avg_pool2d(probability, 2) for _, probability in shown]
        masks = torch.stack([torch.cat((half, 1 - half), 1) for half in halved], 1)
        return torch.stack([self.features[slice_] for slice_, _ in shown], 1), masks


@dataclass(frozen=True)
class SliceLesson:
    """See `train.Lesson`."""

    recipe: Recipe
    real: list[Scan]

    def network(self) -> Network:
        """Encoder and decoder, untrained."""
        return Network.of_slices()

    def batch(self, number: int) -> ClipBatch:
        """Batch `number`."""
        recipe, scans = self.recipe, max(1, self.recipe.batch // 2)
        first = number * scans
        made = [
            clip
            for n in range(first, first + scans)
            for clip in clips.make(n, recipe.seed, recipe.side, self.real, recipe.mix, recipe.batch // scans)
        ]
        return ClipBatch(made, np.random.default_rng((recipe.seed, number)))

    def loss(self, network: Network, batch: ClipBatch, number: int, placed: Placed) -> tuple[Tensor, float, float]:
        """The loss, and Dice of the first slice after its last correction and of the last slice."""
        shared = np.random.default_rng(number)  # the same in every process: none waits for one with more rounds
        images = placed(batch.images)
        with torch.autocast(images.device.type, torch.bfloat16):
            encoded = network.encoder(images)
        features = [f.reshape(LENGTH, len(batch.clips), *f.shape[1:]) for f in encoded]
        teacher = _Teacher(network, batch, features, Memory(features[1]), placed)
        given, again = shared.random() < GIVEN, shared.random() < REVISITED
        first = teacher.given() if given else teacher.prompted(int(shared.integers(0, MOST_CORRECTIONS + 1)))
        last = first
        for slice_ in range(1, LENGTH):
            last = teacher.followed(slice_, shared.random() < CLICKED, learn=not again)
        if again:
            last = teacher.revisited(int(shared.integers(0, LENGTH)))
        return torch.stack(teacher.losses).mean(), first, last


@dataclass
class _Teacher:
    network: Network
    batch: ClipBatch
    features: list[Tensor]
    memory: Memory
    placed: Placed
    losses: list[Tensor] = field(default_factory=list)
    users: dict[int, Prompted] = field(default_factory=dict)
    logits: dict[int, Tensor] = field(default_factory=dict)

    def given(self) -> float:
        """The first slice's mask is known."""
        self.memory.seen.append((0, self.placed(self.batch.masks(0))))
        return 1.0

    def prompted(self, corrections: int) -> float:
        """The first slice from prompts."""
        user = Prompted(self.batch, 0)
        user.begin()
        for number in range(corrections + 1):
            last = number == corrections
            logits, dice = self.answer(user, learn=last or number == 0)
            if not last:
                user.correct(logits)
        self.done(user, logits)
        return dice

    def followed(self, slice_: int, clicked: bool, learn: bool) -> float:
        """A slice from those before, where `clicked` corrected once."""
        user = Prompted(self.batch, slice_)
        logits, dice = self.answer(user, learn)
        if clicked:
            user.correct(logits)
            logits, dice = self.answer(user, learn)
        self.done(user, logits)
        return dice

    def revisited(self, start: int) -> float:
        """A slice is corrected after all were answered, and what the correction says is carried to the others."""
        users, self.memory.seen = dict(self.users), []
        user = users.setdefault(start, Prompted(self.batch, start))
        user.correct(self.logits[start] if start in self.logits else self.batch.masks(start) * 2 - 1)
        logits, dice = self.answer(user, learn=True)
        self.done(user, logits)
        first = self.memory.seen[0]
        for way in (-1, 1):
            self.memory.seen = [first]
            for slice_ in range(start + way, -1 if way < 0 else LENGTH, way):
                if slice_ in users:
                    users[slice_].remember(self.logits[slice_])
                    logits, dice = self.answer(users[slice_], learn=True)
                    self.done(users[slice_], logits)
        return dice

    def done(self, user: Prompted, logits: Tensor) -> None:
        """An answered slice becomes part of the memory."""
        self.users[user.slice_], self.logits[user.slice_] = user, logits
        self.memory.seen.append((user.slice_, torch.sigmoid(logits)))

    def answer(self, user: Prompted, learn: bool) -> tuple[Tensor, float]:
        """Logits without gradient, and their Dice; the loss is noted where there is something to `learn`."""
        maps_, hinted = self.placed(user.maps()), self.placed(user.hints())
        kind = maps_.device.type
        seen, masks = self.memory.shown()
        with torch.set_grad_enabled(learn), torch.autocast(kind, torch.bfloat16):
            logits, quality = self.network.decoder([f[user.slice_] for f in self.features], maps_, hinted, seen, masks)
        loss, dice = loss_of(logits.float(), quality.float(), self.placed(self.batch.masks(user.slice_)))
        if learn:
            self.losses.append(loss)
        return logits.detach().float(), float(dice.mean())
