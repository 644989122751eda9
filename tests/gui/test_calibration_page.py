"""The page about uncertainty shows the stored figures and nothing else; the curves lie where their values say."""

import json

import numpy as np
import pytest
from PySide6.QtWidgets import QTextBrowser

from app.ui.dialogs import calibration
from app.ui.dialogs.calibration_results import FOLDER, measured
from app.ui.panels.chart import Chart
from benchmarks.calibration import SHARES, calibration_error, found_among_uncertain, reliability


def stored(folder, ece=0.1234) -> None:
    bins = [[100, 0.1, 10], [50, 0.5, 30], [50, 0.9, 45]]
    figures = {"ece": ece, "bins": bins, "auroc": 0.765, "found": [0.1, 0.2, 0.4, 0.6, 0.8, 1.0]}
    rows = [
        {"role": "develop", "case": "a", "object": "x", "1": {**figures, "volume": [10.0, 9.0, 11.0]}},
        {"role": "develop", "case": "b", "object": "y", "1": {**figures, "auroc": None, "volume": [10.0, 12.0, 13.0]}},
    ]
    value = {"model": "fake", "roles": ["develop"], "shares": SHARES, "objects": rows}
    (folder / "calibration_fake.json").write_text(json.dumps(value))


def test_the_page_shows_what_is_stored(window, tmp_path, monkeypatch):
    stored(tmp_path)
    page = calibration.show_calibration(window, window.session.model, tmp_path)
    text = page.findChild(QTextBrowser).toPlainText()
    assert "2 structures of 2 scans (development cases" in text
    assert "0.12" in text
    assert "0.77" in text  # the mean of those that have one
    assert "50%" in text
    reliable, found = page.findChildren(Chart)
    assert np.allclose(reliable.curves[0].points, [(0.1, 0.1), (0.5, 0.6), (0.9, 0.9)])
    assert found.curves[0].points[1:3] == ((0.01, 0.1), (0.02, 0.2))
    page.grab()  # draws
    assert reliable.place(1, 1).y() < reliable.place(0, 0).y()
    page.close()


def test_a_model_without_figures_says_so(window, tmp_path):
    window.actions_["calibration"].trigger()
    (page,) = [d for d in window.findChildren(calibration.QDialog) if d.isVisible()]
    assert "was not measured for this model" in page.findChild(QTextBrowser).toPlainText()
    assert page.findChildren(Chart) == []
    page.close()
    (tmp_path / "calibration_fake.json").write_text("{")
    assert measured("fake", tmp_path) is None


def test_the_figures_of_the_default_model_are_there():
    found = measured("classic")
    assert found is not None, FOLDER
    assert found.roles == ("develop",)
    assert [after.clicks for after in found.after] == [1, 3, 5]
    for after in found.after:
        assert 0 <= after.ece <= 1
        assert sum(point.weight for point in after.reliability) == pytest.approx(1)


def test_a_model_that_says_what_is_true_has_no_calibration_error():
    random = np.random.default_rng(0)
    probability = random.uniform(0.01, 0.99, 200_000)
    logits = np.log(probability / (1 - probability)).astype(np.float32)
    inside = random.random(probability.size) < probability
    assert calibration_error(reliability(logits, inside)) < 0.01
    sure = np.where(logits > 0, 20, -20).astype(np.float32)  # says 0 or 1 and is wrong a quarter of the time
    assert calibration_error(reliability(sure, inside)) == pytest.approx(0.25, abs=0.01)


def test_wrong_voxels_are_found_where_the_deviation_is_largest():
    wrong = np.zeros(1000, bool)
    wrong[:100] = True
    assert found_among_uncertain(np.where(wrong, 2.0, 1.0).astype(np.float32), wrong)[:4] == [0.1, 0.2, 0.5, 1.0]
    assert found_among_uncertain(np.where(wrong, 0.0, 1.0).astype(np.float32), wrong)[:4] == [0.0] * 4
    assert found_among_uncertain(np.zeros(10, np.float32), np.zeros(10, bool)) is None
