"""How good a model is: overlap and surface metrics, and the click protocols that the README's tables are made by."""

from app.engine.evaluation.clickers import Clicker, PredictorClicker
from app.engine.evaluation.metrics import dice, hausdorff95, surface_dice
from app.engine.evaluation.protocols import PROTOCOLS, Report, Round, clicks_3d, clicks_propagate, mask_propagate

__all__ = [
    "PROTOCOLS",
    "Clicker",
    "PredictorClicker",
    "Report",
    "Round",
    "clicks_3d",
    "clicks_propagate",
    "dice",
    "hausdorff95",
    "mask_propagate",
    "surface_dice",
]
