"""The first Segment Anything family, slice by slice: SAM, MobileSAM, MedSAM, LiteMedSAM, SAM-Med2D."""

from app.engine.sam.predictor import SamPredictor

__all__ = ["SamPredictor"]
