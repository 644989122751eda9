"""`python -m bundling bundle|installer|compare`: run by `dev.py`, inside .venv and with packaging/ on the path."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from bundling import compare, freeze, recipe, sizes

_NO_CUDA = "This .venv holds torch without CUDA. In a clone of its own, run: python3 dev.py bundle --cuda"
_ELSEWHERE = "On this system the steps of .github/workflows/installers.yml make the installer from the bundle."


def main() -> int:
    """Do the verb; returns the exit status."""
    parser = argparse.ArgumentParser(prog="bundling")
    parser.add_argument("verb", choices=("bundle", "installer", "compare"))
    parser.add_argument("folders", nargs="*", type=Path, help="compare: the two bundles")
    parser.add_argument("--cuda", action="store_true")
    options = parser.parse_args()
    if options.verb == "compare":
        text, expected = compare.report(*options.folders)
        print(text)
        return 0 if expected else 1
    flavour = "cuda" if options.cuda else "cpu"
    return bundle(flavour) if options.verb == "bundle" else installer(flavour)


def bundle(flavour: str) -> int:
    """Build, weigh and try a bundle, and write what must be told of its parts."""
    if flavour == "cuda" and metadata.version("torch").endswith("+cpu"):
        print(_NO_CUDA, file=sys.stderr)
        return 1
    folder = freeze.bundle(flavour)
    print(sizes.report(folder, flavour), flush=True)
    test = subprocess.run([folder / recipe.console(sys.platform), "self-test"], check=False).returncode
    licences = subprocess.run([sys.executable, freeze.PACKAGING / "licences", folder], check=False).returncode
    return test or licences


def installer(flavour: str) -> int:
    """Make Linux's installers of the bundle that is there."""
    folder = freeze.ROOT / "dist" / recipe.folder_name(flavour)
    if not folder.is_dir():
        print(f"{folder} is not there: run python3 dev.py bundle first", file=sys.stderr)
        return 1
    if sys.platform != "linux":
        print(_ELSEWHERE, file=sys.stderr)
        return 1
    import linux

    for path in linux.installers(folder, flavour, folder.parent):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
