"""What this computer can do: the self-test and rehearsals of models, here or in a process of their own."""

from __future__ import annotations

import contextlib
import datetime
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence

from app.child_process import launch
from app.engine import registry
from app.engine.backends import machine_test
from app.engine.backends.threads import child_environment
from app.engine.protocol import ReportProgress, Token
from app.engine.rehearsal import Rehearsed, rehearse
from app.engine.speeds import Speeds, Tried
from app.errors import AppError, Cancelled, EngineFailure

REPEAT = 3
FAILED = "failed"


def try_models(
    models: Sequence[str], progress: ReportProgress, token: Token, repeat: int = REPEAT
) -> tuple[Rehearsed, ...]:
    """Rehearse models in this process and keep what came of it.

    Raises:
        MissingModel: unknown, or no network; nothing is measured then.
        Cancelled: what was measured is kept.
    """
    cards = [registry.card(model) for model in models]
    speeds, day = Speeds(), datetime.date.today().isoformat()
    found = []
    for card in cards:
        rehearsed = rehearse(card, repeat, progress, token)
        found.append(rehearsed)
        speeds.note_tried(card.id, _kept(rehearsed, day))
        speeds.save()
    return tuple(found)


def try_in_child(models: Sequence[str], progress: ReportProgress, token: Token) -> None:
    """The self-test and rehearsals in a process of their own; `tested.kept` and `Speeds` hold the results.

    Raises:
        Cancelled: when the token says so.
        AppError: one sentence of what went wrong there.
    """
    pipe = subprocess.PIPE
    limits = child_environment()
    process = launch("app.engine.trying", "--try", *models, stdout=pipe, stderr=subprocess.DEVNULL, defaults=limits)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    share = last = ""
    try:
        while line := _next(lines, token):
            share, _, last = line.decode().strip().partition(" ")
            with contextlib.suppress(ValueError):
                progress(float(share), last)
        if process.wait():
            told = last if share == FAILED else "The test of this computer ended before it was done."
            raise EngineFailure(told, "" if share == FAILED else "A smaller model needs less memory.")
    finally:
        process.kill()
        process.wait()
        reader.join()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def main(models: Sequence[str]) -> int:
    """The child: a line of progress for each step; at last, where it failed, the reason."""

    def tell(fraction: float, what: str) -> None:
        print(f"{fraction:.3f} {what}", flush=True)

    try:
        for model in models:
            registry.card(model)  # an unknown one is told at once
        machine_test.find_fastest(tell, Token())
        try_models(models, tell, Token())
    except (AppError, Cancelled) as error:
        print(f"{FAILED} {error}", flush=True)
        return 1
    return 0


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """What the child says, line by line; an empty line at its end."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put(b"")


def _next(lines: queue.SimpleQueue[bytes], token: Token) -> bytes:
    while True:
        token.raise_if_cancelled()
        with contextlib.suppress(queue.Empty):
            return lines.get(timeout=0.1)


def _kept(rehearsed: Rehearsed, day: str) -> Tried:
    first, following, carried = rehearsed.first, rehearsed.following, rehearsed.carried
    return Tried(
        unit=rehearsed.unit,
        first=round(first.seconds, 4),
        following=round(following.seconds, 4),
        first_cpu=round(first.cpu_seconds, 4),
        following_cpu=round(following.cpu_seconds, 4),
        carried=round(carried.seconds, 4) if carried else 0.0,
        carried_cpu=round(carried.cpu_seconds, 4) if carried else 0.0,
        trained=rehearsed.trained,
        backend=rehearsed.backend,
        threads=rehearsed.threads,
        repeats=rehearsed.repeats,
        day=day,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
