"""A whole job on a scan with a name in it, everything breaking on the way: `private_job.py SCAN OUT RECOVERY LOGS`.

Prints, one a line, every path outside the interpreter that was opened for writing.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

from app.autosave import Autosave
from app.errors import AppError
from app.prompts import Point
from app.session import Session
from app.ui.crash import CrashGuard
from app.volume_io import find_series

written: set[str] = set()


def watch(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        flags = args[2] if isinstance(args[2], int) else 0
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.add(os.fsdecode(args[0]))


def raised(kind: type[BaseException], message: str) -> None:
    """As Qt's slots do with an error that nobody caught."""
    try:
        raise kind(message)
    except kind as error:
        sys.excepthook(kind, error, error.__traceback__)


def broken(scan: Path, session: Session) -> None:
    """Errors that tell of the scan: of a file that cannot be read, of one that is not there, of a library."""
    torn = scan.parent / f"{scan.name}-torn.dcm"
    first = next(path for path in sorted(scan.rglob("*")) if path.is_file()) if scan.is_dir() else scan
    torn.write_bytes(first.read_bytes()[: first.stat().st_size // 2])
    for path in (torn, scan.parent / f"{scan.name}-gone"):
        try:
            session.open(path)
        except AppError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    raised(FileNotFoundError, f"[Errno 2] No such file or directory: '{scan}/0001.dcm'")
    raised(OSError, f"cannot open {scan}/0002.dcm for reading")
    logging.getLogger("pydicom").warning("Invalid value for VR PN: %r", scan.name)
    logging.getLogger("app.engine.cache").warning("features are not kept: %s", scan / "features")


def job(scan: Path, out: Path, recovery: Path, logs: Path) -> None:
    guard = CrashGuard(logs)
    guard.install()
    guard.serve(lambda: None, lambda log: (out / "crash.txt").write_text(log, encoding="utf-8"))
    with Session.headless(model="classic") as session:
        series = max((one for one in find_series(scan) if one.readable), key=lambda one: one.shape[0])
        session.open(scan, series.key)
        autosave = Autosave(session, recovery)
        session.add_segment("Liver")
        k, j, i = (n // 2 for n in session.case.volume.shape)
        session.add_prompt(1, Point((k, j, i)))
        session.wait()
        session.propagate(1, 0, k)
        session.undo()
        session.redo()
        session.export_labels(out / "labels.nii.gz")
        for name in ("labels.seg.nrrd", "labels.seg.dcm", "contours.rtstruct.dcm"):
            session.export_segments(out / name)
        for name in ("liver.stl", "liver.obj", "liver.ply", "liver.3mf"):
            session.export_mesh(1, out / name)
        session.export_report(out / "report.html")
        broken(scan, session)
        end = time.monotonic() + 20
        while not autosave.path.exists() and time.monotonic() < end:
            autosave.tick()
            time.sleep(0.1)
        autosave.close(keep=True)
    guard.close()


if __name__ == "__main__":
    sys.addaudithook(watch)
    job(*(Path(arg) for arg in sys.argv[1:5]))
    print("\n".join(sorted(written)))
