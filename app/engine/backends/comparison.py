"""A program of its own: does each backend load here, and do they compute the same? One JSON object on stdout."""

from __future__ import annotations

import json
import sys

import numpy as np

_CLOSE = 1e-3
"""Largest difference, as a share of the largest value: the promise of `Backend`."""


def main() -> int:
    """Run a small network on torch and OpenVINO; on CUDA too where torch finds a device.

    Returns:
        0, also when something does not work: the object then has "failed".
    """
    try:
        print(json.dumps({"words": _compared()}))
    except Exception as error:  # a door: whatever breaks is the answer
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
    return 0


def _compared() -> str:
    import openvino
    import torch

    from app.engine.backends.backend import Backend
    from app.engine.backends.openvino_backend import OpenVinoBackend
    from app.engine.backends.torch_backend import TorchBackend

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.GELU(), torch.nn.Conv3d(4, 1, 1)).eval()
    cube = np.random.default_rng(0).normal(size=(1, 1, 12, 12, 12)).astype(np.float32)
    cuda = torch.cuda.is_available()
    tried: list[Backend] = [TorchBackend("cpu"), OpenVinoBackend(), *([TorchBackend("cuda")] if cuda else [])]
    answers = [backend.compile(network, [cube])(cube)[0] for backend in tried]
    apart = max(float(np.abs(answer - answers[0]).max()) for answer in answers) / float(np.abs(answers[0]).max())
    if not apart <= (_CLOSE if not cuda else 10 * _CLOSE):
        raise ValueError(f"the backends differ by {apart:.1e} of the largest value")
    device = torch.cuda.get_device_name(0) if cuda else _without_cuda(torch.version.cuda)
    return f"torch {torch.__version__}, OpenVINO {openvino.__version__.split('-')[0]} agree to {apart:.0e}; {device}"


def _without_cuda(built_for: str | None) -> str:
    return "no graphics card that CUDA can use, so the processor computes" if built_for else "on the processor"


if __name__ == "__main__":
    sys.exit(main())
