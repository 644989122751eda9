"""The report as PDF: one page whatever is on it, with pictures, silent about patient and file."""

import re
import zlib

import numpy as np
import pytest
from PySide6.QtCore import QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette

from app.errors import AppError
from app.measure.statistics import statistics
from app.report import writing
from app.report.page import Content
from app.report.sheet import Sheet
from app.segmentation import Segment
from app.ui.report_pdf import paint, printed
from app.view_state import Window
from tests.unit.test_report import content


def streams(data: bytes) -> list[bytes]:
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    return [zlib.decompress(one) if one[:1] == b"\x78" else one for one in found]


def pages(data: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", data))


def images(data: bytes) -> int:
    return len(re.findall(rb"/Subtype\s*/Image", data))


def write_pdf(path, page):
    path.write_bytes(printed(Sheet.of(page)))


def many(count: int) -> Content:
    one = content()
    labels = np.zeros(one.volume.shape, np.uint8)
    for label in range(1, count + 1):
        labels[:, (label - 1) % 20, label % 30] = label
    segments = tuple(Segment(n, f"Structure {n}", (n, 90, 200)) for n in range(1, count + 1))
    return Content(one.volume, labels, segments, statistics(one.volume, labels, segments), Window(0, 100))


def test_it_is_one_page_with_three_pictures_of_each_segment(qapp, tmp_path):
    write_pdf(tmp_path / "a.pdf", content(remarks="Seen twice", title="Two organs"))
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert pages(data) == 1
    assert images(data) == 6
    assert "Two organs".encode("utf-16-be") in data or b"Two organs" in data
    everything = b"".join([data, *streams(data)]).lower()
    for secret in ("xaverine", "doe", "bauch"):
        assert secret.encode() not in everything
        assert secret.encode("utf-16-be") not in everything


@pytest.mark.parametrize("count", [1, 5, 14])
def test_many_segments_fit_on_the_page_too(qapp, tmp_path, count):
    write_pdf(tmp_path / "a.pdf", many(count))
    data = (tmp_path / "a.pdf").read_bytes()
    assert pages(data) == 1
    assert 3 <= images(data) <= 36


def test_a_report_of_nothing_is_a_page_too(qapp, tmp_path):
    write_pdf(tmp_path / "a.pdf", many(0))
    assert pages((tmp_path / "a.pdf").read_bytes()) == 1


def test_a_folder_that_is_not_there_is_one_sentence(qapp, tmp_path):
    with pytest.raises(AppError):
        writing.write(tmp_path / "gone" / "a.pdf", content())


def test_the_window_writes_it_by_the_name_that_is_chosen(case, qtbot, tmp_path):
    case.session.add_segment("Liver")
    case.measuring.write_report(tmp_path / "report.pdf")
    qtbot.waitUntil(lambda: "report.pdf" in case.banner.text, timeout=20_000)
    assert pages((tmp_path / "report.pdf").read_bytes()) == 1


def test_what_is_written_is_dark_whatever_the_colours_of_the_desktop(qapp):
    """A dark desktop has light letters, which nobody saw on paper."""
    page = QImage(620, 877, QImage.Format.Format_RGB32)
    page.fill(Qt.GlobalColor.white)
    old, dark = qapp.palette(), QPalette(QColor("black"))
    dark.setColor(QPalette.ColorRole.Text, QColor("white"))
    dark.setColor(QPalette.ColorRole.WindowText, QColor("white"))
    qapp.setPalette(dark)
    try:
        painter = QPainter(page)
        paint(painter, Sheet.of(content(title="MMMMMMM")), QSizeF(620, 877))
        painter.end()
    finally:
        qapp.setPalette(old)
    title = [QColor(page.pixel(x, y)).lightness() for x in range(200) for y in range(40)]
    assert sum(light < 60 for light in title) > 100
