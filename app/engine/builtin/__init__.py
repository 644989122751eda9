"""The network that ships with the program: it reads the supervoxel graph of `app.engine.classic` and decides anew."""

from app.engine.builtin.predictor import BuiltinPredictor

__all__ = ["BuiltinPredictor"]
