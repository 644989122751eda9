"""The 3D view with real pixels: surfaces follow the labels, in the right place, without moving the camera."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from app.geometry import Region
from app.render import volume_view
from app.render.live_surfaces import LiveSurfaces
from app.render.volume_view import VolumeView
from tests.render.cases import COLOUR, add_ball, case

WIDTH, HEIGHT = 460, 400


@pytest.fixture
def show(qtbot):
    """Makes a 3D view of a document and waits for its surfaces."""
    views = []

    def make(document, view):
        made = VolumeView()
        qtbot.addWidget(made)
        made.resize(WIDTH, HEIGHT)
        made.set_case(document, view)
        made.show()
        qtbot.waitExposed(made)
        qtbot.waitUntil(lambda: not made.busy)
        views.append((made, view))
        return made

    yield make
    for made, view in views:
        made.set_case(None, view)


def settle(qtbot, shown):
    qtbot.wait(volume_view.DEBOUNCE_MS + 60)
    qtbot.waitUntil(lambda: not shown.busy)
    qtbot.wait(40)


def is_surface(picture):
    """Where the ball's hue is, whatever the light: much red, little green, blue between."""
    red, green, blue = (picture[..., n].astype(int) for n in range(3))
    return (red > 60) & (red > 2.2 * green) & (blue > 1.8 * green) & (red > blue)


def middle_of(mask):
    return np.argwhere(mask).mean(axis=0)[::-1]


def camera_of(shown):
    camera = shown.renderer.GetActiveCamera()
    return camera.GetPosition(), camera.GetFocalPoint(), camera.GetViewUp()


@pytest.mark.parametrize(
    ("direction", "to_the_right"),
    [((0, 1, 0), -1), ((0, -1, 0), 1)],
    ids=["from the front the patient's right is on the left", "from the back it is on the right"],
)
@pytest.mark.parametrize("orientation", ["RAS", "LAS", "PIR"])
def test_a_surface_is_where_its_voxels_are(show, orientation, direction, to_the_right):
    document, view = case(orientation)
    centre = document.volume.geometry.nearest([24.0, 3.0, 15.0])  # right and up
    add_ball(document, centre, 5)
    shown = show(document, view)
    shown.look_from(direction)
    x, y = middle_of(is_surface(shown.pixels()))
    assert np.sign(x - WIDTH / 2) == to_the_right
    assert y < HEIGHT / 2


@pytest.mark.parametrize("size", [(460, 400), (300, 420), (700, 260)])
def test_the_whole_box_is_in_the_picture_until_the_user_moves_it(show, qtbot, size):
    document, view = case("LPS", shape=(40, 30, 20), spacing=(1.0, 2.0, 3.0))
    shown = show(document, view)
    shown.resize(*size)
    qtbot.wait(60)
    lines = (np.abs(shown.pixels().astype(int) - shown.pixels()[5, 5]).max(axis=-1) > 40).nonzero()
    margins = [lines[0].min(), lines[1].min(), size[1] - 1 - lines[0].max(), size[0] - 1 - lines[1].max()]
    assert min(margins) > 2, margins
    assert min(margins[::2]) < 0.2 * size[1] or min(margins[1::2]) < 0.2 * size[0], margins
    QTest.mousePress(shown, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    QTest.mouseMove(shown, QPoint(90, 70))
    QTest.mouseRelease(shown, Qt.MouseButton.LeftButton, pos=QPoint(90, 70))
    turned = camera_of(shown)
    shown.resize(size[0] + 50, size[1])
    qtbot.wait(60)
    assert camera_of(shown) == turned


def test_mirrored_grids_show_the_same_solid_in_the_same_light(show):
    pictures = []
    for orientation in ("RAS", "LAS", "LPI"):
        document, view = case(orientation)
        add_ball(document, document.volume.geometry.nearest([11.0, 7.0, -9.0]), 7)
        shown = show(document, view)
        view.crosshair = document.volume.geometry.nearest([1.0, 1.0, 1.0])
        pictures.append(shown.pixels()[: HEIGHT * 3 // 4].astype(int))
    for other in pictures[1:]:
        differs = np.abs(other - pictures[0]).max(axis=-1) > 24
        assert differs.mean() < 0.002
    lit = pictures[0][is_surface(pictures[0])]
    assert lit[:, 0].max() > 180  # normals towards the viewer: not the dark inside


def test_surfaces_follow_edits_and_the_camera_stays(show, qtbot):
    document, view = case()
    label = add_ball(document, (20, 20, 20), 5)
    shown = show(document, view)
    shown.renderer.GetActiveCamera().Azimuth(40)
    camera, before = camera_of(shown), is_surface(shown.pixels()).sum()
    region = Region((10, 10, 10), (30, 30, 30))
    document.edit(label, region, np.ones(region.shape, bool), "Paint")
    settle(qtbot, shown)
    assert is_surface(shown.pixels()).sum() > 2 * before
    assert camera_of(shown) == camera
    document.undo()
    settle(qtbot, shown)
    assert is_surface(shown.pixels()).sum() == pytest.approx(before, rel=0.02)
    assert camera_of(shown) == camera


def test_hidden_recoloured_and_removed_segments(show, qtbot):
    document, view = case()
    label = add_ball(document, (20, 20, 20), 6)
    shown = show(document, view)
    assert is_surface(shown.pixels()).any()
    document.change_segment(label, visible=False)
    qtbot.wait(50)
    assert not is_surface(shown.pixels()).any()
    document.change_segment(label, visible=True, colour=(20, 250, 20))
    qtbot.wait(50)
    picture = shown.pixels().astype(int)
    assert not is_surface(picture).any()
    assert (picture[..., 1] > 2 * np.maximum(picture[..., 0], picture[..., 2])).sum() > 200
    document.change_segment(label, colour=COLOUR)
    document.remove_segment(label)
    settle(qtbot, shown)
    assert not is_surface(shown.pixels()).any()
    assert shown.shown_labels == ()


def test_a_new_case_shows_nothing_of_the_old_one(show, qtbot):
    document, view = case()
    add_ball(document, (20, 20, 20), 6)
    shown = show(document, view)
    other, other_view = case("LPS")
    region = Region((0, 0, 0), (9, 9, 9))
    document.edit(1, region, np.ones(region.shape, bool), "Paint")  # its surface would still be on its way
    shown.set_case(other, other_view)
    settle(qtbot, shown)
    assert shown.shown_labels == ()
    assert not is_surface(shown.pixels()).any()


def test_a_click_finds_the_voxel_under_it_and_a_drag_does_not(show, qtbot):
    document, view = case()
    add_ball(document, (20, 20, 20), 8)
    shown = show(document, view)
    shown.look_from((0, 1, 0))
    heard = []
    shown.picked.connect(heard.append)
    x, y = middle_of(is_surface(shown.pixels()))
    QTest.mouseClick(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(round(x), round(y)))
    assert len(heard) == 1
    assert np.abs(np.array(heard[0]) - (20, 28, 20)).max() <= 1
    assert shown.index_at(QPointF(3, HEIGHT - 3)) is None
    QTest.mousePress(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    QTest.mouseMove(shown, QPoint(150, 120))
    QTest.mouseRelease(shown, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(150, 120))
    assert len(heard) == 1


def test_slices_can_be_shown_as_pictures(show, qtbot):
    document, view = case(bright=lambda w: w[..., 0] > -1000)
    shown = show(document, view)
    white = (shown.pixels() > 240).all(axis=-1).sum()
    shown.planes_shown = True
    qtbot.wait(40)
    assert (shown.pixels() > 240).all(axis=-1).sum() > white + 5000
    view.window = type(view.window)(200, 300)
    qtbot.wait(40)
    assert (shown.pixels() > 240).all(axis=-1).sum() < white + 500


def test_the_crosshair_moves_the_slices_frames(show, qtbot):
    document, view = case()
    shown = show(document, view)
    before = shown.pixels()
    view.crosshair = (5, 30, 12)
    qtbot.wait(40)
    assert (shown.pixels() != before).any()


def work(live):
    """All surfaces that a document asks for, as {label: triangles or None}."""
    ready = {}
    while live.busy:
        live.start()
        for label, skin in live.poll().items():
            ready[label] = None if skin is None else len(skin.triangles)
    return ready


def test_a_label_that_grows_far_from_itself_keeps_all_of_its_surface():
    document, _ = case()
    label = add_ball(document, (10, 10, 10), 4)
    live = LiveSurfaces(document)
    document.labels_changed.connect(live.changed)
    alone = work(live)[label]
    far = Region((30, 30, 30), (34, 34, 34))
    document.edit(label, far, np.ones(far.shape, bool), "Paint")
    both = work(live)[label]
    assert both > alone
    assert both == work(LiveSurfaces(document))[label]
    document.remove_segment(label)
    assert work(live) == {label: None}


def test_only_the_segments_that_changed_are_made_again():
    document, _ = case()
    first, second = add_ball(document, (10, 10, 10), 4), add_ball(document, (30, 30, 30), 4)
    live = LiveSurfaces(document)
    document.labels_changed.connect(live.changed)
    assert set(work(live)) == {first, second}
    region = Region((28, 28, 28), (31, 31, 31))
    document.edit(second, region, np.zeros(region.shape, bool), "Erase")
    assert set(work(live)) == {second}
