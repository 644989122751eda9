"""Two bundles are compared by every file; what may differ is listed with its reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.data import ROOT

sys.path.insert(0, str(ROOT / "packaging"))

from bundling import compare
from bundling.compare import Difference

BUNDLES = [Path(name) for name in os.environ.get("VOLUMASK_BUNDLES", "").split(os.pathsep) if name]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Bundles that are alike."""
    for name in ("first", "second"):
        inside = tmp_path / name / "_internal"
        inside.mkdir(parents=True)
        (inside / "library.so").write_bytes(b"code")
        (inside.parent / "Volumask").write_bytes(b"program")
        (inside.parent / "volumask").symlink_to("Volumask")
    return tmp_path / "first", tmp_path / "second"


def test_what_is_alike_does_not_differ(two):
    assert compare.differences(*two) == []
    assert compare.report(*two) == ("0 of 3 files differ", True)


def test_content_rights_links_and_missing_files_are_told(two):
    first, second = two
    (second / "_internal" / "library.so").write_bytes(b"cold")
    (second / "Volumask").chmod(0o700)
    (second / "volumask").unlink()
    (second / "volumask").symlink_to("elsewhere")
    (first / "old").touch()
    (second / "new").touch()
    assert compare.differences(first, second) == [
        Difference("Volumask", "rights"),
        Difference("_internal/library.so", "content"),
        Difference("new", "only in the second"),
        Difference("old", "only in the first"),
        Difference("volumask", "link"),
    ]
    assert not compare.report(first, second)[1]


def test_what_is_expected_is_told_with_its_reason(two, monkeypatch):
    monkeypatch.setattr(compare, "EXPECTED", {"_internal/*.so": "built by the hour"})
    (two[1] / "_internal" / "library.so").write_bytes(b"cold")
    text, expected = compare.report(*two)
    assert "_internal/library.so: content (built by the hour)" in text
    assert expected


@pytest.mark.slow
@pytest.mark.skipif(len(BUNDLES) != 2, reason="needs two builds of one commit, named in VOLUMASK_BUNDLES")
def test_two_builds_of_one_commit_differ_only_where_listed():
    text, expected = compare.report(*BUNDLES)
    assert expected, text
