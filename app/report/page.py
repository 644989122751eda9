"""`page`: one self-contained HTML page with pictures and measurements, to print or to file.

It names nobody: not the patient, not the file, not the folder; only what its author types into title and remarks.
"""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from app import __version__
from app.measure.agreement import Agreement
from app.measure.statistics import SegmentStatistics
from app.measure.tables import Table, agreement_table, statistics_table
from app.report.pictures import middle_of, slice_picture
from app.segmentation import Segment
from app.view_state import Window
from app.volume import Volume

_PLANES = ((2, "axial"), (1, "coronal"), (0, "sagittal"))
MOST_PICTURED = 12
"""Segments with pictures; a table has room for all."""


@dataclass(frozen=True, eq=False)
class Content:
    """What goes on the page.

    Args:
        labels: (k, j, i) on the volume's grid.
        statistics: Of the segments, in their order.
        scene: PNG of the surfaces in 3D, where there is one.
    """

    volume: Volume
    labels: NDArray[np.unsignedinteger]
    segments: tuple[Segment, ...]
    statistics: tuple[SegmentStatistics, ...]
    window: Window
    agreements: tuple[Agreement, ...] = ()
    scene: bytes | None = None
    title: str = "Segmentation report"
    remarks: str = ""
    model: str = ""


def page(content: Content) -> str:
    """The HTML; everything is inside it, pictures too, and it asks no other machine for anything."""
    parts = [
        f"<h1>{escape(content.title)}</h1>",
        f"<p class='facts'>{escape(facts(content))}</p>",
        f"<p>{escape(content.remarks)}</p>" if content.remarks else "",
        "<h2>Measurements</h2>",
        filled(statistics_table(content.statistics)),
        "<h2>Agreement with a second segmentation</h2>" if content.agreements else "",
        _table(agreement_table(content.agreements)) if content.agreements else "",
        "<h2>Pictures</h2>",
        f"<p class='facts'>{escape(VIEWS)}</p>",
        "<div class='all'>" + _picture(content.scene, "All segments in 3D") + "</div>" if content.scene else "",
        *(_pictured(content, segment) for segment in content.segments[:MOST_PICTURED]),
        f"<p class='facts'>{escape(END)}</p>",
    ]
    head = f"<meta charset='utf-8'><title>{escape(content.title)}</title><style>{_STYLE}</style>"
    body = "\n".join(part for part in parts if part)
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>\n{body}\n</body></html>\n"


VIEWS = "Seen from the feet and from the front: the patient's right is on the left."
END = (
    "For research and planning. Not a medical device: a qualified person must check every result. Volumes are counted "
    "voxels; an interval is where the model's ensemble expects the volume to be. This page holds no patient data."
)


def facts(content: Content) -> str:
    """What was segmented, with what and when, on one line."""
    volume = content.volume
    k, j, i = volume.shape
    size = f"{i} × {j} × {k} voxels of " + " × ".join(f"{s:.3g}" for s in volume.geometry.spacing[::-1]) + " mm"
    today = datetime.date.today().isoformat()
    model = f"model: {content.model}" if content.model else ""
    said = [volume.modality, size, model, f"Volumask {__version__}, {today}"]
    return " · ".join(part for part in said if part)


def filled(table: Table) -> str:
    """As HTML, without the columns that are empty in every row."""
    kept = [n for n, _ in enumerate(table.columns) if any(row[n] for row in table.rows)]
    rows = tuple(tuple(row[n] for n in kept) for row in table.rows)
    return _table(Table(tuple(table.columns[n] for n in kept), rows))


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _pictured(content: Content, segment: Segment) -> str:
    pictures = [_picture(png, caption) for png, caption in pictures_of(content, segment)]
    if not pictures:
        return ""
    dot = "<span style='background:rgb({},{},{})'></span>".format(*segment.colour)
    return f"<section><h3>{dot}{escape(segment.name)}</h3><div class='row'>{''.join(pictures)}</div></section>"


def pictures_of(content: Content, segment: Segment) -> list[tuple[bytes, str]]:
    """PNG and caption of three slices through a segment, where it is largest; none of an empty one."""
    mask = content.labels == segment.label
    if not mask.any():
        return []
    pictures = []
    for world_axis, name in _PLANES:
        at = middle_of(mask, content.volume.geometry, world_axis)
        png = slice_picture(content.volume, content.labels, content.segments, content.window, world_axis, at)
        pictures.append((png, f"{segment.name}, {name}, slice {at + 1}"))
    return pictures


def _picture(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption, quote=True)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


_STYLE = """
@page { size: A4; margin: 14mm }
body { font: 11pt/1.4 system-ui, sans-serif; color: #16181c; max-width: 190mm; margin: 8mm auto; padding: 0 4mm }
h1 { font-size: 18pt; margin: 0 } h2 { font-size: 13pt; margin: 6mm 0 2mm } h3 { font-size: 11pt; margin: 3mm 0 1mm }
h3 span { display: inline-block; width: 3mm; height: 3mm; border-radius: 1mm; margin-right: 2mm }
.facts { color: #5a6270; font-size: 9pt; margin: 1mm 0 } section { break-inside: avoid }
table { border-collapse: collapse; font-size: 8.5pt; width: 100% }
th, td { border-bottom: 0.3mm solid #d4d8de; padding: 1mm 1.5mm; text-align: right; vertical-align: bottom }
th:first-child, td:first-child { text-align: left } th { font-weight: 600 }
.row { display: flex; gap: 3mm; align-items: flex-end } figure { margin: 0; flex: 1 }
img { width: 100%; max-height: 62mm; object-fit: contain; background: #000; border-radius: 1mm }
.all img { max-height: 80mm } figcaption { color: #5a6270; font-size: 8pt }
"""
