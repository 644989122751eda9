"""`printed`: the report on one A4 page, with the same pictures and figures as the HTML, printed by Qt.

As a program it takes a pickled `Sheet` on stdin and gives the PDF on stdout.
"""

from __future__ import annotations

import pickle
import sys
from html import escape

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, QUrl
from PySide6.QtGui import QFont, QGuiApplication, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from app.report.page import filled
from app.report.sheet import Pictures, Sheet

_DPI = 150
_MARGIN_MM = 14
_SMALLEST = 0.65
"""Of the normal size: smaller print is not read; segments without pictures are in the table all the same."""

_LAYOUTS = ((1, 1.0), (1, 0.8), (2, 1.0), (2, 0.8), (1, _SMALLEST), (2, _SMALLEST))
"""Segments in a line, and the scale."""

_HEIGHTS = {1: 0.24, 2: 0.13}
"""Segments in a line -> how high a picture may be, as a share of the page's width."""


def main() -> int:
    """The child of `app.report.writing`."""
    sheet: Sheet = pickle.load(sys.stdin.buffer)  # from our own parent
    application = QGuiApplication(sys.argv[:1])
    sys.stdout.buffer.write(printed(sheet))
    sys.stdout.buffer.flush()
    application.quit()
    return 0


def printed(sheet: Sheet) -> bytes:
    """The bytes of the PDF; a QGuiApplication has to be there, for its fonts."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setCreator("Volumask")
    writer.setTitle(sheet.title)
    writer.setResolution(_DPI)
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
        )
    )
    painter = QPainter(writer)
    try:
        paint(painter, sheet, QSizeF(writer.width(), writer.height()))
    finally:
        painter.end()
    return bytes(buffer.data().data())


def paint(painter: QPainter, sheet: Sheet, size: QSizeF) -> None:
    """As many segments with pictures as fit, as large as they can be."""
    pictured = [(name, _images(pictures)) for name, pictures in sheet.pictured]
    for count in range(len(pictured), -1, -1):
        for per_line, scale in _LAYOUTS:
            document = _document(sheet, pictured[:count], per_line, size.width() / scale)
            if document.size().height() * scale <= size.height() or (not count and scale == _SMALLEST):
                painter.scale(scale, scale)
                document.drawContents(painter, QRectF())
                return


_Images = list[tuple[QImage, str]]


def _images(pictures: Pictures) -> _Images:
    return [(QImage.fromData(png), caption) for png, caption in pictures]


def _document(sheet: Sheet, pictured: list[tuple[str, _Images]], per_line: int, width: float) -> QTextDocument:
    document = QTextDocument()
    font = QFont("sans-serif")
    font.setPixelSize(round(9.5 * _DPI / 72))
    document.setDefaultFont(font)
    document.setDocumentMargin(0)
    document.setDefaultStyleSheet(_STYLE)
    across, high = 0.3 * width / per_line, _HEIGHTS[per_line] * width
    cells = [
        f"<td><h3>{escape(name)}</h3>{_row(document, f'{n}', images, across, high)}</td>"
        for n, (name, images) in enumerate(pictured)
    ]
    lines = ["".join(cells[n : n + per_line]) for n in range(0, len(cells), per_line)]
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    scene = _images(((sheet.scene, "All segments in 3D"),)) if sheet.scene else []
    parts = [
        _words(sheet),
        _row(document, "scene", scene, 0.4 * width, _HEIGHTS[1] * width) if scene else "",
        f"<table width='100%'>{rows}</table>" if rows else "",
        f"<p class='facts'>{escape(sheet.end)}</p>",
    ]
    document.setHtml("".join(parts))
    document.setTextWidth(width)
    return document


def _words(sheet: Sheet) -> str:
    agreed = sheet.agreed
    parts = [
        f"<h1>{escape(sheet.title)}</h1><p class='facts'>{escape(sheet.facts)}</p>",
        f"<p>{escape(sheet.remarks)}</p>" if sheet.remarks else "",
        "<h2>Measurements</h2>" + _ruled(filled(sheet.measured)),
        "<h2>Agreement with a second segmentation</h2>" + _ruled(filled(agreed)) if agreed else "",
        f"<h2>Pictures</h2><p class='facts'>{escape(sheet.views)}</p>",
    ]
    return "".join(parts)


def _ruled(table: str) -> str:
    """The table as Qt understands it: width and alignment are attributes, and a line is a row's own border."""
    wide = table.replace("<table>", "<table width='100%' cellpadding='5' cellspacing='0'>")
    return wide.replace("<th>", "<th align='right'>").replace("<td>", "<td align='right'>")


def _row(document: QTextDocument, key: str, images: _Images, across: float, high: float) -> str:
    """Pictures side by side, captions below."""
    cells = []
    for number, (image, caption) in enumerate(images):
        url = f"picture:{key}-{number}"
        document.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(url), image)
        width = min(across, high * image.width() / max(1, image.height()))
        text = escape(caption)
        cells.append(f"<td><img src='{url}' width='{width:.0f}'><br><span class='facts'>{text}</span></td>")
    return f"<table cellpadding='4'><tr>{''.join(cells)}</tr></table>"


_STYLE = """
body, h1, h2, h3, p, td, th { color: #16181c }
h1 { font-size: xx-large } h2 { font-size: large } h3 { font-size: medium }
.facts { color: #5a6270; font-size: small } th { font-size: small } td { font-size: small }
"""


if __name__ == "__main__":
    sys.exit(main())
