"""Made cases whose every direction can be told from the picture."""

import numpy as np

from app.document import Document
from app.geometry import Geometry, Region
from app.view_state import ViewState, Window
from app.volume import Volume

COLOUR = (230, 60, 200)  # in no annotation


def affine_of(orientation, spacing=(2.0, 2.0, 2.0)):
    """Affine of a grid whose i, j, k grow towards these letters ("RAS", "LPS", "PIR"), centred on the origin."""
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    for column, letter in enumerate(orientation):
        axis = next(a for a, pair in enumerate(("RL", "AP", "SI")) if letter in pair)
        matrix[axis, column] = spacing[column] * (1 if letter in "RAS" else -1)
    return matrix


def case(orientation="RAS", shape=(40, 40, 40), spacing=(2.0, 2.0, 2.0), bright=None):
    """A document and its view. The image is 100 where `bright(world)` holds for RAS millimetres (..., 3), else 0."""
    matrix = affine_of(orientation, spacing)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    geometry = Geometry(shape, matrix)
    world = geometry.world(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    values = np.where(bright(world), 100, 0) if bright else np.full(shape, 20)
    document = Document(Volume(values.astype(np.int16), geometry, modality="MR"))
    view = ViewState()
    view.look_at(document.volume)
    view.window = Window(0, 100)
    return document, view


def add_ball(document, centre, radius, colour=COLOUR):
    """A segment that is a ball, in voxels; its label."""
    label = document.add_segment("Ball", colour).label
    k, j, i = (np.arange(n) for n in document.volume.shape)
    distance = (
        (k[:, None, None] - centre[0]) ** 2 + (j[None, :, None] - centre[1]) ** 2 + (i[None, None] - centre[2]) ** 2
    )
    document.edit(label, Region.whole(document.volume.shape), distance <= radius**2, "Paint")
    return label


def is_near(pixels, colour, tolerance=40):
    """Where a picture (rows, columns, 3) has about this colour."""
    return (np.abs(pixels.astype(int) - colour).max(axis=-1) <= tolerance).astype(bool)


SIZE = 420
AXIAL, CORONAL, SAGITTAL = 2, 1, 0


def rgb(colour):
    return colour.red(), colour.green(), colour.blue()


def settle(qtbot):
    qtbot.wait(60)


def middle_of(mask):
    return np.argwhere(mask).mean(axis=0)[::-1]
