"""The page of Help about uncertainty: how to use it, and how far it was right on the development cases."""

from __future__ import annotations

from html import escape
from math import sqrt
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from app.engine.model_card import ModelCard
from app.ui import theme
from app.ui.dialogs.calibration_results import FOLDER, AfterClicks, Calibration, measured
from app.ui.dialogs.pages import show_page
from app.ui.panels.chart import Chart, Curve

_COLOURS = (theme.UNSURE, theme.MIDDLING, theme.SURE)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Calibration", text)


def show_calibration(parent: QWidget, model: ModelCard, folder: Path = FOLDER) -> QDialog:
    """The page, in a window of its own; its figures are those of the stored results of the model in use."""
    found = measured(model.id, folder)
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(12)
    words = QTextBrowser()
    words.setHtml(text(model.name, found))
    words.setAccessibleName(_tr("How sure is the uncertainty?"))
    column.addWidget(words, 1)
    if found:
        column.addLayout(_charts(found))
        note = QLabel(_tr("A larger dot stands for more voxels."))
        note.setObjectName("dim")
        column.addWidget(note)
    return show_page(parent, _tr("How sure is the uncertainty?"), body, 820, 860 if found else 420)


def text(name: str, found: Calibration | None) -> str:
    """What the page says, as HTML."""
    return _use() + _section(_tr("How far it was right: %1").replace("%1", name), _figures(found))


def _use() -> str:
    lines = [
        _tr("After every click the model answers again from slightly moved prompts. Where the answers "
            "differ, or give hardly more than even odds, the mask is unsure: the heat map shows the chance that it is "
            "wrong there, brighter for more (U switches it off)."),
        _tr("The ribbon beside each slice slider is blue where a slice is sure and red where it is not. J goes to the "
            "worst slice of the view last worked in, N to where the next click helps most; Enter makes that click "
            "as the model thinks, Shift+Enter the other way round."),
        _tr("The interval below the list of segments reaches from the volume without what may well be wrong to that "
            "with what may well be missing; how often it held the true volume is told below."),
    ]  # fmt: skip
    return _section(_tr("What is shown"), "".join(f"<p>{escape(line)}</p>" for line in lines))


def _figures(found: Calibration | None) -> str:
    if found is None:
        line = _tr(
            "It was not measured for this model. Take its uncertainty as a hint where to look, not as a probability."
        )
        return f"<p>{escape(line)}</p>"
    which = " + ".join(_roles().get(role, role) for role in found.roles)
    line = _tr("Measured on %1 structures of %2 scans (%3) with simulated clicks.")
    line = line.replace("%1", str(found.objects)).replace("%2", str(found.cases)).replace("%3", which)
    return f"<p>{escape(line)}</p>{_table(found)}<p>{escape(_meaning())}</p>"


def _roles() -> dict[str, str]:
    return {"develop": _tr("development cases, which nothing was trained on"), "train": _tr("cases for tuning")}


def _table(found: Calibration) -> str:
    head = (
        _tr("Clicks"), _tr("Structures"), _tr("Calibration error (ECE)"), _tr("Finds wrong voxels (AUROC)"),
        _tr("True volume in the interval"),
    )  # fmt: skip
    rows = [
        (f"{a.clicks}", f"{a.objects}", f"{a.ece:.2f}", f"{a.auroc:.2f}", f"{a.in_interval:.0%}") for a in found.after
    ]
    heads = "".join(f'<td style="color:{theme.ACCENT}">{escape(cell)}</td>' for cell in head)
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table cellpadding="4"><tr>{heads}</tr>{cells}</table>'


def _meaning() -> str:
    return _tr(
        "Calibration error: how far a stated probability is from how often it was right, 0 at best. AUROC: the chance "
        "that a wrong voxel is shown as less sure than a right one; 0.5 would be no better than guessing, 1 is perfect."
    )


def _charts(found: Calibration) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(16)
    row.addWidget(
        Chart(_tr("Is a stated probability right?"), _tr("stated probability of being inside"),
              _tr("voxels that are inside"), _tr("perfect"), [_reliability(a) for a in found.after])
    )  # fmt: skip
    row.addWidget(
        Chart(_tr("Does it find what is wrong?"), _tr("voxels looked at, least sure first"), _tr("wrong voxels found"),
              _tr("guessing"), [_found(a) for a in found.after if a.found])
    )  # fmt: skip
    return row


def _reliability(after: AfterClicks) -> Curve:
    points = tuple((point.x, point.y) for point in after.reliability)
    return Curve(_name(after), _colour(after), points, tuple(2 + 8 * sqrt(point.weight) for point in after.reliability))


def _found(after: AfterClicks) -> Curve:
    points = ((0.0, 0.0), *((point.x, point.y) for point in after.found), (1.0, 1.0))
    return Curve(_name(after), _colour(after), points, (2.5,) * len(points))


def _name(after: AfterClicks) -> str:
    return _tr("1 click") if after.clicks == 1 else _tr("%1 clicks").replace("%1", str(after.clicks))


def _colour(after: AfterClicks) -> str:
    return _COLOURS[{1: 0, 3: 1}.get(after.clicks, 2)]


def _section(title: str, html: str) -> str:
    return f"<h3>{escape(title)}</h3>{html}"
