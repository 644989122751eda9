"""Writes requirements/locked/: the pins of requirements/ with the sha256 of each file that the index offers of them.

`python3 requirements/lock.py` after a pin was changed. dev.py installs from the locked files (pip --require-hashes), so
that a file that was exchanged on an index, or on the way, is refused. torch-cpu.txt is kept by hand: its file is in an
index that not every machine reaches.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOL = "uv==0.13.9"
HEAD = "# Made by requirements/lock.py from {name}: change that file, then run it again.\n"


def lock(name: str, tool: Path) -> Path:
    """Write the locked form of one file; returns its path."""
    command = [tool, "pip", "compile", "--quiet", "--no-deps", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", HERE / name]
    hashed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    path = HERE / "locked" / name
    path.write_text(HEAD.format(name=name) + hashed, encoding="utf-8", newline="\n")
    return path


def main() -> int:
    """Lock every file of requirements/."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", TOOL], check=True)
        for source in sorted(HERE.glob("*.txt")):
            print(lock(source.name, programs / "uv").relative_to(HERE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
