"""What runs a network's forward pass: OpenVINO on a CPU, torch on CUDA or as the reference. Arrays in, arrays out."""

from app.engine.backends.backend import Backend, Compiled, chosen, has_cuda
from app.engine.backends.vision_operators import declare_vision_operators

__all__ = ["Backend", "Compiled", "chosen", "declare_vision_operators", "has_cuda"]
