"""SAM 2.1, EdgeTAM and MedSAM2: networks with a memory, for which a volume is a video."""

from app.engine.sam2.predictor import Sam2Predictor

__all__ = ["Sam2Predictor"]
