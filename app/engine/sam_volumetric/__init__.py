"""SAM-Med3D and FastSAM-3D: a click in, the mask of a volume out."""

from app.engine.sam_volumetric.predictor import VolumetricPredictor

__all__ = ["VolumetricPredictor"]
