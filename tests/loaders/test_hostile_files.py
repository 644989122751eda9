"""Damaged and hostile files: one sentence or a note, within 10 s, in bounded memory, nothing written."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from app import volume_io
from app.errors import BadInput
from tests.data import ROOT, shared_data

DATA = shared_data()
HOSTILE = DATA / "hostile" if DATA else Path("absent")
ITEMS: dict[str, dict[str, str]] = json.loads((HOSTILE / "expected.json").read_text())["items"] if DATA else {}
needs_data = pytest.mark.skipif(DATA is None, reason="needs the hostile files of shared/data")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")

SECONDS = 10


def probe(paths: list[Path]) -> list[dict[str, Any]]:
    """Each opened in another process whose memory is limited to 1.5 GiB over idle."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.loaders.probe"],
        input=json.dumps([str(p) for p in paths]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    return dict(zip(ITEMS, probe([HOSTILE / name for name in ITEMS]), strict=True))


def check(row: dict[str, Any]) -> None:
    assert "crash" not in row, row
    assert row["seconds"] < SECONDS
    if not row["opens"]:
        assert len(row["message"]) < 250
        assert row["message"].endswith(".")
        assert "Traceback" not in row["message"]


@needs_data
@linux_only
@pytest.mark.parametrize("name", ITEMS)
def test_a_hostile_file_does_what_is_expected(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    row, expect = outcomes[name], ITEMS[name]["expect"]
    check(row)
    stem = Path(name).name
    if not row["opens"] and not name.endswith("/"):
        assert stem in row["message"], "the message names the file"
    if expect in ("opens", "opens as a volume", "opens in the order of the positions"):
        assert row["opens"], row
    elif expect.startswith("clear error"):
        assert not row["opens"], row
    elif expect.startswith(("must not be opened as a regular volume silently", "opens with a visible warning")):
        assert not row["opens"] or row["notes"], row
    elif expect.startswith("scan ends"):
        assert "No images were found" in row["message"]


@needs_data
def test_positions_decide_the_order_and_not_the_instance_numbers() -> None:
    reversed_ = volume_io.read_volume(HOSTILE / "dicom" / "reversed_instance_numbers")
    plain = volume_io.read_volume(HOSTILE / "dicom" / "ok_reference")
    assert np.array_equal(reversed_.array, plain.array)
    assert reversed_.geometry.matches(plain.geometry)


@needs_data
def test_a_description_has_no_line_ends_and_no_name(tmp_path: Path) -> None:
    (series,) = volume_io.find_series(HOSTILE / "dicom" / "name_as_path")
    assert series.description.isprintable()
    assert "evil" not in series.description


@needs_data
def test_a_link_loop_is_walked_once(tmp_path: Path) -> None:
    with tarfile.open(HOSTILE / "archives" / "symlink_loop.tar") as archive:
        archive.extraction_filter = lambda member, _: member  # CPython before 3.11.4 takes no filter as an argument
        archive.extractall(tmp_path)
    (series,) = volume_io.find_series(tmp_path / "loop")
    assert series.shape[0] == 1
    assert not series.notes


@needs_data
def test_a_stream_that_ends_its_decoder_costs_a_sentence(tmp_path: Path) -> None:
    """A precision of 225 bits makes GDCM write past its buffer: the process that decodes dies, not this one."""
    for path in (DATA / "dicom" / "mr_jpeg_lossless").iterdir():
        content = bytearray(path.read_bytes())
        at = content.index(b"\xff\xd8\xff\xc3") + 6
        assert content[at] in range(2, 17)
        content[at] = 225
        (tmp_path / path.name).write_bytes(content)
    with pytest.raises(BadInput, match=r"The pixels of IM-.*could not be read"):
        volume_io.read_volume(tmp_path)
    assert volume_io.read_volume(DATA / "dicom" / "mr_jpeg_lossless").shape == (4, 256, 256)


@needs_data
def test_an_archive_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "traversal.zip"
    shutil.copy(HOSTILE / "archives" / "path_traversal.zip", archive)
    monkeypatch.chdir(tmp_path)
    volume = volume_io.read_volume(archive)
    assert any("pointing outside" in note for note in volume.notes)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["traversal.zip"]


@needs_data
@linux_only
def test_what_is_made_at_test_time_is_survived(tmp_path: Path) -> None:
    maker = [sys.executable, str(HOSTILE / "make_hostile.py"), "--runtime", str(tmp_path)]
    subprocess.run(maker, check=True, capture_output=True)
    names = ["symlink_loop", "junk_2000", "fifo.nii", "unreadable.nii.gz", "sparse_1GiB.nii"]
    for row in probe([tmp_path / name for name in names]):
        check(row)
        assert not row["opens"], row


def small(path: Path, count: int = 8) -> Path:
    nib.save(nib.Nifti1Image(np.arange(count**3, dtype=np.int16).reshape(count, count, count), np.eye(4)), path)
    return path


@pytest.mark.parametrize(
    "name",
    [
        'quote\'s "double" & $HOME; `id` %s.nii.gz',
        "空のファイル 🫀 Ünïcode.nii.gz",
        " leading and trailing .nii.gz",
        "n" * 200 + ".nii.gz",
        "-rf.nii",
        "LOUD.NII.GZ",
        "#hash?query.nii",
    ],
)
def test_any_file_name_opens(tmp_path: Path, name: str) -> None:
    plain = small(tmp_path / ("made.nii" if name.lower().endswith(".nii") else "made.nii.gz"))
    path = plain.rename(tmp_path / name)
    assert volume_io.can_read(path)
    volume = volume_io.read_volume(path)
    assert volume.shape == (8, 8, 8)
    out = tmp_path / ("out " + name[:50].removesuffix(".gz").removesuffix(".nii") + ".nii.gz")
    volume_io.write_volume(volume, out)
    assert np.array_equal(volume_io.read_volume(out).array, volume.array)


def test_a_deep_folder_is_searched(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 20] * 8)
    deep.mkdir(parents=True)
    small(deep / "image.nii.gz")
    (series,) = volume_io.find_series(tmp_path)
    assert series.key.endswith("image.nii.gz")
    assert volume_io.read_volume(tmp_path, series.key).shape == (8, 8, 8)


@linux_only
def test_a_bomb_behind_the_voxels_is_not_unpacked(tmp_path: Path) -> None:
    plain = small(tmp_path / "plain.nii").read_bytes()
    bomb = tmp_path / "bomb.nii.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as file:
        file.write(plain)
        for _ in range(700):
            file.write(bytes(1 << 20))
    (row,) = probe([bomb])
    check(row)
    assert not row["opens"]
    assert "after its last voxel" in row["message"]


@linux_only
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    plain = small(tmp_path / "plain.nii").read_bytes()
    for name, start in (("a.dcm", bytes(128) + b"DICM"), ("b.nii", plain), ("c.bin", b"")):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
            member.write(start)
            for _ in range(500):
                member.write(bytes(1 << 20))
    rows = probe(sorted(tmp_path.glob("*.zip")))
    for row in rows:
        check(row)
        assert not row["opens"]
    assert "no scan is that empty" in rows[0]["message"]
    assert "no scan is that empty" in rows[1]["message"]
    assert "No images" in rows[2]["message"]


def test_a_changed_byte_in_a_gzip_is_noticed(tmp_path: Path) -> None:
    path = small(tmp_path / "a.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 0xFF  # inside the checksum
    path.write_bytes(content)
    with pytest.raises(BadInput, match="checksum"):
        volume_io.read_volume(path)
    path.write_bytes(bytes(content[:-8]))
    with pytest.raises(BadInput, match="too early"):
        volume_io.read_volume(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    try:
        with pytest.raises(BadInput, match="could not be read"):
            volume_io.find_series(folder)
    finally:
        folder.chmod(0o755)


def test_what_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere does not exist"):
        volume_io.find_series(tmp_path / "nowhere")
    assert not volume_io.can_read(tmp_path / "nowhere.nii.gz")
