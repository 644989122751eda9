"""DICOM series made here: order, time, gaps, tilt, looks, archives, what is no image."""

import gc
import shutil
import tarfile
import warnings
import zipfile
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import RLELossless

from app import volume_io
from app.engine.protocol import Token
from app.errors import BadInput, Cancelled
from app.volume_io import regular_grid
from tests.unit.made_dicom import numbers, save, slice_of, stack


def said(notes: tuple[str, ...], words: str) -> bool:
    return any(words in note for note in notes)


def test_slices_are_ordered_by_position_and_placed_in_ras(tmp_path: Path) -> None:
    array = numbers()
    slices = stack(array, PixelSpacing=[3, 0.5])
    for n, ds in enumerate(slices):
        ds.InstanceNumber = 99 - n
    volume = volume_io.read_volume(save(tmp_path, slices[::-1]))
    assert np.array_equal(volume.array, array)
    assert volume.geometry.spacing == pytest.approx((2, 3, 0.5))
    assert volume.geometry.orientation == "LPS"
    assert volume.geometry.world((1, 2, 4)) == pytest.approx((-2, -6, 2))
    assert (volume.modality, volume.description, volume.notes) == ("CT", "Made", ())
    assert volume.source.path == str(tmp_path)


def test_an_integral_rescale_stays_exact_and_a_fraction_becomes_a_float(tmp_path: Path) -> None:
    array = numbers(dtype="<u2")
    whole = volume_io.read_volume(save(tmp_path / "a", stack(array, RescaleSlope=2, RescaleIntercept=-1024)))
    assert whole.array.dtype == np.int16
    assert np.array_equal(whole.array, array.astype(int) * 2 - 1024)
    part = volume_io.read_volume(save(tmp_path / "b", stack(array, RescaleSlope=0.1, RescaleIntercept=0)))
    assert part.array.dtype == np.float32
    assert part.array == pytest.approx(array * 0.1)


def test_slices_may_be_rescaled_each_in_its_own_way(tmp_path: Path) -> None:
    array = numbers()
    slices = stack(array)
    for k, ds in enumerate(slices):
        ds.RescaleSlope = k + 0.5
    volume = volume_io.read_volume(save(tmp_path, slices))
    assert volume.array == pytest.approx(array * (np.arange(5) + 0.5)[:, None, None])


def test_white_for_low_values_is_turned_round_and_said(tmp_path: Path) -> None:
    array = numbers(dtype="<u2")
    volume = volume_io.read_volume(
        save(tmp_path, stack(array, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11))
    )
    assert np.array_equal(volume.array, 4095 - array.astype(int))
    assert said(volume.notes, "MONOCHROME1")


def test_several_images_at_each_place_are_time_points(tmp_path: Path) -> None:
    array = numbers((3, 4, 4))
    slices = [
        slice_of(plane + 100 * time, (0, 0, 2 * k), 1 + time + 3 * k)
        for k, plane in enumerate(array)
        for time in range(3)
    ]
    folder = save(tmp_path, slices)
    (series,) = volume_io.find_series(folder)
    assert series.times == 3
    for time in range(3):
        assert np.array_equal(volume_io.read_volume(folder, time=time).array, array + 100 * time)
    with pytest.raises(BadInput, match="3 time points"):
        volume_io.read_volume(folder, time=3)


def test_copies_of_a_file_are_left_out_and_said(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(numbers()))
    shutil.copy(folder / "0002.dcm", folder / "copy.dcm")
    volume = volume_io.read_volume(folder)
    assert volume.shape == (5, 6, 7)
    assert said(volume.notes, "1 file is a copy")


def test_two_planes_in_one_series_are_two_images(tmp_path: Path) -> None:
    sagittal = [
        slice_of(plane, (3.0 * k, 0, 0), 20 + k, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
        for k, plane in enumerate(numbers((4, 6, 7)) + 1000)
    ]
    folder = save(tmp_path, stack(numbers()) + sagittal)
    series = volume_io.find_series(folder)
    assert [s.shape[0] for s in series] == [5, 4]
    assert series[1].key == series[0].key + "#2"
    assert said(series[0].notes, "2 images")
    second = volume_io.read_volume(folder, series[1].key)
    assert second.geometry.orientation == "PIR" or second.geometry.orientation == "PIL"
    assert second.array.min() == 1000
    assert said(volume_io.read_volume(folder).notes, "the largest of 2 series")


def test_a_series_is_chosen_by_number_or_key_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(numbers()))
    key = volume_io.find_series(folder)[0].key
    assert volume_io.read_volume(folder, 0).source.series == key
    assert volume_io.read_volume(folder, key).shape == (5, 6, 7)
    with pytest.raises(BadInput, match=r"no series 1\.2\.3"):
        volume_io.read_volume(folder, "1.2.3")
    with pytest.raises(BadInput, match="number 7 does not exist"):
        volume_io.read_volume(folder, 7)


def test_without_positions_the_numbers_decide_and_it_is_said(tmp_path: Path) -> None:
    slices = [slice_of(plane, None, 9 - k) for k, plane in enumerate(numbers())]
    volume = volume_io.read_volume(save(tmp_path, slices))
    assert np.array_equal(volume.array, numbers()[::-1])
    assert said(volume.notes, "no valid position")


def test_a_colour_cine_loop_is_a_stack_of_brightness(tmp_path: Path) -> None:
    frames = np.zeros((4, 8, 9, 3), np.uint8)
    frames[..., 1] = np.arange(4)[:, None, None] * 50
    ds = slice_of(
        frames[0, ..., 0],
        None,
        Modality="US",
        NumberOfFrames=4,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        PixelData=frames.tobytes(),
        PixelSpacing=None,
        ImageOrientationPatient=None,
    )
    region = Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, 0.03
    ds.SequenceOfUltrasoundRegions = [region]
    volume = volume_io.read_volume(save(tmp_path, [ds]))
    assert volume.shape == (4, 8, 9)
    assert np.array_equal(volume.array[:, 0, 0], np.rint(0.587 * np.arange(4) * 50))
    assert volume.geometry.spacing[1:] == pytest.approx((0.3, 0.2))
    assert said(volume.notes, "brightness")
    assert said(volume.notes, "cine loop")


def test_compressed_slices_open_as_the_plain_ones(tmp_path: Path) -> None:
    slices = stack(numbers())
    for ds in slices:
        ds.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(volume_io.read_volume(save(tmp_path, slices)).array, numbers())


def test_one_file_opens_the_series_beside_it(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(numbers()))
    other = slice_of(numbers()[0], (0, 0, 0), SeriesInstanceUID="1.2.3.4")
    other.save_as(folder / "other.dcm", enforce_file_format=True)
    volume = volume_io.read_volume(folder / "0003.dcm")
    assert volume.shape == (5, 6, 7)
    assert said(volume.notes, "whole series of 0003.dcm")
    assert volume_io.read_volume(folder / "other.dcm").shape == (1, 6, 7)


def test_a_dicomdir_leads_to_its_files_and_to_nothing_outside(tmp_path: Path) -> None:
    files = FileSet()
    for ds in stack(numbers()):
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.SeriesNumber = "20200101", "120000", "1", 1
        files.add(ds)
    files.write(tmp_path / "disc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pydicom leaves its temporary folder to the collector
        del files
        gc.collect()
    stray = save(tmp_path / "disc" / "stray", [slice_of(numbers()[0], (0, 0, 0), SeriesInstanceUID="1.2.3.4")])
    assert stray.exists()
    assert volume_io.can_read(tmp_path / "disc" / "DICOMDIR")
    (series,) = volume_io.find_series(tmp_path / "disc" / "DICOMDIR")
    assert series.shape == (5, 6, 7)
    assert np.array_equal(volume_io.read_volume(tmp_path / "disc" / "DICOMDIR").array, numbers())
    shutil.rmtree(stray)
    assert [found.readable for found in volume_io.find_series(tmp_path / "disc")] == [True]  # itself it is no series
    for path in (tmp_path / "disc").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    with pytest.raises(BadInput, match="No images were found"):
        volume_io.find_series(tmp_path / "disc")


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_an_archive_opens_like_its_folder(tmp_path: Path, ending: str) -> None:
    folder = save(tmp_path / "in", stack(numbers()))
    archive = tmp_path / f"scan{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in folder.iterdir():
                file.write(path, f"deep/er/{path.name}")
            file.writestr("deep/readme.txt", "not an image")
    else:
        with tarfile.open(archive, "w:gz" if ending.endswith("gz") else "w") as file:
            file.add(folder, "deep")
    assert volume_io.can_read(archive)
    volume = volume_io.read_volume(archive)
    assert np.array_equal(volume.array, numbers())
    assert volume.source.path == str(archive)


def test_what_is_no_image_is_listed_with_its_reason(tmp_path: Path) -> None:
    report = slice_of(numbers()[0], None, Modality="SR", SeriesInstanceUID="1.2.9")
    del report.PixelData, report.Rows, report.Columns, report.PixelRepresentation
    folder = save(tmp_path, [*stack(numbers()), report])
    image, other = volume_io.find_series(folder)
    assert image.readable
    assert not other.readable
    assert "structured report" in other.reason
    with pytest.raises(BadInput, match="structured report"):
        volume_io.read_volume(folder, other.key)
    with pytest.raises(BadInput, match="structured report"):
        other.thumbnail()


def test_a_damaged_slice_costs_its_slice_and_a_note(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(numbers((6, 64, 64))))
    path = folder / "0003.dcm"
    path.write_bytes(path.read_bytes()[:-3000])
    volume = volume_io.read_volume(folder)
    assert volume.shape == (6, 64, 64)
    assert said(volume.notes, "could not be used: 0003.dcm is cut off")
    assert said(volume.notes, "1 slice is missing")


def test_no_patient_name_leaves_the_loader(tmp_path: Path) -> None:
    slices = stack(numbers(), SeriesDescription="Head of nobody, known case")
    folder = save(tmp_path, slices)
    (series,) = volume_io.find_series(folder)
    text = repr(series) + repr(volume_io.read_volume(folder).notes)
    assert "nobody" not in text.lower()
    assert "known" not in text.lower()
    assert series.description.startswith("Head of")


def test_a_thumbnail_is_the_middle_slice_in_grey(tmp_path: Path) -> None:
    array = np.zeros((5, 300, 200), np.int16)
    array[2, 100:200] = 1000
    picture = volume_io.find_series(save(tmp_path, stack(array)))[0].thumbnail(100)
    assert picture.shape == (100, 67)
    assert picture.dtype == np.uint8
    assert picture[50].min() == 255
    assert picture[10].max() == 0


def test_loading_reports_and_can_be_cancelled(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(numbers((40, 4, 4))))
    seen: list[float] = []
    volume_io.read_volume(folder, progress=lambda fraction, what: seen.append(fraction))
    assert seen[-1] == 1.0
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        volume_io.read_volume(folder, token=token)


def test_an_enhanced_object_made_by_highdicom_opens_in_its_place(tmp_path: Path) -> None:
    """A legacy converted enhanced CT: one multi-frame object of the same slices."""
    array = numbers(dtype="<i2")
    slices = stack(array, step=2.5, PatientID="1", StudyID="1", StudyDate="20200101", StudyTime="120000")
    for ds in slices:
        ds.ImageType, ds.AccessionNumber, ds.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "", "None"
        ds.PatientBirthDate, ds.PatientSex, ds.ReferringPhysicianName, ds.SeriesNumber = "", "", "", 1
        ds.ContentDate, ds.ContentTime, ds.SliceThickness = "20200101", "120000", 2.5
        ds.BitsStored, ds.HighBit, ds.LossyImageCompression, ds.BodyPartExamined = 16, 15, "00", "CHEST"
    one = highdicom.legacy.LegacyConvertedEnhancedCTImage(
        slices, pydicom.uid.generate_uid(), 1, pydicom.uid.generate_uid(), 1
    )
    volume = volume_io.read_volume(save(tmp_path, [one]))
    assert np.array_equal(volume.array, array)
    assert volume.geometry.spacing == pytest.approx((2.5, 1, 1))
    assert volume.geometry.world((4, 0, 0)) == pytest.approx((0, 0, 10))


def test_a_drawing_in_the_spare_bits_is_not_taken_for_voxels(tmp_path: Path) -> None:
    array = numbers(dtype="<u2")
    slices = stack(array | 0x8000, BitsStored=12, HighBit=11)
    for ds in slices:
        ds.add_new((0x6000, 0x0102), "US", 15)
    assert np.array_equal(volume_io.read_volume(save(tmp_path, slices)).array, array)


@given(
    tilt=st.floats(-25, 25),
    aside=st.floats(-8, 8),
    gaps=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=3, max_size=6),
    slope=st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)),
)
def test_resampling_keeps_a_ramp_where_it_lies(
    tilt: float, aside: float, gaps: list[float], slope: tuple[float, float, float]
) -> None:
    """A function linear in space has to come out of the linear resampling unchanged, at each voxel's own place."""
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
    z = np.concatenate(([0.0], np.cumsum(gaps)))
    positions = np.stack((np.radians(aside) * z, np.zeros_like(z), z), 1)
    spacing, shape = (0.5, 0.7), (20, 24)
    j, i = np.mgrid[: shape[0], : shape[1]]
    places = (
        positions[:, None, None] + row * (i * spacing[1])[None, ..., None] + column * (j * spacing[0])[None, ..., None]
    )
    lps = np.array(slope)
    plan = regular_grid.plan(positions, (*row, *column), spacing, shape)
    out = plan.apply(places @ lps + 1000)
    k, jj, ii = np.meshgrid(*(np.arange(n) for n in out.shape), indexing="ij")
    world = plan.geometry.world(np.stack((k, jj, ii), -1))
    expected = world @ (lps * (-1, -1, 1)) + 1000
    inside = _inside(plan, positions, row, column, spacing, shape, world * (-1, -1, 1))
    assert inside.any()
    # A shift under a thousandth of a pixel is none, and one under half a pixel over the whole stack is kept
    assert np.abs(out - expected)[inside].max() < (1e-2 if plan.resamples else 0.5 * np.abs(lps).sum() + 1e-6)


def _inside(plan, positions, row, column, spacing, shape, lps):
    """Voxels whose both neighbouring stored slices cover them with all four pixels."""
    normal = np.cross(row, column)
    along = (positions - positions[0]) @ normal
    depth = (lps - positions[0]) @ normal
    ok = (depth > along[0] - 1e-6) & (depth < along[-1] + 1e-6)
    for n in range(len(positions)):
        away = lps - positions[n]
        covered = np.ones(depth.shape, bool)
        for axis, step, count in ((column, spacing[0], shape[0]), (row, spacing[1], shape[1])):
            at = away @ axis / step
            covered &= (at > -1e-6) & (at < count - 1 + 1e-6)
        low = along[n - 1] if n else -np.inf
        high = along[n + 1] if n + 1 < len(along) else np.inf
        needed = (depth > low + 1e-6) & (depth < high - 1e-6)
        ok &= covered | ~needed
    return ok
