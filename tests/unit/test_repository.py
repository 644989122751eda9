"""What the repository may not hold: big files, a package index's address, a patient's scan, links out of it."""

import re

import pytest

from tests.data import ROOT, SAMPLE, tracked

BIGGEST = 20_000_000  # bytes of one file; the built-in network's weights are the largest that is wanted
FILES = tracked()
SCANS = (".nii", ".nii.gz", ".dcm", ".ima", ".nrrd", ".mha", ".mhd", ".zip", ".volumask")
# Written in parts, so that this file names none of them.
INDEX = re.compile("|".join((r"py" + r"pi\.org", r"python" + r"hosted", r"download\.py" + r"torch", r"conda" + r"\.org",
                             r"anaconda" + r"\.org", r"npm" + r"js", r"artifact" + r"registry", r"deb\.deb" + r"ian",
                             r"archive\.ubun" + r"tu", r"ghcr" + r"\.io")), re.IGNORECASE)  # fmt: skip

pytestmark = pytest.mark.skipif(not FILES, reason="needs a checkout: git ls-files says what the repository holds")


def test_no_file_is_big():
    assert [str(path) for path in FILES if path.stat().st_size > BIGGEST] == []


def test_no_package_index_is_named():
    texts = [(path, path.read_bytes().decode("utf-8", "replace")) for path in FILES if path.stat().st_size < 2_000_000]
    assert [f"{path}: {found[0]}" for path, text in texts if (found := INDEX.search(text))] == []


def test_the_one_scan_is_the_sample_with_its_licence_and_source():
    scans = [path for path in FILES if path.name.lower().endswith(SCANS) or path.read_bytes()[128:132] == b"DICM"]
    assert scans == [SAMPLE]
    assert "Apache License" in (SAMPLE.parent / "LICENSE-ct_abdomen.txt").read_text()
    assert "sha256" in (SAMPLE.parent / "SOURCE.md").read_text()


def test_the_sample_holds_no_text_about_a_person():
    import nibabel

    header = nibabel.load(SAMPLE).header
    assert not header.extensions
    assert header["descrip"].item().decode(errors="replace").strip() == ""
    assert header["db_name"].item().decode(errors="replace").strip() == ""


def test_no_link_leads_out_of_the_repository():
    assert [path for path in FILES if not path.resolve().is_relative_to(ROOT)] == []
