#!/usr/bin/env python3
"""Sets Volumask up and runs it, its tests and its checks: `python3 dev.py run [PATH]`, `python3 dev.py test`.

Needs nothing but CPython 3.11 or newer. The first start makes .venv and installs the exact versions in requirements/,
with a CPU build of torch where one is to be had; on Debian and Ubuntu it also installs the system libraries that Qt,
OpenGL and a virtual display need and that are missing. A later start finds all that done and goes on at once.
"""

import sys

if sys.version_info < (3, 11) or sys.implementation.name != "cpython":
    sys.exit(f"Volumask needs CPython 3.11 or newer; this is {sys.implementation.name} {sys.version.split()[0]}.")

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
CUDA = "--cuda" in sys.argv[1:]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "volumask.json"
LOG = ROOT / "build" / "install.log"
LOCKED = ROOT / "requirements" / "locked"
SAMPLE = ROOT / "resources" / "sample" / "ct_abdomen.nii.gz"
DEMO = ROOT / "demo"
LINUX = sys.platform == "linux"
TORCH = "torch==2.13.0"
HASHED = ("--no-deps", "--require-hashes")

# What Qt's xcb plugin and VTK's OpenGL load from the system on Linux, and the Debian package of each.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXcursor.so.1": "libxcursor1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


class SetupError(Exception):
    """Something that the person who runs this has to mend; the text is one plain sentence."""


def say(text: str) -> None:
    """Tell the person who waits what is being done."""
    print(f"dev.py: {text}", flush=True)


# The system: libraries, fonts, virtual display


def missing_packages(*, virtual_display: bool) -> list[str]:
    """Debian names of the packages that are needed and not there; empty off Linux."""
    if not LINUX:
        return []
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if not any(
        next(Path(folder).glob("**/*.[to]tf"), None) for folder in ("/usr/share/fonts", "/usr/local/share/fonts")
    ):
        missing.append("fonts-dejavu-core")
    if virtual_display and not shutil.which("Xvfb"):
        missing.append("xvfb")
    return missing


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_packages(packages: Sequence[str], purpose: str) -> None:
    """Install Debian packages, as root or with a sudo that asks nothing; raises SetupError naming them otherwise."""
    if not packages:
        return
    names = " ".join(packages)
    by_hand = f"{purpose} needs system packages that are missing. Install them with: apt-get install {names}"
    if not shutil.which("apt-get"):
        raise SetupError(f"{purpose} needs system libraries that are missing. On Debian their packages are: {names}")
    root = os.geteuid() == 0
    if not root and not _sudo():
        raise SetupError(by_hand)
    say(f"installing system packages: {names}")
    apt = ["apt-get", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    prefix = [] if root else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if logged([*prefix, *apt, "install", *packages], environment):
        logged([*prefix, *apt, "update"], environment)  # a new machine has no lists yet, or old ones
        if logged([*prefix, *apt, "install", *packages], environment):
            raise SetupError(f"apt-get failed; the last lines are above, all of it in {LOG}. {by_hand}")


def _sudo() -> bool:
    """Whether sudo is there and asks for no password."""
    ask = ["sudo", "-n", "true"]
    return bool(shutil.which("sudo")) and subprocess.run(ask, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """A screen without a screen, for as long as the block runs; gives the environment that makes programs use it."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "xvfb.log").open(
        "wb"
    ) as log:  # its own session, so that Ctrl+C ends the program before its screen
        server = subprocess.Popen(command, pass_fds=[writing], stdout=log, stderr=log, start_new_session=True)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], 30)[0]
        number = os.read(reading, 16).decode().strip() if ready else ""
        if not number:
            raise SetupError(f"the virtual display did not start; what it said is in {log.name}")
        yield {"DISPLAY": f":{number}"}
    finally:
        os.close(reading)
        server.terminate()
        server.wait()


# The Python packages


def lock_hash(lock: str) -> str:
    """The sha256 of a file of requirements/locked/, by which a later start knows that nothing changed."""
    return hashlib.sha256((LOCKED / f"{lock}.txt").read_bytes()).hexdigest()


def read_stamp() -> dict[str, str]:
    """What .venv was made with: the Python, and the hash of each lock that is installed; empty when it is unusable."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    usable = isinstance(stamp, dict) and PYTHON.exists() and stamp.get("python") == sys.version
    return stamp if usable else {}


def prepare(*locks: str) -> None:
    """Make .venv hold what the named locks of requirements/ list; at once when it does already."""
    stamp = read_stamp()
    wanted = {lock: lock_hash(lock) for lock in locks}
    if stamp and all(stamp.get(lock) == digest for lock, digest in wanted.items()):
        return
    start = time.monotonic()
    if not stamp:
        make_venv()
    say(f"installing the exact versions of requirements/ ({', '.join(locks)}) into .venv; this takes minutes, once")
    if "run" in locks and stamp.get("run") != wanted["run"]:
        install_torch()
    for lock in locks:
        if stamp.get(lock) != wanted[lock] and pip(*HASHED, "-r", str(LOCKED / f"{lock}.txt")):
            raise SetupError(f"pip failed; its last lines are above, all of them in {LOG}. Is there a network?")
    STAMP.write_text(json.dumps({"python": sys.version, **stamp, **wanted}))
    say(f"done in {time.monotonic() - start:.0f} s")


def make_venv() -> None:
    """A new .venv; one that is half made, or of another Python, goes first."""
    if VENV.exists() and not STAMP.exists() and _has_pip():
        say("going on with the .venv that was begun")
        return
    if VENV.exists():
        say("removing a .venv that is half made, or of another Python")
        shutil.rmtree(VENV)
    if not _has_module("ensurepip"):  # Debian packs it apart
        install_packages([f"python3.{sys.version_info.minor}-venv"], "Making .venv")
    say(f"making .venv with Python {sys.version.split()[0]}")
    if logged([sys.executable, "-m", "venv", str(VENV)]):
        raise SetupError(f"making .venv failed; the last lines are above, all of them in {LOG}")


def _has_pip() -> bool:
    """Whether the Python of .venv is this Python and runs pip."""
    if not PYTHON.exists():
        return False
    ask = [str(PYTHON), "-c", "import pip, sys; print(sys.version)"]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == sys.version.strip()


def _has_module(name: str) -> bool:
    ask = [sys.executable, "-c", f"import {name}"]
    return subprocess.run(ask, capture_output=True, check=False).returncode == 0


def install_torch() -> None:
    """Install torch: its CPU build if there is one, since on Linux the plain name may bring gigabytes of CUDA."""
    if LINUX:
        if pip(*HASHED, "-r", str(LOCKED / ("cuda.txt" if CUDA else "torch-cpu.txt")), quiet=not CUDA) == 0:
            return
        if not CUDA and pip("--no-deps", f"{TORCH}+cpu", quiet=True) == 0:
            say("the CPU build of torch for this Python has no hash in requirements/locked: taken as it is")
            return
    if LINUX and not CUDA:
        say("pip finds no CPU build of torch here: taking the one it finds, which may be large")
    if (LINUX and CUDA) or pip("-c", str(ROOT / "requirements" / "run.txt"), TORCH):
        raise SetupError(
            f"pip could not install torch; its last lines are above, all of them in {LOG}. Is there a network?"
        )


def pip(*arguments: str, quiet: bool = False) -> int:
    """Run pip install in .venv; wheels only, so that nothing is compiled. Returns its exit status."""
    options = ["--only-binary", ":all:", "--no-compile", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    return logged([str(PYTHON), "-m", "pip", "install", *options, *arguments], quiet=quiet)


def logged(command: Sequence[str], environment: dict[str, str] | None = None, *, quiet: bool = False) -> int:
    """Run a command with its output in the log; a failure shows its end, unless quiet. Returns the exit status."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a+", encoding="utf-8", errors="replace") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        begin = log.tell()
        status = run(command, environment, stdout=log, stderr=subprocess.STDOUT)
        log.seek(begin)
        if status and not quiet:
            print(*log.readlines()[-15:], sep="", file=sys.stderr, flush=True)
    return status


# Running things


def run(command: Sequence[str], environment: dict[str, str] | None = None, **options: Any) -> int:
    """Run a command to its end and return its exit status; on Ctrl+C give it ten seconds to clean up."""
    with subprocess.Popen(command, env=environment, **options) as child:
        try:
            return int(child.wait())
        except KeyboardInterrupt:  # the child has had it too
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            raise
        finally:
            if child.poll() is None:
                child.terminate()


def python(*arguments: str, environment: dict[str, str] | None = None) -> int:
    """Run .venv's Python at the root, without what a person's own Python set-up would add."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    clean |= {"PYTHONNOUSERSITE": "1", **(environment or {})}
    return run([str(PYTHON), *arguments], clean, cwd=ROOT)


def run_window(options: argparse.Namespace) -> int:
    """Open the window on the path, or, without a display, do the main job in it unattended and keep what it made."""
    path = str(Path(options.path or SAMPLE).absolute())
    if not Path(path).exists():  # said before minutes of installing
        raise SetupError(f"{options.path} does not exist. Check the name, or whether its disk is connected.")
    has_display = not LINUX or bool(os.environ.get("DISPLAY"))
    install_packages(missing_packages(virtual_display=not has_display), "The window")
    prepare("run")
    if has_display:
        return python("-m", "app", path, environment={"QT_QPA_PLATFORM": "xcb"} if LINUX else None)
    say(f"no display here: doing the main job on a virtual one; what it makes will be in {DEMO}")
    DEMO.mkdir(exist_ok=True)
    with virtual_display() as display:
        status = python("-m", "app.ui.demo", path, str(DEMO), environment={**display, "QT_QPA_PLATFORM": "xcb"})
    for made in sorted(DEMO.iterdir()):
        say(f"{made.relative_to(ROOT)}, {made.stat().st_size / 1e3:.0f} kB")
    return status


CHECKS = {
    "ruff": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "mypy": ("-m", "mypy"),
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command as c; c()"),
    "house limits": ("-m", "pytest", "-q", "--no-header", "tests/unit/test_house_limits.py"),
}


def lint(_options: argparse.Namespace | None = None) -> int:
    """Run the checks of the source; returns 1 when one fails."""
    prepare("run", "test", "build")
    failed = []
    for name, command in CHECKS.items():
        say(f"check: {name}")
        if python(*command):
            failed.append(name)
    say(f"checks failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def test(options: argparse.Namespace) -> int:
    """The checks, unless tests are picked, then the tests on a virtual display; the exit status tells of both."""
    own_display = LINUX and (
        shutil.which("Xvfb") or not os.environ.get("DISPLAY")
    )  # a test never types into a person's screen
    install_packages(missing_packages(virtual_display=bool(own_display)), "The tests of the window")
    prepare("run", "test", "build")
    checks = 0 if options.rest else lint()
    selection = () if options.full else ("-m", "not slow")
    with virtual_display() if own_display else contextlib.nullcontext({}) as display:
        tests = python("-m", "pytest", *selection, *options.rest, environment=display)
    if checks:
        print("dev.py: the checks before the tests failed (see above)", file=sys.stderr, flush=True)
    return tests or checks


def bench(options: argparse.Namespace) -> int:
    """Measure the click protocol against the peers, which are installed for this alone."""
    prepare("run", "test", "bench")
    return python("-m", "benchmarks.peers", *options.rest)


def screenshots(_options: argparse.Namespace) -> int:
    """Make the pictures of README and Help, on a virtual display where there can be one."""
    own_display = LINUX and (shutil.which("Xvfb") or not os.environ.get("DISPLAY"))
    install_packages(missing_packages(virtual_display=bool(own_display)), "The window")
    prepare("run")
    with virtual_display() if own_display else contextlib.nullcontext({}) as display:
        return python("-m", "docs.screenshots", environment=display)


def make(options: argparse.Namespace) -> int:
    """Make the bundle, or this system's installers of it, in dist/ (packaging/README.md)."""
    prepare("run", "build")
    flavour = ("--cuda",) if options.cuda else ()
    return python("-m", "bundling", options.made, *flavour, environment={"PYTHONPATH": str(ROOT / "packaging")})


def arguments() -> argparse.ArgumentParser:
    """The command line: one verb and what it takes."""
    parser = argparse.ArgumentParser(prog="dev.py", description="Set up and run Volumask, its tests and its checks.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("run", help="open the window; without a display, do the main job unattended into demo/")
    verb.add_argument("path", nargs="?", metavar="PATH", help="file, DICOM folder or zip; the bundled sample if none")
    verb.set_defaults(run=run_window)
    verb = verbs.add_parser(
        "test", help="the checks and the tests; further arguments go to pytest, without the checks", allow_abbrev=False
    )
    verb.add_argument("--full", action="store_true", help="also the tests that take minutes")
    verb.set_defaults(run=test)
    verb = verbs.add_parser("bench", help="the peers on the same clicks; further arguments go to benchmarks.peers")
    verb.set_defaults(run=bench)
    for made, what in {"bundle": "the program with its own Python, in dist/", "installer": "installers of it"}.items():
        verb = verbs.add_parser(made, help=what)
        verb.add_argument("--cuda", action="store_true", help="the flavour for NVIDIA graphics cards, several GB")
        verb.set_defaults(run=make, made=made)
    verb = verbs.add_parser("screenshots", help="the pictures of README and Help, from the real window")
    verb.set_defaults(run=screenshots)
    verb = verbs.add_parser("lint", help="ruff, mypy, import-linter and the house limits")
    verb.set_defaults(run=lint)
    return parser


def stop(_signal: int, _frame: object) -> None:
    """End as for Ctrl+C, but by the exit that leaves the child to be ended too."""
    raise SystemExit(143)


def main() -> int:
    """Do the verb of the command line; returns the exit status."""
    options, rest = arguments().parse_known_args()
    if rest and options.run not in (test, bench):
        arguments().error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    signal.signal(signal.SIGTERM, stop)  # so that the virtual display ends with us
    try:
        return int(options.run(options))
    except (SetupError, OSError) as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dev.py: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
