"""Corrections by hand: pure functions from labels and image to labels, each a frozen effect. No Qt, no VTK."""
