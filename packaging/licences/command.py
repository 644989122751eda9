"""Writes THIRD_PARTY_NOTICES.txt and sbom.cdx.json of a bundle, and refuses one that may not be given on.

With --environment it speaks of what requirements/run.txt installs instead, for those who run from source.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from licences import inventory, sbom
from licences.check import findings
from licences.component import Inventory
from licences.notices import notices

ROOT = Path(__file__).resolve().parents[2]
NOTICES, BILL = "THIRD_PARTY_NOTICES.txt", "sbom.cdx.json"


def write(found: Inventory, out: Path, *, given_on: bool, libraries: str = "_internal") -> list[str]:
    """Write both files into `out`; returns what is wrong, the bill's own faults among it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    document = sbom.bill(found, version, moment())
    out.mkdir(parents=True, exist_ok=True)
    (out / NOTICES).write_text(notices(found, version, libraries), "utf-8", newline="\n")
    (out / BILL).write_text(document, "utf-8", newline="\n")
    return [*findings(found, given_on=given_on), *sbom.faults(document)]


def _libraries(bundle: Path | None) -> str:
    return "Volumask.app/Contents/Frameworks" if bundle and bundle.suffix == ".app" else "_internal"


def _papers(bundle: Path) -> Path:
    """Where they lie in the bundle; nothing may lie beside Contents in a signed .app."""
    return bundle / "Contents" / "Resources" if bundle.suffix == ".app" else bundle


def moment() -> int:
    """SOURCE_DATE_EPOCH, or else the time of the commit that is checked out; 0 without either."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(asked.stdout.strip() or 0)


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 when something may not be given on."""
    parser = argparse.ArgumentParser(prog="licences", description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path, help="folder made by PyInstaller, or a .app")
    parser.add_argument("--environment", action="store_true", help="what requirements/run.txt installs, instead")
    parser.add_argument("--out", type=Path, help="folder to write to; the bundle itself when not given")
    options = parser.parse_args(arguments)
    if bool(options.bundle) == options.environment or (options.environment and not options.out):
        parser.error("name a bundle, or --environment and --out")
    if options.bundle and not options.bundle.is_dir():
        parser.error(f"{options.bundle} is not a folder")
    if options.environment:
        found = inventory.of_environment(ROOT / "requirements" / "run.txt")
    else:
        found = inventory.of_bundle(options.bundle)
    out = options.out or _papers(options.bundle)
    wrong = write(found, out, given_on=not options.environment, libraries=_libraries(options.bundle))
    for line in wrong:
        print(f"licences: {line}", file=sys.stderr)
    print(f"licences: {len(found.components)} parts, {len(wrong)} findings; {out / NOTICES}, {out / BILL}")
    return 1 if wrong else 0
