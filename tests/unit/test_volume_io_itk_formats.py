"""NRRD, MetaImage and GIPL: every type, layout and place as SimpleITK, an independent reader, has them."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from app import volume_io
from app.errors import BadInput
from app.exchange import seg_nrrd_reader
from app.geometry import Geometry
from app.volume_io import itk_formats
from tests.data import needs_shared, shared

TYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
TURNED = (0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1)


def image_of(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    if image.GetDimension() == 3:
        image.SetSpacing((0.5, 0.75, 3))
        image.SetOrigin((10, -20, 30.5))
        image.SetDirection(TURNED)
    return image


def assert_as_itk(path: Path) -> None:
    """Voxels of every time point, and places, as SimpleITK reads them."""
    image = sitk.ReadImage(str(path))
    stored = itk_formats.stored(path)
    array = sitk.GetArrayFromImage(image)
    times = array if array.ndim == 4 else array[None]
    for time, expected in enumerate(times):
        got = stored.voxels(time)
        assert got.dtype == expected.dtype.newbyteorder(got.dtype.byteorder)
        assert np.array_equal(got, expected.reshape(got.shape), equal_nan=got.dtype.kind == "f")
    used = min(3, image.GetDimension())
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)[:used, :used]
    affine[:used, :used], affine[:used, 3] = direction * image.GetSpacing()[:used], image.GetOrigin()[:used]
    assert np.allclose(
        itk_formats.grid(stored).affine, Geometry.from_lps(stored.sizes[2::-1], affine).affine, atol=1e-9
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.__name__)
@pytest.mark.parametrize("ending", ["nrrd", "nhdr", "mha", "mhd", "gipl", "gipl.gz"])
def test_every_type_is_read_as_itk_reads_it(tmp_path: Path, ending: str, dtype: type, packed: bool) -> None:
    if "gipl" in ending and (np.dtype(dtype).name in ("int32", "uint32", "int64", "uint64") or packed):
        pytest.skip("ITK writes no GIPL of such a type, and packs it by its name")
    values = np.random.default_rng(0).integers(0, 100, (3, 4, 5)).astype(dtype)
    path = tmp_path / f"ünï.{ending}"
    sitk.WriteImage(image_of(values), path, useCompression=packed)
    assert_as_itk(path)


@pytest.mark.parametrize("ending", ["nrrd", "mha", "mhd", "gipl"])
@pytest.mark.parametrize("shape", [(6, 7), (1, 6, 7), (4, 3, 6, 7)], ids=["2D", "one slice", "4D"])
def test_other_numbers_of_dimensions_too(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    if ending == "gipl" and len(shape) != 3:
        pytest.skip("SimpleITK writes GIPL of 3 dimensions only")
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    image = sitk.GetImageFromArray(array, isVector=False)
    sitk.WriteImage(image, tmp_path / f"a.{ending}")
    assert_as_itk(tmp_path / f"a.{ending}")


NRRD = """NRRD0005
# a comment
type: short
dimension: 3
sizes: 3 2 2
{more}

"""
VALUES = np.arange(-6, 6, dtype=np.int16)


@pytest.mark.parametrize(
    ("more", "content"),
    [
        ("encoding: raw\nendian: big", VALUES.astype(">i2").tobytes()),
        ("encoding: ascii", b" ".join(str(v).encode() for v in VALUES)),
        ("encoding: hex\nendian: little", VALUES.tobytes().hex().encode()),
        ("encoding: raw\nendian: little\nbyte skip: 7", b"1234567" + VALUES.tobytes()),
        ("encoding: raw\nendian: little\nbyte skip: -1", b"whatever" + VALUES.tobytes()),
        ("encoding: gz\nendian: little", gzip.compress(VALUES.tobytes())),
        ("encoding: raw\nendian: little\nspacings: 1 2 3", VALUES.tobytes()),
        (
            "encoding: raw\nendian: little\nspace: right-anterior-superior\n"
            "space directions: (0,2,0) (1,0,0) (0,0,-3)\nspace origin: (5,6,7)",
            VALUES.tobytes(),
        ),
        (
            "encoding: raw\nendian: little\nspace: LAS\nkinds: space space space\n"
            "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (5,6,7)",
            VALUES.tobytes(),
        ),
    ],
)
def test_nrrd_as_other_programs_write_it(tmp_path: Path, more: str, content: bytes) -> None:
    (tmp_path / "a.nrrd").write_bytes(NRRD.format(more=more).encode() + content)
    assert_as_itk(tmp_path / "a.nrrd")


def test_nrrd_in_bzip2_which_itk_does_not_read(tmp_path: Path) -> None:
    head = NRRD.format(more="encoding: bzip2\nendian: little").encode()
    (tmp_path / "a.nrrd").write_bytes(head + bz2.compress(VALUES.tobytes()))
    assert np.array_equal(volume_io.read_volume(tmp_path / "a.nrrd").array.ravel(), VALUES)


@pytest.mark.parametrize(
    "data", ["data file: LIST\ns0.raw\ns1.raw", "data file: s%d.raw 0 1 1", "data file: s%d.raw 0 1 1 2"]
)
def test_nrrd_with_a_file_for_every_slice(tmp_path: Path, data: str) -> None:
    for n in range(2):
        (tmp_path / f"s{n}.raw").write_bytes(b"two\nlines\n" + VALUES[6 * n : 6 * n + 6].tobytes())
    more = f"encoding: raw\nendian: little\nline skip: 2\n{data}"
    (tmp_path / "a.nhdr").write_text(NRRD.format(more=more).rstrip() + "\n")
    assert_as_itk(tmp_path / "a.nhdr")


META = """ObjectType = Image
NDims = 3
DimSize = 3 2 2
ElementType = MET_SHORT
{more}
ElementDataFile = {where}
"""


@pytest.mark.parametrize(
    ("more", "content"),
    [
        ("BinaryData = True\nElementByteOrderMSB = True", VALUES.astype(">i2").tobytes()),
        ("HeaderSize = -1", b"whatever" + VALUES.tobytes()),
        ("CompressedData = True", zlib.compress(VALUES.tobytes())),
        ("ElementSpacing = 1 2 3\nOrigin = 4 5 6\nRotation = 0 1 0 1 0 0 0 0 1", VALUES.tobytes()),
        ("ElementSize = 1 2 3\nPosition = 4 5 6", VALUES.tobytes()),
    ],
)
def test_metaimage_as_other_programs_write_it(tmp_path: Path, more: str, content: bytes) -> None:
    (tmp_path / "a.raw").write_bytes(content)
    (tmp_path / "a.mhd").write_text(META.format(more=more, where="a.raw"))
    assert_as_itk(tmp_path / "a.mhd")


def test_metaimage_as_text_which_itk_does_not_read_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_text(" ".join(str(v) for v in VALUES))
    (tmp_path / "a.mhd").write_text(META.format(more="BinaryData = False", where="a.raw"))
    assert np.array_equal(volume_io.read_volume(tmp_path / "a.mhd").array.ravel(), VALUES)


@pytest.mark.parametrize("where", ["LIST\ns0.raw\ns1.raw", "s%d.raw 0 1 1"])
def test_metaimage_with_a_file_for_every_slice(tmp_path: Path, where: str) -> None:
    for n in range(2):
        (tmp_path / f"s{n}.raw").write_bytes(VALUES[6 * n : 6 * n + 6].tobytes())
    (tmp_path / "a.mhd").write_text(META.format(more="", where=where))
    assert_as_itk(tmp_path / "a.mhd")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.nrrd", b""),
        ("a.nrrd", b"NRRD0004\ntype: short\n\n"),
        ("a.nrrd", NRRD.format(more="encoding: raw\nspace directions: (1,0) none (x").encode()),
        ("a.nrrd", NRRD.format(more="encoding: raw\ndata file: s%d.raw 0 1 0").encode()),
        ("a.nrrd", b"NRRD0004\n" + b"x" * (3 << 20)),
        ("a.mha", b"NDims = 3\nDimSize = 1 2\nElementType = MET_CHAR\nElementDataFile = LOCAL\n"),
        ("a.mha", b"NDims = 3\nDimSize = 1 2 -3\nElementType = MET_CHAR\nElementDataFile = LOCAL\n"),
        ("a.mha", META.format(more="ElementSpacing = a b c", where="LOCAL").encode()),
        ("a.gipl", bytes(100)),
        ("a.gipl", bytes(300)),
        ("a.gipl.gz", gzip.compress(bytes(100))),
    ],
)
def test_a_header_without_sense_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=rf"{name} could not be understood"):
        volume_io.read_volume(tmp_path / name)


def test_a_detached_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text(META.format(more="", where="gone.raw"))
    with pytest.raises(BadInput, match=r"gone\.raw"):
        volume_io.read_volume(tmp_path / "a.mhd")


def test_layers_of_a_segmentation_are_read_as_itk_reads_them(tmp_path: Path) -> None:
    layers = np.random.default_rng(0).integers(0, 3, (3, 4, 5, 2)).astype(np.uint8)
    image = sitk.GetImageFromArray(layers, isVector=True)
    image.SetMetaData("Segment0_ID", "one")
    image.SetMetaData("Segment0_LabelValue", "2")
    image.SetMetaData("Segment0_Layer", "1")
    sitk.WriteImage(image, tmp_path / "a.seg.nrrd", useCompression=True)
    (segment,) = seg_nrrd_reader.read(tmp_path / "a.seg.nrrd").segments
    assert segment.name == "one"
    assert segment.voxels == np.count_nonzero(layers[..., 1] == 2)
    with pytest.raises(BadInput, match="several values"):
        volume_io.read_volume(tmp_path / "a.seg.nrrd")


@needs_shared
def test_files_that_other_programs_wrote_are_read_as_itk_reads_them() -> None:
    other, variants = shared("other_formats"), shared("nifti", "variants")
    paths = [
        *other.glob("*.nrrd"),
        *other.glob("*.mha"),
        *other.glob("*.gipl*"),
        *shared("dicom", "ref").glob("*.nrrd"),
    ]
    paths += [path for path in variants.glob("oblique.*") if path.suffix in (".nrrd", ".nhdr", ".mha", ".mhd")]
    assert len(paths) == 13
    for path in paths:
        assert_as_itk(path)
