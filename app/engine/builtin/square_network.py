"""`SquareNetwork`: what to add to the logits of a slice, in numpy: 56,000 parameters on the points of a `Square`.

A small U-Net (Ronneberger, Fischer and Brox, 2015) of three scales; `training/once_more/network.py` is it in torch.
"""

from __future__ import annotations

import numpy as np

from app.engine.builtin.numpy_network import Array, NumpyNetwork

GAIN = 4.0
"""Logits to a unit of the last layer."""
DILATION = 2
"""Points between the taps of the last layer of the coarsest scale."""


class SquareNetwork(NumpyNetwork):
    """Called with what `step_features.py` tells of a carried slice, or `click_features.py` of a clicked one."""

    __slots__ = ()

    def __call__(self, maps: Array, numbers: Array) -> Array:
        """(side, side) logits to add, from maps (n, side, side) and numbers (m,); a side is a multiple of 4."""
        told = self.weights["numbers.weight"] @ numbers + self.weights["numbers.bias"]
        fine = _relu(self._near("maps", maps) + told[:, None, None])
        fine = fine + _relu(self._near("fine", fine))
        middle = self._halved("to_middle", fine)
        middle = middle + self._near("middle_2", _relu(self._near("middle_1", _relu(middle))))
        coarse = self._halved("to_coarse", middle)
        coarse = coarse + self._near("coarse_2", _relu(self._near("coarse_1", _relu(coarse))))
        coarse = coarse + _relu(self._near("coarse_wide", coarse, DILATION))
        middle = middle + _doubled(self._mixed("from_coarse", coarse))
        middle = middle + _relu(self._near("middle_3", _relu(middle)))
        fine = fine + _doubled(self._mixed("from_middle", middle))
        fine = fine + _relu(self._near("fine_2", fine))
        return np.asarray(GAIN * self._near("out", fine)[0], dtype=np.float32)

    def _near(self, name: str, x: Array, apart: int = 1) -> Array:
        """A convolution of 3 x 3 taps; beyond the rim there is 0."""
        weights = self.weights[f"{name}.weight"]
        channels, rows, columns = x.shape
        padded = np.pad(x, ((0, 0), (apart, apart), (apart, apart)))
        taps = np.empty((9, channels, rows, columns), dtype=np.float32)
        for tap in range(9):
            i, j = tap // 3 * apart, tap % 3 * apart
            taps[tap] = padded[:, i : i + rows, j : j + columns]
        flat = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
        return self._biased(name, flat @ taps.reshape(9 * channels, -1), rows, columns)

    def _halved(self, name: str, x: Array) -> Array:
        """A convolution of 2 x 2 taps, two points apart."""
        weights = self.weights[f"{name}.weight"]
        channels, rows, columns = x.shape
        blocks = x.reshape(channels, rows // 2, 2, columns // 2, 2).transpose(0, 2, 4, 1, 3)
        return self._biased(
            name, weights.reshape(len(weights), -1) @ blocks.reshape(4 * channels, -1), rows // 2, columns // 2
        )

    def _mixed(self, name: str, x: Array) -> Array:
        """Every point by itself."""
        weights = self.weights[f"{name}.weight"][:, :, 0, 0]
        return self._biased(name, weights @ x.reshape(len(x), -1), *x.shape[1:])

    def _biased(self, name: str, flat: Array, rows: int, columns: int) -> Array:
        return (flat + self.weights[f"{name}.bias"][:, None]).reshape(-1, rows, columns)


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _doubled(x: Array) -> Array:
    """Every point four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2)
