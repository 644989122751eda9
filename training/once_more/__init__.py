"""Training of the networks that see a slice once more, on the points of a `Square`."""
