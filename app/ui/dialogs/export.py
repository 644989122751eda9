"""`ExportDialog`: which format, which segments, what they are; and what speaks against it, before a file is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from PySide6.QtCore import QMargins, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.exchange.formats import DICOM, FORMATS
from app.exchange.terms import term_of
from app.preflight import Level, Preflight
from app.segmentation import Segment
from app.ui import theme
from app.ui.dialogs.terms import TermBox, term_model
from app.ui.icons import swatch

NAME, TERM = range(2)
_SIGNS = {Level.GOOD: ("✓", theme.INCLUDE), Level.NOTE: ("!", "#ffd640"), Level.PROBLEM: ("✗", theme.EXCLUDE)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user wants.

    Args:
        ending: Of the file, one of `app.preflight.FORMATS`.
        labels: Of the segments.
        terms: Label -> key of the term, of segments where the user chose another than was there.
        identified: Repeat the patient's name and identifiers in a DICOM file.
    """

    ending: str
    labels: tuple[int, ...]
    terms: Mapping[int, str] = field(default_factory=dict)
    identified: bool = False


_AROUND = QMargins(0, 5, 0, 5)
"""Between a row and the box in it: the style pads rows, and a box without room cuts its letters."""


class ExportDialog(QDialog):
    """Signals: `changed()`: look again; `accepted()`: name a file and write it.

    Args:
        formats: Ending and description, in order.
        ending: The one to begin with.
        from_dicom: Whether there is a patient whose name could be repeated.
        ticked: Labels to begin with.
    """

    changed = Signal()

    def __init__(
        self,
        segments: Sequence[Segment],
        formats: Sequence[tuple[str, str]],
        ending: str,
        ticked: Sequence[int],
        from_dicom: bool,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Export"))
        self.resize(620, 520)
        self._terms: dict[int, str] = {}
        self._from_dicom = from_dicom
        self.format = QComboBox()
        self.format.setAccessibleName(self.tr("Format"))
        for known, text in formats:
            self.format.addItem(text, known)
        self.format.setCurrentIndex(self.format.findData(ending))
        self.list = self._made_list(segments, ticked)
        self.identified = QCheckBox(self.tr("With the patient's name and identifiers, to file it beside the scan"))
        self.findings = QLabel()
        self.findings.setWordWrap(True)
        self.findings.setTextFormat(Qt.TextFormat.RichText)
        self.findings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.findings.setAccessibleName(self.tr("Check before the export"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self._lay_out()
        self._listen()
        self._fit_format()

    @property
    def choice(self) -> Choice:
        """As it stands."""
        rows = [self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount())]
        ticked = [row for row in rows if row and row.checkState(NAME) == Qt.CheckState.Checked]
        labels = tuple(int(row.data(NAME, Qt.ItemDataRole.UserRole)) for row in ticked)
        ending = str(self.format.currentData())
        return Choice(ending, labels, dict(self._terms), self.identified.isChecked() and ending in DICOM)

    def term_box(self, label: int) -> TermBox:
        """The box of a segment's term."""
        for number in range(self.list.topLevelItemCount()):
            row = self.list.topLevelItem(number)
            if row and row.data(NAME, Qt.ItemDataRole.UserRole) == label:
                box = self.list.itemWidget(row, TERM)
                if isinstance(box, TermBox):
                    return box
        raise KeyError(label)

    def show_waiting(self) -> None:
        """It is being looked at."""
        self.findings.setText(f'<span style="color:{theme.DIM}">{escape(self.tr("Checking…"))}</span>')
        self._save.setEnabled(False)

    def show_findings(self, found: Preflight) -> None:
        """What was found; with a problem it cannot be saved."""
        lines = []
        for finding in found.findings:
            sign, colour = _SIGNS[finding.level]
            lines.append(f'<span style="color:{colour}">{sign}</span> {escape(finding.text)}')
        self.findings.setText("<br>".join(lines))
        self._save.setEnabled(found.ready)

    def show_error(self, text: str) -> None:
        """It could not be looked at."""
        self.findings.setText(f'<span style="color:{theme.EXCLUDE}">✗</span> {escape(text)}')
        self._save.setEnabled(False)

    @property
    def _save(self) -> QWidget:
        return self.buttons.button(QDialogButtonBox.StandardButton.Save)

    def _made_list(self, segments: Sequence[Segment], ticked: Sequence[int]) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Segments"))
        tree.setRootIsDecorated(False)
        tree.setHeaderLabels([self.tr("Segment"), self.tr("What it is (SNOMED)")])
        tree.header().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(TERM, QHeaderView.ResizeMode.Stretch)
        model = term_model()
        model.setParent(tree)
        for segment in segments:
            row = QTreeWidgetItem([segment.name, ""])
            row.setIcon(NAME, swatch(segment.colour))
            row.setData(NAME, Qt.ItemDataRole.UserRole, segment.label)
            row.setCheckState(NAME, Qt.CheckState.Checked if segment.label in ticked else Qt.CheckState.Unchecked)
            tree.addTopLevelItem(row)
            box = TermBox(model, term_of(segment), self.tr("What %1 is").replace("%1", segment.name))
            box.picked.connect(lambda key, label=segment.label: self._pick(label, key))
            box.ensurePolished()
            row.setSizeHint(TERM, box.sizeHint().grownBy(_AROUND))
            tree.setItemWidget(row, TERM, box)
        return tree

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        form = QFormLayout()
        form.addRow(self.tr("Format"), self.format)
        column.addLayout(form)
        column.addWidget(self.list, 1)
        column.addWidget(self.identified)
        column.addWidget(self.findings)
        column.addWidget(self.buttons)

    def _listen(self) -> None:
        self.format.currentIndexChanged.connect(self._fit_format)
        self.format.currentIndexChanged.connect(self.changed)
        self.list.itemChanged.connect(self.changed)
        self.identified.toggled.connect(self.changed)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _fit_format(self) -> None:
        ending = str(self.format.currentData())
        self.identified.setVisible(ending in DICOM and self._from_dicom)
        self.list.setColumnHidden(TERM, ending not in FORMATS)

    def _pick(self, label: int, key: str) -> None:
        self._terms[label] = key
        self.changed.emit()
