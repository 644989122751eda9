"""The `classic` predictor: supervoxels, shortest paths and edges; no weights."""

from app.engine.classic.predictor import ClassicPredictor

__all__ = ["ClassicPredictor"]
