"""`CleanRoot`: a Debian without Python, made by debootstrap; packages are installed and programs run by chroot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

USER = 1000
HOME = "/home/Jürgen"
_INSIDE = """
mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/dev/shm" && mount -t proc proc "$1/proc" || exit 125
root=$1 user=$2
shift 2
exec chroot --userspec="$user" "$root" "$@"
"""
"""In mount and process spaces of its own, so that nothing stays mounted and nothing stays running."""

_CHANGES = (
    "proc",
    "dev",
    "sys",
    "tmp",
    "run",
    "var/lib/dpkg",
    "var/lib/apt",
    "var/cache",
    "var/log",
    "etc/ld.so.cache",
)
"""Below these, files come and go whatever is installed."""


class CleanRoot:
    """A root folder.

    Args:
        folder: Where it is; `make` fills it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def home(self) -> Path:
        """The user's home folder, as seen from here."""
        return self.folder / HOME.lstrip("/")

    def make(self) -> None:
        """A minimal Debian of this computer's own release and mirror, or a copy of the one in VOLUMASK_CLEAN_ROOT."""
        ready = os.environ.get("VOLUMASK_CLEAN_ROOT")
        if ready:
            subprocess.run(["cp", "-a", "--reflink=auto", f"{ready}/.", str(self.folder)], check=True)
        else:
            command = ["debootstrap", "--variant=minbase", _release(), str(self.folder), _mirror()]
            subprocess.run(command, check=True, capture_output=True)
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copyfile(f"/{name}", self.folder / name)
        self.home.mkdir(parents=True, exist_ok=True)
        os.chown(self.home, USER, USER)

    def install(self, *packages: str) -> None:
        """By apt-get, from the mirror."""
        options = ["-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root", "-o", "Dpkg::Use-Pty=0"]
        self.run("apt-get", "update")
        self.run("apt-get", *options, "install", *packages, DEBIAN_FRONTEND="noninteractive")

    def command(self, *words: str, user: int = 0) -> list[str]:
        """What runs these words inside."""
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE, "inside"]
        return [*own, str(self.folder), f"{user}:{user}", *words]

    def run(self, *words: str, user: int = 0, **environment: str) -> str:
        """Run to the end; gives what was printed.

        Raises:
            AssertionError: with all that was said, when the status is not 0.
        """
        command = self.command(*words, user=user)
        told = subprocess.run(command, env=self.environment(**environment), capture_output=True, text=True, check=False)
        assert told.returncode == 0, f"{words}: status {told.returncode}\n{told.stdout}\n{told.stderr}"
        return told.stdout

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of ours but what is given."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": HOME, "LANG": "C.UTF-8", **more}

    def files(self) -> set[str]:
        """Every file and folder that an installation answers for."""
        found: set[str] = set()
        for folder, folders, names in os.walk(self.folder):
            here = Path(folder).relative_to(self.folder).as_posix()
            folders[:] = [name for name in folders if not _changes(f"{here}/{name}".removeprefix("./"))]
            found |= {f"{here}/{name}".removeprefix("./") for name in (*folders, *names)}
        return {name for name in found if not _changes(name)}

    def pythons(self) -> list[str]:
        """Whatever could run Python."""
        places = [self.folder / place for place in ("usr/bin", "usr/local/bin", "bin")]
        return [str(path) for place in places if place.is_dir() for path in place.glob("python*")]


def _changes(name: str) -> bool:
    return any(name == part or name.startswith(f"{part}/") for part in (*_CHANGES, HOME.lstrip("/")))


def missing() -> list[str]:
    """What a clean root needs here and does not find."""
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    lacking = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name)]
    return lacking if os.geteuid() == 0 else [*lacking, "root's rights"]


def _release() -> str:
    facts = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return facts["VERSION_CODENAME"].strip('"')


def _mirror() -> str:
    """The first address in apt's lists of the archive that has this release's base."""
    texts: Iterable[Path] = [*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("debian*")]
    found = [line for path in texts for line in path.read_text().splitlines() if not line.startswith("#")]
    return next(re.findall(r"https?://\S+", line)[0] for line in found if "http" in line and "security" not in line)
