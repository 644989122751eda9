"""Statistics and agreement: known shapes, and second implementations."""

import csv
import io

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes, mesh_surface_area, regionprops

from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment
from app.geometry import Geometry
from app.measure import agreement, tables
from app.measure.area import surface_area
from app.measure.statistics import statistics
from app.segmentation import Segment
from app.volume import Volume
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_label_import import image_of

SHAPE = (40, 50, 60)
LIVER = Segment(1, "Liver", (1, 2, 3))


def ball(radius_mm: float, spacing=(1.0, 1.0, 1.0), shape=SHAPE) -> np.ndarray:
    centre = np.array(shape) // 2
    offsets = [(np.arange(n) - c) * s for n, c, s in zip(shape, centre, spacing, strict=True)]
    k, j, i = np.meshgrid(*offsets, indexing="ij")
    return k**2 + j**2 + i**2 <= radius_mm**2


def lump(seed: int, shape=SHAPE) -> np.ndarray:
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    return noise > np.percentile(noise, 92)


def volume_of(affine: np.ndarray, modality="CT") -> Volume:
    values = np.random.default_rng(5).normal(60, 25, SHAPE).astype(np.float32)
    return Volume(values, Geometry(SHAPE, affine), modality=modality)


def measured(mask: np.ndarray, volume: Volume, **interval):
    return statistics(volume, mask.astype(np.uint8), [LIVER], interval.get("intervals"))[0]


def test_a_ball_measures_what_a_ball_measures():
    volume = volume_of(np.diag([1.0, 1.0, 1.0, 1.0]))
    found = measured(ball(17.3), volume)
    assert found.ml == pytest.approx(4 / 3 * np.pi * 17.3**3 / 1000, rel=0.01)
    assert found.surface_cm2 == pytest.approx(4 * np.pi * 17.3**2 / 100, rel=0.01)
    assert found.diameters.longest == pytest.approx(2 * 17.3, abs=1.2)
    assert found.diameters.axial == pytest.approx(2 * 17.3, abs=1.2)
    assert found.diameters.across == pytest.approx(2 * 17.3, abs=1.5)
    assert abs(found.diameters.axial_slice - 20) <= 1
    assert found.unit == "HU"


@pytest.mark.parametrize("radius", [6.0, 10.0, 15.0])
@pytest.mark.parametrize(
    ("spacing", "within"), [((1.0, 1.0, 1.0), 0.03), ((2.0, 0.9, 0.8), 0.03), ((5.0, 0.7, 0.7), 0.06)]
)
def test_the_area_of_balls_in_voxels_of_all_kinds(radius, spacing, within):
    shape = tuple(int(2 * radius / step) + 5 for step in spacing)
    grid = Geometry(shape, np.diag([*spacing[::-1], 1.0]))
    found = surface_area(ball(radius, spacing, shape), grid.region, grid)
    assert found == pytest.approx(4 * np.pi * radius**2, rel=within)


@pytest.mark.parametrize("affine", [OBLIQUE, turned("PIL", (1.1, 0.7, 2.3))])
def test_lengths_are_millimetres_in_every_grid(affine):
    volume = volume_of(affine)
    found = measured(ball(14.0, volume.geometry.spacing), volume)
    assert found.ml == pytest.approx(4 / 3 * np.pi * 14**3 / 1000, rel=0.02)
    assert found.surface_cm2 == pytest.approx(4 * np.pi * 14**2 / 100, rel=0.03)
    assert found.diameters.longest == pytest.approx(28, abs=2.4)


def test_intensities_are_those_of_simpleitk():
    volume, mask = volume_of(OBLIQUE), lump(1)
    found = measured(mask, volume)
    itk = SimpleITK.LabelStatisticsImageFilter()
    itk.Execute(image_of(volume.array.copy(), volume.geometry), image_of(mask.astype(np.uint8), volume.geometry))
    assert found.mean == pytest.approx(itk.GetMean(1), abs=1e-4)
    assert found.sd == pytest.approx(itk.GetSigma(1), abs=1e-4)
    assert (found.low, found.high) == pytest.approx((itk.GetMinimum(1), itk.GetMaximum(1)))
    assert found.median == pytest.approx(np.median(volume.array[mask]))
    assert found.voxels == itk.GetCount(1)


def test_the_surface_agrees_with_marching_cubes():
    mask = ball(15.2, (2.0, 0.9, 0.8))
    found = measured(mask, volume_of(turned("RAS")))
    blurred = SimpleITK.DiscreteGaussian(SimpleITK.GetImageFromArray(mask.astype(np.float32)), 1.0)
    smooth = SimpleITK.GetArrayFromImage(blurred)
    points, triangles, *_ = marching_cubes(smooth, 0.5, spacing=(2.0, 0.9, 0.8))
    assert found.surface_cm2 == pytest.approx(mesh_surface_area(points, triangles) / 100, rel=0.03)


@pytest.mark.parametrize("seed", [2, 3])
def test_diameters_agree_with_all_pairs_and_with_skimage(seed):
    mask = lump(seed, (18, 20, 22))
    mask = np.pad(mask, ((3, 19), (4, 26), (5, 33)))
    assert mask.shape == SHAPE
    found = measured(mask, volume_of(np.diag([1.0, 1.0, 1.0, 1.0]))).diameters
    faces = np.concatenate([np.argwhere(mask) + d for d in np.concatenate([np.eye(3), -np.eye(3)]) / 2])
    assert found.longest == pytest.approx(pdist(faces).max(), abs=1e-9)
    slices = [plane.astype(np.uint8) for plane in mask]
    theirs = [regionprops(plane)[0].feret_diameter_max if plane.any() else 0.0 for plane in slices]
    assert found.axial == pytest.approx(max(theirs), abs=0.05)
    assert found.axial_slice == int(np.argmax(theirs))


def test_one_voxel_and_none():
    volume = volume_of(turned("RAS"))
    mask = np.zeros(SHAPE, bool)
    empty = measured(mask, volume)
    assert (empty.voxels, empty.mean, empty.diameters) == (0, None, None)
    mask[3, 4, 5] = True
    one = measured(mask, volume)
    assert one.sd == 0
    assert one.diameters.longest == pytest.approx(2.0)
    assert one.diameters.axial == pytest.approx(0.9)


def test_the_interval_stands_in_the_table():
    table = tables.statistics_table([measured(ball(9), volume_of(turned("RAS")), intervals={1: (3.0, 4.5)})])
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert (cells["from (mL)"], cells["to (mL)"]) == ("3.000", "4.500")
    assert "Mean (HU)" in cells


def test_a_csv_is_read_back_as_it_was_and_runs_nothing(tmp_path):
    volume = volume_of(turned("RAS"), modality="MR")
    segments = [Segment(1, 'Leber, "groß"', (1, 1, 1)), Segment(2, "=1+1", (1, 1, 1))]
    table = tables.statistics_table(statistics(volume, ball(9).astype(np.uint8), segments))
    table.save_csv(tmp_path / "a.csv")
    raw = (tmp_path / "a.csv").read_bytes()
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(table.columns)
    assert rows[1][0] == 'Leber, "groß"'
    assert rows[2][0] == "'=1+1"
    assert float(rows[1][1]) == pytest.approx(ball(9).sum() * volume.geometry.voxel_volume / 1000, abs=1e-3)
    assert table.as_tabs().splitlines()[0].split("\t") == list(table.columns)


def with_itk(mask: np.ndarray, other: np.ndarray, geometry: Geometry) -> tuple[float, float, float]:
    """Dice by ITK's filter; HD95 and NSD from ITK's exact distance maps of both borders."""
    one, two = image_of(mask.astype(np.uint8), geometry), image_of(other.astype(np.uint8), geometry)
    overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
    overlap.Execute(one, two)
    there, back = _itk_distances(one, two), _itk_distances(two, one)
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return overlap.GetDiceCoefficient(), hd95, np.mean(np.concatenate([there, back]) <= 2.0)


def _itk_distances(source: SimpleITK.Image, target: SimpleITK.Image) -> np.ndarray:
    def edge(image):
        return SimpleITK.BinaryContour(image, fullyConnected=False, backgroundValue=0, foregroundValue=1)

    far = SimpleITK.SignedMaurerDistanceMap(edge(target), squaredDistance=False, useImageSpacing=True)
    return np.abs(SimpleITK.GetArrayFromImage(far))[SimpleITK.GetArrayFromImage(edge(source)) > 0]


@pytest.mark.parametrize("affine", [turned("RAS"), OBLIQUE])
def test_agreement_is_that_of_simpleitk(affine):
    geometry = Geometry(SHAPE, affine)
    mask, other = lump(7)[:, :, :], np.roll(lump(7), (1, -2, 1), (0, 1, 2)) | lump(8)
    for border in (mask, other):  # what ITK takes for a border at the end of the grid differs
        border[[0, -1]] = border[:, [0, -1]] = border[:, :, [0, -1]] = False
    file = Incoming(geometry, (IncomingSegment.of("liver", other),))
    (found,) = agreement.compare(mask.astype(np.uint8), [LIVER], geometry, file)
    dice, hd95, nsd = with_itk(mask, other, geometry)
    assert found.dice == pytest.approx(dice, abs=1e-9)
    assert found.hd95 == pytest.approx(hd95, abs=1e-4)
    assert found.nsd == pytest.approx(nsd, abs=1e-3)
    assert 0.2 < found.dice < 0.95


def test_segments_find_their_counterparts_by_name_or_order():
    geometry = Geometry(SHAPE, turned("RAS"))
    mask = ball(9)
    file = Incoming(geometry, (IncomingSegment.of("SPLEEN", ~mask), IncomingSegment.of(" li-ver", mask)))
    (found,) = agreement.compare(mask.astype(np.uint8), [LIVER], geometry, file)
    assert (found.other, found.dice, found.hd95, found.nsd) == (" li-ver", 1.0, 0.0, 1.0)
    nameless = Incoming(geometry, (IncomingSegment.of("Label 4", mask),))
    assert agreement.compare(mask.astype(np.uint8), [LIVER], geometry, nameless)[0].dice == 1.0
    with pytest.raises(BadInput, match="SPLEEN"):
        agreement.compare(mask.astype(np.uint8), [Segment(1, "Bone", (1, 1, 1))], geometry, file)


def test_an_empty_counterpart_has_no_distance():
    geometry = Geometry(SHAPE, turned("RAS"))
    file = Incoming(geometry, (IncomingSegment.of("Liver", np.zeros(SHAPE, bool)),))
    (found,) = agreement.compare(ball(9).astype(np.uint8), [LIVER], geometry, file)
    assert (found.dice, found.hd95, found.nsd) == (0.0, None, 0.0)
    assert tables.agreement_table([found]).rows[0][3] == ""
