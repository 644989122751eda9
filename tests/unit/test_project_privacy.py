"""No name or identifier of the input's header in any byte that the program wrote: logs, crash report, exports, caches.

The recovery file is the case itself: it names the scan (its path, and which series of it), and nothing else of it.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.errors import BadInput
from app.ui.discretion import DiscreetFormatter, without_paths
from tests.data import ROOT, shared
from tests.unit import made_dicom

NAME = "Zwergenhuber^Kunigunde^von"
MADE = {
    "PatientName": NAME,
    "PatientID": "PID-7731904",
    "PatientBirthDate": "19370214",
    "OtherPatientIDs": "OLD-5520017",
    "PatientAddress": "Lindenallee 99, Hintertupfing",
    "AccessionNumber": "ACC-2209931",
    "ReferringPhysicianName": "Quacksalber^Eusebius",
    "OperatorsName": "Knipser^Adelgunde",
    "InstitutionName": "Klinikum Hintertupfing",
    "StudyID": "STUDY-41877",
    "DeviceSerialNumber": "SER-884213",
    "StudyDescription": "Follow-up of Zwergenhuber",
    "SeriesDescription": "Abdomen Zwergenhuber K",
}
PRIVATE = (
    *MADE,
    "PatientTelephoneNumbers",
    "PhysiciansOfRecord",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
)
UIDS = ("StudyInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "SeriesInstanceUID")
TELLING_NOTHING = {"head", "thorax", "abdomen", "follow", "test", "none", "unknown", "philips", "siemens"}


def secrets(scan: Path) -> tuple[set[str], set[str]]:
    """Of every header: words and numbers of the person, and UIDs."""
    words, uids = set[str](), set[str]()
    for path in (one for one in scan.rglob("*") if one.is_file()):
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        values = [str(header[key].value) for key in PRIVATE if key in header and header[key].value]
        parts = {part for value in values for part in (value, *value.replace("^", " ").replace("=", " ").split())}
        words |= {part for part in parts if len(part) >= (7 if part.isdigit() else 5)}
        uids |= {str(header[key].value) for key in UIDS if key in header}
    return {word for word in words if word.lower() not in TELLING_NOTHING}, uids


def spellings(word: str) -> Iterator[bytes]:
    for encoding in ("utf-8", "utf-16-le", "latin-1", "iso2022_jp", "unicode_escape"):
        try:
            yield word.encode(encoding)
        except UnicodeEncodeError:
            continue


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """The bytes of a file, and of what is packed in it."""
    data = path.read_bytes()
    yield path.name, data
    if data[:2] == b"\x1f\x8b":
        yield f"{path.name} unpacked", gzip.decompress(data)
    if data[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            yield from ((f"{path.name}:{name}", archive.read(name)) for name in archive.namelist())


def leaks(folder: Path, words: set[str]) -> list[str]:
    found = []
    for path in (one for one in folder.rglob("*") if one.is_file()):
        names = [(f"the name of {path.name}", str(path.relative_to(folder)).encode()), *contents(path)]
        found += [f"{word!r} in {where}" for where, data in names for word in words if _holds(data, word)]
    return found


def _holds(data: bytes, word: str) -> bool:
    return any(spelling in data for spelling in spellings(word))


class Job:
    """The script's process in a home of its own."""

    def __init__(self, root: Path, scan: Path) -> None:
        self.scan = scan
        self.home, self.out, self.recovery, self.logs = (root / n for n in ("home", "out", "recovery", "logs"))
        for folder in (self.home, self.out):
            folder.mkdir()
        xdg = {f"XDG_{name}_HOME": str(self.home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
        own = {
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PYTHONPATH": str(ROOT),
            "QT_QPA_PLATFORM": "offscreen",
        }
        script = [sys.executable, str(Path(__file__).with_name("private_job.py"))]
        arguments = [str(path) for path in (scan, self.out, self.recovery, self.logs)]
        self.ended = subprocess.run(
            [*script, *arguments], env={**os.environ, **xdg, **own}, cwd=self.home, capture_output=True, text=True
        )
        assert self.ended.returncode == 0, self.ended.stderr[-3000:]

    def written_elsewhere(self) -> list[str]:
        """Paths written outside the job's own folders; devices and shared memory of voxels are none."""
        mine = tuple(
            str(p) for p in (self.home, self.out, self.recovery, self.logs, self.scan.parent, "/dev/", "/proc/")
        )
        paths = [str(self.home / line) for line in self.ended.stdout.splitlines()]
        return [path for path in paths if not path.startswith(mine) and "__pycache__" not in path]


def check(job: Job, words: set[str], uids: set[str]) -> None:
    (case,) = job.recovery.glob("*.volumask")
    with zipfile.ZipFile(case) as archive:
        value = json.loads(archive.read("case.json"))
    where = {value["source"].pop(key) for key in ("path", "series")} | {value.pop("beside")}
    assert str(job.scan) in where
    assert leaks(job.logs, words | uids) == []
    assert leaks(job.home, words | uids) == []
    assert leaks(job.out, words) == []
    assert not [word for word in words | uids if _holds(json.dumps(value, ensure_ascii=False).encode(), word)]
    assert job.written_elsewhere() == []
    log = (job.logs / "volumask.log").read_text(encoding="utf-8")
    assert log.count("an error that nobody caught") == 4
    assert (job.out / "crash.txt").read_text(encoding="utf-8").count("private_job.py") >= 2
    assert len(list(job.out.iterdir())) >= 9


@pytest.mark.parametrize("charset", ["latin", "japanese"])
def test_made_series(tmp_path: Path, charset: str) -> None:
    fields = dict(MADE)
    if charset == "japanese":
        fields |= {
            "SpecificCharacterSet": "ISO_IR 192",
            "PatientName": "Yamada^Tarou=山田山田山^太郎=やまだやま^たろう",
        }
    voxels = np.random.default_rng(0).integers(0, 200, (12, 40, 40)).astype("<i2")
    voxels[3:9, 10:30, 10:30] += 600
    person = NAME.replace("^", " ") if charset == "latin" else "山田山田山 太郎"
    scan = made_dicom.save(tmp_path / "scans" / person, made_dicom.stack(voxels, **fields))
    words, uids = secrets(scan)
    assert len(words) >= 20
    assert len(uids) >= 4
    check(Job(tmp_path, scan), words, uids)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["siemens_mr_sagittal_prone_HFP", "philips_mr_enhanced", "names_charsets/chrFren.dcm"])
def test_real_series(tmp_path: Path, name: str) -> None:
    source, scan = shared("dicom", name), tmp_path / "scans" / "series"
    if source.is_dir():
        shutil.copytree(source, scan)
    else:
        scan.mkdir(parents=True)
        shutil.copy(source, scan)
    words, uids = secrets(scan)
    assert words
    check(Job(tmp_path, scan), words, uids)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no such file: '/data/Smith John/a b.dcm'", "no such file: '…'"),
        ('no such file: "C:\\Scans\\Smith John\\a.dcm"', 'no such file: "…"'),
        ("cannot open /data/Smith John/a.dcm for reading", "cannot open … for reading"),
        ("cannot open \\\\server\\Smith\\a.dcm", "cannot open …"),
        ("answered 3 prompts in 0.012 s, 4 and/or 5 mm/s", "answered 3 prompts in 0.012 s, 4 and/or 5 mm/s"),
    ],
)
def test_paths_are_cut_and_other_words_stay(text: str, told: str) -> None:
    assert without_paths(text) == told


def test_an_exception_keeps_its_frames_and_loses_what_may_quote_the_patient() -> None:
    path = Path("/data/Smith/Smith.dcm")
    try:
        try:
            raise ValueError(f"in {path}")
        except ValueError as cause:
            raise BadInput(f"{path.name} is damaged.") from cause
    except BadInput as error:
        text = DiscreetFormatter().formatException((BadInput, error, error.__traceback__))
    assert "Smith" not in text
    assert text.count('File "') == 2
    assert "ValueError: in …" in text
    assert text.endswith("BadInput: …")


def test_the_words_of_libraries_are_left_out_of_the_log() -> None:
    record = logging.LogRecord("pydicom", logging.WARNING, "", 1, "Invalid value %r", ("Smith",), None)
    line = DiscreetFormatter().format(record)
    assert "pydicom" in line
    assert "Smith" not in line
