"""SAM3D: classes found without a prompt, by SAM's frozen encoder on every slice and a trained light 3D decoder."""

from app.engine.sam3d.predictor import Sam3dPredictor

__all__ = ["Sam3dPredictor"]
