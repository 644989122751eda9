"""`ModelsDialog`: every model, what it can do, whether it is here; to download, import, check and use."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.engine import registry
from app.engine.backends import tested
from app.engine.model_card import ModelCard
from app.engine.rehearsal import can_rehearse
from app.session import Session
from app.ui import model_words, theme
from app.ui.errands import Errand, Errands

NAME, KIND, PROMPTS, SIZE, SPEED, LICENCE, STATE = range(7)
ROW_HEIGHT = 24
PROXY = "network/proxy"
SUFFIXES = (".pth", ".pt", ".safetensors", ".bin", ".ckpt")
"""What weights files are called; whether one is, its content says."""


class ModelsDialog(QDialog):
    """Shows and asks; the work is done by who listens.

    Signals: `download_wanted(str)`, `cancel_wanted(str)`, `check_wanted(str)`, `test_wanted(str)`, `use_wanted(str)`: a
    model's id;
    `import_wanted(str)`: a path.
    """

    download_wanted = Signal(str)
    cancel_wanted = Signal(str)
    check_wanted = Signal(str)
    test_wanted = Signal(str)
    use_wanted = Signal(str)
    import_wanted = Signal(str)

    def __init__(self, session: Session, errands: Errands, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Models"))
        self.resize(1040, 700)
        self._session, self._errands = session, errands
        self.list = self._made_list()
        self.about = _paragraph()
        self.about.setOpenExternalLinks(True)
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.machine = _paragraph()
        self.message = _paragraph()
        self.message.setObjectName("modelMessage")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.proxy = QLineEdit(str(QSettings().value(PROXY, "")))
        self.proxy.setPlaceholderText(self.tr("as the system has it"))
        self.proxy.setAccessibleName(self.tr("Proxy"))
        self.proxy.editingFinished.connect(lambda: QSettings().setValue(PROXY, self.proxy.text().strip()))
        self._make_buttons()
        self._lay_out()
        self.fill()
        errands.changed.connect(self._on_errand)

    # What is shown

    def fill(self) -> None:
        """List the models as they are now; those that are here first."""
        chosen = self.chosen or self._session.model.id
        self.list.clear()
        for card in sorted(self._session.models(), key=lambda card: not registry.installed(card)):
            self.list.addTopLevelItem(self._row(card))
        self.machine.setText(model_words.machine(tested.kept()))
        self.choose(chosen)

    def choose(self, model: str) -> None:
        """Show one model, the first where there is no such."""
        rows = self._rows()
        wanted = next((row for row in rows if _model_of(row) == model), rows[0] if rows else None)
        if wanted:
            self.list.setCurrentItem(wanted)

    @property
    def chosen(self) -> str:
        """Id of the model that is looked at, "" when there is none."""
        row = self.list.currentItem()
        return _model_of(row) if row else ""

    def tell(self, text: str, bad: bool = False) -> None:
        """One sentence over the buttons."""
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {theme.EXCLUDE if bad else theme.INCLUDE}")

    # Build

    def _made_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        titles = ("Model", "Sees", "Takes", "Size", "A click here", "Licence", "State")
        tree.setHeaderLabels([self.tr(title) for title in titles])
        tree.setRootIsDecorated(False)
        tree.setAccessibleName(self.tr("Models"))
        tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setSectionResizeMode(LICENCE, QHeaderView.ResizeMode.Stretch)
        tree.header().setStretchLastSection(False)
        tree.currentItemChanged.connect(self._show_chosen)
        tree.itemDoubleClicked.connect(self._on_double_clicked)
        return tree

    def _row(self, card: ModelCard) -> QTreeWidgetItem:
        texts = [card.name, model_words.dimensions(card), model_words.prompts(card), model_words.size(card)]
        speeds = self._session.inference.speeds
        row = QTreeWidgetItem([*texts, model_words.here(card, speeds), model_words.rights(card), self._state(card)])
        row.setData(NAME, Qt.ItemDataRole.UserRole, card.id)
        row.setTextAlignment(SIZE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.setToolTip(NAME, model_words.tip(card, speeds))
        row.setSizeHint(LICENCE, QSize(0, ROW_HEIGHT))  # of the column that has what the others leave
        if not card.commercial:
            row.setForeground(LICENCE, QColor(theme.MIDDLING))
        if not registry.installed(card):
            row.setForeground(NAME, QColor(theme.DIM))
        return row

    def _make_buttons(self) -> None:
        self.import_button = QPushButton(self.tr("&Import a file…"))
        self.import_button.clicked.connect(self._choose_file)
        self.check_button = QPushButton(self.tr("C&heck"))
        self.check_button.setToolTip(self.tr("Compare checksum and parameters with what they should be"))
        self.check_button.clicked.connect(lambda: self.check_wanted.emit(self.chosen))
        self.test_button = QPushButton(self.tr("&Test speed"))
        self.test_button.setToolTip(
            self.tr(
                "See how fast this model is on this computer, also before its weights are here, and test the computer"
            )
        )
        self.test_button.clicked.connect(lambda: self.test_wanted.emit(self.chosen))
        self.download_button = QPushButton(self.tr("&Download"))
        self.download_button.clicked.connect(lambda: self.download_wanted.emit(self.chosen))
        self.download_button.setMinimumWidth(112)  # the bold letters of a default button are wider than Qt reckons
        self.cancel_button = QPushButton(self.tr("&Cancel"))
        self.cancel_button.clicked.connect(lambda: self.cancel_wanted.emit(self.chosen))
        self.use_button = QPushButton(self.tr("&Use"))
        self.use_button.clicked.connect(lambda: self.use_wanted.emit(self.chosen))
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.clicked.connect(self.close)
        plain = (self.import_button, self.check_button, self.test_button, self.cancel_button, self.use_button)
        for button in (*plain, self.close_button):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.list, 1)
        column.addWidget(self.machine)
        column.addWidget(self.about)
        column.addWidget(self.message)
        column.addWidget(self.bar)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.import_button)
        foot.addSpacing(8)
        foot.addWidget(QLabel(self.tr("Proxy")))
        foot.addWidget(self.proxy, 1)
        foot.addSpacing(8)
        first = (self.test_button, self.check_button, self.cancel_button)
        for button in (*first, self.download_button, self.use_button, self.close_button):
            foot.addWidget(button)
        column.addLayout(foot)

    # What happens

    def _show_chosen(self) -> None:
        self.message.clear()
        if self.chosen:
            self._show(registry.card(self.chosen), self._errands.running(self.chosen))

    def _show(self, card: ModelCard, errand: Errand | None) -> None:
        here = registry.installed(card)
        page = f'<a style="color:{theme.ACCENT}" href="{card.page}">{card.page}</a>' if card.page else ""
        missing = "" if here else registry.how_to_get(card) if not card.url else self._how_to_download(card)
        about = "<br>".join(part for part in (card.description, model_words.rights(card), page, missing) if part)
        self.about.setText(f"<b>{card.name}</b><br>{about}")
        self.bar.setVisible(errand is not None)
        self.cancel_button.setVisible(errand is not None)
        self.download_button.setVisible(not here and bool(card.url) and errand is None)
        self.check_button.setVisible(here and bool(card.weights) and errand is None)
        self.test_button.setVisible(can_rehearse(card) and errand is None)
        self.use_button.setVisible(here)
        self.use_button.setEnabled(card.id != self._session.model.id)
        if errand:
            self.bar.setValue(round(1000 * errand.fraction))
            self.bar.setFormat(f"{errand.what} – %p %")

    def _how_to_download(self, card: ModelCard) -> str:
        text = self.tr("Its weights are not on this computer: press Download (%1), or import or drop the file %2.")
        return text.replace("%1", model_words.size(card)).replace("%2", card.weights)

    def _state(self, card: ModelCard) -> str:
        errand = self._errands.running(card.id)
        if errand:
            return f"{round(100 * errand.fraction)} %"
        if card.id == self._session.model.id:
            return self.tr("in use")
        if registry.installed(card):
            return self.tr("installed")
        return self.tr("to download") if card.url else self.tr("to import")

    def _on_errand(self, key: str) -> None:
        row = next((row for row in self._rows() if _model_of(row) == key), None)
        if row:
            card = registry.card(key)
            row.setText(STATE, self._state(card))
            if key == self.chosen:
                self._show(card, self._errands.running(key))

    def _rows(self) -> list[QTreeWidgetItem]:
        found = (self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount()))
        return [row for row in found if row]

    def _on_double_clicked(self) -> None:
        if registry.installed(registry.card(self.chosen)):
            self.use_wanted.emit(self.chosen)
        else:
            self.download_wanted.emit(self.chosen)

    def _choose_file(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        title = self.tr("Import weights")
        path, _ = QFileDialog.getOpenFileName(
            self, title, "", f"{self.tr('Weights')} ({kinds});;{self.tr('All files')} (*)"
        )
        if path:
            self.import_wanted.emit(path)


def ask_which(parent: QWidget, message: str, cards: Sequence[ModelCard]) -> str:
    """Which model a file is of; "" when the user does not say."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Volumask")
    box.setText(message)
    tr = QCoreApplication.translate
    box.setInformativeText(
        tr("Models", "Use it as which model? Only import weights from people you trust to be right.")
    )
    buttons = {box.addButton(card.name, QMessageBox.ButtonRole.AcceptRole): card.id for card in cards}
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    chosen = box.clickedButton()
    box.deleteLater()
    return next((model for button, model in buttons.items() if button is chosen), "")


def _model_of(row: QTreeWidgetItem) -> str:
    return str(row.data(NAME, Qt.ItemDataRole.UserRole))


def _paragraph() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    return label
