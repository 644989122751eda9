"""NIfTI and labels made here: exact geometry there and back, what is refused, whole or not at all."""

import errno
import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from app import volume_io
from app.engine.protocol import Token
from app.errors import AppError, BadInput, Cancelled
from app.geometry import Geometry
from app.volume import NiftiCodes, Volume
from app.volume_io import memory
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.labels import sidecar
from app.volume_io.values import finite, rescaled

AFFINE = np.array([[-0.7, 0.1, 0, 90], [0.1, 0.7, 0, -120], [0, 0, 2.5, 33], [0, 0, 0, 1]])
SHEARED = AFFINE @ np.array([[1, 0, 0, 0], [0, 1, 0.3, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def volume(array: np.ndarray | None = None, affine: np.ndarray = AFFINE, codes: NiftiCodes = NiftiCodes()) -> Volume:  # noqa: B008 - frozen
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4) if array is None else array
    return Volume(array, Geometry(array.shape, affine), codes=codes)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "f4"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_what_is_written_comes_back(tmp_path: Path, dtype: str, ending: str) -> None:
    made = volume(np.arange(24).reshape(2, 3, 4).astype(dtype))
    path = tmp_path / f"a{ending}"
    volume_io.write_volume(made, path)
    back = volume_io.read_volume(path)
    assert np.array_equal(back.array, made.array)
    assert back.geometry.matches(made.geometry, 1e-5)
    other = nib.load(path)
    assert np.array_equal(np.asanyarray(other.dataobj).transpose(), made.array)
    assert np.allclose(other.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize("codes", [NiftiCodes(2, 1, 2), NiftiCodes(0, 3, 2), NiftiCodes(4, 0, 0), NiftiCodes(1, 1, 3)])
def test_codes_and_units_are_kept(tmp_path: Path, codes: NiftiCodes) -> None:
    path = tmp_path / "a.nii.gz"
    volume_io.write_volume(volume(codes=codes), path)
    back = volume_io.read_volume(path)
    assert back.codes == codes
    assert back.geometry.matches(volume().geometry, 1e-3)
    header = nib.load(path).header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (codes.sform, codes.qform)
    assert np.linalg.norm(nib.load(path).affine[:3, 2]) == pytest.approx(2500 if codes.units == 3 else 2.5)


@pytest.mark.parametrize("codes", [NiftiCodes(0, 0, 2), NiftiCodes(0, 1, 2)])
def test_a_position_that_the_old_codes_cannot_say_gets_an_sform(tmp_path: Path, codes: NiftiCodes) -> None:
    volume_io.write_volume(volume(affine=SHEARED, codes=codes), tmp_path / "a.nii")
    back = volume_io.read_volume(tmp_path / "a.nii")
    assert back.geometry.matches(volume(affine=SHEARED).geometry, 1e-4)
    assert any("sheared" in note for note in back.notes)


@given(
    st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    st.lists(st.floats(-500, 500), min_size=3, max_size=3),
    st.tuples(*[st.integers(1, 5)] * 3),
)
def test_any_invertible_affine_survives(tmp_path_factory, nine, three, shape) -> None:  # type: ignore[no-untyped-def]
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(nine, (3, 3)) + np.diag([4, 4, 4])
    affine[:3, 3] = three
    try:
        geometry = Geometry(shape, affine)
    except BadInput:
        return
    path = tmp_path_factory.mktemp("any") / "a.nii"
    volume_io.write_volume(Volume(np.zeros(shape, np.uint8), geometry), path)
    assert volume_io.read_volume(path).geometry.matches(geometry, 1e-3)


def test_a_long_side_makes_a_nifti_2(tmp_path: Path) -> None:
    array = np.zeros((1, 1, 40000), np.uint8)
    volume_io.write_volume(volume(array, np.eye(4)), tmp_path / "a.nii.gz")
    assert isinstance(nib.load(tmp_path / "a.nii.gz"), nib.Nifti2Image)
    assert volume_io.read_volume(tmp_path / "a.nii.gz").shape == (1, 1, 40000)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii.gz"
    volume_io.write_volume(volume(), path)
    old = path.read_bytes()
    write = Path.open

    def full(self: Path, mode: str = "r", *rest: object) -> object:
        if "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, mode, *rest)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(AppError, match="No space left"):
        volume_io.write_volume(volume(np.ones((2, 2, 2), np.uint8)), path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.nii.gz"]


def test_a_name_that_is_no_nifti_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a NIfTI name"):
        volume_io.write_volume(volume(), tmp_path / "a.dcm")


def test_labels_come_back_with_their_names(tmp_path: Path) -> None:
    array = np.zeros((2, 3, 4), np.uint8)
    array[0], array[1, 0] = 1, 7
    path = tmp_path / "case.labels.nii.gz"
    names = {1: ("Leber, «links»", (10, 20, 30)), 7: ('a "quoted" name', (255, 0, 1))}
    volume_io.write_labels(path, array, volume().geometry, NiftiCodes(2, 1, 2), names)
    back = volume_io.read_labels(path)
    assert back.labels.dtype == np.uint8
    assert np.array_equal(back.labels, array)
    assert back.geometry.matches(volume().geometry, 1e-5)
    assert back.names == {1: names[1][0], 7: names[7][0]}
    assert back.colours == {1: (10, 20, 30), 7: (255, 0, 1)}
    assert volume_io.read_volume(path).codes == NiftiCodes(2, 1, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "case.labels.json",
        "case.labels.label.txt",
        "case.labels.nii.gz",
    ]
    assert json.loads(sidecar(path).read_text(encoding="utf-8"))["image"] == path.name
    rows = (tmp_path / "case.labels.label.txt").read_text(encoding="utf-8").splitlines()
    assert rows[2].split()[:4] == ["7", "255", "0", "1"]
    assert rows[2].endswith("\"a 'quoted' name\"")


def test_labels_are_read_back_before_they_replace_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii.gz"
    array = np.ones((2, 3, 4), np.uint8)
    volume_io.write_labels(path, array, volume().geometry, NiftiCodes(), {})
    old = path.read_bytes()
    from app.volume_io import labels

    good = labels.write_array
    monkeypatch.setattr(labels, "write_array", lambda p, a, g, c: good(p, a * 2, g, c))
    with pytest.raises(AppError, match="something else"):
        volume_io.write_labels(path, array, volume().geometry, NiftiCodes(), {})
    assert path.read_bytes() == old


def test_a_foreign_json_beside_labels_is_left_alone(tmp_path: Path) -> None:
    volume_io.write_volume(volume(np.ones((2, 2, 2), np.uint8)), tmp_path / "bids.nii.gz")
    (tmp_path / "bids.json").write_text('{"EchoTime": 3}')
    assert volume_io.read_labels(tmp_path / "bids.nii.gz").names == {}


def test_a_header_is_judged_before_memory_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii.gz"
    volume_io.write_volume(volume(np.zeros((300, 300, 300), np.int16)), path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Free", (), {"available": 10_000_000})())
    with pytest.raises(BadInput, match="needs 108 MB of memory and this computer has 10 MB free"):
        volume_io.read_volume(path)


def test_a_time_point_is_read_alone(tmp_path: Path) -> None:
    array = np.arange(48, dtype=np.int16).reshape(4, 3, 2, 2)
    for name in ("a.nii.gz", "a.nii"):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / name)
        second = volume_io.read_volume(tmp_path / name, time=1)
        assert np.array_equal(second.array, array[..., 1].transpose())
        assert any("number 1 is shown" in note for note in second.notes)
        with pytest.raises(BadInput, match="2 time points; number 2 does not exist"):
            volume_io.read_volume(tmp_path / name, time=2)


def test_reading_reports_and_can_be_cancelled(tmp_path: Path) -> None:
    volume_io.write_volume(volume(), tmp_path / "a.nii.gz")
    seen: list[float] = []
    volume_io.read_volume(tmp_path / "a.nii.gz", progress=lambda fraction, what: seen.append(fraction))
    assert seen[-1] == 1.0
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        volume_io.read_volume(tmp_path / "a.nii.gz", token=token)


def test_a_folder_of_images_lists_them(tmp_path: Path) -> None:
    for n, name in enumerate(("b.nii.gz", "a.NII", "sub/c.nrrd", "d.mha")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        array = np.full((2 + n, 3, 4), n, np.uint8)
        if path.suffix.lower() in (".nrrd", ".mha"):
            sitk.WriteImage(sitk.GetImageFromArray(array), path)
        else:
            volume_io.write_volume(volume(array), path)
    (tmp_path / "notes.txt").write_text("not an image")
    found = volume_io.find_series(tmp_path)
    assert [Path(s.key).name for s in found] == ["d.mha", "c.nrrd", "a.NII", "b.nii.gz"]
    assert volume_io.read_volume(tmp_path, 1).intensity_range == (2, 2)


@pytest.mark.parametrize("ending", ["nrrd", "mha", "mhd", "nhdr"])
def test_itk_images_lie_where_itk_has_them(tmp_path: Path, ending: str) -> None:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    image.SetSpacing((0.5, 0.7, 3))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))
    path = tmp_path / f"ünï.{ending}"
    sitk.WriteImage(image, path)
    read = volume_io.read_volume(path)
    for i, j, k in ((0, 0, 0), (4, 3, 2), (1, 2, 0)):
        lps = image.TransformIndexToPhysicalPoint((i, j, k))
        assert read.geometry.world((k, j, i)) == pytest.approx((-lps[0], -lps[1], lps[2]))
        assert read.array[k, j, i] == image.GetPixel(i, j, k)


def test_an_itk_image_that_is_no_grey_volume_or_cut_off_is_refused(tmp_path: Path) -> None:
    colour = sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), np.uint8), isVector=True)
    sitk.WriteImage(colour, tmp_path / "colour.mha")
    with pytest.raises(BadInput, match=r"colour\.mha holds several values"):
        volume_io.read_volume(tmp_path / "colour.mha")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((50, 50, 50), np.uint16)), tmp_path / "whole.mha")
    content = (tmp_path / "whole.mha").read_bytes()
    (tmp_path / "cut.mha").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="not complete"):
        volume_io.read_volume(tmp_path / "cut.mha")
    (tmp_path / "huge.mha").write_bytes(content.replace(b"DimSize = 50 50 50", b"DimSize = 50000 50000 500"))
    with pytest.raises(BadInput, match="not complete"):
        volume_io.read_volume(tmp_path / "huge.mha")


@pytest.mark.parametrize("ending", ["mha", "mhd", "nrrd", "nhdr", "gipl.gz"])
def test_a_changed_byte_in_compressed_voxels_is_noticed_although_itk_does_not(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(0).integers(0, 4000, (20, 30, 40), np.int16)
    path = tmp_path / f"a.{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(noise), path, useCompression=True)
    assert np.array_equal(volume_io.read_volume(path).array, noise)
    data = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(data.read_bytes())
    content[-2000] ^= 0x55
    data.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        volume_io.read_volume(path)
    data.write_bytes(content[:-3000])
    with pytest.raises(BadInput, match=r"damaged|too early"):
        volume_io.read_volume(path)


def test_can_read_looks_at_names_and_first_bytes(tmp_path: Path) -> None:
    volume_io.write_volume(volume(), tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "without ending")
    (tmp_path / "text").write_text("no image")
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "x.NRRD").write_bytes(b"")
    readable = {p.name: volume_io.can_read(p) for p in tmp_path.iterdir()}
    assert readable == {"without ending": True, "text": False, "IM0001": True, "x.NRRD": True}
    assert volume_io.can_read(tmp_path)
    assert not volume_io.can_read(tmp_path / "absent\0.nii")


def test_a_gzip_of_two_members_with_padding_opens(tmp_path: Path) -> None:
    volume_io.write_volume(volume(), tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content[:360]) + gzip.compress(content[360:]) + bytes(512))
    assert np.array_equal(volume_io.read_volume(tmp_path / "b.nii.gz").array, volume().array)


def test_rescaling_takes_the_smallest_exact_type() -> None:
    stored = np.array([[[0, 4095]]], np.uint16)
    assert rescaled(stored.copy(), 1, -1024).dtype == np.int16
    assert rescaled(stored.copy(), 1, 0).dtype == np.uint16
    assert rescaled(stored.copy(), 100, -1).dtype == np.int32
    assert rescaled(stored.copy(), 1e6, 0).dtype == np.float32
    assert rescaled(np.array([[[2**40]]]), 1, 0).dtype == np.int64
    assert rescaled(np.array([[[2**20]]]), 1, 0).dtype == np.int32
    assert rescaled(stored.copy(), -1, 0).tolist() == [[[0, -4095]]]


def test_voxels_that_are_no_numbers_become_the_smallest_one() -> None:
    values, notes = finite(np.array([[[np.nan, -5, np.inf, 3, -np.inf]]], np.float32), "x")
    assert values.tolist() == [[[-5, -5, -5, 3, -5]]]
    assert notes == ("3 voxels were NaN or infinite, shown as the smallest value -5",)
    with pytest.raises(BadInput, match="no numbers"):
        finite(np.full((1, 1, 2), np.nan), "x")


def test_a_list_of_series_leaves_out_what_was_cut_and_unpacks_nothing_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gzip file says at its end how long it is; only where that is another length the stream itself is asked."""
    noise = np.random.default_rng(0).integers(0, 9999, (20, 30, 40)).astype(np.int16)
    path = tmp_path / "a.nii.gz"
    volume_io.write_volume(volume(noise), path)
    content, plain = path.read_bytes(), gzip.decompress(path.read_bytes())
    for short in (content[: len(content) // 2], content[:-9], gzip.compress(plain[:352]), gzip.compress(plain[:-2])):
        path.write_bytes(short)
        with pytest.raises(BadInput, match=r"^a\.nii\.gz"):
            volume_io.find_series(path)
    for longer in (gzip.compress(plain + bytes(100)), gzip.compress(plain[:5000]) + gzip.compress(plain[5000:])):
        path.write_bytes(longer)
        assert volume_io.find_series(path)[0].shape == noise.shape
    path.write_bytes(content)
    monkeypatch.setattr(GzipStream, "skip", lambda *_: pytest.fail("it was unpacked"))
    assert volume_io.find_series(path)[0].shape == noise.shape
