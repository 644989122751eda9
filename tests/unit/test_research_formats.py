"""NRRD, MetaImage and GIPL open as ITK opens them: the same voxels, of the same type, at the same place."""

import bz2
import gzip
import zlib
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk

from app import volume_io
from app.errors import BadInput
from app.volume_io import research_formats
from tests.data import needs_shared, shared_data
from tests.unit.research_files import (
    FRACTIONS,
    HALVES,
    HEX,
    NUMBERED,
    PACKED,
    RAW,
    SWAPPED,
    TEXT,
    VOXELS,
    gipl,
    mha,
    nrrd,
    write,
)

sitk.ProcessObject.SetGlobalWarningDisplay(False)
RAS_FROM_LPS = np.diag([-1, -1, 1, 1])
OBLIQUE = (0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, -1)
TYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
WRITTEN = [
    *product(("nrrd", "nhdr", "mha", "mhd"), TYPES),
    *product(("gipl", "gipl.gz"), (np.uint8, np.int16, np.uint16, np.float32, np.float64)),
]


def of_itk(path):
    """Voxels ([t,] [k,] j, i) and the RAS affine of the first three axes."""
    image = sitk.ReadImage(str(path))
    count = image.GetDimension()
    used, affine = min(count, 3), np.eye(4)
    steps = np.reshape(image.GetDirection(), (count, count)) * image.GetSpacing()
    affine[:used, :used], affine[:used, 3] = steps[:used, :used], image.GetOrigin()[:used]
    return sitk.GetArrayFromImage(image), RAS_FROM_LPS @ affine


def assert_as_itk(path):
    array, affine = of_itk(path)
    image = research_formats.stored(path).grey()
    found = np.stack([image.read(time) for time in range(image.times)]).reshape(array.shape)
    assert found.dtype.newbyteorder("=") == array.dtype
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
    assert image.geometry.affine == pytest.approx(affine, abs=1e-9)


def made(dtype, shape=(3, 4, 5), seed=0):
    generator = np.random.default_rng(seed)
    values = generator.normal(0, 1e3, shape) if np.dtype(dtype).kind == "f" else generator.integers(0, 120, shape)
    image = sitk.GetImageFromArray(values.astype(dtype), isVector=False)
    image.SetSpacing(tuple(generator.uniform(0.3, 4, len(shape)).tolist()))
    image.SetOrigin(tuple(generator.normal(0, 100, len(shape)).tolist()))
    return image


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("ending", "dtype"), WRITTEN)
def test_what_itk_writes_opens_as_itk_reads_it(tmp_path, ending, dtype, packed):
    image = made(dtype)
    image.SetDirection(OBLIQUE)
    path = tmp_path / f"ünï.{ending}"
    sitk.WriteImage(image, str(path), packed)
    assert_as_itk(path)


@pytest.mark.parametrize("ending", ["nrrd", "nhdr", "mha", "mhd"])
@pytest.mark.parametrize("shape", [(6, 5), (1, 5, 6), (4, 3, 2, 5), (1, 3, 2, 5)])
def test_two_and_four_dimensions_open_as_itk_reads_them(tmp_path, shape, ending):
    image = made(np.int16, shape)
    direction = np.eye(len(shape))[::-1] if len(shape) == 2 else np.eye(len(shape))
    direction[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"a.{ending}"))
    assert_as_itk(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("seed", range(20))
def test_any_direction_is_kept(tmp_path, seed):
    image = made(np.uint8, seed=seed)
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    image.SetDirection(turned.ravel().tolist())
    for ending in ("nrrd", "mha"):
        sitk.WriteImage(image, str(tmp_path / f"a.{ending}"))
        assert_as_itk(tmp_path / f"a.{ending}")


SPACE = {"space directions": "(0,1.5,0) (0.7, 0, 0.1) (0,0,3)", "space origin": "(1,2,3)"}
FLAT = {"dimension": "2", "sizes": "4 6"}
TIMED = {"dimension": "4", "sizes": "2 3 2 2"}
ONE = {"dimension": "4", "sizes": "1 4 3 2", "kinds": "list domain domain domain"}
NRRDS = {
    "nothing of space": nrrd(),
    **{name: nrrd({"space": name, **SPACE}) for name in (
        "left-posterior-superior", "LPS", "lps", "RAS", "right-anterior-superior", "LAS", "left-anterior-superior",
        "scanner-xyz", "3D-right-handed", "3D-left-handed")},
    "space dimension": nrrd({"space dimension": "3", **SPACE}),
    "space without directions": nrrd({"space": "RAS", "space origin": "(1,2,3)"}),
    "origin none": nrrd({"space": "RAS", **SPACE, "space origin": "none"}),
    "spacings": nrrd({"spacings": "1.5 0.7 3"}),
    "a spacing is not known": nrrd({"spacings": "1.5 nan 3"}),
    "a spacing is negative": nrrd({"spacings": "1.5 -0.7 3"}),
    "axis mins": nrrd({"spacings": "1.5 0.7 3", "axis mins": "10 20 30"}),
    "axis mins of nodes": nrrd({"spacings": "1 2 3", "axis mins": "10 20 30", "centerings": "node node cell"}),
    "axis mins and maxs": nrrd({"axis mins": "10 20 30", "axis maxs": "14 26 31"}),
    "of nodes": nrrd({"axis mins": "10 20 30", "axis maxs": "14 26 31", "centers": "node node node"}),
    "kinds": nrrd({"kinds": "??? none space"}),
    "a list of one": nrrd({**ONE, "space": "LPS", "space directions": "none (0,2,0) (1,0,0) (0,0,3)"}),
    "2D": nrrd({**FLAT, "spacings": "0.5 2"}),
    "2D space": nrrd({**FLAT, "space dimension": "2", "space directions": "(0,2) (1,0)", "space origin": "(5,6)"}),
    "4D": nrrd({**TIMED, "spacings": "0.5 2 3 4"}),
    "4D space": nrrd({**TIMED, "space": "LPST", "space directions": "(0,2,0,0) (1,0,0,0) (0,0,3,0) (0,0,0,2)"}),
    "big-endian": nrrd({"endian": "big"}, SWAPPED),
    "one byte without endian": nrrd({"type": "uint8", "sizes": "4 3 4", "endian": None}),
    **{f"type {name}": nrrd({"type": name, "sizes": "3 2 1"}) for name in (
        "signed char", "int8_t", "uchar", "short int", "UNSIGNED SHORT", "int", "unsigned int", "longlong", "uint64",
        "float", "double")},
    "gzip": nrrd({"encoding": "gzip"}, gzip.compress(RAW)),
    "GZ": nrrd({"encoding": "GZ"}, gzip.compress(RAW[:9]) + gzip.compress(RAW[9:])),
    "hex": nrrd({"encoding": "hex"}, HEX),
    "hex in lines": nrrd({"encoding": "hex"}, b"\n".join(HEX.upper()[n : n + 13] for n in range(0, 96, 13))),
    "ascii": nrrd({"encoding": "ascii"}, TEXT),
    "txt with commas": nrrd({"encoding": "txt"}, TEXT.replace(b" ", b", ")),
    "text with fractions": nrrd({"encoding": "text"}, FRACTIONS),
    "text with fractions of floats": nrrd({"encoding": "text", "type": "float"}, FRACTIONS),
    "Windows' ends of lines": nrrd(end="\r\n"),
    "first version": nrrd(magic="NRRD00.01"),
    "comments and pairs": nrrd(tail="# hello: 2\nkey:=value: x\n"),
    "byte skip": nrrd({"byte skip": "3"}, b"abc" + RAW),
    "byte skip from the end": nrrd({"byteskip": "-1"}, b"abc" + RAW),
    "byte skip before the end": nrrd({"byteskip": "-3"}, b"abc" + RAW + b"zz"),
    "line skip": nrrd({"line skip": "2"}, b"abc\n\n" + RAW),
    "lines and bytes": nrrd({"lineskip": "1", "byteskip": "2"}, b"abc\nzz" + RAW),
    "gzip and bytes": nrrd({"encoding": "gzip", "byte skip": "3"}, gzip.compress(b"abc" + RAW)),
    "gzip from the end": nrrd({"encoding": "gzip", "byte skip": "-1"}, gzip.compress(b"abc" + RAW)),
    "text and bytes": nrrd({"encoding": "ascii", "byte skip": "3"}, b"9 9 " + TEXT),
    "more than its voxels": nrrd(data=RAW + b"zzzz"),
    "sheared": nrrd({"space": "LPS", "space directions": "(1,0.5,0) (0,1,0) (0,0,3)"}),
    "capitals": nrrd().replace(b"sizes", b"SIZES").replace(b"encoding", b"Encoding"),
}  # fmt: skip


@pytest.mark.parametrize("case", NRRDS)
def test_an_nrrd_written_by_hand_opens_as_itk_reads_it(tmp_path, case):
    assert_as_itk(write(tmp_path, "a.nrrd", NRRDS[case]))


def detached(files, fields=None, listed=""):
    return nrrd({**(fields or {}), "data file": files}, b"", listed)


DETACHED = {
    "one": (detached("./a.raw"), {"a.raw": RAW}),
    "gzip": (detached("a.gz", {"encoding": "gzip"}), {"a.gz": gzip.compress(RAW)}),
    "below": (detached("in/a.raw"), {"in/a.raw": RAW}),
    "list": (detached("LIST", None, "a.raw\nb.raw\n")[:-1], HALVES),
    "list of planes": (detached("LIST 2", None, "a.raw\nb.raw\n")[:-1], HALVES),
    "list of slabs": (detached("LIST 3", None, "a.raw\nb.raw\n")[:-1], HALVES),
    "pattern": (detached("s%02d.raw 5 7 2"), NUMBERED),
    "pattern downwards": (detached("s%02d.raw 7 5 -2 2"), NUMBERED),
    "lines and bytes of each": (
        detached("LIST", {"line skip": "1", "byte skip": "1"}, "a.raw\nb.raw\n")[:-1],
        {"a.raw": b"x\ny" + RAW[:24], "b.raw": b"xx\ny" + RAW[24:]},
    ),
    "the end of each": (
        detached("LIST", {"byte skip": "-1"}, "a.raw\nb.raw\n")[:-1],
        {"a.raw": b"xy" + RAW[:24], "b.raw": b"y" + RAW[24:]},
    ),
}


@pytest.mark.parametrize("case", DETACHED)
def test_a_detached_nrrd_opens_as_itk_reads_it(tmp_path, case):
    content, files = DETACHED[case]
    assert_as_itk(write(tmp_path, "a.nhdr", content, files))


MATRIX = "0 1 0 1 0 0 0 0 -1"
THREE = {"Position": "1 2 3", "Origin": "4 5 6", "ImagePosition": "7 8 9"}
METAS = {
    "plain": mha(),
    **{name: mha({name: MATRIX, "Offset": "1 2 3", "ElementSpacing": "0.5 0.7 3"}) for name in (
        "TransformMatrix", "Rotation", "Orientation")},
    **{name: mha({name: "1 2 3"}) for name in ("Offset", "Position", "Origin", "ImagePosition")},
    "two positions": mha({"Position": "4 5 6", "Offset": "1 2 3"}),
    "three positions": mha({"Offset": "1 2 3", "Position": "4 5 6", "Origin": "7 8 9"}),
    "other positions": mha(THREE),
    "two matrices": mha({"Rotation": MATRIX, "TransformMatrix": "1 0 0 0 1 0 0 0 1"}),
    "two old matrices": mha({"Orientation": "1 0 0 0 0 1 0 1 0", "Rotation": MATRIX}),
    "version 1": mha({"FileFormatVersion": "1", "Position": "4 5 6", "Rotation": MATRIX}),
    "size alone": mha({"ElementSize": "0.5 0.7 3"}),
    "size and spacing": mha({"ElementSize": "0.5 0.7 3", "ElementSpacing": "1 2 3"}),
    "a spacing is negative": mha({"ElementSpacing": "1 -2 3"}),
    "no unit vectors": mha({"TransformMatrix": "2 0 0 0 1 0 0 0 1"}),
    "what says nothing of voxels": mha({"AnatomicalOrientation": "LPI", "CenterOfRotation": "1 2 3", "Foo": "a = b"}),
    "slope, which ITK leaves": mha({"ElementToIntensityFunctionSlope": "2"}),
    "big-endian": mha({"BinaryDataByteOrderMSB": "True"}, SWAPPED),
    "big-endian by its old name": mha(
        {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "1"}, SWAPPED),
    "both names": mha({"ElementByteOrderMSB": "True"}),
    "binary is not said": mha({"BinaryData": None}),
    "text": mha({"BinaryData": "False"}, TEXT),
    "text of floats": mha({"BinaryData": "False", "ElementType": "MET_FLOAT"}, FRACTIONS),
    "text with fractions": mha({"BinaryData": "False"}, FRACTIONS),
    "packed": mha({"CompressedData": "True", "CompressedDataSize": str(len(PACKED))}, PACKED),
    "packed by gzip": mha({"CompressedData": "1", "CompressedDataSize": "64"}, gzip.compress(RAW).ljust(64, b"\0")),
    "colons": mha(equals=": "), "tabs": mha(equals="\t=\t"), "no blanks": mha(equals="="),
    "Windows' ends of lines": mha(end="\r\n"),
    "local": mha(file="local "),
    "2D": mha({"NDims": "2", "DimSize": "4 6", "ElementSpacing": "2 3", "Offset": "1 2", "Rotation": "0 1 -1 0"}),
    "4D": mha({"NDims": "4", "DimSize": "2 3 2 2", "ElementSpacing": "2 3 4 5", "Offset": "1 2 3 4"}),
    "one channel": mha({"ElementNumberOfChannels": "1"}),
    **{f"type {name}": mha({"ElementType": f"MET_{name}", "DimSize": "3 2 1"}) for name in (
        "CHAR", "ASCII_CHAR", "UCHAR", "SHORT", "USHORT", "INT", "UINT", "LONG", "ULONG", "LONG_LONG", "ULONG_LONG",
        "FLOAT", "DOUBLE", "SHORT_ARRAY")},
    "header size from the end": mha({"HeaderSize": "-1"}, b"zzz" + RAW),
    "more than its voxels": mha(data=RAW + b"zz"),
    "said twice": mha({"Offset": "1 1 1"}).replace(b"ElementDataFile", b"Offset = 2 2 2\nElementDataFile"),
    "an empty line": mha().replace(b"DimSize", b"\n  DimSize"),
}  # fmt: skip


@pytest.mark.parametrize("case", METAS)
def test_a_metaimage_written_by_hand_opens_as_itk_reads_it(tmp_path, case):
    assert_as_itk(write(tmp_path, "a.mha", METAS[case]))


def mhd(file, fields=None, listed=b""):
    return mha(fields, listed, file)


HEADED = {"a.raw": b"zz" + RAW[:24], "b.raw": b"zz" + RAW[24:]}
ZIPPED = {name: zlib.compress(content) for name, content in HALVES.items()}
LISTED = b"a.raw\nb.raw\n"
MHDS = {
    "one": (mhd("a b.raw"), {"a b.raw": RAW}),
    "packed": (mhd("a.zraw", {"CompressedData": "True"}), {"a.zraw": PACKED}),
    "packed though not said": (mhd("a.raw"), {"a.raw.gz": gzip.compress(RAW)}),
    "header size": (mhd("a.raw", {"HeaderSize": "5"}), {"a.raw": b"zzzzz" + RAW}),
    "header size from the end": (mhd("a.raw", {"HeaderSize": "-1"}), {"a.raw": b"zzzzz" + RAW}),
    "text": (mhd("a.txt", {"BinaryData": "False"}), {"a.txt": TEXT}),
    "list": (mhd("LIST", None, LISTED), HALVES),
    "list of planes": (mhd("LIST 2D", None, LISTED), HALVES),
    "list of lines": (
        mhd("LIST 1", None, b"".join(b"%d.raw\n" % n for n in range(6))),
        {f"{n}.raw": RAW[8 * n : 8 * n + 8] for n in range(6)},
    ),
    "list from Windows": (mhd("LIST", None, LISTED.replace(b"\n", b"\r\n")), HALVES),
    "list of packed files": (mhd("LIST", {"CompressedData": "True"}, LISTED), ZIPPED),
    "list of files with headers": (mhd("LIST", {"HeaderSize": "2"}, LISTED), HEADED),
    "pattern": (mhd("s%02d.raw"), {"s01.raw": RAW[:24], "s02.raw": RAW[24:]}),
    "pattern from": (mhd("s%d.raw 5"), {"s5.raw": RAW[:24], "s6.raw": RAW[24:]}),
    "pattern from to": (mhd("s%d.raw 5 8"), {"s5.raw": RAW[:24], "s6.raw": RAW[24:]}),
    "pattern from to by": (mhd("s%02d.raw 5 7 2"), NUMBERED),
    "pattern with a blank": (mhd("s x%d.raw 5 6 1"), {"s x5.raw": RAW[:24], "s x6.raw": RAW[24:]}),
    "pattern that goes on": (mhd("s%02d.raw 5 70 2"), NUMBERED),
}


@pytest.mark.parametrize("case", MHDS)
def test_a_detached_metaimage_opens_as_itk_reads_it(tmp_path, case):
    content, files = MHDS[case]
    assert_as_itk(write(tmp_path, "a.mhd", content, files))


GIPLS = {
    "plain": gipl(), "other magic": gipl(magic=0x2AE389B8), "4D": gipl((2, 3, 2, 2)), "2D": gipl((4, 6, 0, 1)),
    "one slice": gipl((4, 6, 1, 1)), "a step is negative": gipl(steps=(-1, 1, 1, 0)), "more": gipl(data=bytes(60)),
    **{f"type {kind}": gipl((3, 2, 1, 1), kind, RAW) for kind in (1, 7, 8, 15, 16, 64, 65)},
}  # fmt: skip


@pytest.mark.parametrize("case", GIPLS)
def test_a_gipl_written_by_hand_opens_as_itk_reads_it(tmp_path, case):
    assert_as_itk(write(tmp_path, "a.gipl", GIPLS[case]))
    assert_as_itk(write(tmp_path, "packed.gipl.gz", gzip.compress(GIPLS[case])))
    assert_as_itk(write(tmp_path, "plain.gipl.gz", GIPLS[case]))


BEYOND = {
    "a.nrrd": (nrrd({"encoding": "bzip2"}, bz2.compress(RAW)), {}),
    "no-order.nrrd": (nrrd({"sizes": None, "dimension": None}, tail="sizes: 4 3 2\ndimension: 3\n"), {}),
    "packed.mha": (mha({"CompressedData": "True"}, PACKED), {}),
    "last-name.mhd": (mhd("LIST", None, LISTED[:-1]), HALVES),
    "whole-list.mhd": (mhd("LIST 3", None, b"whole.raw\n"), {"whole.raw": RAW}),
    "skipped.mhd": (mhd("a.raw", {"CompressedData": "True", "HeaderSize": "2"}), {"a.raw": b"zz" + PACKED}),
    "a.gipl": (gipl(kind=32, data=VOXELS.astype(">i4").tobytes()), {}),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_itk_refuses_or_reads_wrongly_opens_as_the_definition_says(tmp_path, name):
    content, files = BEYOND[name]
    assert np.array_equal(volume_io.read_volume(write(tmp_path, name, content, files)).array, VOXELS)


def test_an_axis_of_time_beside_three_of_space_is_time(tmp_path):
    directions = {**SPACE, "space directions": SPACE["space directions"] + " none", "space": "LPS"}
    path = write(tmp_path, "a.nrrd", nrrd({**TIMED, **directions, "kinds": "domain domain domain time"}))
    (series,) = volume_io.find_series(path)
    assert (series.times, series.shape) == (2, (2, 3, 2))
    second = volume_io.read_volume(path, time=1)
    assert np.array_equal(second.array, VOXELS.reshape(2, 2, 3, 2)[1])
    assert second.geometry.affine[:3, 3] == pytest.approx((-1, -2, 3))
    with pytest.raises(BadInput, match="number 2 does not exist"):
        volume_io.read_volume(path, time=2)


def test_a_space_with_time_is_turned_to_the_patient_as_one_without(tmp_path):
    """ITK leaves RAS with time as it is: left and right changed places."""
    directions = {"space directions": "(2,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,1)", "space origin": "(5,6,7,0)"}
    path = write(tmp_path, "a.nrrd", nrrd({**TIMED, "space": "right-anterior-superior-time", **directions}))
    geometry = volume_io.read_volume(path).geometry
    assert geometry.orientation == "RAS"
    assert geometry.affine[:3, 3].tolist() == [5, 6, 7]


@needs_shared
def test_every_such_file_of_the_shared_data_opens_as_itk_reads_it():
    endings = (".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz")
    paths = [path for path in shared_data().rglob("*") if path.name.lower().endswith(endings)]
    assert len(paths) >= 10
    for path in paths:
        assert_as_itk(path)
