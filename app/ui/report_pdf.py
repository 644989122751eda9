"""`write_pdf`: the report on one A4 page, with the same pictures and figures as the HTML, printed by Qt."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, QUrl
from PySide6.QtGui import QFont, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from app.atomic_file import replacing
from app.measure.tables import agreement_table, statistics_table
from app.report.page import END, MOST_PICTURED, VIEWS, Content, facts, filled, pictures_of

_DPI = 150
_MARGIN_MM = 14
_SMALLEST = 0.65
"""Of the normal size: smaller print is not read; segments without pictures are in the table all the same."""

_LAYOUTS = ((1, 1.0), (1, 0.8), (2, 1.0), (2, 0.8), (1, _SMALLEST), (2, _SMALLEST))
"""Segments in a line, and the scale."""

_HEIGHTS = {1: 0.24, 2: 0.13}
"""Segments in a line -> how high a picture may be, as a share of the page's width."""


def write_pdf(path: str | Path, content: Content) -> None:
    """Write the page, whole or not at all.

    Raises:
        AppError: when it cannot be written.
    """
    data = _pdf(content)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _pdf(content: Content) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setCreator("Volumask")
    writer.setTitle(content.title)
    writer.setResolution(_DPI)
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
        )
    )
    painter = QPainter(writer)
    try:
        _paint(painter, content, QSizeF(writer.width(), writer.height()))
    finally:
        painter.end()
    return bytes(buffer.data().data())


def _paint(painter: QPainter, content: Content, size: QSizeF) -> None:
    """As many segments with pictures as fit, as large as they can be."""
    chosen = [(s.name, _images(pictures_of(content, s))) for s in content.segments[:MOST_PICTURED]]
    pictured = [one for one in chosen if one[1]]
    for count in range(len(pictured), -1, -1):
        for per_line, scale in _LAYOUTS:
            document = _document(content, pictured[:count], per_line, size.width() / scale)
            if document.size().height() * scale <= size.height() or (not count and scale == _SMALLEST):
                painter.scale(scale, scale)
                document.drawContents(painter, QRectF())
                return


_Images = list[tuple[QImage, str]]


def _images(pictures: list[tuple[bytes, str]]) -> _Images:
    return [(QImage.fromData(png), caption) for png, caption in pictures]


def _document(content: Content, pictured: list[tuple[str, _Images]], per_line: int, width: float) -> QTextDocument:
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
    scene = _images([(content.scene, "All segments in 3D")]) if content.scene else []
    parts = [
        _words(content),
        _row(document, "scene", scene, 0.4 * width, _HEIGHTS[1] * width) if scene else "",
        f"<table width='100%'>{rows}</table>" if rows else "",
        f"<p class='facts'>{escape(END)}</p>",
    ]
    document.setHtml("".join(parts))
    document.setTextWidth(width)
    return document


def _words(content: Content) -> str:
    agreed = content.agreements
    measured = statistics_table(content.statistics).without("Minimum", "Maximum", "Voxels")
    parts = [
        f"<h1>{escape(content.title)}</h1><p class='facts'>{escape(facts(content))}</p>",
        f"<p>{escape(content.remarks)}</p>" if content.remarks else "",
        "<h2>Measurements</h2>" + _ruled(filled(measured)),
        "<h2>Agreement with a second segmentation</h2>" + _ruled(filled(agreement_table(agreed))) if agreed else "",
        f"<h2>Pictures</h2><p class='facts'>{escape(VIEWS)}</p>",
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
body, td, p { color: #16181c } h1 { font-size: xx-large } h2 { font-size: large } h3 { font-size: medium }
.facts { color: #5a6270; font-size: small } th { font-size: small } td { font-size: small }
"""
