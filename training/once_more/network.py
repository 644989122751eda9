"""`SquareNetwork` in torch: parameter names as `app/engine/builtin/square_network.py` reads them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from app.engine.builtin.square_network import DILATION, GAIN

FINE, MIDDLE, COARSE = 16, 24, 32
"""Channels of the three scales."""


def _near(inside: int, outside: int, apart: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=apart, dilation=apart)


class TrainedSquareNetwork(nn.Module):
    """See `SquareNetwork`; untrained it adds nothing.

    Args:
        maps, numbers: How many it is told.
    """

    def __init__(self, maps: int, numbers: int) -> None:
        super().__init__()
        self.maps, self.numbers = _near(maps, FINE), nn.Linear(numbers, FINE)
        self.fine, self.fine_2, self.out = _near(FINE, FINE), _near(FINE, FINE), _near(FINE, 1)
        self.to_middle, self.from_middle = nn.Conv2d(FINE, MIDDLE, 2, stride=2), nn.Conv2d(MIDDLE, FINE, 1)
        self.middle_1, self.middle_2, self.middle_3 = (_near(MIDDLE, MIDDLE) for _ in range(3))
        self.to_coarse, self.from_coarse = nn.Conv2d(MIDDLE, COARSE, 2, stride=2), nn.Conv2d(COARSE, MIDDLE, 1)
        self.coarse_1, self.coarse_2 = _near(COARSE, COARSE), _near(COARSE, COARSE)
        self.coarse_wide = _near(COARSE, COARSE, DILATION)
        nn.init.zeros_(self.out.weight)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)

    def forward(self, maps: Tensor, numbers: Tensor) -> Tensor:
        """(b, side, side) logits to add, from maps (b, n, side, side) and numbers (b, m)."""
        relu = functional.relu
        fine = relu(self.maps(maps) + self.numbers(numbers)[:, :, None, None])
        fine = fine + relu(self.fine(fine))
        middle = self.to_middle(fine)
        middle = middle + self.middle_2(relu(self.middle_1(relu(middle))))
        coarse = self.to_coarse(middle)
        coarse = coarse + self.coarse_2(relu(self.coarse_1(relu(coarse))))
        coarse = coarse + relu(self.coarse_wide(coarse))
        middle = middle + _doubled(self.from_coarse(coarse))
        middle = middle + relu(self.middle_3(relu(middle)))
        fine = fine + _doubled(self.from_middle(middle))
        fine = fine + relu(self.fine_2(fine))
        added: Tensor = GAIN * self.out(fine)[:, 0]
        return added


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2)
