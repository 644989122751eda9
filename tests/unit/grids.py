"""Grids that go wrong in other programs: turned, mirrored, oblique. For the tests of exports."""

import numpy as np

AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


def turned(letters: str, spacing=(0.8, 0.9, 2.0), origin=(-31.0, 12.5, 90.25)) -> np.ndarray:
    """RAS affine whose i, j, k grow towards these letters."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (letter, step) in enumerate(zip(letters, spacing, strict=True)):
        axis, sign = AXES[letter]
        affine[axis, column] = sign * step
    affine[:3, 3] = origin
    return affine


def oblique() -> np.ndarray:
    """Turned by odd angles about two axes, left-handed."""
    a, b = 0.31, -0.22
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag([0.8, -0.9, 2.0])
    affine[:3, 3] = (-20.5, 33.25, -400.125)
    return affine


OBLIQUE = oblique()
