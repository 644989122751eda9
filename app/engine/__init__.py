"""Turns an immutable request into an immutable answer. No Qt, no VTK."""
