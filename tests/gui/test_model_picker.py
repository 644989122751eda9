"""Models in the window: what is here, downloads with progress and cancel, import by button and by drop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from app.engine import registry
from app.prompts import Box, Point
from app.ui import models as models_module
from app.ui.dialogs.models import LICENCE, NAME, PROXY, SPEED, STATE, ModelsDialog
from app.ui.main_window import MainWindow
from tests.data import ROOT
from tests.unit.file_server import serving
from tests.unit.zoo import Zoo, make_zoo, sha256, weights

NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    """Four cards of the fake family: one to download, its twin, one for boxes only, one not for commerce."""
    with serving() as server:
        made = make_zoo(tmp_path / "zoo", monkeypatch, server)
        for name in ("fake", "slow"):
            (made.folder / name).mkdir()
            card = (ROOT / "tests" / "models" / name / "card.toml").read_text()
            (made.folder / name / "card.toml").write_text(card)
        made.add("small", sha256=sha256(weights()))
        made.add("boxer", width=5, prompts=["box"])
        made.add("paid", width=6, commercial=False, licence="CC-BY-NC-4.0")
        server.does.content = weights()
        yield made


@pytest.fixture
def window(zoo: Zoo, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """The window of the other tests, with these models."""
    monkeypatch.setenv("VOLUMASK_MODELS", str(zoo.folder))
    window.sidebar.model.fill()
    return window


def page(window: MainWindow, model: str = "") -> ModelsDialog:
    """The page of models, opened the way a user does."""
    window.actions_["models"].trigger()
    dialog = window.models.show(model)
    assert isinstance(dialog, ModelsDialog)
    return dialog


def row(dialog: ModelsDialog, model: str):
    rows = (dialog.list.topLevelItem(number) for number in range(dialog.list.topLevelItemCount()))
    return next(row for row in rows if row.data(NAME, Qt.ItemDataRole.UserRole) == model)


def drop(window: MainWindow, path: Path) -> bool:
    """What the system does with a drop; whether the window takes it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE)
    enter.ignore()
    window.dragEnterEvent(enter)
    if enter.isAccepted():
        window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE))
    return enter.isAccepted()


def put(folder: Path, content: bytes, name: str = "own.pth") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


# The picker


def test_the_picker_lists_what_is_here_then_what_can_be_had_with_its_size(window):
    picker = window.sidebar.model
    texts = [picker.itemText(number) for number in range(picker.count())]
    assert picker.currentText() == "Fake"
    assert texts.index("Classic") < texts.index("Boxer  ·  0 MB") < texts.index("Models…") == len(texts) - 1
    assert "SAM ViT-B  ·  375 MB" in texts
    assert "Paid (non-commercial)  ·  0 MB" in texts
    tip = picker.itemData(picker.findData("medsam"), Qt.ItemDataRole.ToolTipRole)
    assert "2D · boxes only" in tip
    assert "Licence: Apache-2.0" in tip
    assert "Not on this computer: 375 MB to download" in tip


def test_choosing_a_missing_model_opens_its_page_and_downloads_nothing(window, zoo):
    picker = window.sidebar.model
    picker.setCurrentIndex(picker.findData("small"))
    picker.activated.emit(picker.currentIndex())
    dialog = window.findChild(ModelsDialog)
    assert dialog.chosen == "small"
    assert "press Download (0 MB), or import or drop the file small.pth" in dialog.about.text()
    assert picker.currentText() == "Fake"
    assert window.session.model.id == "fake"
    assert zoo.server.does.seen == []


def test_the_page_marks_what_is_not_for_commerce_and_says_what_each_takes(window):
    dialog = page(window)
    assert row(dialog, "paid").text(LICENCE) == "non-commercial: CC-BY-NC-4.0"
    assert [row(dialog, "boxer").text(column) for column in range(3)] == ["Boxer", "3D", "boxes only"]
    assert row(dialog, "fake").text(STATE) == "in use"
    assert row(dialog, "classic").text(STATE) == "installed"
    assert row(dialog, "small").text(STATE) == "to download"
    assert dialog.use_button.isVisible()
    assert not dialog.use_button.isEnabled()


def test_how_fast_a_model_is_here_is_told_once_measured(case, settle):
    case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    dialog = page(case, "fake")
    assert row(dialog, "fake").text(SPEED).startswith("0.")
    assert row(dialog, "small").text(SPEED) == ""
    case.session.inference.speeds.note("fake", 20.0)
    dialog.fill()
    assert row(dialog, "fake").text(SPEED).endswith("at most 20 s")
    case.sidebar.model.refresh()
    assert "A click takes" in case.sidebar.model.toolTip()


def test_a_model_is_tried_before_it_is_here_and_its_speed_is_told_as_tested(window, qtbot, monkeypatch):
    from app.engine import trying
    from app.engine.speeds import Speeds, Tried

    def child(models, progress, token):
        """What the process of its own does, without its ten seconds."""
        speeds = Speeds()
        speeds.note_tried(
            models[0], Tried("slice", 0.9, 0.1, 0.9, 0.1, 0.0, 0.0, False, "openvino", 2, 3, "2026-11-21")
        )
        speeds.save()

    monkeypatch.setattr(trying, "try_in_child", child)
    dialog = page(window, "fake")
    assert not dialog.test_button.isVisible()  # no network
    dialog.choose("mobile_sam")
    assert dialog.test_button.isVisible()
    qtbot.mouseClick(dialog.test_button, Qt.MouseButton.LeftButton)
    told = "0.1 s, the first 0.9 s (tested)"
    qtbot.waitUntil(lambda: row(dialog, "mobile_sam").text(SPEED) == told, timeout=30_000)
    assert dialog.message.text() == f"MobileSAM: a click takes {told} here."
    assert told in window.sidebar.model.itemData(
        window.sidebar.model.findData("mobile_sam"), Qt.ItemDataRole.ToolTipRole
    )


def test_before_that_its_speed_is_reckoned_from_the_test_of_this_computer(window, monkeypatch):
    from app.engine.backends import tested
    from app.engine.backends.tested import Findings, Run

    assert row(page(window), "medsam").text(SPEED) == ""
    monkeypatch.setattr(tested, "kept", lambda: Findings("this", "2026-11-21", (Run("openvino", 2, 0.0265),)))
    dialog = page(window)
    dialog.fill()
    assert row(dialog, "medsam").text(SPEED) == "about 3.6 s at first (reckoned)"
    assert "reckoned" not in row(dialog, "classic").text(SPEED), "it is no network, and may have been measured by now"
    window.sidebar.model.fill()
    tip = window.sidebar.model.itemData(window.sidebar.model.findData("medsam"), Qt.ItemDataRole.ToolTipRole)
    assert "A click takes about 3.6 s at first (reckoned) here" in tip


def test_the_page_says_how_this_computer_computes(window, monkeypatch):
    from app.engine.backends import tested
    from app.engine.backends.tested import Findings, Run

    monkeypatch.setattr(tested, "kept", lambda: None)
    assert "is tested for ten seconds when a downloaded network is first used" in page(window).machine.text()
    runs = (Run("openvino", 2, 0.1), Run("torch", 2, 0.3))
    monkeypatch.setattr(tested, "kept", lambda: Findings("this", "2026-11-21", runs))
    dialog = page(window)
    dialog.fill()
    told = "This computer computes networks fastest with OpenVINO, threads: 2 (tested 2026-11-21)."
    assert dialog.machine.text() == told


# Download


def test_a_download_is_installed_and_used(case, zoo, qtbot):
    dialog = page(case, "small")
    told: list[float] = []
    case.models.errands.changed.connect(lambda key: told.append((case.models.errands.running(key) or _END).fraction))
    qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row(dialog, "small").text(STATE) == "installed", timeout=30_000)
    qtbot.waitUntil(lambda: "Small is installed" in dialog.message.text())
    assert (zoo.user / "small" / "small.pth").read_bytes() == weights()
    assert max(told) == 1.0
    assert case.sidebar.model.itemText(case.sidebar.model.findData("small")) == "Small"
    assert dialog.use_button.isVisible()
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    assert case.session.model.id == "small"
    assert case.sidebar.model.currentText() == "Small"
    assert row(dialog, "small").text(STATE) == "in use"


class _End:
    fraction = 0.0


_END = _End()


def test_a_download_shows_how_far_it_is_and_can_be_cancelled_and_taken_up(window, zoo, qtbot, monkeypatch):
    content = weights()
    zoo.server.does.drops = [len(content) // 2, 0]
    monkeypatch.setattr("app.engine.weights.transfer.PAUSE_S", 60.0)
    dialog = page(window, "small")
    qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row(dialog, "small").text(STATE) == "50 %", timeout=30_000)
    assert dialog.bar.isVisible()
    assert "Downloading small.pth" in dialog.bar.format()
    assert not dialog.download_button.isVisible()
    dialog.choose("boxer")
    assert not dialog.bar.isVisible()
    dialog.choose("small")
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row(dialog, "small").text(STATE) == "to download", timeout=30_000)
    assert not dialog.bar.isVisible()
    zoo.server.does.drops = []
    qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row(dialog, "small").text(STATE) == "installed", timeout=30_000)
    assert zoo.server.ranges_asked[-1] == f"bytes={len(content) // 2}-"


def test_a_failed_download_is_one_sentence_in_the_page_or_in_the_window(window, zoo, qtbot):
    zoo.server.does.statuses = [404, 404]
    dialog = page(window, "small")
    qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "does not give the file (HTTP 404)" in dialog.message.text(), timeout=30_000)
    assert row(dialog, "small").text(STATE) == "to download"
    dialog.close()
    window.models.download("small")
    qtbot.waitUntil(lambda: "does not give the file (HTTP 404)" in window.banner.text, timeout=30_000)


def test_closing_the_window_ends_a_download(window, zoo, qtbot, monkeypatch):
    zoo.server.does.drops = [10, 0]
    monkeypatch.setattr("app.engine.weights.transfer.PAUSE_S", 60.0)
    window.models.download("small")
    qtbot.waitUntil(lambda: len(zoo.server.does.seen) == 1, timeout=30_000)
    thread = window.models.errands.running("small").thread
    window.close()
    qtbot.waitUntil(lambda: not thread.is_alive(), timeout=5_000)


def test_the_proxy_is_kept_and_used(window, zoo, qtbot):
    dialog = page(window, "small")
    proxy = zoo.server.url.removesuffix("/weights.pth")
    dialog.proxy.setText(f" {proxy} ")
    dialog.proxy.editingFinished.emit()
    assert QSettings().value(PROXY) == proxy
    qtbot.mouseClick(dialog.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row(dialog, "small").text(STATE) == "installed", timeout=30_000)
    assert zoo.server.does.seen[0][0] == zoo.server.url  # a proxy is asked for the whole address


# Import and check


def test_a_dropped_weights_file_is_installed(case, zoo, tmp_path, qtbot):
    document = case.session.document
    assert drop(case, put(tmp_path, weights(width=5)))
    qtbot.waitUntil(lambda: "Boxer is installed" in case.banner.text, timeout=30_000)
    assert registry.installed(registry.card("boxer"))
    assert case.session.document is document
    assert case.sidebar.model.itemText(case.sidebar.model.findData("boxer")) == "Boxer"


def test_a_file_that_only_the_user_can_place_is_asked_about(window, zoo, tmp_path, qtbot, monkeypatch):
    asked: list[tuple[str, list[str]]] = []

    def answer(_, message, cards):
        asked.append((message, [card.id for card in cards]))
        return "small" if len(asked) > 1 else ""

    monkeypatch.setattr(models_module, "ask_which", answer)
    path = put(tmp_path, weights(seed=4))
    drop(window, path)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=30_000)
    assert "not the file that its authors published" in asked[0][0]
    assert asked[0][1] == ["small"]
    assert not registry.installed(registry.card("small"))
    drop(window, path)
    qtbot.waitUntil(lambda: "Small is installed" in window.banner.text, timeout=30_000)


@pytest.mark.parametrize("content", [b"Dear colleague", weights(width=9)])
def test_a_file_that_is_no_model_of_ours_is_told(window, zoo, tmp_path, qtbot, content):
    drop(window, put(tmp_path, content))
    qtbot.waitUntil(lambda: window.banner.kind == "error", timeout=30_000)
    assert "own.pth" in window.banner.text
    assert not zoo.user.exists()


def test_import_by_button(window, zoo, tmp_path, qtbot, monkeypatch):
    path = put(tmp_path, weights(width=6))
    monkeypatch.setattr("app.ui.dialogs.models.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    dialog = page(window)
    qtbot.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Paid is installed" in dialog.message.text(), timeout=30_000)
    assert dialog.chosen == "paid"


def test_a_model_is_checked(window, zoo, qtbot):
    window.models.download("small")
    qtbot.waitUntil(lambda: registry.installed(registry.card("small")), timeout=30_000)
    qtbot.waitUntil(lambda: window.models.errands.running("small") is None)
    dialog = page(window, "small")
    qtbot.mouseClick(dialog.check_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "its checksum is the published one" in dialog.message.text(), timeout=30_000)
    (zoo.user / "small" / "small.pth").write_bytes(weights(seed=5))
    qtbot.mouseClick(dialog.check_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "its checksum differs" in dialog.message.text(), timeout=30_000)


# Switching


@pytest.mark.parametrize("tool", ["point", "scribble", "lasso"])
def test_a_model_for_boxes_offers_only_the_box(case, zoo, tmp_path, qtbot, tool):
    case.models.import_file(put(tmp_path, weights(width=5)))
    qtbot.waitUntil(lambda: registry.installed(registry.card("boxer")), timeout=30_000)
    case.session.view.tool = tool
    case.models.use("boxer")
    case.actions_.refresh()
    assert case.session.view.tool == "box"
    tools = ("crosshair", "point", "box", "scribble", "lasso", "window")
    assert [name for name in tools if case.actions_[name].isEnabled()] == ["crosshair", "box", "window"]
    case.cases.opened.emit("scan.nii.gz")
    assert case.session.view.tool == "box"
    case.models.use("fake")
    case.actions_.refresh()
    assert case.actions_["point"].isEnabled()
    assert case.session.view.tool == "box"


def test_switching_keeps_the_prompts_and_asks_again(case, settle, qtbot):
    case.commands.add_prompt(Point((10, 12, 14)))
    case.commands.add_prompt(Box((10, 4, 4), (10, 8, 8)))
    settle()
    before = case.session.mask(1)
    picker = case.sidebar.model
    picker.setCurrentIndex(picker.findData("classic"))
    picker.activated.emit(picker.currentIndex())
    qtbot.waitUntil(lambda: not case.session.inference.busy, timeout=60_000)  # classic prepares first
    assert case.session.model.id == "classic"
    assert len(case.session.prompts(1)) == 2
    assert (case.session.mask(1) != before).any()


def test_the_windows_start_loads_no_code_for_the_network():
    import subprocess
    import sys

    program = (
        "import sys, app.ui.main_window, app.__main__;"
        "print([name for name in sys.modules if name.startswith('app.engine.weights')])"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
