"""NRRD, MetaImage and GIPL that are damaged, cut off or made to harm: one sentence, and no other file read."""

import bz2
import gzip
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import volume_io
from app.errors import BadInput
from app.exchange import seg_nrrd_reader
from app.exchange.reading import read_segments
from app.volume_io import memory
from tests.unit.research_files import HALVES, PACKED, RAW, TEXT, VOXELS, gipl, mha, nrrd, write

AXES = {"space": "LPS", "space directions": "(1,0,0) (0,1,0) (0,0,2)", "space origin": "(1,2,3)"}
VECTOR = {"kinds": "vector domain domain"}
HUGE = {"sizes": "100000 100000 1000"}
MANY = {"DimSize": "4 3 2000000000"}
REFUSED = {
    "no nrrd.nrrd": (b"NRRX0004\n", "could not be understood"),
    "empty.nrrd": (b"", "could not be understood"),
    "empty.mha": (b"", "could not be understood"),
    "empty.gipl": (b"", "not a GIPL"),
    "empty.gipl.gz": (b"", "not a GIPL"),
    "no size.nrrd": (nrrd({"sizes": None, "encoding": None}), "says nothing of sizes or encoding"),
    "sizes.nrrd": (nrrd({"sizes": "4 3"}), "3 dimensions and 2 sizes"),
    "kinds.nrrd": (nrrd({"kinds": "domain"}), "3 dimensions and 1 kinds"),
    "directions.nrrd": (nrrd({**AXES, "space directions": "(1,0,0)"}), "3 dimensions, 1 directions"),
    "short direction.nrrd": (nrrd({**AXES, "space directions": "(1,0,0) (0,1) (0,0,1)"}), "makes no sense"),
    "flat.nrrd": (nrrd({**AXES, "space directions": "(1,0,0) (1,0,0) (0,0,1)"}), "do not span space"),
    "no step.nrrd": (nrrd({"spacings": "1 0 1"}), "do not span space"),
    "spacings.nrrd": (nrrd({"space": "RAS", "spacings": "1 1 1"}), "not in which direction"),
    "space.nrrd": (nrrd({**AXES, "space": "RPS"}), r"not known \(RPS\)"),
    "twice.nrrd": (nrrd(tail="type: short\n"), "says its type twice"),
    "type.nrrd": (nrrd({"type": "long"}), "type not shown"),
    "block.nrrd": (nrrd({"type": "block"}), "type not shown"),
    "encoding.nrrd": (nrrd({"encoding": "zrl"}), r"not read \(zrl\)"),
    "order.nrrd": (nrrd({"endian": None}), "order of its bytes"),
    "vector.nrrd": (nrrd(VECTOR), "several values"),
    "two lists.nrrd": (nrrd({"kinds": "list domain list"}), "several values"),
    "one.nrrd": (nrrd({"dimension": "1", "sizes": "24"}), "has 1 dimensions"),
    "five.nrrd": (nrrd({"dimension": "5", "sizes": "4 3 2 1 1"}), "has 5 dimensions"),
    "many.nrrd": (nrrd({"dimension": "9" * 30}), "contradicts itself"),
    "none.nrrd": (nrrd({"sizes": "4 0 2"}), "no voxels"),
    "negative.nrrd": (nrrd({"sizes": "-4 -3 2"}), "no voxels"),
    "huge.nrrd": (nrrd(HUGE), "not complete"),
    "cut.nrrd": (nrrd(data=RAW[:-1]), "not complete|last voxel"),
    "skip.nrrd": (nrrd({"byte skip": "9" * 40}), "last voxel"),
    "skip back.nrrd": (nrrd({"byte skip": "-99999"}), "holds less"),
    "lines.nrrd": (nrrd({"line skip": "9" * 15}), "first voxel"),
    "skip words.nrrd": (nrrd({"encoding": "text", "byte skip": "9" * 40}, TEXT), "last voxel"),
    "skip gzip.nrrd": (nrrd({"encoding": "gzip", "byte skip": "9" * 40}, gzip.compress(RAW)), "last voxel"),
    "hex.nrrd": (nrrd({"encoding": "hex"}, b"zz" * 48), "no hexadecimal"),
    "words.nrrd": (nrrd({"encoding": "ascii"}, TEXT[:-3] + b"and"), "no number"),
    "long word.nrrd": (nrrd({"encoding": "ascii"}, b"1" * 3_000_000), "no number|last voxel"),
    "too large.nrrd": (nrrd({"encoding": "ascii"}, b"99999 " * 24), "no number"),
    "few words.nrrd": (nrrd({"encoding": "ascii"}, TEXT[:-6]), "last voxel"),
    "bzip2.nrrd": (nrrd({"encoding": "bzip2"}, bz2.compress(RAW)[:-9]), "too early"),
    "not bzip2.nrrd": (nrrd({"encoding": "bzip2"}, b"BZh9" + RAW), "makes? no sense"),
    "gzip.nrrd": (nrrd({"encoding": "gzip"}, gzip.compress(RAW)[:-9]), "too early"),
    "too little.nrrd": (nrrd({"encoding": "gzip"}, gzip.compress(RAW[:-2])), "last voxel"),
    "size.mha": (mha({"DimSize": "4 3"}), "makes no sense"),
    "nan.mha": (mha({"DimSize": "nan 3 2"}), "makes no sense"),
    "infinite.mha": (mha({"DimSize": "inf 3 2"}), "makes no sense"),
    "dimensions.mha": (mha({"NDims": "2000000000"}), "has 2000000000 dimensions"),
    "none.mha": (mha({"DimSize": "4 0 2"}), "no voxels"),
    "channels.mha": (mha({"ElementNumberOfChannels": "2", "DimSize": "4 3 1"}), "several values"),
    "no channel.mha": (mha({"ElementNumberOfChannels": "0"}), "no voxels"),
    "type.mha": (mha({"ElementType": "MET_OTHER"}), "type that is not shown"),
    "no type.mha": (mha({"ElementType": None}), "none is said"),
    "matrix.mha": (mha({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}), "do not span space"),
    "spacing.mha": (mha({"ElementSpacing": "1 nan 1"}), "no number, or far away"),
    "header.mha": (mha({"HeaderSize": "1e300"}), "last voxel"),
    "cut.mha": (mha(data=RAW[:-1]), "not complete|last voxel"),
    "packed.mha": (mha({"CompressedData": "True"}, PACKED[:-4]), "too early"),
    "many files.mha": (mha(MANY, file="s%d.raw"), "not understood"),
    "long list.mha": (mha(MANY, file="LIST"), "lists 2 files of 2000000000"),
    "type.gipl": (gipl(kind=144), r"type that is not shown \(144\)"),
    "none.gipl": (gipl((0, 3, 2, 1)), "no voxels"),
    "large.gipl": (gipl((65535, 65535, 65535, 1)), "not complete"),
    "cut.gipl": (gipl(data=b"zz"), "not complete|last voxel"),
    "cut.gipl.gz": (gzip.compress(gipl())[:-9], "too early"),
    "few.gipl.gz": (gzip.compress(gipl(data=RAW[:-2])), "last voxel"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_with_one_sentence(tmp_path, name):
    content, why = REFUSED[name]
    with pytest.raises(BadInput, match=why) as caught:
        volume_io.read_volume(write(tmp_path, name, content))
    assert name in caught.value.message
    assert str(tmp_path) not in str(caught.value)


OUTSIDE = ["../secret.raw", "below/../../secret.raw", "/etc/hostname", "", ".", "nothing.raw", "folder", "a\0b"]


@pytest.mark.parametrize("named", OUTSIDE)
def test_a_header_has_no_file_read_that_lies_elsewhere(tmp_path, monkeypatch, named):
    folder = tmp_path / "scan"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.raw").write_bytes(RAW)
    for name, content in {
        "a.nhdr": nrrd({"data file": named}, b""),
        "list.nhdr": nrrd({"data file": "LIST"}, b"", named),
        "a.mhd": mha(None, b"", named),
        "list.mhd": mha(None, f"{named}\n{named}\n".encode(), "LIST"),
    }.items():
        why = r"outside of its folder|could not be read|lists \d files|lists no file"
        with pytest.raises(BadInput, match=why):
            volume_io.read_volume(write(folder, name, content))
        monkeypatch.chdir(folder)
        with pytest.raises(BadInput, match=why):
            volume_io.read_volume(name)


@pytest.mark.parametrize(
    "pattern", ["%s.raw 1 2 1", "%999999999d.raw 1 2 1", "%n%d 1 2 1", "%d%d 1 2 1", "%d 1 99999999 1"]
)
def test_a_pattern_does_nothing_but_count(tmp_path, pattern):
    for name, content in {"a.nhdr": nrrd({"data file": pattern}, b""), "a.mhd": mha(MANY, b"", pattern)}.items():
        with pytest.raises(BadInput, match=r"not understood|contradicts"):
            volume_io.read_volume(write(tmp_path, name, content))


def test_files_that_are_missing_or_too_few_are_said(tmp_path):
    for name, content, why in (
        ("a.nhdr", nrrd({"data file": "s%d.raw 1 5 1"}, b""), "equal parts"),
        ("b.nhdr", nrrd({"data file": "s%d.raw 5 1 1"}, b""), "makes no sense"),
        ("c.nhdr", nrrd({"data file": "s%d.raw 5 1 0"}, b""), "makes no sense"),
        ("a.mhd", mha(None, b"a.raw\n", "LIST"), "lists 1 files of 2"),
        ("b.mhd", mha(None, b"", "s%d.raw 5 5 1"), "fewer files than"),
        ("c.mhd", mha(None, b"", "c.raw"), r"c\.raw, which could not be read"),
    ):
        files = {**HALVES, **{f"s{n}.raw": RAW for n in range(1, 6)}}
        with pytest.raises(BadInput, match=why):
            volume_io.read_volume(write(tmp_path, name, content, files))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    air = bytes(64 << 20)
    sizes = "4096 4096 60000"
    for name, content in {
        "a.nrrd": nrrd({"encoding": "gzip", "sizes": sizes}, gzip.compress(air)),
        "b.nrrd": nrrd({"encoding": "bzip2", "sizes": sizes}, bz2.compress(air)),
        "a.mha": mha({"CompressedData": "True", "DimSize": sizes}, zlib.compress(air)),
    }.items():
        with pytest.raises(BadInput, match=r"not complete|of memory"):
            volume_io.find_series(write(tmp_path, name, content))
    behind = write(tmp_path, "behind.nrrd", nrrd({"encoding": "gzip"}, gzip.compress(RAW + air + air)))
    with pytest.raises(BadInput, match="after its last voxel"):
        volume_io.read_volume(behind)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Free", (), {"available": 10_000_000})())
    end = write(tmp_path, "end.nrrd", nrrd({"encoding": "gzip", "byte skip": "-1"}, gzip.compress(air)))
    with pytest.raises(BadInput, match="of memory"):
        volume_io.read_volume(end)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_changed_byte_behind_the_first_time_point_is_noticed(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 4000, (3, 8, 9, 10), np.int16)
    packed = bytearray(zlib.compress(noise.tobytes()))
    packed[-300] ^= 0x55
    times = {"dimension": "4", "sizes": "10 9 8 3", "encoding": "gzip"}
    meta = {"NDims": "4", "DimSize": "10 9 8 3", "CompressedData": "True"}
    content = nrrd(times, bytes(packed)) if ending == "nrrd" else mha(meta, bytes(packed))
    with pytest.raises(BadInput, match="damaged"):
        volume_io.read_volume(write(tmp_path, f"a.{ending}", content))


def test_a_damaged_segmentation_is_refused(tmp_path):
    tail = "Segment0_ID:=a\nSegment0_LabelValue:=1\n"
    four = {"dimension": "4", "sizes": "2 4 3 1", "kinds": "list domain domain domain"}
    for name, content in {
        "type.seg.nrrd": nrrd({"type": "foo"}, tail=tail),
        "flat.seg.nrrd": nrrd({"kinds": "list domain domain"}, tail=tail),
        "cut.seg.nrrd": nrrd({**four, "encoding": "gzip"}, gzip.compress(RAW)[:-9], tail),
        "huge.seg.nrrd": nrrd({**four, "sizes": "2 40000 40000 1000"}, RAW, tail),
    }.items():
        with pytest.raises(BadInput, match=name):
            read_segments(write(tmp_path, name, content))
    assert seg_nrrd_reader.fields_of(write(tmp_path, "no.seg.nrrd", b"something else")) == {}
    assert seg_nrrd_reader.fields_of(tmp_path / "absent.seg.nrrd") == {}


def test_layers_lie_in_whichever_axis_is_a_list(tmp_path):
    tail = "Segment0_ID:=a\nSegment0_LabelValue:=1\nSegment0_Layer:=1\n"
    layers = np.random.default_rng(0).integers(0, 2, (2, 3, 4, 5), np.uint8)
    for axis in range(4):
        kinds, sizes = ["domain"] * 3, ["5", "4", "3"]
        kinds.insert(axis, "list")
        sizes.insert(axis, "2")
        fields = {"type": "uint8", "dimension": "4", "sizes": " ".join(sizes), "kinds": " ".join(kinds)}
        data = np.moveaxis(layers, 0, 3 - axis).tobytes()
        incoming = read_segments(write(tmp_path, "a.seg.nrrd", nrrd(fields, data, tail)))
        (segment,) = incoming.segments
        assert np.array_equal(segment.crop, layers[1][segment.region.slices] == 1)
        assert segment.voxels == layers[1].sum()


WHOLE = {
    "a.nrrd": nrrd({**AXES, "kinds": "domain domain domain"}, tail="# words\nkey:=value\n"),
    "b.nrrd": nrrd({"spacings": "1 2 3", "axis mins": "0 0 0", "centerings": "cell cell cell", "byte skip": "0"}),
    "c.nrrd": nrrd({"encoding": "gzip"}, gzip.compress(RAW)),
    "d.nrrd": nrrd({"encoding": "text", "line skip": "0"}, TEXT),
    "e.nhdr": nrrd({"data file": "s%03d.raw 1 2 1"}, b""),
    "f.nhdr": nrrd({"data file": "LIST 2"}, b"", "a.raw\nb.raw\n"),
    "a.mha": mha({"TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "1 2 3", "ElementSpacing": "1 2 3"}),
    "b.mha": mha({"CompressedData": "True", "CompressedDataSize": "56", "HeaderSize": "0"}, PACKED),
    "c.mha": mha({"BinaryData": "False", "ElementNumberOfChannels": "1"}, TEXT),
    "d.mhd": mha(None, b"", "s%03d.raw 1 2 1"),
    "e.mhd": mha(None, b"a.raw\nb.raw\n", "LIST 2D"),
    "a.gipl": gipl(),
    "b.gipl.gz": gzip.compress(gipl()),
}
flips = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4)


@given(st.sampled_from(sorted(WHOLE)), flips, st.integers(0, 500))
@example("a.nrrd", [(9, 13)], 500)
def test_changed_bytes_make_another_image_or_one_sentence(tmp_path_factory, name, changes, length):
    folder = tmp_path_factory.mktemp("changed")
    content = bytearray(WHOLE[name][: max(1, length)] if length < 300 else WHOLE[name])
    for place, value in changes:
        content[place % len(content)] = value
    path = write(folder, name, bytes(content), {**HALVES, "s001.raw": RAW[:24], "s002.raw": RAW[24:]})
    with suppress(BadInput):
        assert volume_io.read_volume(path).array.size <= 20 * VOXELS.size
